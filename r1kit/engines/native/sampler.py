"""From logits to a token: temperature, top-k, top-p, and a draw by inverse CDF from one uniform number a row.

Each request has its own stream of uniforms, made from (seed, prompt index, sample index) alone; the number that draws
token t is the t-th of the stream. So neither the batch that a request happens to share nor the order of requests can
change what is drawn, and a longer `max_new_tokens` only goes on with the same stream.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from r1kit.errors import ConfigError
from r1kit.seeding import seed_for
from r1kit.types import SamplingParams

_UNIFORM_BITS = 23
"""One bit less than float32 holds, so that u * total stays below total whatever total is, after rounding."""

_BLOCK, _SMALL_BLOCK = 256, 32
"""Tokens of a block in the draw, for large and small vocabularies."""


def check_params(params: SamplingParams) -> None:
    """Raise ConfigError for a value outside its range."""
    checks = (
        (params.temperature >= 0, f"temperature is {params.temperature}; it is 0 (greedy) or more"),
        (0 < params.top_p <= 1, f"top_p is {params.top_p}; it is above 0 and at most 1 (1 is off)"),
        (params.top_k >= 0, f"top_k is {params.top_k}; it is 0 (off) or more"),
        (params.max_new_tokens >= 1, f"max_new_tokens is {params.max_new_tokens}; it is 1 or more"),
        (all(params.stop), "a stop string is empty and would stop everything; remove it"),
    )
    for is_valid, message in checks:
        if not is_valid:
            raise ConfigError(f"sampling: {message}")


def uniforms(seed: int, prompt_index: int, sample_index: int, num_tokens: int) -> np.ndarray:
    """The first `num_tokens` numbers of one request's stream: float32 in [0, 1), counter-based (Philox)."""
    bits = np.random.Philox(key=seed_for(seed, "sample", prompt_index, sample_index))
    whole = np.random.Generator(bits).integers(0, 1 << _UNIFORM_BITS, num_tokens, dtype=np.uint32)
    return whole.astype(np.float32) / np.float32(1 << _UNIFORM_BITS)


def draw_tokens(logits_RV: Tensor, uniform_R: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Draw one token a row; returns (token_R int64, logprob_R float32).

    The log-probability is that of softmax(logits / temperature) before top-k and top-p, natural, in float32;
    temperature 0 takes the most likely token and reports it at temperature 1.
    """
    logits_RV = logits_RV.float()
    if params.temperature == 0:
        token_R1 = logits_RV.argmax(-1, keepdim=True)
        return token_R1[:, 0], logits_RV.log_softmax(-1).gather(-1, token_R1)[:, 0]
    if params.temperature != 1:
        logits_RV = logits_RV / params.temperature
    probs_RV = logits_RV.softmax(-1)
    if params.top_k == 0 and params.top_p == 1:
        token_R1 = _inverse_cdf(probs_RV, uniform_R)
    else:
        kept_RV, ids_RV = truncate(probs_RV, top_k=params.top_k, top_p=params.top_p)
        token_R1 = ids_RV.gather(-1, _inverse_cdf(kept_RV, uniform_R))
    return token_R1[:, 0], probs_RV.gather(-1, token_R1)[:, 0].log()


def truncate(probs_RV: Tensor, *, top_k: int, top_p: float) -> tuple[Tensor, Tensor]:
    """The probabilities that top-k and then top-p keep, not renormalised: (kept_RK, ids_RK), most likely first.

    Top-p acts on what top-k left: it keeps the smallest number of tokens whose share of that reaches top_p, never
    less than one. A token that is cut has probability 0. Among equals the lower id comes first (top-p alone).
    """
    if 0 < top_k < probs_RV.shape[-1]:
        kept_RK, ids_RK = probs_RV.topk(top_k)
    else:
        kept_RK, ids_RK = probs_RV.sort(descending=True, stable=True)
    if top_p < 1:
        cdf_RK = kept_RK.cumsum(-1)
        before_RK = F.pad(cdf_RK[:, :-1], (1, 0))  # the probability of all more likely tokens; 0 for the first
        kept_RK = kept_RK.masked_fill(before_RK >= top_p * cdf_RK[:, -1:], 0.0)
    return kept_RK, ids_RK


def _inverse_cdf(probs_RV: Tensor, uniform_R: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds u times the total: (R, 1). One of probability 0 never is.

    In two steps, first which block of tokens and then which of the block: a cumulative sum over all tokens is the
    slowest operation of the draw, and the least exact.
    """
    size = _BLOCK if probs_RV.shape[1] >= _BLOCK**2 else _SMALL_BLOCK
    blocks_RNB = F.pad(probs_RV, (0, -probs_RV.shape[1] % size)).unflatten(1, (-1, size))
    cdf_RN = blocks_RNB.sum(-1).cumsum(-1)
    block_R1, before_R1, target_R1 = _first_above(cdf_RN, uniform_R[:, None] * cdf_RN[:, -1:])
    chosen_RB = blocks_RNB.gather(1, block_R1[:, :, None].expand(-1, -1, size))[:, 0]
    token_R1, _, _ = _first_above(chosen_RB.cumsum(-1), target_R1 - before_R1)
    return block_R1 * size + token_R1


def _first_above(cdf_RN: Tensor, target_R1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The first column that exceeds the target, what the columns before it have, and the target, below the last one."""
    target_R1 = torch.minimum(target_R1, torch.nextafter(cdf_RN[:, -1:], torch.zeros_like(target_R1)))
    index_R1 = torch.searchsorted(cdf_RN, target_R1, right=True)
    before_R1 = F.pad(cdf_RN, (1, 0)).gather(1, index_R1)
    return index_R1, before_R1, target_R1

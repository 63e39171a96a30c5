# pyright: reportIncompatibleMethodOverride=false
"""log pi_theta of a packed batch's completion tokens.

Shape letters: B completions, T tokens of the longest, L tokens of the row, M completion tokens of all, C a chunk of
them, E width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear, pad

from r1kit.learner.packing import PackedBatch
from r1kit.models.attention import PackedAttention, row_size
from r1kit.models.decoder import Decoder, Weight
from r1kit.models.memory import MAX_LOGITS

_CACHED_LOGITS = 1 << 20
"""Logits that a CPU works on at a time in float32: as many as its caches hold."""
_DEVICE_LOGITS = 1 << 26
"""The same for a GPU, where a kernel must have something to do."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """Padded per-token values of a packed batch; 0 where `mask_BT` is False."""

    logprobs_BT: Tensor
    """(B, T) float32: natural log-probability of each completion token under softmax(logits / temperature)."""
    entropy_BT: Tensor
    """(B, T) float32, no gradient: entropy in nats of the distribution that each token was drawn from."""
    mask_BT: Tensor
    """(B, T) bool: True on completion tokens."""


def token_logprobs(decoder: Decoder, batch: PackedBatch, *, temperature: float = 1.0) -> TokenLogprobs:
    """Run `decoder` over a batch. `temperature` divides the logits before the softmax, as it does in the sampler."""
    attend = PackedAttention(
        batch.layout, num_heads=decoder.num_heads, num_kv_heads=decoder.num_kv_heads, dtype=decoder.dtype
    )
    hidden_LE = decoder.hidden(batch.tokens_L, batch.positions_L, attend)
    mask_BT = batch.mask_BT
    predictor_M, tokens_M = batch.predictor_BT[mask_BT], batch.completions_BT[mask_BT]  # M: all completion tokens
    filling = (0, row_size(len(tokens_M)) - len(tokens_M))
    hidden_ME = hidden_LE.index_select(0, pad(predictor_M, filling))
    logprobs_M, entropy_M = head_logprobs(decoder.head, hidden_ME, pad(tokens_M, filling), temperature)
    empty_BT = torch.zeros(mask_BT.shape, device=mask_BT.device)
    return TokenLogprobs(
        empty_BT.masked_scatter(mask_BT, logprobs_M), empty_BT.masked_scatter(mask_BT, entropy_M), mask_BT
    )


def head_logprobs(head: Weight, hidden_ME: Tensor, tokens_M: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities of `tokens_M` under softmax(hidden head^T / temperature), and entropies (no gradient).

    The gradient of `head` is added to `head.grad`, in float32. Neither pass makes a float32 copy of all logits.
    """
    logprobs_M, entropy_M = _HeadLogprobs.apply(hidden_ME, head.value, head.grad, tokens_M, temperature)
    return logprobs_M, entropy_M


class _HeadLogprobs(Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_ME: Tensor, head_VE: Tensor, grad_VE: Tensor | None, tokens_M: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        logprobs_M, entropy_M = (torch.empty(len(tokens_M), device=tokens_M.device) for _ in range(2))
        kept: list[Tensor] = []
        ctx.at_once = _CACHED_LOGITS if hidden_ME.device.type == "cpu" else _DEVICE_LOGITS
        for rows in _chunks(len(tokens_M), len(head_VE), MAX_LOGITS):
            logits_CV = linear(hidden_ME[rows], head_VE)
            if len(logits_CV) == len(tokens_M):
                kept.append(logits_CV)
            for part in _chunks(len(logits_CV), len(head_VE), ctx.at_once):
                here = slice(rows.start + part.start, rows.start + part.stop)
                scaled = _scaled(logits_CV[part], temperature)
                chosen = scaled.gather(-1, tokens_M[here, None])[:, 0]
                top = scaled.amax(-1, keepdim=True)
                exponents = scaled.sub_(top)
                weights = exponents.exp()
                total = weights.sum(-1)
                normalizer = total.log()
                logprobs_M[here] = chosen - top[:, 0] - normalizer
                # H = log Z - sum p * logit, and both are less `top`.
                entropy_M[here] = normalizer - weights.mul_(exponents).sum(-1) / total
        ctx.temperature, ctx.grad_VE = temperature, grad_VE
        ctx.save_for_backward(hidden_ME, head_VE, tokens_M, *kept)
        ctx.mark_non_differentiable(entropy_M)
        return logprobs_M, entropy_M

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_M: Tensor, _: Tensor) -> tuple[Tensor, None, None, None, None]:
        # d logprob / d logits = (one-hot - softmax) / temperature; written over the logits.
        hidden_ME, head_VE, tokens_M, *kept = ctx.saved_tensors
        grad_hidden_ME = torch.empty_like(hidden_ME)
        scale_M = grad_M / ctx.temperature
        for rows in _chunks(len(tokens_M), len(head_VE), MAX_LOGITS):
            logits_CV = kept[0] if kept else linear(hidden_ME[rows], head_VE)
            for part in _chunks(len(logits_CV), len(head_VE), ctx.at_once):
                here = slice(rows.start + part.start, rows.start + part.stop)
                slopes = torch.softmax(_scaled(logits_CV[part], ctx.temperature), -1)
                slopes.mul_(-scale_M[here, None]).scatter_add_(1, tokens_M[here, None], scale_M[here, None])
                logits_CV[part] = slopes
            grad_hidden_ME[rows] = logits_CV @ head_VE
            if ctx.grad_VE is not None:
                ctx.grad_VE.add_(logits_CV.t() @ hidden_ME[rows])
        return grad_hidden_ME, None, None, None, None


def _scaled(logits_CV: Tensor, temperature: float) -> Tensor:
    """A float32 copy, divided by the temperature."""
    scaled_CV = logits_CV.to(torch.float32, copy=True)
    return scaled_CV if temperature == 1 else scaled_CV.div_(temperature)


def _chunks(num_rows: int, vocab_size: int, limit: int) -> Iterator[slice]:
    """Slices of rows with at most `limit` logits together, one row at least."""
    size = max(1, limit // vocab_size)
    for start in range(0, num_rows, size):
        yield slice(start, min(start + size, num_rows))

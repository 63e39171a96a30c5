"""log pi_theta of a packed batch's completion tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from r1kit.learner.packing import PackedBatch
from r1kit.models.attention import ROW_MULTIPLE, attention_dtype

MAX_LOGITS = 1 << 25
"""Logits held at once; above it they are made again in the backward pass, chunk by chunk (a 150k vocabulary)."""


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """Padded per-token values of a packed batch; 0 where `mask_BT` is False."""

    logprobs_BT: Tensor
    """(B, T) float32: natural log-probability of each completion token under softmax(logits / temperature)."""
    entropy_BT: Tensor
    """(B, T) float32, no gradient: entropy in nats of the distribution that each token was drawn from."""
    mask_BT: Tensor
    """(B, T) bool: True on completion tokens."""


def token_logprobs(
    model: PreTrainedModel, batch: PackedBatch, *, temperature: float = 1.0, dtype: torch.dtype = torch.float32
) -> TokenLogprobs:
    """Run `model` (whose attention is packed) over a batch; `dtype` is that of the matrix products.

    `temperature` divides the logits before the softmax, as it does in the sampler.
    """
    mask_BT = batch.layout.completion_mask_BT
    with torch.autocast(batch.tokens_L.device.type, dtype=dtype, enabled=dtype != torch.float32):
        hidden_LD = model.base_model(
            input_ids=batch.tokens_L[None],
            position_ids=batch.positions_L[None],
            use_cache=False,
            layout=batch.layout,
            layout_bias=batch.layout.attention_bias(attention_dtype(batch.tokens_L.device, dtype)),
        ).last_hidden_state[0]
        predictor_K, tokens_K = batch.predictor_BT[mask_BT], batch.completions_BT[mask_BT]  # K: all completion tokens
        filling = (0, -len(tokens_K) % ROW_MULTIPLE)
        hidden_KD = hidden_LD.index_select(0, pad(predictor_K, filling))
        head = model.get_output_embeddings()
        assert isinstance(head, nn.Linear)
        logprobs_K, entropy_K = _gathered_logprobs(head, hidden_KD, pad(tokens_K, filling), temperature)
    empty_BT = torch.zeros(mask_BT.shape, device=mask_BT.device)
    return TokenLogprobs(
        empty_BT.masked_scatter(mask_BT, logprobs_K), empty_BT.masked_scatter(mask_BT, entropy_K), mask_BT
    )


def _gathered_logprobs(
    head: nn.Linear, hidden_KD: Tensor, tokens_K: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    def chunk(hidden: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits = head(hidden).float()
        if temperature != 1.0:
            logits = logits / temperature
        log_normalizer = logits.logsumexp(-1)
        with torch.no_grad():
            probabilities = (logits - log_normalizer[:, None]).exp()
            entropy = log_normalizer - (probabilities * logits).sum(-1)
        return logits.gather(-1, tokens[:, None])[:, 0] - log_normalizer, entropy

    rows = max(1, MAX_LOGITS // head.weight.shape[0])
    if hidden_KD.shape[0] <= rows:
        return chunk(hidden_KD, tokens_K)
    pieces = [
        checkpoint(chunk, hidden, tokens, use_reentrant=False)
        for hidden, tokens in zip(hidden_KD.split(rows), tokens_K.split(rows), strict=True)
    ]
    return torch.cat([piece[0] for piece in pieces]), torch.cat([piece[1] for piece in pieces])

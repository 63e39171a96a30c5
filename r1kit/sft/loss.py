"""The loss of pretraining and supervised fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class NextTokenLoss:
    """A micro-batch's share of the mean negative log-likelihood."""

    value: Tensor
    metrics: dict[str, Tensor]


def next_token_loss(logprobs_BT: Tensor, completion_mask_BT: Tensor, *, num_tokens: int) -> NextTokenLoss:
    """Mean negative log-likelihood a token, in nats; prompts carry no loss.

    Args:
        logprobs_BT: (B, T) float32, natural log-probability of each completion token; carries the gradient.
        completion_mask_BT: (B, T) bool, True on tokens of completions, the end token included.
        num_tokens: completion tokens of the whole optimizer step, over all micro-batches.
    """
    return NextTokenLoss(-(logprobs_BT * completion_mask_BT).sum() / num_tokens, {})

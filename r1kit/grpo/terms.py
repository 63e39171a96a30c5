"""What the objectives in `loss.py` and `variants.py` are made of: log-ratios, the clip, the KL estimate, the metrics.

Every objective of the family is J = sum of w * (min(rho * A, clip(rho) * A) - beta * KL). They differ in rho (the
ratio of a token, of a sequence, or the geometric mean of a sequence) and in w (what a token or a sequence weighs).

Shapes: B rollouts, T tokens; B1 and BT are (B, 1) and (B, T). Logarithms are natural.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_LOG_RATIO = 20.0
"""A log-ratio is cut here before exp, which in float32 is infinite from 88.8 on.

The log-ratio of a sequence is a sum over its tokens and can reach hundreds where each token moved little; one
infinity would make the whole step's gradient NaN. exp(20) = 4.9e8 is far outside every clip range. Beyond it the
gradient is 0. There is no lower cut: exp of a large negative number is a harmless 0.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One micro-batch's share of the step's loss; shares add up to the step's value."""

    value: Tensor
    """Scalar; carries the gradient. Descending it ascends the objective J."""
    metrics: dict[str, Tensor]
    """Detached scalars by name, each this micro-batch's share of the step's value; docs/grpo.md explains each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalizer:
    """The denominators of one optimizer step, counted over all of its micro-batches and ranks.

    A micro-batch cannot know them, and dividing by its own counts would make the loss depend on how the step is cut.
    """

    num_sequences: int
    """Judged rollouts of the step, with those that training skips because their advantage is 0 (Eq. 1 averages over
    them too)."""
    num_tokens: int
    """Completion tokens of the rollouts that are passed to the loss: True positions of all masks."""
    max_completion_tokens: int
    """The limit of one completion (`max_new_tokens`); Dr. GRPO divides by it."""

    def __post_init__(self) -> None:
        if min(self.num_sequences, self.num_tokens, self.max_completion_tokens) < 1:
            raise ValueError(f"every count must be at least 1, got {self}; skip a step that has nothing to train on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The arguments of a loss, checked, with the positions outside the mask set to 0."""

    sampled_log_ratio_BT: Tensor
    """log(pi_theta / pi_old) of each token; carries the gradient."""
    reference_log_ratio_BT: Tensor | None
    """log(pi_ref / pi_theta) of each token; carries the gradient. None without a KL term."""
    advantages_B1: Tensor
    mask_BT: Tensor
    """bool, True on trained tokens."""
    lengths_B1: Tensor
    """|o_i|: trained tokens of each rollout, at least 1."""


def check_inputs(
    policy_logprobs_BT: Tensor,
    sampled_logprobs_BT: Tensor,
    reference_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    completion_mask_BT: Tensor,
    *,
    kl_coef: float,
) -> Inputs:
    """Check the arguments that every loss gets, and turn log-probabilities into log-ratios.

    No gradient flows into `sampled_logprobs_BT` and `reference_logprobs_BT`, nor into positions outside the mask,
    whatever they hold (NaN included).

    Raises:
        ValueError: shapes differ, log-probabilities are half precision, the mask is not bool or has an empty row, or
            the reference does not go with kl_coef.
    """
    _check_shapes(policy_logprobs_BT, sampled_logprobs_BT, reference_logprobs_BT, advantages_B, completion_mask_BT)
    if (reference_logprobs_BT is None) != (kl_coef == 0):
        what = "missing" if reference_logprobs_BT is None else "given"
        raise ValueError(f"reference_logprobs_BT is {what} with kl_coef = {kl_coef}; pass None if and only if it is 0")
    lengths_B1 = completion_mask_BT.sum(dim=1, keepdim=True, dtype=policy_logprobs_BT.dtype)
    if not lengths_B1.all():
        empty = (lengths_B1[:, 0] == 0).nonzero().flatten().tolist()
        raise ValueError(f"completion_mask_BT has no token in rows {empty}; 1/|o_i| is undefined, drop them")
    # Masked before subtracting: NaN * 0 is NaN, so multiplying by the mask afterwards would let padding through.
    policy_BT = policy_logprobs_BT.masked_fill(~completion_mask_BT, 0.0)
    sampled_BT = sampled_logprobs_BT.detach().masked_fill(~completion_mask_BT, 0.0)
    reference_log_ratio_BT = None
    if reference_logprobs_BT is not None:
        reference_log_ratio_BT = reference_logprobs_BT.detach().masked_fill(~completion_mask_BT, 0.0) - policy_BT
    return Inputs(
        sampled_log_ratio_BT=policy_BT - sampled_BT,
        reference_log_ratio_BT=reference_log_ratio_BT,
        advantages_B1=advantages_B[:, None],
        mask_BT=completion_mask_BT,
        lengths_B1=lengths_B1,
    )


def to_ratio(log_ratio: Tensor) -> Tensor:
    """exp, finite for every input; see `MAX_LOG_RATIO`."""
    return log_ratio.clamp(max=MAX_LOG_RATIO).exp()


def k3(log_ratio: Tensor) -> Tensor:
    """Eq. 2, r - log r - 1, for log r = `log_ratio` = log(pi_ref / pi_theta); elementwise, never negative."""
    log_ratio = log_ratio.clamp(max=MAX_LOG_RATIO)
    return log_ratio.expm1() - log_ratio  # expm1: near r = 1 the difference r - 1 would lose its digits


def kl_k3(policy_logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """D_KL(pi_theta || pi_ref) = pi_ref / pi_theta - log(pi_ref / pi_theta) - 1: Eq. 2 of arXiv:2501.12948.

    Elementwise: per-token log-probabilities give the estimate of each token (as Eq. 4 of arXiv:2402.03300 has it),
    those of whole sequences give Eq. 2 as printed. Never negative; its mean over samples of pi_theta is the KL
    divergence. Log-ratios above `MAX_LOG_RATIO` are cut.
    """
    return k3(reference_logprobs - policy_logprobs)


def clipped_loss(
    inputs: Inputs,
    ratio: Tensor,
    reference_log_ratio: Tensor | None,
    weights: Tensor,
    *,
    clip_epsilon_low: float,
    clip_epsilon_high: float,
    kl_coef: float,
    normalizer: Normalizer,
) -> Loss:
    """-J = -sum of w * (min(rho * A, clip(rho) * A) - beta * KL), the form of Eq. 1 of arXiv:2501.12948.

    The minimum makes the clip one-sided: it stops the gradient only where the ratio is already past the clip in the
    direction that the advantage asks for.

    Args:
        inputs: of the loss.
        ratio: rho, (B, T) or (B, 1).
        reference_log_ratio: log(pi_ref / pi_theta), of the shape of `weights`; None for beta = 0.
        weights: w, (B, T) with 0 outside the mask, or (B, 1); the denominators are in it.
        clip_epsilon_low: the clip is 1 - this below,
        clip_epsilon_high: and 1 + this above.
        kl_coef: beta.
        normalizer: for the metrics that are means over tokens.
    """
    low, high, advantages_B1 = 1 - clip_epsilon_low, 1 + clip_epsilon_high, inputs.advantages_B1
    surrogate = torch.minimum(ratio * advantages_B1, ratio.clamp(low, high) * advantages_B1)
    policy_gradient_loss = -(weights * surrogate).sum()

    def token_mean(values: Tensor) -> Tensor:
        """Over the step's tokens; a value of a whole sequence counts for each of its tokens."""
        return (values.detach() * inputs.mask_BT).sum(dtype=weights.dtype) / normalizer.num_tokens

    metrics = {
        "policy_gradient_loss": policy_gradient_loss.detach(),
        "advantage_mean": (weights * advantages_B1).sum().detach(),
        "clip_fraction_low": token_mean((ratio < low) & (advantages_B1 < 0)),
        "clip_fraction_high": token_mean((ratio > high) & (advantages_B1 > 0)),
        "ratio_mean": token_mean(ratio),
        "mean_abs_logprob_gap": token_mean(inputs.sampled_log_ratio_BT.abs()),
    }
    if reference_log_ratio is None:
        return Loss(value=policy_gradient_loss, metrics=metrics)
    kl = (weights * k3(reference_log_ratio)).sum()
    return Loss(value=policy_gradient_loss + kl_coef * kl, metrics=metrics | {"kl_to_reference": kl.detach()})


def _check_shapes(
    policy_logprobs_BT: Tensor,
    sampled_logprobs_BT: Tensor,
    reference_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    completion_mask_BT: Tensor,
) -> None:
    shape = policy_logprobs_BT.shape
    if len(shape) != 2:
        raise ValueError(f"policy_logprobs_BT has shape {tuple(shape)}, not (B, T)")
    if policy_logprobs_BT.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"policy_logprobs_BT is {policy_logprobs_BT.dtype}, too coarse for ratios near 1; pass torch.float32"
        )
    tensors = {
        "sampled_logprobs_BT": sampled_logprobs_BT,
        "reference_logprobs_BT": reference_logprobs_BT,
        "completion_mask_BT": completion_mask_BT,
    }
    for name, tensor in tensors.items():
        if tensor is not None and tensor.shape != shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}, policy_logprobs_BT has {tuple(shape)}")
    if advantages_B.shape != shape[:1]:
        raise ValueError(f"advantages_B has shape {tuple(advantages_B.shape)}, not ({shape[0]},)")
    if completion_mask_BT.dtype != torch.bool:
        raise ValueError(f"completion_mask_BT is {completion_mask_BT.dtype}, not torch.bool")

"""The two readings of GRPO's objective, and the table of all objectives by name.

`r1_loss` is Eq. 1 of the R1 paper (arXiv:2501.12948) as printed, `grpo_loss` the per-token form of the paper that it
cites (DeepSeekMath, arXiv:2402.03300). Objectives of other papers are in `variants.py`. All share one signature,
documented at `LossFunction`.

Deviations from the paper: the log-ratio is cut before exp (`terms.MAX_LOG_RATIO`), epsilon may differ below and
above 1, and 1/G with the mean over q is one sum over all rollouts divided by their number.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from r1kit.grpo.terms import Loss, Normalizer, check_inputs, clipped_loss, kl_k3, to_ratio
from r1kit.grpo.variants import dapo_loss, dr_grpo_loss, gspo_loss

__all__ = ["LOSSES", "Loss", "LossFunction", "Normalizer", "grpo_loss", "kl_k3", "r1_loss"]


class LossFunction(Protocol):
    """The signature of every objective: a pure function of tensors."""

    def __call__(
        self,
        policy_logprobs_BT: Tensor,
        sampled_logprobs_BT: Tensor,
        reference_logprobs_BT: Tensor | None,
        advantages_B: Tensor,
        completion_mask_BT: Tensor,
        *,
        clip_epsilon_low: float,
        clip_epsilon_high: float,
        kl_coef: float,
        normalizer: Normalizer,
    ) -> Loss:
        """-J of one micro-batch.

        Args:
            policy_logprobs_BT: (B, T) float32, natural log pi_theta(o_t | q, o_<t); carries the gradient.
            sampled_logprobs_BT: (B, T) float32, the same under the policy that sampled (pi_old), as the engine
                reported it; at the same temperature as policy_logprobs_BT.
            reference_logprobs_BT: (B, T) float32, the same under pi_ref; None if and only if kl_coef is 0.
            advantages_B: (B,) float32, one value a rollout, shared by its tokens (Eq. 3).
            completion_mask_BT: (B, T) bool, True on sampled tokens including the end token, False on prompt and
                padding; what the log-probabilities hold there does not matter.
            clip_epsilon_low: epsilon of Eq. 1 below 1.
            clip_epsilon_high: epsilon of Eq. 1 above 1; the same in the paper.
            kl_coef: beta of Eq. 1.
            normalizer: the denominators of the whole optimizer step.

        Raises:
            ValueError: a row of the mask is empty (its 1/|o_i| is undefined), shapes differ, the log-probabilities are
                half precision, the mask is not bool, or the reference does not go with kl_coef.
        """
        ...


def r1_loss(
    policy_logprobs_BT: Tensor,
    sampled_logprobs_BT: Tensor,
    reference_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    completion_mask_BT: Tensor,
    *,
    clip_epsilon_low: float,
    clip_epsilon_high: float,
    kl_coef: float,
    normalizer: Normalizer,
) -> Loss:
    """-J_GRPO as printed: Eq. 1 and 2 of arXiv:2501.12948, with ratios of whole sequences and no 1/|o_i|.

    The ratio of a sequence is the product of its tokens' ratios, so a long completion leaves the clip range after a
    much smaller change of the policy than a short one. Arguments and errors: `LossFunction`.
    """
    inputs = check_inputs(
        policy_logprobs_BT,
        sampled_logprobs_BT,
        reference_logprobs_BT,
        advantages_B,
        completion_mask_BT,
        kl_coef=kl_coef,
    )
    ratio_B1 = to_ratio(inputs.sampled_log_ratio_BT.sum(dim=1, keepdim=True))  # pi_theta(o_i|q) / pi_old(o_i|q)
    reference_log_ratio_B1 = None  # log(pi_ref(o_i|q) / pi_theta(o_i|q))
    if inputs.reference_log_ratio_BT is not None:
        reference_log_ratio_B1 = inputs.reference_log_ratio_BT.sum(dim=1, keepdim=True)
    weights_B1 = torch.full_like(ratio_B1, 1 / normalizer.num_sequences)  # 1/G sum_i
    return clipped_loss(
        inputs,
        ratio_B1,
        reference_log_ratio_B1,
        weights_B1,
        clip_epsilon_low=clip_epsilon_low,
        clip_epsilon_high=clip_epsilon_high,
        kl_coef=kl_coef,
        normalizer=normalizer,
    )


def grpo_loss(
    policy_logprobs_BT: Tensor,
    sampled_logprobs_BT: Tensor,
    reference_logprobs_BT: Tensor | None,
    advantages_B: Tensor,
    completion_mask_BT: Tensor,
    *,
    clip_epsilon_low: float,
    clip_epsilon_high: float,
    kl_coef: float,
    normalizer: Normalizer,
) -> Loss:
    """-J_GRPO per token: Eq. 3 and 4 of arXiv:2402.03300, each completion's tokens averaged by 1/|o_i|.

    Arguments and errors: `LossFunction`.
    """
    inputs = check_inputs(
        policy_logprobs_BT,
        sampled_logprobs_BT,
        reference_logprobs_BT,
        advantages_B,
        completion_mask_BT,
        kl_coef=kl_coef,
    )
    ratio_BT = to_ratio(inputs.sampled_log_ratio_BT)  # pi_theta(o_it|q,o_i<t) / pi_old(o_it|q,o_i<t)
    weights_BT = inputs.mask_BT / (inputs.lengths_B1 * normalizer.num_sequences)  # 1/G sum_i 1/|o_i| sum_t
    return clipped_loss(
        inputs,
        ratio_BT,
        inputs.reference_log_ratio_BT,
        weights_BT,
        clip_epsilon_low=clip_epsilon_low,
        clip_epsilon_high=clip_epsilon_high,
        kl_coef=kl_coef,
        normalizer=normalizer,
    )


LOSSES: dict[str, LossFunction] = {
    "r1": r1_loss,
    "grpo": grpo_loss,
    "dr_grpo": dr_grpo_loss,
    "dapo": dapo_loss,
    "gspo": gspo_loss,
}
"""Name in `GRPOConfig.loss` to objective."""

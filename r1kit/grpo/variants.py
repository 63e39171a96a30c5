"""Objectives of the GRPO family that are NOT in the R1 paper, under the signature of `loss.LossFunction`.

- `dr_grpo_loss`: Dr. GRPO, arXiv:2503.20783. Goes with `advantage = "group_mean"`.
- `dapo_loss`: DAPO, arXiv:2503.14476: the token mean, and clip-higher through `clip_epsilon_high` (0.28 there, with
  0.2 below). Its dynamic sampling and its overlong handling act on rollouts, not on the loss.
- `gspo_loss`: GSPO, arXiv:2507.18071, whose clip range is three orders narrower (0.0003 below, 0.0004 above).

None of these objectives has a KL term. With kl_coef > 0 the k3 of each token is added, weighted like the token (for
`gspo_loss` by 1/|o_i|, as in `loss.grpo_loss`).
"""

from __future__ import annotations

from torch import Tensor

from r1kit.grpo.terms import Loss, Normalizer, check_inputs, clipped_loss, to_ratio


def dr_grpo_loss(
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
    """-J of Dr. GRPO (arXiv:2503.20783): token sums over a constant length, so no 1/|o_i| favours short or long ones.

    The constant is `normalizer.max_completion_tokens`. Arguments and errors: `loss.LossFunction`.
    """
    inputs = check_inputs(
        policy_logprobs_BT,
        sampled_logprobs_BT,
        reference_logprobs_BT,
        advantages_B,
        completion_mask_BT,
        kl_coef=kl_coef,
    )
    ratio_BT = to_ratio(inputs.sampled_log_ratio_BT)
    denominator = normalizer.num_sequences * normalizer.max_completion_tokens
    weights_BT = inputs.mask_BT.to(ratio_BT.dtype) / denominator  # 1/G sum_i 1/L sum_t
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


def dapo_loss(
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
    """-J of DAPO (arXiv:2503.14476): the mean over all tokens of the step, so each token weighs the same.

    Arguments and errors: `loss.LossFunction`.
    """
    inputs = check_inputs(
        policy_logprobs_BT,
        sampled_logprobs_BT,
        reference_logprobs_BT,
        advantages_B,
        completion_mask_BT,
        kl_coef=kl_coef,
    )
    ratio_BT = to_ratio(inputs.sampled_log_ratio_BT)
    weights_BT = inputs.mask_BT.to(ratio_BT.dtype) / normalizer.num_tokens  # 1/sum_i|o_i| sum_i sum_t
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


def gspo_loss(
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
    """-J of GSPO (arXiv:2507.18071): the ratio of a sequence is (pi_theta(o_i|q) / pi_old(o_i|q))^(1/|o_i|).

    Arguments and errors: `loss.LossFunction`.
    """
    inputs = check_inputs(
        policy_logprobs_BT,
        sampled_logprobs_BT,
        reference_logprobs_BT,
        advantages_B,
        completion_mask_BT,
        kl_coef=kl_coef,
    )
    ratio_B1 = to_ratio(inputs.sampled_log_ratio_BT.sum(dim=1, keepdim=True) / inputs.lengths_B1)
    weights_BT = inputs.mask_BT / (inputs.lengths_B1 * normalizer.num_sequences)  # 1/G sum_i; 1/|o_i| sum_t for KL
    return clipped_loss(
        inputs,
        ratio_B1,
        inputs.reference_log_ratio_BT,
        weights_BT,
        clip_epsilon_low=clip_epsilon_low,
        clip_epsilon_high=clip_epsilon_high,
        kl_coef=kl_coef,
        normalizer=normalizer,
    )

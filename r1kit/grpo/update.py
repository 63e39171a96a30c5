"""From scored rollouts to optimizer updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from r1kit.grpo.advantage import Advantages
from r1kit.grpo.config import GRPOConfig
from r1kit.grpo.loss import LOSSES, Loss, Normalizer
from r1kit.grpo.terms import kl_k3
from r1kit.learner.learner import Learner
from r1kit.learner.logprobs import TokenLogprobs
from r1kit.learner.packing import TokenGroup
from r1kit.seeding import rng
from r1kit.types import Rollout, SamplingParams, Score, groups


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingGroup:
    """The rollouts of one problem that are trained on."""

    tokens: TokenGroup
    sampled_logprobs: list[Sequence[float]]
    """Of each completion's tokens under pi_old, as the engine reported them."""
    reference_logprobs: list[Sequence[float]] | None
    advantages: list[float]
    num_judged: int
    """Judged rollouts of the group, with those that are not trained on."""


def update_policy(
    learner: Learner,
    reference: PreTrainedModel | None,
    rollouts_B: Sequence[Rollout],
    scores_B: Sequence[Score],
    advantages: Advantages,
    config: GRPOConfig,
    sampling: SamplingParams,
    *,
    seed: int,
    step: int,
) -> dict[str, float]:
    """num_epochs * num_minibatches optimizer updates on one step's rollouts; a minibatch holds whole groups.

    Returns:
        The metrics of the loss, `kl_to_sampler` and those of `Learner.update`, each the mean over the updates;
        `learning_rate` is the last one's. Empty if there was nothing to train on.
    """
    temperature = sampling.temperature
    all_groups = _training_groups(rollouts_B, scores_B, advantages, config)
    if reference is not None:
        all_groups = _with_reference(all_groups, learner, reference, temperature)
    updates: list[dict[str, float]] = []
    for epoch in range(config.num_epochs):
        order = list(range(len(all_groups)))
        rng(seed, "minibatches", step, epoch).shuffle(order)
        for m in range(config.num_minibatches):
            minibatch = [all_groups[i] for i in order[m :: config.num_minibatches]]
            trained = [group for group in minibatch if group.tokens.completions]
            if not trained:
                continue
            normalizer = Normalizer(
                num_sequences=sum(group.num_judged for group in minibatch),
                num_tokens=sum(len(c) for group in trained for c in group.tokens.completions),
                max_completion_tokens=sampling.max_new_tokens,
            )
            updates.append(
                learner.update(
                    [group.tokens for group in trained],
                    _objective(trained, config, normalizer, learner.device),
                    temperature=temperature,
                )
            )
    if not updates:
        return {}
    means = {name: sum(update[name] for update in updates) / len(updates) for name in updates[0]}
    return {**means, "learning_rate": updates[-1]["learning_rate"]}


def _training_groups(
    rollouts_B: Sequence[Rollout], scores_B: Sequence[Score], advantages: Advantages, config: GRPOConfig
) -> list[TrainingGroup]:
    """Every problem's group, without the rollouts that cannot change anything.

    Without a KL term those are all whose advantage is 0 by construction; with one, those that were not judged.
    """
    judged_B = [score.value is not None for score in scores_B]
    keep_B = judged_B if config.kl_coef > 0 else advantages.keep_B
    result = []
    for indices in groups(range(len(rollouts_B)), config.group_size):
        kept = [i for i in indices if keep_B[i]]
        result.append(
            TrainingGroup(
                tokens=TokenGroup(
                    prompt=rollouts_B[indices[0]].prompt_tokens,
                    completions=[rollouts_B[i].completion.tokens for i in kept],
                ),
                sampled_logprobs=[rollouts_B[i].completion.logprobs for i in kept],
                reference_logprobs=None,
                advantages=[advantages.values_B[i] for i in kept],
                num_judged=sum(judged_B[i] for i in indices),
            )
        )
    return result


def _with_reference(
    all_groups: list[TrainingGroup], learner: Learner, reference: PreTrainedModel, temperature: float
) -> list[TrainingGroup]:
    trained = [group.tokens for group in all_groups if group.tokens.completions]
    rows = iter(learner.score(reference, trained, temperature=temperature) if trained else [])
    return [
        TrainingGroup(
            tokens=group.tokens,
            sampled_logprobs=group.sampled_logprobs,
            reference_logprobs=[next(rows) for _ in group.tokens.completions],
            advantages=group.advantages,
            num_judged=group.num_judged,
        )
        for group in all_groups
    ]


def _objective(
    trained: list[TrainingGroup], config: GRPOConfig, normalizer: Normalizer, device: torch.device
) -> Callable[[list[int], TokenLogprobs], Loss]:
    loss_function = LOSSES[config.loss]
    sampled = [row for group in trained for row in group.sampled_logprobs]
    reference = [row for group in trained for row in group.reference_logprobs or []]
    advantages = [value for group in trained for value in group.advantages]

    def objective(rows: list[int], policy: TokenLogprobs) -> Loss:
        num_columns = policy.mask_BT.shape[1]
        sampled_BT = _padded([sampled[i] for i in rows], num_columns, device)
        reference_BT = None
        if config.kl_coef > 0:
            reference_BT = _padded([reference[i] for i in rows], num_columns, device)
        loss = loss_function(
            policy.logprobs_BT,
            sampled_BT,
            reference_BT,
            torch.tensor([advantages[i] for i in rows], device=device),
            policy.mask_BT,
            clip_epsilon_low=config.clip_epsilon_low,
            clip_epsilon_high=config.clip_epsilon_high,
            kl_coef=config.kl_coef,
            normalizer=normalizer,
        )
        # KL(pi_old || pi_theta): the samples are pi_old's, so k3 takes the ratio pi_theta / pi_old.
        kl_BT = kl_k3(sampled_BT, policy.logprobs_BT.detach()) * policy.mask_BT
        return Loss(value=loss.value, metrics={**loss.metrics, "kl_to_sampler": kl_BT.sum() / normalizer.num_tokens})

    return objective


def _padded(rows: Sequence[Sequence[float]], num_columns: int, device: torch.device) -> Tensor:
    return torch.tensor([[*row, *[0.0] * (num_columns - len(row))] for row in rows], device=device)

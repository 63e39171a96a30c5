"""GRPO, as section 2.2.1 of arXiv:2501.12948 has it. Read this file first.

    r1kit zero configs/nano/zero.toml --out runs/zero            # a CPU
    r1kit zero configs/nano/zero.toml --out runs/zero --device cuda

Deviations from the paper, each an option:
1. The loss is the per-token form of the paper that R1 cites (`grpo.loss = "grpo"`); Eq. 1 as printed is "r1".
2. The KL coefficient is 0 by default, and then no reference model is held or run.
3. Rollouts whose advantage is 0 are not trained on where they have no gradient (no KL term); Eq. 1 still counts them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transformers import PreTrainedModel

from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.grpo.advantage import Advantages, group_advantages
from r1kit.grpo.config import GRPOConfig
from r1kit.grpo.update import update_policy
from r1kit.learner.learner import Learner
from r1kit.rewards.base import Reward
from r1kit.seeding import seed_for
from r1kit.tasks.mix import ProblemPool, problems_of_step
from r1kit.tasks.templates import Template
from r1kit.types import Rollout, SamplingParams, Score

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(kw_only=True)
class Policy:
    """What a checkpoint has to hold: the policy being trained, and the reference if there is one."""

    learner: Learner
    """pi_theta."""
    reference: PreTrainedModel | None
    """pi_ref; None if and only if the KL coefficient is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened in one step, for the log."""

    number: int
    """Steps done by now, this one included."""
    rollouts_B: list[Rollout]
    scores_B: list[Score]
    advantages: Advantages
    stats: dict[str, float]
    """Of the updates, see `r1kit.grpo.update`."""
    sample_s: float
    score_s: float
    update_s: float


def train(
    config: GRPOConfig,
    *,
    policy: Policy,
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    pools: Sequence[ProblemPool],
    reward: Reward,
    sampling: SamplingParams,
    seed: int,
    first_step: int = 0,
) -> Iterator[Step]:
    """Train `policy` in place, yielding after every step; start at `first_step` to go on from a checkpoint.

    Every draw is derived from (seed, step), so a step does not depend on how the run came to it.
    """
    G = config.group_size
    for step in range(first_step, config.num_steps):
        started = time.monotonic()
        engine.load_weights(policy.learner.model, version=step)  # pi_old <- pi_theta
        problems_P = problems_of_step(pools, step, config.problems_per_step, seed)  # q ~ P(Q)
        rollouts_B = sample_rollouts(  # {o_1 .. o_G} ~ pi_old(O|q)
            engine,
            tokenizer,
            template,
            problems_P,
            num_samples=G,
            params=sampling,
            seed=seed_for(seed, "rollouts", step),
        )
        sampled = time.monotonic()
        scores_B = reward.score(rollouts_B)  # r_i
        scored = time.monotonic()
        advantages = group_advantages(  # A_i, Eq. 3
            [score.value for score in scores_B], group_size=G, normalization=config.advantage
        )
        stats = update_policy(  # ascend J_GRPO, Eq. 1 and 2
            policy.learner, policy.reference, rollouts_B, scores_B, advantages, config, sampling, seed=seed, step=step
        )
        if config.refresh_reference_every and (step + 1) % config.refresh_reference_every == 0:
            policy.reference = frozen_copy(policy.learner.model)  # pi_ref <- pi_theta
        yield Step(
            number=step + 1,
            rollouts_B=rollouts_B,
            scores_B=scores_B,
            advantages=advantages,
            stats=stats,
            sample_s=sampled - started,
            score_s=scored - sampled,
            update_s=time.monotonic() - scored,
        )


def frozen_copy(model: PreTrainedModel) -> PreTrainedModel:
    """A copy that is never trained: pi_ref."""
    return copy.deepcopy(model).requires_grad_(False).eval()

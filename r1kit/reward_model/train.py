"""Training a reward model: batches of pairs, one optimizer step each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup
from r1kit.reward_model.config import RewardModelConfig
from r1kit.reward_model.loss import PairLoss, bradley_terry_loss
from r1kit.reward_model.model import last_token_scores
from r1kit.seeding import rng


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happened in one optimizer step, for the log."""

    number: int
    """Steps done by now, this one included."""
    ends_epoch: bool
    stats: dict[str, float]
    """Of `Learner.update_by`: `loss`, `accuracy`, `margin`, `score_mean`, `grad_norm`, `learning_rate`."""
    seconds: float


def num_steps(config: RewardModelConfig, num_pairs: int) -> int:
    """Optimizer steps of the whole run; the last batch of an epoch may be smaller."""
    return config.num_epochs * -(-num_pairs // config.batch_pairs)


def train(
    config: RewardModelConfig, learner: Learner, groups: Sequence[TokenGroup], *, first_step: int = 0
) -> Iterator[Step]:
    """Train `learner` in place, yielding after every step.

    Args:
        config: epochs, batches, the loss.
        learner: of a reward model; it goes on from its own place in the schedule.
        groups: all training pairs, each with the completions (chosen, rejected).
        first_step: steps already done; the pairs of a step follow from its number.
    """
    steps_an_epoch = -(-len(groups) // config.batch_pairs)
    for step in range(first_step, config.num_epochs * steps_an_epoch):
        started = time.monotonic()
        epoch, place = divmod(step, steps_an_epoch)
        order = list(range(len(groups)))
        rng(config.seed, "pairs", epoch).shuffle(order)
        batch = [groups[i] for i in order[place * config.batch_pairs :][: config.batch_pairs]]
        objective = pair_objective(len(batch), center_coef=config.center_coef)
        stats = learner.update_by(last_token_scores, batch, objective, split_groups=False)
        yield Step(
            number=step + 1,
            ends_epoch=place + 1 == steps_an_epoch,
            stats=stats,
            seconds=time.monotonic() - started,
        )


def pair_objective(num_pairs: int, *, center_coef: float) -> Callable[[list[int], Tensor], PairLoss]:
    """The loss of a micro-batch of whole pairs; its rows are chosen, rejected, chosen, rejected ..."""

    def objective(rows: list[int], scores_B: Tensor) -> PairLoss:
        assert all(first % 2 == 0 and second == first + 1 for first, second in zip(rows[::2], rows[1::2], strict=True))
        return bradley_terry_loss(scores_B[0::2], scores_B[1::2], center_coef=center_coef, num_pairs=num_pairs)

    return objective

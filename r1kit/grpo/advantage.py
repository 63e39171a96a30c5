"""Advantages: how much better a completion scored than the others of its group (arXiv:2501.12948, section 2.2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from r1kit.types import groups

EPSILON = 1e-6
"""Added to the standard deviation of Eq. 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvantageStats:
    """What the scores of one step look like, over its P groups of G rollouts."""

    num_judged: int
    """Rollouts with a score; the `num_sequences` of the step's `Normalizer`."""
    score_mean: float | None
    """Mean of the judged scores; None if there are none."""
    unjudged_rate: float
    """Share of rollouts whose score is None."""
    zero_variance_rate: float
    """Share of groups that teach nothing: all judged scores are equal, or fewer than two are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advantages:
    """The advantages of one step, problem-major like the scores."""

    values_B: tuple[float, ...]
    """A_i of Eq. 3; exactly 0.0 where `keep_B` is False."""
    keep_B: tuple[bool, ...]
    """False where the score is None or the group teaches nothing."""
    stats: AdvantageStats


def group_advantages(
    scores_B: Sequence[float | None],
    *,
    group_size: int,
    normalization: Literal["group_std", "group_mean"],
) -> Advantages:
    """A_i = (r_i - mean(r_1..r_G)) / (std(r_1..r_G) + 1e-6): Eq. 3 of arXiv:2501.12948.

    The conventions that Eq. 3 leaves open:
        - The standard deviation is the population's (divided by G, not G - 1).
        - `EPSILON` is added to the standard deviation, not to the variance.
        - A score of None is left out of mean and deviation; its advantage is 0.0 and it is not kept.
        - If all judged scores of a group are equal, or fewer than two are judged, every advantage of the group is
          exactly 0.0 and none is kept. A group of one is such a group.

    Rollouts that are not kept have no policy gradient, so training may skip them. With a KL term, skip only the
    unjudged ones: a judged rollout of a zero-variance group still pulls the policy towards the reference.

    Args:
        scores_B: one score a rollout, problem-major: group p is scores_B[p * group_size : (p + 1) * group_size].
        group_size: G.
        normalization: "group_std" is Eq. 3; "group_mean" does not divide (Dr. GRPO, arXiv:2503.20783).

    Raises:
        ValueError: the scores are not whole groups, or one is not a finite number.
    """
    if group_size < 1 or len(scores_B) % group_size:
        raise ValueError(f"{len(scores_B)} scores are not whole groups of {group_size}")
    for i, score in enumerate(scores_B):
        if score is not None and not math.isfinite(score):
            raise ValueError(f"score of rollout {i} is {score}; a score is a finite number, or None if not judged")
    groups_P_G = groups(scores_B, group_size)
    values_B: list[float] = []
    keep_B: list[bool] = []
    for scores_G in groups_P_G:
        values_G = _advantages_of_group(scores_G, divide_by_std=normalization == "group_std")
        values_B += [0.0 if value is None else value for value in values_G]
        keep_B += [value is not None for value in values_G]
    return Advantages(values_B=tuple(values_B), keep_B=tuple(keep_B), stats=_statistics(groups_P_G))


def _advantages_of_group(scores_G: Sequence[float | None], *, divide_by_std: bool) -> list[float | None]:
    """The advantage of each rollout of one group; None where it is not kept."""
    judged = _judged(scores_G)
    if _teaches_nothing(judged):
        return [None] * len(scores_G)
    mean = math.fsum(judged) / len(judged)
    scale = 1.0
    if divide_by_std:
        scale = math.sqrt(math.fsum((score - mean) ** 2 for score in judged) / len(judged)) + EPSILON
    return [None if score is None else (score - mean) / scale for score in scores_G]


def _statistics(groups_P_G: Sequence[Sequence[float | None]]) -> AdvantageStats:
    judged_P_G = [_judged(scores_G) for scores_G in groups_P_G]
    judged = [score for scores in judged_P_G for score in scores]
    num_rollouts = sum(len(scores_G) for scores_G in groups_P_G)
    num_groups = max(len(groups_P_G), 1)
    return AdvantageStats(
        num_judged=len(judged),
        score_mean=math.fsum(judged) / len(judged) if judged else None,
        unjudged_rate=1 - len(judged) / num_rollouts if num_rollouts else 0.0,
        zero_variance_rate=sum(_teaches_nothing(scores) for scores in judged_P_G) / num_groups,
    )


def _judged(scores_G: Sequence[float | None]) -> list[float]:
    return [score for score in scores_G if score is not None]


def _teaches_nothing(judged: Sequence[float]) -> bool:
    # Compared exactly: a mean rounds, so equal scores can have a computed deviation that is not 0.
    return len(judged) < 2 or min(judged) == max(judged)

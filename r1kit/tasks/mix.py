"""Which problems a step of training draws: one task, or several in fixed shares.

Section 2.3.4 of arXiv:2501.12948 trains on "diverse prompt distributions"; here each has a share of every step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from r1kit.errors import ConfigError
from r1kit.seeding import rng
from r1kit.types import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPool:
    """The training problems of one task."""

    name: str
    problems: Sequence[Problem]
    """None of them twice."""
    share: float
    """Of the problems of a step, relative to the other pools'; above 0."""


def problems_of_step(pools: Sequence[ProblemPool], step: int, count: int, seed: int) -> list[Problem]:
    """The `count` problems of a step, pool by pool.

    Every epoch of a pool goes once through all of its problems, in an order of its own. The draw depends on
    (pools, step, count, seed) only.

    Raises:
        ConfigError: a pool's share of `count` rounds to nothing.
    """
    chosen: list[Problem] = []
    counts = counts_of_step({pool.name: pool.share for pool in pools}, count)
    for pool in pools:
        chosen += _next_problems(pool, step, counts[pool.name], seed)
    return chosen


def counts_of_step(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """How many of `count` problems come from which pool: shares rounded by largest remainders, the first at a tie.

    >>> counts_of_step({"maths": 2, "logic": 1, "general": 1}, 6)
    {'maths': 3, 'logic': 2, 'general': 1}

    Raises:
        ConfigError: a share is not above 0, or its part of `count` rounds to nothing.
    """
    for name, share in shares.items():
        if not (math.isfinite(share) and share > 0):
            raise ConfigError(f"task.{name} = {share} is no share; give a number above 0, or leave the task out")
    exact = {name: share / sum(shares.values()) * count for name, share in shares.items()}
    counts = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: count - sum(counts.values())]:
        counts[name] += 1
    for name, value in counts.items():
        if value == 0:
            raise ConfigError(
                f"task.{name} = {shares[name]} gets none of the {count} problems of a step; raise its share or "
                "grpo.problems_per_step"
            )
    return counts


def in_turns(lists: Sequence[Sequence[Problem]]) -> list[Problem]:
    """One of each list, then the next of each, until all are empty: the first problems are of all lists alike."""
    return [problem for turn in zip_longest(*lists) for problem in turn if problem is not None]


def _next_problems(pool: ProblemPool, step: int, count: int, seed: int) -> list[Problem]:
    chosen: list[Problem] = []
    while len(chosen) < count:
        epoch, offset = divmod(step * count + len(chosen), len(pool.problems))
        order = list(range(len(pool.problems)))
        rng(seed, "epoch", pool.name, epoch).shuffle(order)
        chosen += [pool.problems[i] for i in order[offset : offset + count - len(chosen)]]
    return chosen

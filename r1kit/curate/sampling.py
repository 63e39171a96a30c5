"""Sampling from prompts that are stopped by different strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from r1kit.curate.config import DrawConfig
from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.seeding import seed_for
from r1kit.tasks.templates import Template
from r1kit.types import Problem, Rollout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def sample_with_stops(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    problems: Sequence[Problem],
    stop_of: Callable[[Problem], Sequence[str]],
    *,
    num_samples: int,
    draw: DrawConfig,
    seed: int,
) -> list[Rollout]:
    """`sample_rollouts` where the stop strings depend on the problem; problem-major, in the order of `problems`.

    An engine takes one set of stop strings a call, so problems with the same set are sampled together.
    """
    by_stop: dict[tuple[str, ...], list[int]] = {}
    for p, problem in enumerate(problems):
        by_stop.setdefault(tuple(stop_of(problem)), []).append(p)
    rollouts_P: dict[int, list[Rollout]] = {}
    for stop, indices in by_stop.items():
        rollouts = sample_rollouts(
            engine,
            tokenizer,
            template,
            [problems[p] for p in indices],
            num_samples=num_samples,
            params=draw.params(stop),
            seed=seed_for(seed, template.name, *stop),
        )
        for j, p in enumerate(indices):
            rollouts_P[p] = rollouts[j * num_samples : (j + 1) * num_samples]
    return [rollout for p in range(len(problems)) for rollout in rollouts_P[p]]

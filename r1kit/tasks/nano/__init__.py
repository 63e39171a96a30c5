"""Problems of the scale model: what one forward pass cannot do, and short steps can, in four domains.

    math      chain, word, compare, countdown     sums of up to seven terms
    logic     swap, order, knights                who has what, who comes second, who tells the truth
    science   legs, atoms, density                multiple choice on small tables of facts
    code      examples, steps                     Python functions of a few lines, run on tests

Each in English and Chinese. A problem's content (whatever its language, names, words and order of options) decides by
a hash which of three parts it belongs to: `pretrain`, `train` (for RL) or `eval`. So the parts are disjoint by
construction, and a translation of an evaluation problem is never trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from r1kit.errors import ConfigError, suggest
from r1kit.seeding import rng
from r1kit.tasks.nano.base import Domain, Language, Part
from r1kit.tasks.nano.code import CODE
from r1kit.tasks.nano.logic import LOGIC
from r1kit.tasks.nano.math import MATH
from r1kit.tasks.nano.science import SCIENCE
from r1kit.types import Problem, Split

__all__ = ["DOMAINS", "LANGUAGES", "Domain", "Language", "NanoTask", "Part", "nano_task"]

DOMAINS: dict[str, Domain[Any]] = {domain.name: domain for domain in (MATH, LOGIC, SCIENCE, CODE)}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
TRAIN_PER_DOMAIN = 1024
"""No problem is there twice and some families have few contents: of 8,192 code problems only 9 % are `examples`."""


class NanoTask:
    """Fixed problem sets of some domains, in equal shares, the same in every run."""

    def __init__(
        self, domains: Sequence[str] = tuple(DOMAINS), *, num_train: int | None = None, num_eval: int = 512
    ) -> None:
        """Take problems of `domains` in turn.

        Args:
            domains: Keys of DOMAINS.
            num_train: Problems of the split `train`; None for TRAIN_PER_DOMAIN of each domain.
            num_eval: Those of `eval`.

        Raises:
            ConfigError: an unknown domain, or one that is named twice.
        """
        for name in domains:
            if name not in DOMAINS:
                raise ConfigError(f"task nano: unknown domain {name!r}; {suggest(name, DOMAINS)}")
        if len(set(domains)) != len(domains):
            raise ConfigError(f"task nano: {','.join(domains)} names a domain twice; name each once")
        self.name = f"nano:{','.join(domains)}"
        self._domains = tuple(domains)
        self._sizes: dict[Split, int] = {"train": num_train or TRAIN_PER_DOMAIN * len(domains), "eval": num_eval}

    def problems(self, split: Split) -> Sequence[Problem]:
        """`train` for RL or `eval`; contents that the pretraining corpus never shows."""
        size = -(-self._sizes[split] // len(self._domains))
        by_domain = [_problems(DOMAINS[name], split, size) for name in self._domains]
        in_turn = [problem for problems in zip(*by_domain, strict=True) for problem in problems]
        return in_turn[: self._sizes[split]]


def nano_task(argument: str) -> NanoTask:
    """`nano`, `nano:logic` or `nano:math,code`, from what follows the colon.

    Raises:
        ConfigError: as `NanoTask`.
    """
    return NanoTask(tuple(argument.split(","))) if argument else NanoTask()


def _problems(domain: Domain[Any], split: Split, size: int) -> list[Problem]:
    """The first problems of a domain; more of them begin with the same ones."""
    random = rng(f"nano_{domain.name}", split)
    problems: dict[str, Problem] = {}
    while len(problems) < size:
        problem = domain.render(domain.draw(random, split), random.choice(LANGUAGES), random)
        problems.setdefault(problem.id, problem)
    return list(problems.values())

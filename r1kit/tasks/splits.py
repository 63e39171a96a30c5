"""Training and held-out problems that do not overlap."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections.abc import Callable, Sequence

from r1kit.errors import ConfigError, DataError
from r1kit.types import Problem, Split

logger = logging.getLogger(__name__)


class FixedTask:
    """A task whose problems are all known when it is built."""

    def __init__(self, name: str, *, train: Sequence[Problem], held_out: Sequence[Problem]) -> None:
        """Take the problems of both splits in the order given."""
        self.name = name
        self._problems: dict[Split, tuple[Problem, ...]] = {"train": tuple(train), "eval": tuple(held_out)}

    def problems(self, split: Split) -> Sequence[Problem]:
        """All problems of a split, in a fixed order.

        Raises:
            DataError: the split is empty.
        """
        if not self._problems[split]:
            raise DataError(f"task {self.name!r} has no problems in its {split} split")
        return self._problems[split]


def same_text(prompt: str) -> str:
    """What copies of one question share, whatever their spacing, capitals and width of characters."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", prompt).casefold())


def same_words(prompt: str) -> str:
    """What is left of a question without its punctuation: `$f(6) - f(2)$` and `f(6)-f(2).` are the same.

    It takes `3+5` and `3-5` for the same too, so it suits prose and not arithmetic. A question of signs alone keeps
    them.
    """
    return re.sub(r"[\W_]+", "", same_text(prompt)) or same_text(prompt)


def without_repeats(
    train: Sequence[Problem], held_out: Sequence[Problem], key: Callable[[str], str] = same_text
) -> list[Problem]:
    """The training problems whose question is not also held out; the log says how many were left out."""
    held_out_keys = {key(problem.prompt) for problem in held_out}
    kept = [problem for problem in train if key(problem.prompt) not in held_out_keys]
    if len(kept) < len(train):
        logger.warning("left out %d training problems that repeat held-out ones", len(train) - len(kept))
    return kept


def split_by_hash(
    problems: Sequence[Problem], eval_share: float, *, purpose: str = ""
) -> tuple[list[Problem], list[Problem]]:
    """Training and held-out problems, by a hash of the question, so that copies of a question stay together.

    A question's side depends on its text only, not on its place or on the other rows; so a file that grows does not
    move questions from one side to the other. At least one question is on each side.

    Args:
        problems: Any order; kept on each side.
        eval_share: Expected share of the distinct questions to hold out, above 0 and below 1.
        purpose: Splits for different purposes are independent: of what one left, another holds out its share again.

    Raises:
        ConfigError: the share is out of range.
        DataError: fewer than two distinct questions.
    """
    if not 0 < eval_share < 1:
        raise ConfigError(f"eval_share is {eval_share}; it must be above 0 and below 1")
    keys = {same_text(problem.prompt) for problem in problems}
    ranked = sorted((_fraction(f"{purpose}\0{key}" if purpose else key), key) for key in keys)
    if len(ranked) < 2:
        raise DataError(f"{len(ranked)} distinct question(s); holding some out for evaluation needs at least 2")
    num_below = sum(fraction < eval_share for fraction, _ in ranked)
    num_held_out = min(max(num_below, 1), len(ranked) - 1)
    held_out_keys = {key for _, key in ranked[:num_held_out]}
    train = [problem for problem in problems if same_text(problem.prompt) not in held_out_keys]
    held_out = [problem for problem in problems if same_text(problem.prompt) in held_out_keys]
    return train, held_out


def _fraction(key: str) -> float:
    """A number in [0, 1), uniform over keys."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53

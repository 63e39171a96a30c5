"""Problems and where they come from. How an answer is checked is named by each problem's `verifier`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from r1kit.types import Problem, Split


class Task(Protocol):
    """A family of problems with disjoint splits."""

    name: str

    def problems(self, split: Split) -> Sequence[Problem]:
        """All problems of a split, in a fixed order. Raises DataError if it is empty or missing."""
        ...

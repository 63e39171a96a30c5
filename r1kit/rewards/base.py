"""What a completion is worth, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from r1kit.types import Rollout, Score


class Reward(Protocol):
    """Scores rollouts. Deterministic; a verdict per rollout, in order; None where it could not be judged."""

    name: str

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One Score a rollout, in the order given."""
        ...

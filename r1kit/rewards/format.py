"""The format reward of section 2.2.2: does the completion have the form that its template asks for?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from r1kit.rewards.extract import (
    BOXED_POLICY,
    PLAIN_POLICY,
    R1_ZERO_POLICY,
    READABLE_POLICY,
    boxed_problem,
    plain_problem,
    think_answer_problem,
)
from r1kit.rewards.readability import readable_problem
from r1kit.types import Rollout, Score

FORMAT_PROBLEMS: dict[str, Callable[[str], str]] = {
    "r1_zero": think_answer_problem,
    "chat": think_answer_problem,
    "boxed": boxed_problem,
    "plain": plain_problem,
    "readable": readable_problem,
}
"""Template to what says, in a few words, why a completion does not have its format (empty: it has)."""

ANSWER_POLICIES: dict[str, tuple[str, ...]] = {
    "r1_zero": R1_ZERO_POLICY,
    "chat": R1_ZERO_POLICY,
    "boxed": BOXED_POLICY,
    "plain": PLAIN_POLICY,
    "readable": READABLE_POLICY,
}
"""Template to where its answers are looked for."""


class FormatReward:
    """1.0 if the completion has the format, 0.0 with the reason if not; never None."""

    name = "format"

    def __init__(self, format_problem: Callable[[str], str]) -> None:
        """Judge by one of FORMAT_PROBLEMS."""
        self._format_problem = format_problem

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order."""
        problems = [self._format_problem(rollout.completion.text) for rollout in rollouts]
        return [Score(value=0.0 if problem else 1.0, reason=problem or "well formed") for problem in problems]

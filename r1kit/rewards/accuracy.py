"""The accuracy reward of section 2.2.2: is the final answer right?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from r1kit.errors import DataError, suggest
from r1kit.rewards.countdown import verify_countdown
from r1kit.rewards.extract import extract_answer
from r1kit.rewards.math import verify_math, verify_math_fast
from r1kit.rewards.pool import Job, Verifier, VerifierPool
from r1kit.types import Problem, Rollout, Score


def judge_math(problem: Problem, answer: str) -> Score:
    """`verify_math` on a problem."""
    return verify_math(gold=problem.answer, answer=answer)


def judge_countdown(problem: Problem, answer: str) -> Score:
    """`verify_countdown` on a problem with `info = {"numbers": [3, 5, 7], "target": 22}`.

    Raises:
        DataError: `info` lacks one of them.
    """
    for key in ("numbers", "target"):
        if key not in problem.info:
            raise DataError(
                f"problem {problem.id!r}: verifier 'countdown' needs info[{key!r}]; info has {problem.info}"
            )
    return verify_countdown(numbers=problem.info["numbers"], target=problem.info["target"], answer=answer)


VERIFIERS: dict[str, Verifier] = {"math": judge_math, "countdown": judge_countdown}
"""`Problem.verifier` to the function that judges its answers. Any of them may be run in a killable process."""


def _decide_math(problem: Problem, answer: str) -> Score | None:
    return verify_math_fast(gold=problem.answer, answer=answer)


FAST_VERIFIERS: dict[Verifier, Callable[[Problem, str], Score | None]] = {
    judge_math: _decide_math,
    judge_countdown: judge_countdown,
}
"""Verifier to what gives the same verdict cheaply, safely and in our own process, or None where it cannot."""


class AccuracyReward:
    """1.0 if the completion's answer is right, 0.0 if it is wrong or missing, None if it could not be judged."""

    name = "accuracy"

    def __init__(
        self,
        pool: VerifierPool,
        policy: tuple[str, ...],
        format_problem: Callable[[str], str] | None = None,
        verifiers: Mapping[str, Verifier] = VERIFIERS,
    ) -> None:
        """Judge by `verifiers`, in `pool` where it takes more than a comparison.

        Args:
            pool: Where the slow verdicts are made.
            policy: Where the answer is looked for: keys into `extract.EXTRACTORS`.
            format_problem: Says what is wrong with a completion's format; any problem makes it 0.0, so that a broken
                format never pays. None: the format does not matter.
            verifiers: `Problem.verifier` to function.
        """
        self._pool = pool
        self._policy = policy
        self._format_problem = format_problem
        self._verifiers = verifiers

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order; the slow ones are made by all workers at once.

        Raises:
            DataError: a problem names an unknown verifier, or lacks what its verifier needs.
        """
        scores: dict[int, Score] = {}
        jobs: dict[int, Job] = {}
        for index, rollout in enumerate(rollouts):
            verdict = self._judge_cheaply(rollout)
            if isinstance(verdict, Score):
                scores[index] = verdict
            else:
                jobs[index] = verdict
        for index, score in zip(jobs, self._pool.verify(list(jobs.values())), strict=True):
            scores[index] = _with_parsed(score, jobs[index].answer)
        return [scores[index] for index in range(len(rollouts))]

    def _judge_cheaply(self, rollout: Rollout) -> Score | Job:
        problem, text = rollout.problem, rollout.completion.text
        if problem.verifier not in self._verifiers:
            raise DataError(
                f"problem {problem.id!r}: unknown verifier {problem.verifier!r}; "
                f"{suggest(problem.verifier, self._verifiers)}"
            )
        answer = extract_answer(text, self._policy)
        broken = self._format_problem(text) if self._format_problem else ""
        if broken:
            return Score(value=0.0, reason=f"format: {broken}", parsed=answer)
        if answer is None:
            return Score(value=0.0, reason="no answer found")
        verifier = self._verifiers[problem.verifier]
        decide = FAST_VERIFIERS.get(verifier)
        score = decide(problem, answer) if decide else None
        if score is None:
            return Job(verifier=verifier, problem=problem, answer=answer)
        return _with_parsed(score, answer)


def _with_parsed(score: Score, answer: str) -> Score:
    return score if score.parsed is not None else replace(score, parsed=answer)

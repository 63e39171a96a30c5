"""The accuracy reward of section 2.2.2: is the final answer right?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from r1kit.errors import DataError, suggest
from r1kit.rewards.code import TIME_LIMIT_S, CodeJob, CodeVerifier
from r1kit.rewards.countdown import verify_countdown
from r1kit.rewards.exact import judge_exact
from r1kit.rewards.extract import RESPONSE_POLICY, extract_answer
from r1kit.rewards.ifeval import judge_ifeval, judge_ifeval_loose
from r1kit.rewards.json_answer import judge_json
from r1kit.rewards.knights_and_knaves import judge_knights_and_knaves
from r1kit.rewards.math import DEFAULT_POLICY, MathPolicy, verify_math, verify_math_fast
from r1kit.rewards.multiple_choice import judge_multiple_choice
from r1kit.rewards.pool import Job, Verifier, VerifierPool
from r1kit.rewards.reasoning_gym import decide_reasoning_gym, judge_reasoning_gym
from r1kit.rewards.rubric import judge_rubric
from r1kit.types import Problem, Rollout, Score


def judge_math(problem: Problem, answer: str) -> Score:
    """`verify_math` on a problem, by the switches of `info["math_policy"]` if there are any."""
    return verify_math(gold=problem.answer, answer=answer, policy=_math_policy(problem))


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


VERIFIERS: dict[str, Verifier] = {
    "math": judge_math,
    "countdown": judge_countdown,
    "exact": judge_exact,
    "multiple_choice": judge_multiple_choice,
    "knights_and_knaves": judge_knights_and_knaves,
    "reasoning_gym": judge_reasoning_gym,
    "ifeval": judge_ifeval,
    "ifeval_loose": judge_ifeval_loose,
    "json": judge_json,
    "rubric": judge_rubric,
}
"""`Problem.verifier` to the function that judges its answers. Any of them may be run in a killable process."""

CODE = "code"
"""The one verifier that is not in VERIFIERS: its answers run in a sandbox, see `r1kit.rewards.code`."""


def _decide_math(problem: Problem, answer: str) -> Score | None:
    return verify_math_fast(gold=problem.answer, answer=answer, policy=_math_policy(problem))


def _math_policy(problem: Problem) -> MathPolicy:
    switches = problem.info.get("math_policy")
    return MathPolicy.from_mapping(switches) if switches else DEFAULT_POLICY


FAST_VERIFIERS: dict[Verifier, Callable[[Problem, str], Score | None]] = {
    judge_math: _decide_math,
    judge_countdown: judge_countdown,
    judge_exact: judge_exact,
    judge_multiple_choice: judge_multiple_choice,
    judge_knights_and_knaves: judge_knights_and_knaves,
    judge_reasoning_gym: decide_reasoning_gym,
    judge_ifeval: judge_ifeval,
    judge_ifeval_loose: judge_ifeval_loose,
    judge_rubric: judge_rubric,
}
"""Verifier to what gives the same verdict cheaply, safely and in our own process, or None where it cannot."""

OWN_POLICIES: dict[str, tuple[str, ...]] = {
    "ifeval": RESPONSE_POLICY,
    "ifeval_loose": RESPONSE_POLICY,
    "rubric": RESPONSE_POLICY,
}
"""Verifiers whose answers are looked for elsewhere than the template says."""


class AccuracyReward:
    """1.0 if the completion's answer is right, 0.0 if it is wrong or missing, None if it could not be judged."""

    name = "accuracy"

    def __init__(
        self,
        pool: VerifierPool,
        policy: tuple[str, ...],
        format_problem: Callable[[str], str] | None = None,
        verifiers: Mapping[str, Verifier] = VERIFIERS,
        code: CodeVerifier | None = None,
    ) -> None:
        """Judge by `verifiers`, in `pool` where it takes more than a comparison.

        Args:
            pool: Where the slow verdicts are made.
            policy: Where the answer is looked for: keys into `extract.EXTRACTORS`.
            format_problem: Says what is wrong with a completion's format; any problem makes it 0.0, so that a broken
                format never pays. None: the format does not matter.
            verifiers: `Problem.verifier` to function.
            code: Judges problems whose verifier is "code"; None where there are none.
        """
        self._pool = pool
        self._policy = policy
        self._format_problem = format_problem
        self._verifiers = verifiers
        self._code = code

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order; the slow ones are made by all workers at once.

        Raises:
            DataError: a problem names an unknown verifier, or lacks what its verifier needs.
        """
        scores: dict[int, Score] = {}
        jobs: dict[int, Job] = {}
        programs: dict[int, CodeJob] = {}
        for index, rollout in enumerate(rollouts):
            match self._judge_cheaply(rollout):
                case Score() as score:
                    scores[index] = score
                case CodeJob() as program:
                    programs[index] = program
                case Job() as job:
                    jobs[index] = job
        batch = self._pool.submit(list(jobs.values()))  # runs while the programs do
        if self._code is not None:
            scores.update(zip(programs, self._code.verify_many(list(programs.values())), strict=True))
        for index, score in zip(jobs, batch.result(), strict=True):
            scores[index] = _with_parsed(score, jobs[index].answer)
        return [scores[index] for index in range(len(rollouts))]

    def _judge_cheaply(self, rollout: Rollout) -> Score | Job | CodeJob:
        problem, text = rollout.problem, rollout.completion.text
        self._check_verifier(problem)
        broken = self._format_problem(text) if self._format_problem else ""
        if problem.verifier == CODE:
            return Score(value=0.0, reason=f"format: {broken}") if broken else code_job(problem, text)
        answer = extract_answer(text, OWN_POLICIES.get(problem.verifier, self._policy))
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

    def _check_verifier(self, problem: Problem) -> None:
        name = problem.verifier
        if name == CODE and self._code is None:
            raise DataError(f"problem {problem.id!r}: verifier 'code' needs a sandbox, and this reward was given none")
        if name != CODE and name not in self._verifiers:
            known = [*self._verifiers, CODE]
            raise DataError(f"problem {problem.id!r}: unknown verifier {name!r}; {suggest(name, known)}")


def code_job(problem: Problem, completion: str) -> CodeJob:
    """A completion to a problem with `info = {"language": ..., "tests": [...]}`, as `r1kit verify code` takes it.

    `info` may have `time_limit_s` and `prelude` too.

    Raises:
        DataError: `info` has no tests.
    """
    if not problem.info.get("tests"):
        raise DataError(f"problem {problem.id!r}: verifier 'code' needs info['tests']; info has {sorted(problem.info)}")
    return CodeJob(
        completion=completion,
        language=problem.info.get("language"),
        tests=problem.info["tests"],
        time_limit_s=problem.info.get("time_limit_s", TIME_LIMIT_S),
        prelude=problem.info.get("prelude", ""),
    )


def _with_parsed(score: Score, answer: str) -> Score:
    return score if score.parsed is not None else replace(score, parsed=answer)

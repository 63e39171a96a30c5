"""Candidates: samples on their way to becoming examples, rewritten into the readable format and judged in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from r1kit.rewards.base import Reward
from r1kit.rewards.extract import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN
from r1kit.rewards.readability import is_general, readable_parts, response_parts
from r1kit.sft.data import Example
from r1kit.types import Problem, Rollout, Score, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An example that has yet to pass the filters."""

    example: Example
    problem: Problem
    score: Score | None = None
    """The verdict on the example's response; None where nothing was judged."""
    is_truncated: bool = False
    """The model did not come to an end."""
    broken: str = ""
    """Why what the model wrote could not be rewritten, in a few words; empty if it could."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A completion in the readable format."""

    response: str
    """As it would be trained on; the completion's text where it could not be rewritten."""
    broken: str = ""
    """Why it could not be rewritten, in a few words; empty if it could."""


TAGS = (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)
"""Of Table 1's format: a base that has seen it writes them where they have no business."""


def layout_problem(response: str, problem: Problem) -> str:
    """Why a response has not the readable format, in a few words; general prompts need no reasoning."""
    tag = next((tag for tag in TAGS if tag in response), None)
    cut = response_parts if is_general(problem) else readable_parts
    return f"{tag} in the response" if tag else cut(response).problem


def make_candidates(
    rollouts_B: Sequence[Rollout],
    rewrite: Callable[[Rollout], Rewritten],
    reward: Reward,
    *,
    source: str,
) -> list[Candidate]:
    """One candidate a rollout, in order: rewritten, and judged as it would be trained on.

    Only what is whole and in the format is judged, since anything else is dropped whatever its answer.

    Args:
        rollouts_B: Problem-major; the number of a problem's sample becomes part of its id.
        rewrite: Puts a completion into the readable format.
        reward: Judges completions of the template `readable`.
        source: Of the examples.
    """
    candidates: list[Candidate] = []
    num_seen: dict[str, int] = {}
    for rollout in rollouts_B:
        number = num_seen.get(rollout.problem.id, 0)
        num_seen[rollout.problem.id] = number + 1
        candidates.append(_unjudged(rollout, rewrite(rollout), source, number))
    judged = [i for i, candidate in enumerate(candidates) if _worth_judging(candidate)]
    scores = reward.score([_as_trained_on(rollouts_B[i], candidates[i]) for i in judged])
    for i, score in zip(judged, scores, strict=True):
        candidates[i] = _with_score(candidates[i], score)
    return candidates


def _unjudged(rollout: Rollout, rewritten: Rewritten, source: str, number: int) -> Candidate:
    problem, completion = rollout.problem, rollout.completion
    example = Example(
        id=f"{problem.id}:{source}:{number}",
        prompt=problem.prompt,
        response=rewritten.response,
        task=problem.task,
        language=problem.language,
        source=source,
        info={"problem": problem.id, "policy_version": completion.policy_version},
    )
    return Candidate(
        example=example,
        problem=problem,
        is_truncated=completion.stop_reason is StopReason.LENGTH,
        broken=rewritten.broken,
    )


def _worth_judging(candidate: Candidate) -> bool:
    has_layout = not candidate.broken and not layout_problem(candidate.example.response, candidate.problem)
    return has_layout and not candidate.is_truncated


def _as_trained_on(rollout: Rollout, candidate: Candidate) -> Rollout:
    """The rollout with the response's text; its tokens stay those that were sampled, which rules do not read."""
    return replace(rollout, completion=replace(rollout.completion, text=candidate.example.response))


def _with_score(candidate: Candidate, score: Score) -> Candidate:
    info = {**candidate.example.info, "verdict": score.reason, "value": score.value, "parsed": score.parsed}
    return replace(candidate, example=replace(candidate.example, info=info), score=score)

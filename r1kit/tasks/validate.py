"""A self-test of problems, before anything is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from r1kit.types import Problem, Score


def validate_problems(problems: Sequence[Problem], verify_gold: Callable[[Problem], Score]) -> list[str]:
    """What is wrong with the problems, a line each; empty if nothing is.

    Args:
        problems: Of one split, or of both to see that their ids differ.
        verify_gold: Judges a problem's own gold answer as if a completion had given it; 1.0 is expected.
    """
    faults: list[str] = []
    for problem_id, count in Counter(problem.id for problem in problems).items():
        if count > 1:
            faults.append(f"{problem_id!r}: {count} problems have this id")
    for problem in problems:
        if not problem.prompt.strip():
            faults.append(f"{problem.id!r}: the prompt is empty")
        if not problem.answer.strip():
            faults.append(f"{problem.id!r}: the gold answer is empty")
            continue
        score = verify_gold(problem)
        if score.value != 1.0:
            faults.append(f"{problem.id!r}: its gold answer {problem.answer!r} is not accepted: {score.reason}")
    return faults

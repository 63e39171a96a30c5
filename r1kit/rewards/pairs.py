"""Judging pairs of texts from a file, where nothing is known of the form that either has (`r1kit verify math`)."""

from __future__ import annotations

from dataclasses import replace

from r1kit.rewards.extract import find_answer
from r1kit.rewards.math import verify_math, verify_math_fast, verify_math_solution
from r1kit.rewards.math.policy import MathPolicy
from r1kit.types import Problem, Score


def judge_math_pair(problem: Problem, text: str) -> Score:
    """`verify_math_solution` on a problem whose `info["math_policy"]` may name switches; belongs in a worker.

    Raises:
        ConfigError: an unknown switch or value.
    """
    return verify_math_solution(gold=problem.answer, solution=text, policy=_policy(problem))


def decide_math_pair(problem: Problem, text: str) -> Score | None:
    """The same verdict where it needs no computer algebra; None where it does. Safe and fast for any text."""
    answer = find_answer(text)
    if answer is None:
        return Score(value=0.0, reason="no answer found")
    gold = find_answer(problem.answer) or problem.answer
    score = verify_math_fast(gold=gold, answer=answer, policy=_policy(problem))
    return score and replace(score, parsed=answer if score.parsed is None else score.parsed)


def warm_up() -> None:
    """Judge once what makes a computer algebra system read its grammars, so that no job's clock runs for it."""
    for gold, answer in (("7", r"\frac{7}{0}"), (r"\text{no solution}", r"\text{no solution, or } 3")):
        verify_math(gold=gold, answer=answer)


def _policy(problem: Problem) -> MathPolicy:
    """Of a sentence the last expression counts, unless the switches say otherwise."""
    return MathPolicy.from_mapping({"prose": "last", **problem.info.get("math_policy", {})})

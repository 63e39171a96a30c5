"""The graders that `verifiers.py` compares, each as a verifier that a killable worker can import.

What others publish is said here in our own words, with the version it was read from, so that the benchmark needs
their dependency (math-verify) and not them. A grader that raises is one that could not judge. math-verify's own time
limits, alarms by the wall clock that a busy machine sets off, are off for all: the pool's limit stands for them.

Many rows are bare answers, and the others were made for completions. Each gets the form in which it does best: a bare
answer is put between dollars, and for the rewards of whole completions into a sentence that they look for (on the
`answer` rows TRL's is right on 234 of 262 that way, on 217 with a box, on 110 with dollars alone).
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify

from r1kit.rewards.accuracy import judge_math
from r1kit.rewards.extract import BOXED_POLICY, extract_answer, think_answer_problem
from r1kit.rewards.pairs import judge_math_pair
from r1kit.types import Problem, Score

_ANCHORS = ("$", "\\(", "\\[", "\\boxed")

Judge = Callable[[Problem, str], Score]


def _timed(judge: Judge) -> Judge:
    """Add what the verdict cost, in seconds of this process's CPU, so that a busy machine does not count."""

    @functools.wraps(judge)
    def timed(problem: Problem, text: str) -> Score:
        started = time.process_time()
        score = judge(problem, text)
        return replace(score, parts={"cpu_s": time.process_time() - started})

    return timed


@_timed
def judge_ours(problem: Problem, text: str) -> Score:
    """r1kit, as `r1kit verify math` judges; a row that names a convention gets the switch for it.

    A line of the corpus is a completion of the boxed template, and is judged as in training.
    """
    if problem.task == "corpus":
        answer = extract_answer(text, BOXED_POLICY)
        return Score(value=0.0, reason="no answer found") if answer is None else judge_math(problem, answer)
    config = problem.info["config"]
    policy = {switch: convert(config[name]) for name, (switch, convert) in _SWITCHES.items() if name in config}
    return judge_math_pair(replace(problem, info={"math_policy": policy}), text)


_SWITCHES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "precision": ("decimals", int),
    "allow_set_relation_comp": ("relation_for_interval", bool),
    "strict": ("any_variable", lambda strict: not strict),
}
"""A row's convention, by math-verify's name of it, to the switch of MathPolicy."""


@_timed
def judge_math_verify(problem: Problem, text: str) -> Score:
    """math-verify 0.9.0 with its defaults, `verify(parse(gold), parse(text))`, and the row's convention."""
    config = dict(problem.info["config"])
    if "precision" in config:
        config["float_rounding"] = config.pop("precision")
    gold = parse(_as_latex(problem.answer), parsing_timeout=None)
    found = parse(_as_latex(text), parsing_timeout=None)
    return _verdict(bool(gold), lambda: verify(gold, found, timeout_seconds=None, **config))


@_timed
def judge_trl(problem: Problem, text: str) -> Score:
    """TRL 1.16.0, `trl.rewards.accuracy_reward`."""
    gold = parse(_as_latex(problem.answer), parsing_timeout=None)
    units_only = NormalizationConfig(units=True)  # pyright: ignore[reportCallIssue]
    found = _parse_boxed_first(_as_completion(problem, text), units_only)
    return _verdict(bool(gold), lambda: verify(gold, found, timeout_seconds=None))


@_timed
def judge_open_r1(problem: Problem, text: str) -> Score:
    """open-r1 at 1416fa0 (2 April 2026), `accuracy_reward` of `src/open_r1/rewards.py`."""
    gold = parse(_as_latex(problem.answer), extraction_mode="first_match", parsing_timeout=None)
    strict_latex = NormalizationConfig(
        basic_latex=True, units=True, malformed_operators=False, nits=False, boxed="all", equations=True
    )
    found = _parse_boxed_first(_as_completion(problem, text), strict_latex)
    return _verdict(bool(gold), lambda: verify(gold, found, timeout_seconds=None))


JUDGES: dict[str, Judge] = {
    "r1kit": judge_ours,
    "math-verify": judge_math_verify,
    "TRL": judge_trl,
    "open-r1": judge_open_r1,
}
"""Column of the table to grader; all are compared on the same rows, in the same processes."""


def trl_format(text: str) -> bool:
    """TRL 1.16.0, `think_format_reward`: starts with <think>, which is closed, and no second <think> follows."""
    return re.match(r"^<think>(?!.*<think>).*?</think>.*$", text, re.DOTALL | re.MULTILINE) is not None


def open_r1_format(text: str) -> bool:
    """open-r1 at 1416fa0, `format_reward`: both blocks in order, each tag on a line of its own."""
    blocks = r"\n.*?\n".join(("^<think>", "</think>\n<answer>", "</answer>$"))
    return re.match(blocks, text, re.DOTALL | re.MULTILINE) is not None


FORMATS: dict[str, Callable[[str], bool]] = {
    "r1kit": lambda text: not think_answer_problem(text),
    "TRL": trl_format,
    "open-r1": open_r1_format,
}
"""Column to whether a completion has the format."""


def _as_latex(text: str) -> str:
    return text if any(anchor in text for anchor in _ANCHORS) else f"${text}$"


def _as_completion(problem: Problem, text: str) -> str:
    """What a reward for whole completions is given."""
    if problem.info["kind"] == "extraction":
        return text
    return f"The final answer is {_as_latex(text)}. I hope it is correct."


def _parse_boxed_first(text: str, normalization: NormalizationConfig) -> list[Any]:
    config = LatexExtractionConfig(
        normalization_config=normalization, boxed_match_priority=0, try_extract_without_anchor=False
    )
    return parse(text, extraction_config=[config], extraction_mode="first_match", parsing_timeout=None)


def _verdict(has_gold: bool, is_right: Callable[[], bool]) -> Score:
    if not has_gold:
        return Score(value=None, reason="gold cannot be parsed")
    return Score(value=float(is_right()), reason="")

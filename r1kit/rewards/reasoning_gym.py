"""The scorers of the package reasoning-gym (Stojanovski et al., arXiv:2505.24760), made safe to give model text to.

Each generator of the package scores answers to its own problems, 0 to 1; the value is kept, so some give 0.01 to any
answer and some 0.5 to half a solution. Four things are ours:

  * Ten scorers hand the answer to Python's `eval`, or to sympy's parser, which does. Those get only answers made of
    the signs that a solution needs (REFUSALS); any other answer is wrong unread. So no attribute of an answer is ever
    evaluated, nor a call but of sin, exp and their like. Not covered: the time that sympy takes; the pool ends it.
  * Three scorers pay for what is no solution: that of puzzle24 looks at the range of the numbers and not at the numbers
    given, that of game_of_life_halting at whether the answer is empty, and that of propositional_logic takes a premise
    for a conclusion. Their answers are compared by us first.
  * The scorers that most generators share pay len(gold) / len(answer) for an answer that contains the gold answer. Not
    where that is a whole number inside another (5 in 15), nor for "yes and no".
  * An answer that a scorer raises an error on is wrong if the same scorer reads the gold answer: a policy must not
    leave the mean by crashing its judge. If the gold answer fails too, the error goes on, and the verdict is None.

Soft by the package's design, and left so: the same answer to every problem earns 0.9 on average of coin_flip ("0") and
game_of_life (an empty grid), about 0.5 of polynomial_equations ("0") and time_intervals. Train on others.

A problem carries its generator's name and parameters and the entry that the scorer needs, in `Problem.info`.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from types import ModuleType
from typing import Any

from r1kit.errors import DataError, MissingExtra
from r1kit.rewards.countdown import verify_countdown
from r1kit.rewards.math import verify_math_fast
from r1kit.types import Problem, Score

MAX_ANSWER_CHARS = 20_000
"""A longer answer is wrong unread; the largest grid of the package takes 2,000."""

_UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, SyntaxError, TypeError, ValueError)
"""How scorers fail on an answer of a form that they did not expect."""
_MARKS = frozenset(("tuple", "dict", "fraction"))
"""Keys of the objects that `to_json` writes for what JSON lacks."""
_ROUNDING = 1e-9
"""The scorer of spell_backward adds up shares and comes to 1.0000000000000002."""
_OPPOSITES = {"true": "false", "false": "true", "yes": "no", "no": "yes"}
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")
_FUNCTIONS = frozenset(
    (
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "sin",
        "cos",
        "tan",
        "sec",
        "csc",
        "cot",
        "exp",
        "log",
        "ln",
        "sqrt",
    )
)
_FORMULA = re.compile(r"[A-Za-z0-9\s()+*/^-]*(?:\d\.\d[A-Za-z0-9\s()+*/^-]*)*")


def judge_reasoning_gym(problem: Problem, answer: str) -> Score:
    """Score an answer by its generator's own scorer, `score_answer(answer, entry)`.

    The problem has `info = {"generator": name, "parameters": {...}, "entry": to_json(entry)}`. Runs in a worker: some
    scorers take seconds.

    Raises:
        DataError: `info` lacks one of them, or the scorer cannot read the problem's own gold answer.
        MissingExtra: reasoning-gym is not installed.
    """
    quick = decide_reasoning_gym(problem, answer)
    if quick is not None:
        return quick
    name, entry = problem.info["generator"], from_json(problem.info["entry"])
    if len(answer) > MAX_ANSWER_CHARS:
        return Score(value=0.0, reason=f"answer is longer than {MAX_ANSWER_CHARS} characters")
    refusal = REFUSALS[name](answer, entry) if name in REFUSALS else ""
    if refusal:
        return Score(value=0.0, reason=refusal)
    dataset = _dataset(name, json.dumps(problem.info["parameters"], sort_keys=True))
    try:
        value = float(dataset.score_answer(answer.strip(), entry))
    except _UNREADABLE as error:
        try:
            dataset.score_answer(entry["answer"] or "", entry)
        except _UNREADABLE:
            raise DataError(f"problem {problem.id!r}: the scorer of {name} cannot read its gold answer") from error
        return Score(value=0.0, reason=f"the scorer of {name} cannot read the answer ({type(error).__name__})")
    if not 0.0 <= value <= 1.0 + _ROUNDING:
        raise DataError(f"problem {problem.id!r}: the scorer of {name} gave {value}; it must be from 0 to 1")
    if _is_share_for_a_hedge(value, entry["answer"], answer.strip()):
        return Score(value=0.0, reason=f"wrong: not {entry['answer']}")
    value = 1.0 if value > 1.0 - _ROUNDING else value
    return Score(value=value, reason="correct" if value == 1.0 else f"{value:g} from the scorer of {name}")


def decide_reasoning_gym(problem: Problem, answer: str) -> Score | None:
    """The verdict on an answer that is the gold answer, or the same whole number; None where the scorer has to say.

    Raises:
        DataError: `info` lacks what `judge_reasoning_gym` needs.
    """
    for key in ("generator", "parameters", "entry"):
        if key not in problem.info:
            raise DataError(f"problem {problem.id!r}: verifier 'reasoning_gym' needs info[{key!r}]")
    gold = problem.info["entry"]["answer"]
    if not isinstance(gold, str) or not gold.strip():
        return None
    if answer.strip() == gold.strip():
        return Score(value=1.0, reason="correct", parsed=answer.strip())
    if _INTEGER.fullmatch(gold):
        score = verify_math_fast(gold=gold, answer=answer)
        if score is not None and score.value == 1.0:
            return score
    return None


def to_json(value: Any) -> Any:
    """An entry as JSON from which `from_json` makes it again, with its tuples, fractions and keys that are no strings.

    Raises:
        TypeError: the entry holds something else.
    """
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, Fraction):
        return {"fraction": str(value)}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [to_json(item) for item in value]}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value) and not value.keys() & _MARKS:
            return {str(key): to_json(item) for key, item in value.items()}
        return {"dict": [[to_json(key), to_json(item)] for key, item in value.items()]}
    raise TypeError(f"a value of type {type(value).__name__}")


def from_json(value: Any) -> Any:
    """The inverse of `to_json`."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "tuple" in value:
        return tuple(from_json(item) for item in value["tuple"])
    if "fraction" in value:
        return Fraction(value["fraction"])
    if "dict" in value:
        return {from_json(key): from_json(item) for key, item in value["dict"]}
    return {key: from_json(item) for key, item in value.items()}


def import_reasoning_gym() -> ModuleType:
    """The package. Raises MissingExtra if it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # one of its dependencies leaves a file open
            import reasoning_gym  # pyright: ignore[reportMissingImports]
            import reasoning_gym.factory  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("reasoning-gym", "reasoning-gym", "the task 'reasoning_gym'") from None
    return reasoning_gym


@lru_cache(maxsize=16)
def _dataset(name: str, parameters: str) -> Any:
    return import_reasoning_gym().create_dataset(name, seed=0, size=1, **json.loads(parameters))


def _is_share_for_a_hedge(value: float, gold: str | None, answer: str) -> bool:
    """Whether len(gold) / len(answer) was earned by the digits of another number, or by "yes" beside "no"."""
    if gold is None or not 0.0 < value < 1.0:
        return False
    lengths = {len(answer), len(answer.replace(",", ""))}
    if not any(math.isclose(value, len(gold) / length) for length in lengths if length):
        return False
    if _INTEGER.fullmatch(gold):
        return re.search(rf"(?<![\w.-]){re.escape(gold)}(?!\w|\.\d)", answer) is None
    opposite = _OPPOSITES.get(gold.casefold())
    return opposite is not None and opposite in answer.casefold()


def _only(allowed: str) -> Callable[[str, dict[str, Any]], str]:
    """A refusal of answers with any sign outside a regular expression's character class."""
    pattern = re.compile(f"[{allowed}]*")

    def refuse(answer: str, entry: dict[str, Any]) -> str:
        return "" if pattern.fullmatch(answer) else "has signs that no solution has"

    return refuse


def _refuse_formula(answer: str, entry: dict[str, Any]) -> str:
    """Numbers, one-letter names, elementary functions and + - * / ^: no attribute, string, call of anything else."""
    if not _FORMULA.fullmatch(answer):
        return "has signs that no solution has"
    words = re.findall(r"[A-Za-z]+", answer)
    unknown = next((word for word in words if len(word) > 1 and word not in _FUNCTIONS), None)
    return f"has the name {unknown!r}, which no solution has" if unknown else ""


def _refuse_arithmetic(answer: str, entry: dict[str, Any]) -> str:
    if not re.fullmatch(r"[\d\s()+*/-]*", answer):
        return "has signs that no solution has"
    return "has ** or //, which no solution has" if "**" in answer or "//" in answer else ""


def _refuse_puzzle24(answer: str, entry: dict[str, Any]) -> str:
    score = verify_countdown(numbers=entry["metadata"]["numbers"], target=24, answer=answer)
    return "" if score.value == 1.0 else score.reason


def _refuse_premise(answer: str, entry: dict[str, Any]) -> str:
    """Not covered: a premise in other words, and what follows from one premise alone."""
    if not re.fullmatch(r"[A-Z\s()¬∧∨→↔]*", answer):
        return "has signs that no solution has"
    metadata = entry["metadata"]
    premises = {re.sub(r"[\s()]", "", premise) for premise in metadata["premises"]}
    said = re.sub(r"[\s()]", "", answer)
    if said in premises and said != re.sub(r"[\s()]", "", metadata["example_answer"]):
        return "repeats a premise"
    return ""


def _refuse_other_text(answer: str, entry: dict[str, Any]) -> str:
    return "" if answer.strip().casefold() == entry["answer"].casefold() else f"wrong: not {entry['answer']}"


REFUSALS: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "binary_matrix": _only(r"\d\s,\[\]-"),
    "countdown": _refuse_arithmetic,
    "game_of_life_halting": _refuse_other_text,
    "intermediate_integration": _refuse_formula,
    "n_queens": _only(r"Q_\s,\[\]'\""),
    "polynomial_multiplication": _refuse_formula,
    "propositional_logic": _refuse_premise,
    "puzzle24": _refuse_puzzle24,
    "simple_integration": _refuse_formula,
    "spiral_matrix": _only(r"\d\s,\[\]-"),
    "string_insertion": _only(r"A-Z\s,\[\]'\""),
}
"""Generator to what says, of (answer, entry), why the scorer is not asked; empty if it is."""

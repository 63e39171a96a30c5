"""Whether what a program printed, or what a call returned, is what was expected. All of it runs outside the box.

What comes out of a box is bytes and JSON: no object of the answer's making, with an `__eq__` of its own, gets here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHORT = 80
"""How much of an input, an output or an expected value a reason quotes, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How strict to be. The default is strict about everything but white space at the end of a line and of all."""

    abs_tol: float = 0.0
    rel_tol: float = 0.0
    """A number may be off by `max(abs_tol, rel_tol * |expected|)`; 0 for both: not at all. Two integers are always
    compared exactly."""
    unordered: bool = False
    """The lines of a program's output, or the items of a returned list, may come in any order."""
    int_is_float: bool = False
    """A call may return 3.0 or True where 3 is expected, as Python's == has it. The other way round, an integer for
    an expected 3.0, is always right: LeetCode's functions that return a double may."""


EXACT = Comparison()


def output_problem(got: str, expected: str, comparison: Comparison = EXACT) -> str | None:
    """What is wrong with a program's output, in a few words; None if it is right.

    Line by line: as many of them, the same characters in each. White space at the end of a line, and empty lines at
    the end, do not count; white space at its start does, and so do empty lines between.
    """
    got_lines, expected_lines = _lines(got), _lines(expected)
    if comparison.unordered:
        got_lines, expected_lines = sorted(got_lines), sorted(expected_lines)
    for number, (got_line, expected_line) in enumerate(zip(got_lines, expected_lines, strict=False), start=1):
        if not _same_line(got_line, expected_line, comparison):
            where = "" if len(expected_lines) == len(got_lines) == 1 else f"line {number}: "
            return f"{where}got {short(repr(got_line))}, expected {short(repr(expected_line))}"
    if len(got_lines) != len(expected_lines):
        return f"got {_count(len(got_lines), 'line')}, expected {_count(len(expected_lines), 'line')}"
    return None


def result_problem(result: bytes, expected: Any, comparison: Comparison = EXACT) -> str | None:
    """What is wrong with what a call returned, in a few words; None if it is right.

    Args:
        result: The JSON that the box wrote; it may be anything.
        expected: A JSON value; a tuple in it counts as a list.
        comparison: How strict to be.
    """
    try:
        got = json.loads(result)
        same = _same_items(got, expected, comparison) if comparison.unordered else same_value(got, expected, comparison)
    except (ValueError, RecursionError) as error:  # not JSON, an integer of 5000 digits, nested 100 000 deep
        return f"the result cannot be read: {type(error).__name__}"
    return None if same else f"got {short(_json(got))}, expected {short(_json(expected))}"


def same_value(got: Any, expected: Any, comparison: Comparison = EXACT) -> bool:
    """Whether two JSON values are the same: the same types all the way down, but see `Comparison.int_is_float`.

    NaN is the same as nothing. Recursive: raises RecursionError for values nested some hundred deep.
    """
    if isinstance(expected, list | tuple):
        return (
            isinstance(got, list)
            and len(got) == len(expected)
            and all(same_value(ours, gold, comparison) for ours, gold in zip(got, expected, strict=True))
        )
    if isinstance(expected, Mapping):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(same_value(got[key], gold, comparison) for key, gold in expected.items())
        )
    if isinstance(expected, int | float):
        return isinstance(got, int | float) and _same_number(got, expected, comparison)
    return type(got) is type(expected) and got == expected


def short(text: str, limit: int = SHORT) -> str:
    """The text on one line, cut in its middle to `limit` characters."""
    text = text.replace("\n", "\\n").encode("utf-8", "backslashreplace").decode()
    if len(text) <= limit:
        return text
    tail = limit // 4
    return f"{text[: limit - tail - 5]} ... {text[-tail:]}"


def _same_number(got: float, expected: float, comparison: Comparison) -> bool:
    if not comparison.int_is_float:
        if isinstance(got, bool) or isinstance(expected, bool):
            return got is expected
        if isinstance(expected, int) and isinstance(got, float):
            return False
    if got == expected:
        return True
    if isinstance(got, int) and isinstance(expected, int):
        return False
    return _is_near(got, expected, comparison)


def _is_near(got: float, expected: float, comparison: Comparison) -> bool:
    if not comparison.abs_tol and not comparison.rel_tol:
        return False
    try:
        got, expected = float(got), float(expected)
    except OverflowError:
        return False
    if not (math.isfinite(got) and math.isfinite(expected)):
        return False
    return abs(got - expected) <= max(comparison.abs_tol, comparison.rel_tol * abs(expected))


def _same_items(got: Any, expected: Any, comparison: Comparison) -> bool:
    """As `same_value`, the items of the outer list in any order (put in order by their JSON)."""
    if isinstance(got, list) and isinstance(expected, list | tuple):
        return same_value(sorted(got, key=_json), sorted(expected, key=_json), comparison)
    return same_value(got, expected, comparison)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _lines(text: str) -> list[str]:
    text = text.rstrip()
    return [line.rstrip() for line in text.split("\n")] if text else []


_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def _same_line(got: str, expected: str, comparison: Comparison) -> bool:
    if got == expected:
        return True
    if not comparison.abs_tol and not comparison.rel_tol:
        return False
    got_words, expected_words = got.split(), expected.split()
    return len(got_words) == len(expected_words) and all(
        _same_word(ours, gold, comparison) for ours, gold in zip(got_words, expected_words, strict=True)
    )


def _same_word(got: str, expected: str, comparison: Comparison) -> bool:
    if got == expected:
        return True
    if _INTEGER.fullmatch(got) and _INTEGER.fullmatch(expected):
        return False
    if not _NUMBER.fullmatch(got) or not _NUMBER.fullmatch(expected):
        return False
    return _is_near(float(got), float(expected), comparison)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def call_text(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """A call as a reason quotes it."""
    words = [_json(value) for value in args] + [f"{key}={_json(value)}" for key, value in kwargs.items()]
    return short(f"{name}({', '.join(words)})")

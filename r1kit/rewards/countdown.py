"""Is a countdown answer right: an expression that uses each number exactly once and equals the target?"""

from __future__ import annotations

import ast
import operator
import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

from r1kit.types import Score

MAX_EXPRESSION_CHARS = 200
"""A longer answer is wrong unread; it bounds the nesting and the size of the fractions."""

_SYMBOLS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "[": "(", "]": ")"})
_LATEX = (("\\times", "*"), ("\\cdot", "*"), ("\\div", "/"), ("\\left", ""), ("\\right", ""), ("$", ""))
_ALLOWED = re.compile(r"[0-9+\-*/() ]+")
_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _NotAnExpression(Exception):
    """The answer is not made of whole numbers, + - * / and parentheses."""


def verify_countdown(*, numbers: Sequence[int], target: int, answer: str) -> Score:
    """Judge an arithmetic expression, exactly and without running it as code; safe and fast for any text.

    Args:
        numbers: What the expression must use, each as often as it is listed here.
        target: What it must equal.
        answer: Whole numbers, parentheses and + - * / (or × · ÷ −). An "= value" at the end is allowed if true.

    Returns:
        1.0 or 0.0, never None.
    """
    expression, equals, claimed = answer.strip().translate(_SYMBOLS).partition("=")
    if len(answer) > MAX_EXPRESSION_CHARS:
        return Score(value=0.0, reason=f"answer is longer than {MAX_EXPRESSION_CHARS} characters")
    try:
        used, value = _evaluate(expression)
        claimed_value = _evaluate(claimed)[1] if equals else value
    except _NotAnExpression:
        return Score(value=0.0, reason="not an expression", parsed=answer)
    except ZeroDivisionError:
        return Score(value=0.0, reason="divides by zero", parsed=answer)
    problem = _misuse(used, numbers)
    if not problem and claimed_value != value:
        problem = f"equals {value}, not {claimed_value} as it says"
    if not problem and value != target:
        problem = f"equals {value}, not {target}"
    return Score(value=0.0 if problem else 1.0, reason=problem or "correct", parsed=expression.strip())


def _misuse(used: Sequence[int], numbers: Sequence[int]) -> str:
    times_used, times_given = Counter(used), Counter(numbers)
    for number in times_used:
        if number not in times_given:
            return f"uses {number}, which is not given"
        if times_used[number] > times_given[number]:
            return f"uses {number} {_times(times_used[number])}"
    for number in times_given:
        if number not in times_used:
            return f"does not use {number}"
        if times_used[number] < times_given[number]:
            return f"uses {number} {_times(times_used[number])}, not {_times(times_given[number])}"
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _evaluate(text: str) -> tuple[list[int], Fraction]:
    """The numbers that an expression uses, in order, and its exact value."""
    for latex, symbol in _LATEX:
        text = text.replace(latex, symbol)
    text = text.strip()
    if not _ALLOWED.fullmatch(text):
        raise _NotAnExpression
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, RecursionError, MemoryError):  # the parser reports deep nesting in any of these ways
        raise _NotAnExpression from None
    used: list[int] = []
    return used, _value(tree.body, used)


def _value(node: ast.expr, used: list[int]) -> Fraction:
    match node:
        case ast.Constant(value=int(number)):
            used.append(number)
            return Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, used)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, used)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            return _OPERATIONS[type(op)](_value(left, used), _value(right, used))
    raise _NotAnExpression  # a power, a floor division, a call: the characters allow them, the rules do not

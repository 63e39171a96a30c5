"""Numbers as people write them, read exactly and with nothing imported."""

from __future__ import annotations

import re
from fractions import Fraction

from r1kit.rewards.math.text import MAX_ANSWER_CHARS

_BARE_DIGITS = r"\d+"
_GROUPED_DIGITS = r"[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+)"
_UNSIGNED = rf"(?:(?:{_GROUPED_DIGITS}|{_BARE_DIGITS})(?:\.\d*)?|\.\d+)"
_PERCENT = re.compile(r"\s*(?:\\?%|\bpercent)$", re.IGNORECASE)
_DECIMAL = re.compile(rf"([+-]?)\s?({_UNSIGNED})")
_RATIO = re.compile(rf"([+-]?)\s?({_UNSIGNED})\s*/\s*(-?{_UNSIGNED})")
_FRAC = re.compile(r"([+-]?)\s?(\d+ ?)?\\frac\s*(?:\{\s*(-?\d+)\s*\}\s*\{\s*(-?\d+)\s*\}|(\d)\s*(\d))")
_MIXED = re.compile(r"([+-]?)\s?(\d+) +(\d+)/(\d+)")


def exact_number(text: str) -> Fraction | None:
    r"""A number written as an integer, a decimal, `a/b`, `\frac{a}{b}`, a mixed number, or any of them in percent.

    Thousands may be grouped by commas or single spaces. None for anything else, and for a zero denominator.

    >>> exact_number("1,234.5"), exact_number("50%")
    (Fraction(2469, 2), Fraction(1, 2))
    """
    text = text.strip()
    if len(text) > MAX_ANSWER_CHARS or not text.isascii():
        return None
    body = _PERCENT.sub("", text)
    scale = Fraction(1) if body == text else Fraction(1, 100)
    try:
        value = _signed(body)
    except ZeroDivisionError:
        return None
    return None if value is None else value * scale


def _signed(body: str) -> Fraction | None:
    if match := _DECIMAL.fullmatch(body):
        value = _decimal(match[2])
    elif match := _RATIO.fullmatch(body):
        value = _decimal(match[2]) / _decimal(match[3])
    elif match := _FRAC.fullmatch(body):
        value = Fraction(int(match[3] or match[5]), int(match[4] or match[6])) + int(match[2] or 0)
    elif match := _MIXED.fullmatch(body):
        value = Fraction(int(match[3]), int(match[4])) + int(match[2])
    else:
        return None
    return -value if match[1] == "-" else value


def _decimal(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").replace(" ", "").removesuffix("."))

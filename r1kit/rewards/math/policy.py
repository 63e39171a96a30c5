r"""What counts as the same mathematical answer where sources disagree: each convention is one switch, with one default.

Sources contradict each other (is 10% the same as 10, or as 0.1? is the order of a list part of the answer?), so the
default of each switch is the reading that a teacher would take from the question's words, and a data set that
means another one says so, e.g. in a problem's `info["math_policy"]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, Self, get_args, get_type_hints

from r1kit.errors import ConfigError, suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class MathPolicy:
    """The switches of `verify_math`; the defaults suit MATH, AIME, GSM8K and olympiad answers."""

    percent: Literal["either", "fraction", "number"] = "either"
    """What `50%` equals: 1/2 ("fraction"), 50 ("number"), or whichever of them the other side says ("either")."""
    unreduced: bool = True
    r"""`2/4` answers `1/2`. Off: a fraction of integers must be in lowest terms where the gold answer is."""
    list_order: Literal["any", "fixed"] = "any"
    """Whether `2, 1` answers `1, 2`. The order of a tuple always counts."""
    set_order: Literal["any", "fixed"] = "any"
    r"""The same for `\{2, 1\}`."""
    relation_for_interval: bool = True
    """`x < 2` answers `(-oo, 2)`. Off: only an interval answers an interval; the other way round is always allowed."""
    units: Literal["convert", "ignore", "require"] = "convert"
    """Known units on both sides must agree after conversion ("convert"), are never looked at ("ignore"), or must be
    there where the gold answer has one ("require")."""
    degrees: Literal["ignore", "radians"] = "ignore"
    r"""`60^\circ` is 60 ("ignore"), or pi/3 ("radians")."""
    assignment: bool = True
    """`x = 3` answers `3`, and `3` answers `x = 3`."""
    thousands: bool = True
    """`1,234` and `1 234` are one number. Off: a comma always separates."""
    decimal_comma: bool = True
    """`1,5` may be read as 1.5, where it is not grouped in threes."""
    chinese: bool = True
    """Chinese numerals, multipliers (`3.2` and a sign for ten thousand) and units are read."""
    prose: Literal["single", "last"] = "single"
    """Where an answer is a sentence: the one expression in it; where there are several: none ("single"), or the last
    ("last", for solutions written without a marked answer)."""
    any_variable: bool = False
    """`f(y)` answers `f(x)`."""
    decimals: int = 6
    """A decimal answers an exact value from which it differs by at most half a unit in this decimal place."""
    rel_tol: float = 0.0
    """Relative tolerance for numbers that are not both exact integers."""
    abs_tol: float = 0.0
    """Absolute tolerance, likewise."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """A policy from plain JSON values, e.g. {"percent": "fraction"}; what is not named keeps its default.

        Raises:
            ConfigError: unknown switch, or a value that it does not have; one line, with the allowed ones.
        """
        hints = _hints(cls)
        for name, value in values.items():
            if name not in hints:
                raise ConfigError(
                    f"unknown switch {name!r} in math_policy; {suggest(name, [f.name for f in fields(cls)])}"
                )
            choices = get_args(hints[name])
            if choices:
                if value not in choices:
                    raise ConfigError(f"math_policy.{name} is {value!r}; {suggest(str(value), choices)}")
            elif hints[name] is float:
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                    raise ConfigError(f"math_policy.{name} is {value!r}; give a number that is 0 or more")
            elif type(value) is not hints[name] or (hints[name] is int and not 0 <= value <= 40):
                kind = "true or false" if hints[name] is bool else "an integer from 0 to 40"
                raise ConfigError(f"math_policy.{name} is {value!r}; give {kind}")
        return cls(**values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)

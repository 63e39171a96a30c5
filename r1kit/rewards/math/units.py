"""Units of measurement: which of them measure the same, and how they convert."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_LENGTH = {
    **{"m": 1, "meter": 1, "metre": 1, "cm": "0.01", "centimeter": "0.01", "centimetre": "0.01", "mm": "0.001"},
    **{"millimeter": "0.001", "km": 1000, "kilometer": 1000, "kilometre": 1000, "dm": "0.1", "nm": "1e-9"},
    **{"in": "0.0254", "inch": "0.0254", "inche": "0.0254", "ft": "0.3048", "foot": "0.3048", "feet": "0.3048"},
    **{"yd": "0.9144", "yard": "0.9144", "mi": "1609.344", "mile": "1609.344"},
    **{"米": 1, "厘米": "0.01", "毫米": "0.001", "分米": "0.1", "千米": 1000, "公里": 1000},
}
_MASS = {
    **{
        "kg": 1,
        "kilogram": 1,
        "g": "0.001",
        "gm": "0.001",
        "gram": "0.001",
        "mg": "1e-6",
        "milligram": "1e-6",
        "lb": "0.45359237",
    },
    **{"pound": "0.45359237", "ton": 1000, "tonne": 1000, "千克": 1, "公斤": 1, "克": "0.001", "吨": 1000},
}
_TIME = {
    **{"s": 1, "sec": 1, "second": 1, "ms": "0.001", "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600},
    **{"day": 86400, "week": 604800, "秒": 1, "分钟": 60, "小时": 3600, "天": 86400, "周": 604800},
}
_OTHER = {
    "J": (("kg", 1), ("m", 2), ("s", -2)),
    "joule": (("kg", 1), ("m", 2), ("s", -2)),
    "N": (("kg", 1), ("m", 1), ("s", -2)),
    "newton": (("kg", 1), ("m", 1), ("s", -2)),
    "W": (("kg", 1), ("m", 2), ("s", -3)),
    "watt": (("kg", 1), ("m", 2), ("s", -3)),
    "Pa": (("kg", 1), ("m", -1), ("s", -2)),
    "Hz": (("s", -1),),
    "L": (("dm", 3),),
    "liter": (("dm", 3),),
    "litre": (("dm", 3),),
    "ml": (("cm", 3),),
    "mL": (("cm", 3),),
    "mph": (("mile", 1), ("h", -1)),
    "升": (("dm", 3),),
    "毫升": (("cm", 3),),
}
_ANGLE = {"degree": ("angle", 1), "deg": ("angle", 1), "度": ("angle", 1)}
_MONEY = {"dollar": ("$", 1), "cent": ("$", "0.01"), "元": ("yuan", 1), "yuan": ("yuan", 1)}

Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a multiple of the base unit of its dimension."""

    dimension: Dimension
    factor: Fraction


def _table() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for dimension, names in (("length", _LENGTH), ("mass", _MASS), ("time", _TIME)):
        table |= {name: Unit(((dimension, 1),), Fraction(factor)) for name, factor in names.items()}
    table |= {name: Unit(((currency, 1),), Fraction(factor)) for name, (currency, factor) in (_MONEY | _ANGLE).items()}
    for name, parts in _OTHER.items():
        table[name] = _product([(table[part], power) for part, power in parts])
    return table


def _product(parts: list[tuple[Unit, int]]) -> Unit:
    powers: dict[str, int] = {}
    factor = Fraction(1)
    for unit, power in parts:
        factor *= unit.factor**power
        for dimension, own in unit.dimension:
            powers[dimension] = powers.get(dimension, 0) + own * power
    return Unit(tuple(sorted((name, power) for name, power in powers.items() if power)), factor)


UNITS = _table()
_PART = re.compile(r"\^\s*\{?\s*(-?\d+)\s*\}?|([A-Za-z]+|[\u4e00-\u9fff]+)|(/)|(\\cdot|\*|\\|,|\.|\s+)")
_PREFIXES = {"G": 10**9, "M": 10**6, "k": 1000, "m": "0.001"}
_PREFIXED = {"J", "N", "W", "Pa", "Hz"}
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_CHINESE_POWERS = {"平方": 2, "立方": 3}


def parse_unit(text: str) -> Unit | None:
    """The unit that words name ("cm^2", "square centimeters", "km/h"); None if any of them is no unit."""
    parts: list[tuple[Unit, int]] = []
    sign, prefix, at = 1, 1, 0
    text = text.strip()
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            return None
        at = match.end()
        power, word, slash, _ = match.groups()
        if power is not None:
            if not parts or abs(int(power)) > 9:
                return None
            unit, old = parts[-1]
            parts[-1] = (unit, (1 if old > 0 else -1) * int(power))
        elif slash or word == "per":
            sign = -1
        elif word in _POWERS:
            prefix = _POWERS[word]
        elif word:
            if word[:2] in _CHINESE_POWERS:
                prefix, word = _CHINESE_POWERS[word[:2]], word[2:]
            unit = _lookup(word)
            if unit is None:
                return None
            parts.append((unit, sign * prefix))
            prefix = 1
    return _product(parts) if parts else None


def _lookup(word: str) -> Unit | None:
    if word in UNITS:
        return UNITS[word]
    if word[0] in _PREFIXES and word[1:] in _PREFIXED:
        unit = UNITS[word[1:]]
        return Unit(unit.dimension, unit.factor * Fraction(_PREFIXES[word[0]]))
    if len(word) <= 2:
        return None
    lower = word.lower()
    return UNITS.get(lower) or UNITS.get(lower.removesuffix("s"))

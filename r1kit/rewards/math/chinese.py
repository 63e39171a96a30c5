"""Chinese numerals and multipliers as digits."""

from __future__ import annotations

import re
from fractions import Fraction

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]+"
_DECIMAL = rf"{_NUMERAL}(?:点[零〇一二三四五六七八九]+)?|\d+(?:\.\d+)?"
_END = r"(?=$|[,;.)}\]\s=或和与]|个|元|米|厘|千米|公|分钟|小时|天|人|平方|立方|岁|本|只|种|次|倍|棵|条|辆|块|页|支|名)"
_PERCENT = re.compile(rf"百分之({_DECIMAL})")
_FRACTION = re.compile(rf"(?:({_DECIMAL})又)?({_DECIMAL})分之({_DECIMAL})")
_SCALED = re.compile(r"(\d+(?:\.\d+)?)\s*(万亿|[百千万亿])(?!分|米|克|瓦)")
_WHOLE = re.compile(rf"(?<![\u4e00-\u9fff])({_NUMERAL}(?:点[零〇一二三四五六七八九]+)?){_END}")
_NEGATIVE = re.compile(r"负(?=[\d\\零一二三四五六七八九十两百])")
_BETWEEN = re.compile(r"(?<![\u4e00-\u9fff])\s*(?:(或者?)|和|与|以及|及|且|并且)\s*(?![\u4e00-\u9fff])")


def read_chinese(text: str) -> str:
    """Write the numbers in a text with digits: twelve, two thirds, 3.2 times ten thousand, 20 per cent.

    >>> read_chinese("百分之二十"), read_chinese("3.2万元"), read_chinese("三分之二")
    ('20%', '32000元', '2/3')
    """
    if text.isascii():
        return text
    text = _NEGATIVE.sub("-", text)
    text = _PERCENT.sub(lambda match: f"{_plain(_value(match[1]))}%", text)
    text = _FRACTION.sub(_fraction, text)
    text = _SCALED.sub(lambda match: _plain(Fraction(match[1]) * _scale(match[2])), text)
    text = _WHOLE.sub(lambda match: _plain(_value(match[1])), text)
    return _BETWEEN.sub(lambda match: " or " if match[1] else " and ", text)


def _fraction(match: re.Match[str]) -> str:
    whole = f"{_plain(_value(match[1]))} " if match[1] else ""
    return f"{whole}{_plain(_value(match[3]))}/{_plain(_value(match[2]))}"


def _scale(signs: str) -> int:
    scale = 1
    for sign in signs:
        scale *= (_TENS | _MYRIADS)[sign]
    return scale


def _value(numeral: str) -> Fraction:
    """Twenty-one is two ten one; a place may lack its 1 (ten) and each myriad multiplies all before it."""
    if numeral[0].isdigit() and numeral.isascii():
        return Fraction(numeral)
    whole, _, decimals = numeral.partition("点")
    if all(char in _DIGITS for char in whole):
        total = int("".join(str(_DIGITS[char]) for char in whole) or "0")
    else:
        total = section = digit = 0
        for char in whole:
            if char in _DIGITS:
                digit = _DIGITS[char]
            elif char in _TENS:
                section += (digit or 1) * _TENS[char]
                digit = 0
            else:
                total = (total + section + digit) * _MYRIADS[char]
                section = digit = 0
        total += section + digit
    tail = "".join(str(_DIGITS[char]) for char in decimals)
    return Fraction(total) + (Fraction(int(tail), 10 ** len(tail)) if tail else 0)


def _plain(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):f}".rstrip("0")

r"""Is a mathematical answer right?

Most answers are numbers, and two numbers are compared exactly, as fractions, with nothing imported: 1/3 is not 0.333,
9007199254740993 is not 9007199254740992, and 50% is 1/2, not 50. Only what is left goes to math-verify, inside a
process of `r1kit.rewards.pool` that can be killed. It reads LaTeX with its own grammar; its plain-expression mode
evaluates text and is not used.

Two rules keep it from being too kind. Where the gold answer is a number, an answer that still has to be worked out
("12 + 5" for 17) is wrong: otherwise copying the question would pay. Where the gold answer is a word, the words are
compared, since a product of letters has no order ("on" would be "no").
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from r1kit.rewards.extract import last_boxed
from r1kit.types import Score

MAX_ANSWER_CHARS = 1000
"""A longer answer is wrong unread. It also bounds the digits of the exact integers."""

_BARE_DIGITS = r"\d+"
_GROUPED_DIGITS = r"\d{1,3}(?:(?:,\d{3})+|(?: \d{3})+)"
_UNSIGNED = rf"(?:(?:{_GROUPED_DIGITS}|{_BARE_DIGITS})(?:\.\d*)?|\.\d+)"
_PERCENT = re.compile(r"\s*(?:\\?%|\bpercent)$", re.IGNORECASE)
_DECIMAL = re.compile(rf"([+-]?)\s?({_UNSIGNED})")
_RATIO = re.compile(rf"([+-]?)\s?({_UNSIGNED})\s*/\s*(-?{_UNSIGNED})")
_FRAC = re.compile(r"([+-]?)\s?(\d+ ?)?\\frac\s*(?:\{\s*(-?\d+)\s*\}\s*\{\s*(-?\d+)\s*\}|(\d)\s*(\d))")
_MIXED = re.compile(r"([+-]?)\s?(\d+) +(\d+)/(\d+)")

_WRAPPERS = (
    re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}"),
    re.compile(r"\$\$([^$]*)\$\$|\$([^$]*)\$"),
    re.compile(r"\\\(((?:(?!\\\)).)*)\\\)", re.DOTALL),
    re.compile(r"\\\[((?:(?!\\\]).)*)\\\]", re.DOTALL),
    re.compile(r"\*\*([^*]*)\*\*"),
    re.compile(r"(?:the\s+)?(?:final\s+)?answer(?:\s+is|\s*:)\s*:?\s*(.*)", re.DOTALL | re.IGNORECASE),
)
_SPACING = re.compile(r"\\!\s*|\\[,;:]|\\(?:left|right)(?![a-zA-Z])|~")
_SYNONYMS = (("\\dfrac", "\\frac"), ("\\tfrac", "\\frac"), ("{,}", ","), ("−", "-"), ("–", "-"), ("\uff0c", ","))
_WORDS = re.compile(r"no|(?:[^\W\d_]+ )*[^\W\d_]{3,}(?: [^\W\d_]+)*", re.IGNORECASE)
_LAST_SIDE = re.compile(r".*(?<![<>!\\=])=(?!=)(.*)", re.DOTALL)
_POWER_OF_TEN = re.compile(r"(?:\\times|\\cdot|×|·|\*)\s*10\s*\^")
_ARITHMETIC = re.compile(r"[\d)}]\s*(?:[-+*/÷·×]|\\cdot|\\times|\\div)\s*(?:[\d({]|\\frac|\\sqrt)|\d\s+[\d(]")
_MAX_NESTING = 40
_UNPARSABLE = Score(value=0.0, reason="answer cannot be parsed")


def verify_math(*, gold: str, answer: str) -> Score:
    """Judge an answer against the gold answer; slow and hostile cases included, so run it in a killable process.

    Numbers are compared exactly; a decimal is compared with an irrational gold answer to 6 decimals (math-verify's
    rule). The two arguments are not interchangeable: the gold answer decides what kind of answer is expected.

    Returns:
        1.0 or 0.0; None where the gold answer itself is empty or cannot be parsed.
    """
    fast = verify_math_fast(gold=gold, answer=answer)
    if fast is not None:
        return fast
    from math_verify import verify  # half a second and sympy: only in a worker
    from sympy import Add

    parsed = _normalise(answer)
    gold_exprs = _parse_latex(_normalise(gold))
    if not gold_exprs:
        return Score(value=None, reason="gold answer cannot be parsed", parsed=parsed)
    answer_exprs = _parse_latex(parsed)
    if not answer_exprs:
        return Score(value=0.0, reason="answer cannot be parsed", parsed=parsed)
    if exact_number(_normalise(gold)) is not None and any(expr.has(Add) for expr in answer_exprs):
        return Score(value=0.0, reason=f"wrong: {_short(parsed)} is not worked out", parsed=parsed)
    is_right = verify(gold_exprs, answer_exprs, timeout_seconds=None)
    return _verdict(is_right, gold=gold, parsed=parsed)


def verify_math_fast(*, gold: str, answer: str) -> Score | None:
    """The same verdict where it needs no computer algebra; None where it does. Safe and fast for any text."""
    gold = _normalise(gold)
    if not gold:
        return Score(value=None, reason="gold answer is empty")
    if len(answer) > MAX_ANSWER_CHARS:
        return Score(value=0.0, reason=f"answer is longer than {MAX_ANSWER_CHARS} characters")
    parsed = _normalise(answer)
    if not parsed:
        return Score(value=0.0, reason="answer is empty")
    if len(gold) > MAX_ANSWER_CHARS:
        return Score(value=None, reason=f"gold answer is longer than {MAX_ANSWER_CHARS} characters")
    gold_number = exact_number(gold)
    if gold_number is None:
        if parsed == gold:
            return _verdict(True, gold=gold, parsed=parsed)
        if _WORDS.fullmatch(gold):
            return _verdict(parsed.casefold() == gold.casefold(), gold=gold, parsed=parsed)
        return None if _is_balanced(parsed) else _UNPARSABLE
    last_side = _LAST_SIDE.fullmatch(parsed)
    if last_side:  # "12 + 5 = 17" and "x = 17" answer 17
        parsed = _normalise(last_side[1])
    answer_number = exact_number(parsed)
    if answer_number is not None:
        return _verdict(answer_number == gold_number, gold=gold, parsed=str(answer_number))
    if not parsed or _ARITHMETIC.search(_POWER_OF_TEN.sub("e", parsed)):
        return Score(value=0.0, reason=f"wrong: {_short(parsed)} is not worked out", parsed=parsed)
    return None if _is_balanced(parsed) else _UNPARSABLE


def _is_balanced(text: str) -> bool:
    """Whether brackets close; a LaTeX parser takes minutes over a row of open ones. An interval may mix its two."""
    depth = {"{": 0, "(": 0}
    for char in text:
        kind = "{" if char in "{}" else "("
        if char in "{([":
            depth[kind] += 1
        elif char in "})]":
            depth[kind] -= 1
        if not 0 <= depth[kind] <= _MAX_NESTING:
            return False
    return not any(depth.values())


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


def _normalise(text: str) -> str:
    """Remove what never changes the meaning: wrappers, spacing commands, a currency sign, a final full stop."""
    text = _SPACING.sub("", text[: MAX_ANSWER_CHARS + 1])
    for synonym, standard in _SYNONYMS:
        text = text.replace(synonym, standard)
    before = None
    while text != before:
        before = text
        text = _unwrap(text.strip().rstrip(".,; \\"))
    if text.count("$") == 1:  # a currency sign, not a pair of delimiters
        text = text.replace("\\$", "").replace("$", "").strip()
    return text


def _unwrap(text: str) -> str:
    boxed = last_boxed(text)
    if boxed is not None and re.fullmatch(r"\\boxed\s*\{\s*" + re.escape(boxed) + r"\s*\}", text):
        return boxed
    for wrapper in _WRAPPERS:
        match = wrapper.fullmatch(text)
        if match:
            return match[match.lastindex or 0]
    return text


def _parse_latex(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    latex = text if "$" in text or "\\(" in text or "\\[" in text else f"${text}$"
    config = [LatexExtractionConfig()]
    return parse(latex, extraction_config=config, fallback_mode="no_fallback", parsing_timeout=None)  # pyright: ignore[reportArgumentType]


def _verdict(is_right: bool, *, gold: str, parsed: str) -> Score:
    if is_right:
        return Score(value=1.0, reason="correct", parsed=parsed)
    return Score(value=0.0, reason=f"wrong: {_short(parsed)}, not {_short(gold)}", parsed=parsed)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."

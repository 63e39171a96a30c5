r"""Is a mathematical answer right?

A ladder, cheapest rung first. Numbers are compared exactly, as fractions, with nothing imported: 1/3 is not 0.333 and
9007199254740993 is not 9007199254740992 (`verify_math_fast`). What our own parser reads is compared by value, at 60
digits and several points (`compare.py`). Only what is left goes to math-verify and sympy; both of these rungs run
inside a process of `r1kit.rewards.pool` that can be killed. Where sources disagree about what is equal, `MathPolicy`
has a switch.

Rules that keep the verdicts from being too kind: where the gold answer is a number, an answer that still has to be
worked out ("12 + 5" for 17) is wrong, otherwise copying the question would pay; one of several answers ("3 or 4" for
3) is wrong; where the gold answer is a word, the words are compared, since a product of letters has no order ("on"
would be "no").
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from r1kit.errors import shorten
from r1kit.rewards.extract import find_answer
from r1kit.rewards.math.chinese import read_chinese
from r1kit.rewards.math.compare import same
from r1kit.rewards.math.expressions import close
from r1kit.rewards.math.nodes import Group, Node, Text
from r1kit.rewards.math.numbers import exact_number
from r1kit.rewards.math.parser import parse_math
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.text import MAX_ANSWER_CHARS, bare_words, clean, expressions_in_prose, normalise, too_large
from r1kit.rewards.math.tokens import Unreadable
from r1kit.rewards.math.values import TooLarge
from r1kit.types import Score

DEFAULT_POLICY = MathPolicy()
_WORDS = re.compile(r"no|(?:[^\W\d_]+ )*[^\W\d_]{3,}(?: [^\W\d_]+)*", re.IGNORECASE)
_DATED = re.compile(r"(?=.*[^\W\d_]{3})[\w\s.,:'()]+")
_DECIMAL_COMMA = re.compile(r"[-+]?\s?(?:0,(?!0+$)\d+|\d+,(?:00|(?!0+(?!\d))(?:\d{1,2}|\d{4,})))(?!\d)[^\d()\[\]{}=]*")
_LAST_SIDE = re.compile(r".*(?<![<>!\\=])=(?!=)(.*)", re.DOTALL)
_UNSOLVED = re.compile(r"[A-Za-z].*[-+*/^]|[-+*/^\d].*[A-Za-z]", re.DOTALL)
_POWER_OF_TEN = re.compile(r"(?:\\times|\\cdot|×|·|\*)\s*10\s*\^")
_ARITHMETIC = re.compile(r"[\d)}]\s*(?:[-+*/÷·×]|\\cdot|\\times|\\div)\s*(?:[\d({]|\\frac|\\sqrt)|\d\s+[\d(]")
_CHOICE = re.compile(r"\(?([A-J])\)?")
_CHOSEN = re.compile(r"\(?([A-J])\)?\s*|\(([A-J])\)[\s\\]+[^-+*/^=].*|([A-J])(?:[).:]|\s+because\b)\s.*", re.DOTALL)
_ROWS = re.compile(r"\\(?:begin|end)\{matrix\}|\\\\")
_CHOICES = re.compile(r"(?=[A-H]{2})A?B?C?D?E?F?G?H?")
_MAX_NESTING = 40
_UNPARSABLE = Score(value=0.0, reason="answer cannot be parsed")


def verify_math(*, gold: str, answer: str, policy: MathPolicy = DEFAULT_POLICY) -> Score:
    """Judge an answer against the gold answer; slow and hostile cases included, so run it in a killable process.

    The two arguments are not interchangeable: the gold answer decides what kind of answer is expected.

    Args:
        gold: The right answer.
        answer: The answer to judge, as an extractor found it.
        policy: Which conventions hold.

    Returns:
        1.0 or 0.0; None where the gold answer itself is empty, cannot be parsed or is too large to work out.
    """
    score = verify_math_fast(gold=gold, answer=answer, policy=policy)
    if score is not None:
        return score
    gold, parsed = _prepare(gold, policy), _prepare(answer, policy)
    try:
        verdict = _by_value(gold, parsed, policy)
    except (TooLarge, RecursionError) as error:
        if _squeezed(gold) == _squeezed(parsed):
            return _verdict(True, gold=gold, parsed=parsed)
        why = str(error) if isinstance(error, TooLarge) else "nested too deeply"
        return _too_large(gold, parsed, why, is_gold=_is_too_large(gold, policy))
    if verdict is None:
        return _by_algebra(gold, parsed, policy)
    is_right, read = verdict
    return _verdict(is_right, gold=gold, parsed=read)


def verify_math_solution(*, gold: str, solution: str, policy: MathPolicy | None = None) -> Score:
    """The same for whole texts: the answer is first looked for in both (`extract.find_answer`)."""
    answer = find_answer(solution)
    if answer is None:
        return Score(value=0.0, reason="no answer found")
    policy = MathPolicy(prose="last") if policy is None else policy
    return verify_math(gold=find_answer(gold) or gold, answer=answer, policy=policy)


def verify_math_fast(*, gold: str, answer: str, policy: MathPolicy = DEFAULT_POLICY) -> Score | None:
    """The same verdict where it needs no computer algebra; None where it does. Safe and fast for any text."""
    gold = _prepare(gold, policy)
    if not gold:
        return Score(value=None, reason="gold answer is empty")
    if len(answer) > MAX_ANSWER_CHARS:
        return Score(value=0.0, reason=f"answer is longer than {MAX_ANSWER_CHARS} characters")
    parsed = _prepare(answer, policy)
    if not parsed:
        return Score(value=0.0, reason="answer is empty")
    if len(gold) > MAX_ANSWER_CHARS:
        return Score(value=None, reason=f"gold answer is longer than {MAX_ANSWER_CHARS} characters")
    gold_number = exact_number(gold)
    if gold_number is None or not _is_default(policy):
        return _fast_without_number(gold, parsed)
    parsed = _without_approximation(parsed)
    last_side = _LAST_SIDE.fullmatch(parsed)
    if last_side and _UNSOLVED.search(parsed.partition("=")[0]):
        return None if _is_balanced(parsed) else _UNPARSABLE
    if last_side:  # "12 + 5 = 17" and "x = 17" answer 17
        parsed = normalise(last_side[1])
    answer_number = exact_number(parsed)
    if answer_number is not None:
        is_right = answer_number == gold_number or _same_percent(gold, gold_number, parsed, answer_number)
        if not is_right and _may_be_rounded(gold, parsed):
            is_right = close(gold_number, answer_number, rounded=policy.decimals)
        return _verdict(is_right, gold=gold, parsed=str(answer_number))
    if not parsed or _ARITHMETIC.search(_POWER_OF_TEN.sub("e", parsed)):
        return Score(value=0.0, reason=f"wrong: {_short(parsed)} is not worked out", parsed=parsed)
    return None if _is_balanced(parsed) else _UNPARSABLE


def _without_approximation(text: str) -> str:
    r"""`1/3 \approx 0.33` is 1/3; `x \approx 0.33` is 0.33."""
    head, sign, tail = re.sub(r"\\approx|≈|\\simeq", "≈", text).partition("≈")
    return normalise(head if any(char.isdigit() for char in head) else tail) if sign else text


def _fast_without_number(gold: str, parsed: str) -> Score | None:
    if parsed == gold:
        return _verdict(True, gold=gold, parsed=parsed)
    choice = _CHOICE.fullmatch(gold)
    if choice and (chosen := _CHOSEN.fullmatch(re.sub(r"\\(?:text|textbf|mathbf|mathrm)\{([^{}]*)\}", r"\1 ", parsed))):
        letter = chosen[chosen.lastindex or 0]
        return _verdict(letter == choice[1], gold=gold, parsed=letter)
    if _CHOICES.fullmatch(gold) and re.sub(r"[,\s]|\band\b", "", parsed) == gold:
        return _verdict(True, gold=gold, parsed=parsed)
    if _DATED.fullmatch(gold) and bare_words(parsed) == bare_words(gold):
        return _verdict(True, gold=gold, parsed=parsed)
    if _WORDS.fullmatch(gold):
        if bare_words(parsed) == bare_words(gold):
            return _verdict(True, gold=gold, parsed=parsed)
        if "\\" not in parsed and not any(char.isdigit() for char in parsed) and gold.isascii():
            return _verdict(False, gold=gold, parsed=parsed)
    return None if _is_balanced(parsed) else _UNPARSABLE


def _is_default(policy: MathPolicy) -> bool:
    return policy == DEFAULT_POLICY or policy == MathPolicy(prose="last")


def _prepare(text: str, policy: MathPolicy) -> str:
    text = normalise(text)
    return normalise(read_chinese(text)) if policy.chinese and not text.isascii() else text


def _same_percent(gold: str, gold_number: Fraction, parsed: str, answer_number: Fraction) -> bool:
    """`50%` for 50, and the other way round: the default of `MathPolicy.percent`."""
    signs = ["%" in text or "percent" in text.lower() for text in (gold, parsed)]
    return signs[0] != signs[1] and gold_number == answer_number * (100 if signs[1] else Fraction(1, 100))


def _may_be_rounded(gold: str, parsed: str) -> bool:
    r"""Whether one is a fraction and the other a decimal of many places, which may be its rounded value."""
    is_fraction = ["/" in text or "\\frac" in text for text in (gold, parsed)]
    return is_fraction[0] != is_fraction[1]


def _by_value(gold: str, answer: str, policy: MathPolicy) -> tuple[bool, str] | None:
    """The verdict of our own parser and the text that was compared; None where it cannot tell.

    Raises:
        TooLarge: a value has too many digits.
    """
    golds = list(_readings(gold, policy))
    if not golds and _DATED.fullmatch(gold):  # words with a number in them, such as a date
        return bare_words(answer) == bare_words(gold), answer
    golds = golds or _readings_in_prose(gold, policy, take_last=True)
    if not golds:
        return None
    answers = list(_readings(answer, policy))
    if not answers:
        answers = _readings_in_prose(answer, policy, take_last=policy.prose == "last")
        if not answers:
            return (False, answer) if expressions_in_prose(answer, take_last=True) else None
    unknown = False
    for gold_node in golds:
        for answer_node in answers:
            verdict = same(gold_node, answer_node, policy)
            if verdict:
                return True, answer
            unknown |= verdict is None
    return None if unknown else (False, answer)


def _readings_in_prose(text: str, policy: MathPolicy, *, take_last: bool) -> list[Node]:
    for expression in expressions_in_prose(text, take_last=take_last):
        if readings := list(_readings(expression, policy)):
            return readings
    return []


def _readings(text: str, policy: MathPolicy) -> Iterator[Node]:
    """What a text may mean: with `1,234` as one number, as two, and `1,5` as a decimal."""
    cleaned = clean(text)
    seen: list[Node] = []
    variants = [(cleaned, policy.thousands), (cleaned, False)]
    if policy.decimal_comma and _DECIMAL_COMMA.fullmatch(cleaned):
        variants.append((cleaned.replace(",", "."), False))
    for variant, grouped in variants:
        try:
            node = parse_math(variant, grouped=grouped)
        except Unreadable:
            continue
        if node not in seen and not _is_sentence(node):
            seen.append(node)
            yield node
    if not seen and "\\begin{matrix}" in cleaned:  # an expression cut into the rows of a matrix
        with contextlib.suppress(Unreadable):
            yield parse_math(_ROWS.sub(" ", cleaned), grouped=False)


def _is_sentence(node: Node) -> bool:
    """Whether a list has words among its expressions: "Thus, x = 7 is the solution" is not a list."""
    if not isinstance(node, Group) or node.opening:
        return False
    return len({isinstance(item, Text) for item in node.items}) == 2


def _too_large(gold: str, parsed: str, why: str, *, is_gold: bool) -> Score:
    """No verdict if the gold answer is the one that cannot be worked out; an answer that cannot be is not the same."""
    if is_gold:
        return Score(value=None, reason=f"gold answer is too large to work out: {why}", parsed=parsed)
    return Score(value=0.0, reason=f"wrong: {_short(parsed)} is too large to work out ({why})", parsed=parsed)


def _is_too_large(gold: str, policy: MathPolicy) -> bool:
    try:
        for node in _readings(gold, policy):
            same(node, node, policy)
    except (TooLarge, RecursionError):
        return True
    return False


def _squeezed(text: str) -> str:
    return re.sub(r"[\s{}]", "", clean(text))


def _by_algebra(gold: str, answer: str, policy: MathPolicy) -> Score:
    """math-verify's verdict; its plain-expression mode evaluates text and is not used."""
    if _squeezed(gold) == _squeezed(answer):
        return _verdict(True, gold=gold, parsed=answer)
    if not _is_balanced(gold):
        return Score(value=None, reason="gold answer cannot be parsed", parsed=answer)
    for text in (gold, answer):
        if why := too_large(text):
            return _too_large(gold, answer, why, is_gold=text == gold)
    from math_verify import verify  # half a second and sympy: only in a worker
    from sympy import Add

    gold_exprs = _parse_latex(gold)
    if not gold_exprs:
        return Score(value=None, reason="gold answer cannot be parsed", parsed=answer)
    answer_exprs = _parse_latex(answer)
    if not answer_exprs:
        return Score(value=0.0, reason="answer cannot be parsed", parsed=answer)
    if exact_number(gold) is not None and any(expr.has(Add) for expr in answer_exprs):
        return Score(value=0.0, reason=f"wrong: {_short(answer)} is not worked out", parsed=answer)
    is_right = verify(gold_exprs, answer_exprs, float_rounding=policy.decimals, timeout_seconds=None)
    return _verdict(is_right, gold=gold, parsed=answer)


def _parse_latex(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse

    latex = text if "$" in text or "\\(" in text or "\\[" in text else f"${text}$"
    config = [LatexExtractionConfig()]
    return parse(latex, extraction_config=config, fallback_mode="no_fallback", parsing_timeout=None)  # pyright: ignore[reportArgumentType]


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


def _verdict(is_right: bool, *, gold: str, parsed: str) -> Score:
    if is_right:
        return Score(value=1.0, reason="correct", parsed=parsed)
    return Score(value=0.0, reason=f"wrong: {_short(parsed)}, not {_short(gold)}", parsed=parsed)


def _short(text: str) -> str:
    return shorten(" ".join(text.split()))

r"""Is a multiple-choice answer right: one option letter, or one option's text, and nothing else?

    choices = ("red", "green", "blue"), gold "B"
    right:   B   (B)   B.   b)   \boxed{\text{B}}   B: green   option B   the answer is (B)   选B   答案：B   green
    wrong:   A or B   B C   Banana   B: blue   B because it is green   E

An answer names its option and stops: in free text after the letter, "B is wrong" and "B, unless C" look alike. The
forms are those of MMLU, MMLU-Pro (ten options), GPQA and C-Eval; letters may go up to Z. Where an option's text is a
letter too, "C" is the letter and "c" the text. Linear in the length of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from string import ascii_uppercase

from r1kit.errors import DataError
from r1kit.types import Problem, Score

MAX_EXTRA_CHARS = 400
"""An answer that is longer than the longest option by more than this is wrong unread."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_WRAPPERS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"\\(?:boxed|fbox|text|textbf|textrm|mathrm|mathbf|bf|rm)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}",
        r"\$\$(.*)\$\$",
        r"\$([^$]*)\$",
        r"\\\((.*)\\\)",
        r"\\\[(.*)\\\]",
        r"\*\*([^*]*)\*\*",
        r"`([^`]*)`",
        r'"([^"]*)"',
        r"“([^”]*)”",
    )
)
_INNER_WRAPPER = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf)\s*\{([^{}]*)\}")
_SPACING = re.compile(r"(?:(?<!\\)\\[ ,;:!]|\\quad|\\qquad|\s)+")
_LEAD = (
    r"(?:(?:so|thus|hence|therefore|final),?\s+)?(?:the\s+)?(?:final\s+|correct\s+|right\s+|best\s+)*"
    r"(?:answer|option|choice)(?:\s+is)?\s*:?\s*(?:option\s+|choice\s+)?"
    r"|(?:(?:所以|因此|故|本题|最终|正确|应|应该)[,:]?\s*)*(?:的?答案|选项|选择|选)?(?:应该?)?(?:是|为|选)?\s*:?\s*"
)
_TAIL = r"(?:\s+is\s+(?:the\s+)?(?:correct|right|best)(?:\s+(?:answer|option|choice))?|项|选项)?"
_LETTER = re.compile(
    rf"(?:{_LEAD})[(\[]?\s*(?P<letter>[A-Za-z])(?:\s*[)\]])?{_TAIL}(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MARK = re.compile(r"^\s*(?:[.:)、,。]|[-–—](?=\s))?\s*")
_ONLY_MARKS = re.compile(r"[\s.:)、,。]*")
_ALONE = re.compile(r"(?<![A-Za-z])[A-Z](?![A-Za-z])")


def judge_multiple_choice(problem: Problem, answer: str) -> Score:
    """`verify_multiple_choice` on a problem with `info = {"choices": ["red", "green", "blue"]}`.

    Raises:
        DataError: `info` lacks the choices, or the gold answer is not the letter of one.
    """
    choices = problem.info.get("choices")
    if not isinstance(choices, list | tuple) or not 2 <= len(choices) <= 26:
        raise DataError(f"problem {problem.id!r}: verifier 'multiple_choice' needs 2 to 26 texts in info['choices']")
    gold = problem.answer.strip().upper()
    letters = ascii_uppercase[: len(choices)]
    if len(gold) != 1 or gold not in letters:
        raise DataError(
            f"problem {problem.id!r}: gold answer {problem.answer!r} is not a letter from A to {letters[-1]}"
        )
    return verify_multiple_choice(gold=gold, answer=answer, choices=[str(choice) for choice in choices])


def verify_multiple_choice(*, gold: str, answer: str, choices: Sequence[str]) -> Score:
    """Judge the answer that stands in a completion; safe and fast for any text.

    Args:
        gold: The letter of the right option, upper case.
        answer: What the completion gave as its answer, all of it.
        choices: The texts of the options, A first.

    Returns:
        1.0 or 0.0, never None; `parsed` is the letter that was chosen, None if the answer names no option clearly.
    """
    if len(answer) > max(map(len, choices)) + MAX_EXTRA_CHARS:
        return Score(value=0.0, reason="answer is too long to be one option")
    letter, reason = _choose(answer, choices)
    if letter is None:
        return Score(value=0.0, reason=reason)
    if letter == gold:
        return Score(value=1.0, reason="correct", parsed=letter)
    return Score(value=0.0, reason=f"wrong: {letter}, not {gold}", parsed=letter)


def _choose(answer: str, choices: Sequence[str]) -> tuple[str | None, str]:
    """The letter of the one option that an answer names, or None and why there is none."""
    letters = ascii_uppercase[: len(choices)]
    text = _unwrap(answer)
    if not text:
        return None, "empty answer"
    named, rest = _read_letter(text)
    same_text = _options_with_text(text, choices)
    if named and not rest and named in letters and not (same_text and text == text.lower()):
        return named, ""
    if len(same_text) > 1:
        return None, f"text of several options: {', '.join(same_text)}"
    after_letter = _options_with_text(rest, choices) if named and named in letters else []
    if named in after_letter and same_text in ([], [named]):
        return named, ""
    if after_letter:
        return None, f"letter {named} with the text of option {after_letter[0]}"
    if same_text:
        return same_text[0], ""
    if named and not rest:
        return None, f"{named} is not one of A to {letters[-1]}"
    alone = sorted(set(_ALONE.findall(text)) & set(letters))
    if len(alone) > 1:
        return None, f"names several options: {', '.join(alone)}"
    return None, "not one option letter, nor the text of an option"


def _read_letter(text: str) -> tuple[str, str]:
    """The letter that an answer begins with, upper case, and what follows it; empty if it is no letter of its own."""
    match = _LETTER.fullmatch(text)
    if match is None:
        return "", ""
    rest = match["rest"]
    if rest[:1].isalnum() and text[match.start("rest") - 1].isalnum():  # the first letter of a word
        return "", ""
    return match["letter"].upper(), "" if _ONLY_MARKS.fullmatch(rest) else _MARK.sub("", rest, count=1)


def _options_with_text(text: str, choices: Sequence[str]) -> list[str]:
    """Letters of the options that have this text; capitals count where they tell options apart ("Aa" and "aa")."""
    for key in (_unwrap, _plain, _caseless):
        wanted = key(text)
        found = [letter for letter, choice in zip(ascii_uppercase, choices, strict=False) if key(choice) == wanted]
        if found and wanted:
            return found
    return []


def _unwrap(text: str) -> str:
    """Half-width signs, and no box, mathematics, quotation marks or emphasis around the whole."""
    text = text.translate(_FULL_WIDTH).strip()
    before = None
    while text != before:
        before = text
        for wrapper in _WRAPPERS:
            match = wrapper.fullmatch(text)
            if match:
                text = match[1].strip()
    return _SPACING.sub(" ", _inner(text)).strip()


def _inner(text: str) -> str:
    return _INNER_WRAPPER.sub(r"\1", text.replace("**", "").replace("\\left", "").replace("\\right", ""))


def _plain(text: str) -> str:
    """What copies of one option's text share: no extra spacing, wrappers, dollar signs and final full stop."""
    return _unwrap(text).replace("$", "").rstrip(".。; ").strip()


_caseless: Callable[[str], str] = lambda text: _plain(text).casefold()  # noqa: E731

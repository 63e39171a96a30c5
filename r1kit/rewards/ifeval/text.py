"""Words, sentences and paragraphs of a response, by rules that can be stated in a line each.

The published checkers cut sentences with a trained model that has to be downloaded. Here a sentence ends at a run of
. ! ? … or their full-width and Indian counterparts, with the quotation marks and brackets that follow it, before white
space or the end of the text (full-width marks need no space). It does not end after an abbreviation, an initial or
the number of a list item, nor at an ellipsis that a lower-case word follows. A line break ends no sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Checker = Callable[[str], str]
"""Of a response: what it does wrong, in a few words; empty if it follows the instruction."""

_TITLES = (
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "sr",
    "jr",
    "st",
    "mt",
    "gen",
    "col",
    "sgt",
    "capt",
    "lt",
    "rev",
    "hon",
    "gov",
)
_ABBREVIATIONS = frozenset(
    (*_TITLES, "sen", "rep", "vs", "fig", "eq", "vol", "pp", "al", "dept", "univ", "inc", "ltd", "co", "corp")
) | frozenset(("approx", "ca", "cf", "e.g", "i.e", "u.s", "u.k", "a.m", "p.m", "p.s", "p.p.s", "b.c", "a.d", "ph.d"))
_NEEDS_CAPITAL = frozenset(("a.m", "p.m", "u.s", "u.k", "inc", "ltd", "co", "corp", "b.c", "a.d", "ph.d"))
"""Abbreviations that may also be a sentence's last word: they end it if a capital letter follows."""
_END = re.compile(r"(?<![.!?…؟।॥])([.!?…؟।॥]++)[\"'”’)\]»*_]*+(?=\s|$)|[。！？]+[”’」』）\"]*")
_LAST_WORD = re.compile(r"(?:^|\s)[\"'“‘(\[*_]*([^\s]*)$")
_NUMBERING = re.compile(r"(?:^|\n)\s*(?:[*#>-]+\s*)?(?:\d{1,3}|[A-Za-z])$")
_WORD = re.compile(r"\w+")
_WHOLE_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def count_words(text: str) -> int:
    """Runs of letters, digits and underscores, as the published protocol counts: "don't" is two.

    Combining marks are left out first, or each vowel sign of Hindi would cut a word in two.
    """
    return len(_WORD.findall("".join(sign for sign in text if not unicodedata.combining(sign) and not _is_mark(sign))))


def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")


def whole_words(text: str) -> list[str]:
    """Words with their apostrophes and hyphens: "don't" and "high-end" are one each."""
    return _WHOLE_WORD.findall(text)


def count_sentences(text: str) -> int:
    """How many sentences a text has, by the rule above; text after the last end counts as one."""
    count, start = 0, 0
    for match in _END.finditer(text):
        if set(match[1] or "!") <= set(".…") and not _full_stop_ends(text, match):
            continue
        count, start = count + bool(_WORD.search(text, start, match.start())), match.end()  # not "?" alone
    return count + bool(_WORD.search(text, start))


def _full_stop_ends(text: str, match: re.Match[str]) -> bool:
    before, after = text[max(0, match.start() - 40) : match.start()], text[match.end() : match.end() + 40].lstrip()
    if match[1] != ".":
        return not after[:1].islower()
    if _NUMBERING.search(before):
        return False
    word = _LAST_WORD.search(before)
    last = word[1] if word else ""
    if last.casefold() in _ABBREVIATIONS:
        return last.casefold() in _NEEDS_CAPITAL and after[:1].isupper()
    return not (len(last) == 1 and last.isupper() and last != "I")  # an initial: "J. Smith", and not "It was I."


def paragraphs(text: str) -> list[str]:
    """The parts between blank lines, stripped; none is empty."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def compare(count: int, relation: str, limit: int, what: str) -> str:
    """Why a count is not "at least" or "less than" a limit, empty if it is; the published set has these two relations.

    Raises:
        ValueError: another relation.
    """
    if relation == "at least":
        return "" if count >= limit else f"{count} {what}, not at least {limit}"
    if relation == "less than":
        return "" if count < limit else f"{count} {what}, not less than {limit}"
    raise ValueError(f"unknown relation {relation!r}; known: at least, less than")

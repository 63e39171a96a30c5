"""Instructions about wording: `keywords:*`, `length_constraints:*`, `change_case:*`, `language:*`, `punctuation:*`.

Each function takes the arguments that the data set calls `kwargs` and returns a checker. As in the published checkers,
a keyword also counts inside a longer word ("art" in "start"), and a forbidden word only as a whole word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from r1kit.rewards.ifeval.language import language_problem
from r1kit.rewards.ifeval.text import Checker, compare, count_sentences, count_words, paragraphs, whole_words

_COMMAS = frozenset(",،、，﹐﹑､")
"""Comma, Arabic comma, ideographic comma, and their small and full-width forms."""
_DIVIDER = re.compile(r"(?<!\S)\*{3}(?!\S)")


def existence(*, keywords: Sequence[str]) -> Checker:
    """Each keyword occurs, capitals or not."""

    def check(response: str) -> str:
        folded = response.casefold()
        missing = [keyword for keyword in keywords if keyword.casefold() not in folded]
        return f"lacks {', '.join(map(repr, missing))}" if missing else ""

    return check


def keyword_frequency(*, keyword: str, frequency: int, relation: str) -> Checker:
    """The keyword occurs at least, or less than, so often; occurrences do not overlap."""
    compare(0, relation, frequency, "")

    def check(response: str) -> str:
        return compare(response.casefold().count(keyword.casefold()), relation, frequency, f"times {keyword!r}")

    return check


def forbidden_words(*, forbidden_words: Sequence[str]) -> Checker:
    """None of the words occurs as a whole word, capitals or not."""

    def check(response: str) -> str:
        for word in forbidden_words:
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", response, re.IGNORECASE):
                return f"has the forbidden word {word!r}"
        return ""

    return check


def letter_frequency(*, letter: str, let_frequency: int, let_relation: str) -> Checker:
    """A letter (or a sign such as # or !) occurs at least, or less than, so often, capitals or not."""
    compare(0, let_relation, let_frequency, "")

    def check(response: str) -> str:
        return compare(response.casefold().count(letter.casefold()), let_relation, let_frequency, f"times {letter!r}")

    return check


def number_words(*, num_words: int, relation: str) -> Checker:
    """At least, or less than, so many words; see `text.count_words`."""
    compare(0, relation, num_words, "")
    return lambda response: compare(count_words(response), relation, num_words, "words")


def number_sentences(*, num_sentences: int, relation: str) -> Checker:
    """At least, or less than, so many sentences; see `text.count_sentences`."""
    compare(0, relation, num_sentences, "")
    return lambda response: compare(count_sentences(response), relation, num_sentences, "sentences")


def number_paragraphs(*, num_paragraphs: int) -> Checker:
    """Exactly so many paragraphs with the divider *** between them; also allowed before the first or last of all."""

    def check(response: str) -> str:
        parts = [part.strip() for part in _DIVIDER.split(response)]
        if any(not part for part in parts[1:-1]):
            return "an empty paragraph between two ***"
        count = sum(map(bool, parts))
        return "" if count == num_paragraphs else f"{count} paragraphs between ***, not {num_paragraphs}"

    return check


def nth_paragraph_first_word(*, num_paragraphs: int, nth_paragraph: int, first_word: str) -> Checker:
    """Exactly so many paragraphs with blank lines between them, of which the n-th (from 1) starts with the word."""

    def check(response: str) -> str:
        parts = paragraphs(response)
        if len(parts) != num_paragraphs:
            return f"{len(parts)} paragraphs, not {num_paragraphs}"
        if not 1 <= nth_paragraph <= num_paragraphs:
            return f"there is no paragraph {nth_paragraph}"
        words = whole_words(parts[nth_paragraph - 1].split()[0])
        first = words[0] if words else ""
        return "" if first.casefold() == first_word.casefold() else f"paragraph {nth_paragraph} starts with {first!r}"

    return check


def capital_word_frequency(*, capital_frequency: int, capital_relation: str) -> Checker:
    """At least, or less than, so many words all in capitals; "I" and "A" are such words, "I'm" is none."""
    compare(0, capital_relation, capital_frequency, "")

    def check(response: str) -> str:
        count = sum(word.isupper() for word in whole_words(response))
        return compare(count, capital_relation, capital_frequency, "words in capitals")

    return check


def english_capital() -> Checker:
    """In English, and no letter is lower case."""
    return lambda response: (
        "" if response.isupper() and not language_problem(response, "en") else _case(response, "lower")
    )


def english_lowercase() -> Checker:
    """In English, and no letter is a capital."""
    return lambda response: (
        "" if response.islower() and not language_problem(response, "en") else _case(response, "upper")
    )


def _case(response: str, wrong: str) -> str:
    letter = next((sign for sign in response if (sign.islower() if wrong == "lower" else sign.isupper())), None)
    return f"has the {wrong}-case letter {letter!r}" if letter else language_problem(response, "en") or "has no letters"


def response_language(*, language: str) -> Checker:
    """In the language of that ISO 639-1 code; see `language.language_problem`."""
    language_problem("", language)
    return lambda response: language_problem(response, language)


def no_comma() -> Checker:
    """No comma of any script."""

    def check(response: str) -> str:
        comma = next((sign for sign in response if sign in _COMMAS), None)
        return f"has a comma {comma!r}" if comma else ""

    return check

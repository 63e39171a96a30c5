"""What a rule can say about an answer to a general prompt: a score in [0, 1] from `info["rubric"]`.

    {"contains": [["paris"]], "none_of": ["tokyo", "not"], "language": "en", "max_words": 15}

    gates       each one that fails makes the score 0.0
        language    at least LANGUAGE_SHARE of the words, those that the rubric asks for left out, are of it
        min_words, max_words    a Chinese character is a word
        sentences   how many there are
        none_of     phrases of other answers: so a list of all of them is worth nothing
        refuses     whether the answer declines to help (`is_refusal`); a refusal also counts as a point
    points      the score is the share of them that are met
        answer      the last **highlight**, else the whole text, is one of these, word by word without articles
        contains    groups of phrases, a point each; one phrase of a group is enough

Phrases are compared as words: capitals, punctuation and spacing do not matter, "cat" is not in "category". A copy of
the prompt is cut out first, so that repeating it answers nothing, and an answer most of whose words come again and
again is worth nothing. Everything is linear in the length of the text.

Not covered: sense. A rule cannot tell a good sentence from a bad one that has its words; reward models are for that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from r1kit.errors import DataError, suggest
from r1kit.rewards.language import language_shares
from r1kit.types import Problem, Score

MAX_ANSWER_CHARS = 2000
"""A longer answer is wrong unread."""
LANGUAGE_SHARE = 0.8
MIN_PROMPT_WORDS = 7
"""A copy of a shorter prompt may be part of an answer: "good night" is answered by "good night, sleep well"."""
MIN_DISTINCT_SHARE = 0.5
"""Of the words of an answer of more than ten; a lower share is rambling."""
KEYS = ("answer", "contains", "none_of", "language", "min_words", "max_words", "sentences", "refuses")

REFUSALS: dict[str, re.Pattern[str]] = {
    "en": re.compile(
        r"\bi(?: am|'m) (?:very |so )?sorry,? (?:but )?i\b|\bsorry,? (?:but )?(?:i|no)\b"
        r"|\b(?:i|we) (?:can't|cannot|can not|won't|will not|must not)\b"
        r"[^.!?\n]{0,40}\b(?:help|do|answer|say|tell|teach|assist|discuss)\b"
        r"|\b(?:i|we) (?:decline|refuse)\b|\bi(?: am|'m) (?:not able|unable) to\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"抱歉|对不起|我们?(?:不能|不会|不可以|无法|没法|拒绝|不愿)[^。！？\n]{0,20}(?:帮|做|教|回答|告诉|提供|说)"
    ),
}
"""Language to what a refusal says, in the first two sentences of a text."""

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)*|[\u3400-\u4dbf\u4e00-\u9fff]|[^\W\d_a-z]+")
_SENTENCE_END = re.compile(r"[.!?。！？]+(?:\s|$)|[。！？]+")
_HIGHLIGHT = re.compile(r"\*\*([^*\n]+)\*\*")
_ARTICLES = frozenset(("a", "an", "the"))


def judge_rubric(problem: Problem, answer: str) -> Score:
    """Judge the visible part of an answer (the caller cuts the reasoning off) by `problem.info["rubric"]`.

    Returns:
        The share of points met, 0.0 if a gate fails; never None. The reason names what is missing.

    Raises:
        DataError: no rubric, an unknown key, nothing that gives a point, or an unknown language.
    """
    rubric = _rubric(problem)
    if len(answer) > MAX_ANSWER_CHARS:
        return Score(value=0.0, reason=f"longer than {MAX_ANSWER_CHARS} characters")
    words, prompt = words_of(answer), words_of(problem.prompt)
    if not words:
        return Score(value=0.0, reason="empty")
    own_words = _without(words, prompt)
    if not own_words:
        return Score(value=0.0, reason="repeats the prompt")
    if len(prompt) >= MIN_PROMPT_WORDS:
        words = own_words
    failed = _failed_gate(rubric, words, answer)
    if failed:
        return Score(value=0.0, reason=failed)
    points = _points(rubric, words, answer)
    missing = [reason for reason, is_met in points if not is_met]
    return Score(value=1 - len(missing) / len(points), reason="; ".join(missing) or "meets the rubric")


def is_refusal(text: str, language: str) -> bool:
    """Whether a text declines to help, in a language of REFUSALS.

    >>> is_refusal("Sorry, I can't help with that.", "en"), is_refusal("No, I am a model.", "en")
    (True, False)

    Raises:
        DataError: an unknown language.
    """
    if language not in REFUSALS:
        raise DataError(f"no refusals are known in language {language!r}; {suggest(language, REFUSALS)}")
    plain = unicodedata.normalize("NFKC", text[:MAX_ANSWER_CHARS]).replace("’", "'")
    opening = " ".join(_sentences(plain)[:2])
    return REFUSALS[language].search(opening) is not None


def words_of(text: str) -> list[str]:
    """Words in small letters, each Chinese character one, without punctuation.

    >>> words_of("The **Cat** isn't 猫咪!")
    ['the', 'cat', "isn't", '猫', '咪']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).replace("’", "'").casefold())


def has_phrase(words: Iterable[str], phrase: str) -> bool:
    """Whether the words of a phrase stand in a row among `words`."""
    return f" {' '.join(words_of(phrase))} " in f" {' '.join(words)} "


def _rubric(problem: Problem) -> Mapping[str, Any]:
    rubric = problem.info.get("rubric")
    if not isinstance(rubric, Mapping):
        raise DataError(
            f"problem {problem.id!r}: verifier 'rubric' needs info['rubric']; info has {list(problem.info)}"
        )
    for key in rubric:
        if key not in KEYS:
            raise DataError(f"problem {problem.id!r}: unknown key {key!r} in info['rubric']; {suggest(key, KEYS)}")
    if not (rubric.get("answer") or rubric.get("contains") or rubric.get("refuses")):
        raise DataError(f"problem {problem.id!r}: info['rubric'] gives no point; add 'contains' or 'answer'")
    if rubric.get("refuses") is not None and rubric.get("language") not in REFUSALS:
        raise DataError(f"problem {problem.id!r}: 'refuses' needs a 'language' of {sorted(REFUSALS)} in info['rubric']")
    return rubric


def _without(words: list[str], prompt: list[str]) -> list[str]:
    text, copy = f" {' '.join(words)} ", f" {' '.join(prompt)} "
    while prompt and copy in text:  # each turn takes copies out; neighbours share a space, so it takes two
        text = text.replace(copy, " ")
    return text.split()


def _failed_gate(rubric: Mapping[str, Any], words: list[str], answer: str) -> str:
    """Why the answer is worth nothing, in a few words; empty if it passes every gate."""
    least, most = rubric.get("min_words", 1), rubric.get("max_words", MAX_ANSWER_CHARS)
    if len(words) > most:
        return f"{len(words)} words, more than {most}"
    if len(words) < least:
        return f"{len(words)} words, fewer than {least}"
    if len(words) > 10 and len(set(words)) < MIN_DISTINCT_SHARE * len(words):
        return "the same words again and again"
    num_sentences = len(_sentences(answer))
    if num_sentences != rubric.get("sentences", num_sentences):
        return f"{num_sentences} sentences, not {rubric['sentences']}"
    for phrase in rubric.get("none_of", ()):
        if has_phrase(words, phrase):
            return f"says {phrase!r}"
    if not _in_language(rubric, words):
        return f"not in {rubric['language']}"
    refuses = rubric.get("refuses")
    if refuses is not None and is_refusal(answer, rubric["language"]) != refuses:
        return "does not refuse" if refuses else "refuses"
    return ""


def _in_language(rubric: Mapping[str, Any], words: list[str]) -> bool:
    """Names that the rubric asks for are of no language: "nano" may stand in a Chinese answer."""
    if "language" not in rubric:
        return True
    text = f" {' '.join(words)} "
    for phrase in (phrase for group in rubric.get("contains", ()) for phrase in group):
        text = text.replace(f" {' '.join(words_of(phrase))} ", " ")
    shares = language_shares(text)
    return not shares or shares.get(rubric["language"], 0.0) >= LANGUAGE_SHARE


def _points(rubric: Mapping[str, Any], words: list[str], answer: str) -> list[tuple[str, bool]]:
    """(what is said where it is not met, whether it is met) for each point."""
    points = [(f"lacks {group[0]!r}", any(has_phrase(words, p) for p in group)) for group in rubric.get("contains", ())]
    if rubric.get("refuses"):
        points.append(("does not refuse", True))  # else the gate had failed
    if "answer" in rubric:
        marked = _HIGHLIGHT.findall(answer)
        given = _content_words(marked[-1] if marked else answer)
        points.append(("another answer", given in [_content_words(gold) for gold in rubric["answer"]]))
    return points


def _content_words(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in _ARTICLES]


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]

"""How much two texts share, in n-grams of words: near-duplicates, and prompts that evaluations hold too."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

Shingles = frozenset[tuple[str, ...]]
Numbers = tuple[str, ...]

_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+|[^\w\s]|_")


def words(text: str) -> list[str]:
    """Words, single Chinese characters and single signs, whatever their capitals and width.

    Signs are kept, because 3 + 5 is not 3 - 5.

    >>> words("Give ３ + 5，求和")
    ['give', '3', '+', '5', ',', '求', '和']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def shingles(text: str, num_words: int) -> Shingles:
    """The n-grams of `num_words` words; of a shorter text the one n-gram of all its words, of an empty text none."""
    tokens = words(text)
    last = max(0, len(tokens) - num_words)
    return frozenset(tuple(tokens[i : i + num_words]) for i in range(last + 1)) if tokens else frozenset()


def jaccard(a: Shingles, b: Shingles) -> float:
    """|a and b| / |a or b|, in [0, 1]; 1.0 for two empty sets."""
    union = len(a | b)
    return len(a & b) / union if union else 1.0


def numbers(text: str) -> Numbers:
    """The numbers in a text, sorted as text.

    >>> numbers("Use 12, 3 and 3")
    ('12', '3', '3')
    """
    return tuple(sorted(re.findall(r"\d+", unicodedata.normalize("NFKC", text))))


class EvaluationPrompts:
    """Prompts that must not be trained on, looked up by the n-grams of words that a prompt shares with one of them.

    Only prompts with the same numbers are compared. Problems made from a template share nearly all of their words with
    every other one, and `f(0) = 5 and f(1) = 12` is another problem than `f(0) = 5 and f(1) = 14`.
    """

    def __init__(self, prompts: Iterable[str], num_words: int) -> None:
        """Index `prompts` by n-grams of `num_words` words; a shorter prompt is its own n-gram."""
        self._num_words = num_words
        self._prompts: dict[tuple[Numbers, tuple[str, ...]], list[int]] = {}  # numbers and n-gram to prompts
        for i, prompt in enumerate(prompts):
            for gram in shingles(prompt, num_words):
                self._prompts.setdefault((numbers(prompt), gram), []).append(i)

    def overlap(self, prompt: str) -> float:
        """The largest share of the prompt's n-grams that one of the prompts has, in [0, 1]; 0.0 for an empty prompt.

        A prompt of fewer words than an n-gram has only overlaps with the same prompt.
        """
        own, own_numbers = shingles(prompt, self._num_words), numbers(prompt)
        hits = Counter(i for gram in own for i in self._prompts.get((own_numbers, gram), ()))
        return max(hits.values()) / len(own) if hits else 0.0

r"""Which languages a chain of thought is written in (language mixing, sections 2.2.4 and 2.3.2 of arXiv:2501.12948).

Words are told apart by script, which is enough for English and Chinese: a run of two or more Latin letters is an
English word, a Chinese character is a Chinese word, a run of two or more other letters is a word of neither. What is
the same in every language is left out first: code, mathematics, LaTeX commands, tags, digits, single letters.
"""

from __future__ import annotations

import re
import unicodedata

from r1kit.types import Language

MIXED_THRESHOLD = 0.1
"""A larger share of foreign words is a mix. Ours, not the paper's: a Chinese text may name a few English terms."""

_SPANS = (("```", "```"), ("`", "`"), ("\\[", "\\]"), ("\\(", "\\)"), ("$$", "$$"), ("$", "$"))
_NOISE = re.compile(r"</?[A-Za-z]{1,20}>|https?://\S+|\\[A-Za-z]+(?:\{[A-Za-z]{1,20}\*?\})?")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LETTERS = re.compile(r"[^\W\d_]+")


def word_counts(text: str) -> dict[str, int]:
    """How many words are English ("en", any Latin script), Chinese ("zh") and neither ("other").

    >>> word_counts("设 x = 3, then $f(x)$ 是 9")
    {'en': 1, 'zh': 2, 'other': 0}
    """
    for opening, closing in _SPANS:
        text = _drop_spans(text, opening, closing)
    text = _NOISE.sub(" ", text)
    counts = {"en": 0, "zh": len(_HAN.findall(text)), "other": 0}
    for word in _LETTERS.findall(_HAN.sub(" ", text)):
        if len(word) >= 2:
            counts["en" if unicodedata.name(word[0], "").startswith("LATIN") else "other"] += 1
    return counts


def language_shares(text: str) -> dict[str, float]:
    """`word_counts` as shares that sum to 1; empty for a text without words."""
    counts = word_counts(text)
    total = sum(counts.values())
    return {language: count / total for language, count in counts.items()} if total else {}


def language_consistency(text: str, target: Language) -> float | None:
    """The proportion of target-language words in a chain of thought (section 2.3.2), in [0, 1]; None for no words."""
    return language_shares(text).get(target)


def is_mixed(text: str, target: Language) -> bool:
    """Whether a text is written in two languages: some target words, and more than MIXED_THRESHOLD of others."""
    share = language_consistency(text, target)
    return share is not None and 0 < share < 1 - MIXED_THRESHOLD


def _drop_spans(text: str, opening: str, closing: str) -> str:
    """Replace each `opening ... closing` by a space, in linear time; an opening that is never closed stays."""
    kept: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        kept += [text[position:start], " "]
        position = end + len(closing)
    return "".join([*kept, text[position:]])

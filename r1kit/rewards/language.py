r"""Language consistency: "the proportion of target language words in the CoT" (section 2.3.2 of arXiv:2501.12948).

Words are told apart by script, which is exact for English and Chinese and needs no other package. What is the same in
every language is left out first: code, mathematics, commands (`r1kit.rewards.prose`), digits, single letters, names
of functions and units.

What a word is: a run of two or more letters; in Chinese and Japanese a character, because they are written without
spaces; in Thai, Lao, Khmer and Burmese four characters, rounded up, for the same reason. Chinese characters are
Japanese in a sentence in which kana are at least a fifth of the characters of both, and Chinese elsewhere.

Languages of one script (English and German) are told apart by the package `lingua-language-detector`, word by word:
each word gets the language that lingua finds in it and its neighbours in the sentence, out of a few candidates.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from r1kit.errors import DataError, MissingExtra, suggest
from r1kit.rewards.extract import chain_of_thought
from r1kit.rewards.prose import prose
from r1kit.types import Rollout, Score

if TYPE_CHECKING:
    from lingua import LanguageDetector  # pyright: ignore[reportMissingImports]

MIXED_THRESHOLD = 0.1
"""A larger share of foreign words is a mix. Ours, not the paper's: a Chinese text may name a few English terms."""

PAPER_LANGUAGES = ("en", "zh")
"""The languages that a policy is expected to mix: DeepSeek-R1 is optimised for these two (section 5)."""

MIN_DISTANCE = 0.1
"""How much likelier than the runner-up a language must be for lingua to decide; else the word is the target's."""

EMPTY_VALUE = 0.0
"""The reward of a chain of thought without a word, where the proportion is 0/0. Not 1.0: the cheapest way to be
consistent would be to think nothing, or in formulas alone, and the reward is there for the sake of the reader."""

_LANGUAGES_BY_SCRIPT = {
    "latin": "en de fr es it pt nl pl cs sv da fi nb ro hu tr vi id",
    "cyrillic": "ru uk bg sr",
    "arabic": "ar fa ur",
    "devanagari": "hi mr",
    **{"han": "zh", "japanese": "ja", "hangul": "ko", "greek": "el", "hebrew": "he", "thai": "th", "bengali": "bn"},
    **{"tamil": "ta", "telugu": "te", "gujarati": "gu", "gurmukhi": "pa", "georgian": "ka", "armenian": "hy"},
    **{"lao": "lo", "khmer": "km", "burmese": "my", "ethiopic": "am"},
}
LANGUAGES: dict[str, str] = {code: script for script, codes in _LANGUAGES_BY_SCRIPT.items() for code in codes.split()}
"""ISO 639-1 code to script. Where two languages share a script, only lingua can tell them apart."""

_SCRIPTS: dict[str, str] = {
    "latin": r"A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036f\u1e00-\u1eff",
    "han": r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
    "kana": r"\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff",
    "hangul": r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "cyrillic": r"\u0400-\u052f\u1c80-\u1c88",
    "arabic": r"\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06fa-\u06ff\u0750-\u077f",
    "devanagari": r"\u0900-\u0963\u0971-\u097f",
    "greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": r"\u0591-\u05c7\u05d0-\u05f4",
    "thai": r"\u0e01-\u0e3a\u0e40-\u0e4e",
    "bengali": r"\u0980-\u09e3",
    "tamil": r"\u0b82-\u0bd7",
    "telugu": r"\u0c00-\u0c63",
    "gujarati": r"\u0a81-\u0ae3",
    "gurmukhi": r"\u0a01-\u0a75",
    "georgian": r"\u10a0-\u10ff",
    "armenian": r"\u0531-\u0587",
    "lao": r"\u0e81-\u0ecd",
    "khmer": r"\u1780-\u17d3",
    "burmese": r"\u1000-\u103f",
    "ethiopic": r"\u1200-\u135a",
}
_WORD = re.compile(
    "|".join(f"(?P<{name}>[{letters}]{'' if name in {'han', 'kana'} else '+'})" for name, letters in _SCRIPTS.items())
    + rf"|(?P<other>[^\W\d_{''.join(_SCRIPTS.values())}]+)"
)
_SENTENCE_END = re.compile(r"[.!?;:,()\n。！？；：，、（）]+")
_UNSPACED = {"thai", "lao", "khmer", "burmese"}
_CHARACTERS_PER_WORD = 4
_KANA_SHARE = 0.2
_FUNCTIONS_AND_UNITS = """
sin cos tan cot sec csc log ln lg exp lim max min sup inf mod gcd lcm det sqrt arg pi
mm cm dm km mg kg ml dl hz khz mhz ghz kw kwh mph kmh ms ns kb mb gb
"""
_SAME_EVERYWHERE = frozenset(_FUNCTIONS_AND_UNITS.split())


def script_counts(text: str) -> Counter[str]:
    """How many words a text has of each script; "japanese" is kana and the Chinese characters among them.

    >>> script_counts("設 x = 3 とする, then stop")["japanese"]
    4
    """
    counts: Counter[str] = Counter()
    for sentence in _sentences(text):
        for script, words in _words_by_script(sentence).items():
            counts[script] += sum(map(_num_words, words)) if script in _UNSPACED else len(words)
    return counts


def word_counts(text: str) -> dict[str, int]:
    """How many words are English ("en", any Latin script), Chinese ("zh") and neither ("other").

    >>> word_counts("设 x = 3, then $f(x)$ 是 9")
    {'en': 1, 'zh': 2, 'other': 0}
    """
    counts = script_counts(text)
    english, chinese = counts.pop("latin", 0), counts.pop("han", 0)
    return {"en": english, "zh": chinese, "other": counts.total()}


def language_shares(text: str) -> dict[str, float]:
    """`word_counts` as shares that sum to 1; empty for a text without words."""
    counts = word_counts(text)
    total = sum(counts.values())
    return {language: count / total for language, count in counts.items()} if total else {}


def language_consistency(text: str, target: str, languages: Sequence[str] = PAPER_LANGUAGES) -> float | None:
    """The proportion of target-language words in a chain of thought (section 2.3.2), in [0, 1]; None for no words.

    Args:
        text: A chain of thought.
        target: A key of LANGUAGES.
        languages: What else the text may be written in. Only those of the target's script matter: where there is one,
            lingua decides between it and the target.

    Raises:
        DataError: an unknown language.
        MissingExtra: the target shares its script with one of `languages`, and lingua is not installed.
    """
    for language in (target, *languages):
        if language not in LANGUAGES:
            raise DataError(f"unknown language {language!r}; {suggest(language, LANGUAGES)}")
    script = LANGUAGES[target]
    counts = script_counts(text)
    if not counts.total():
        return None
    candidates = frozenset(code for code in (target, *languages) if LANGUAGES[code] == script)
    num_target = counts[script] if len(candidates) == 1 else _count_by_detector(text, target, candidates)
    return num_target / counts.total()


def is_mixed(text: str, target: str, languages: Sequence[str] = PAPER_LANGUAGES) -> bool:
    """Whether a text is written in two languages: some target words, and more than MIXED_THRESHOLD of others.

    Raises:
        DataError, MissingExtra: as `language_consistency`.
    """
    share = language_consistency(text, target, languages)
    return share is not None and 0 < share < 1 - MIXED_THRESHOLD


def consistency_score(thought: str, target: str, languages: Sequence[str] = PAPER_LANGUAGES) -> Score:
    """`language_consistency` as a verdict: EMPTY_VALUE for a chain of thought without words.

    Raises:
        DataError, MissingExtra: as `language_consistency`.
    """
    share = language_consistency(thought, target, languages)
    if share is None:
        return Score(value=EMPTY_VALUE, reason="no words in the chain of thought")
    return Score(value=share, reason=f"{share:.0%} of the words are {target}")


class LanguageConsistencyReward:
    """The share of words of the problem's language in the chain of thought, in [0, 1]; EMPTY_VALUE without words.

    Section 2.3.2 adds it to the accuracy with weight 1. It does not see the answer: a summary in another language
    costs nothing here. Nor does it see the length or the sense: two right words score as well as two thousand, and
    right words repeated water down the foreign ones (`r1kit.rewards.shaping.RepetitionReward` is against that).
    """

    name = "language"

    def __init__(
        self,
        languages: Sequence[str] = PAPER_LANGUAGES,
        find_thought: Callable[[str], str] = chain_of_thought,
    ) -> None:
        """Expect `languages` besides each problem's own, and read what `find_thought` cuts out of a completion."""
        self._languages = tuple(languages)
        self._find_thought = find_thought

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order.

        Raises:
            DataError, MissingExtra: as `language_consistency`.
        """
        return [
            consistency_score(self._find_thought(rollout.completion.text), rollout.problem.language, self._languages)
            for rollout in rollouts
        ]


def _sentences(text: str) -> list[str]:
    """The parts of a text between marks. Letters in disguise (𝐛𝐨𝐥𝐝, ｗｉｄｅ) are made plain first."""
    return _SENTENCE_END.split(unicodedata.normalize("NFKC", prose(text)))


def _words_by_script(sentence: str) -> dict[str, list[str]]:
    words: dict[str, list[str]] = {}
    for match in _WORD.finditer(sentence):
        script, word = str(match.lastgroup), match[0]
        if script in {"han", "kana", "hangul"} or (len(word) >= 2 and word.lower() not in _SAME_EVERYWHERE):
            words.setdefault(script, []).append(word)
    kana, han = words.pop("kana", []), words.pop("han", [])
    if kana and len(kana) >= _KANA_SHARE * (len(kana) + len(han)):
        words["japanese"] = kana + han
    else:
        words |= {script: found for script, found in (("japanese", kana), ("han", han)) if found}
    return words


def _num_words(run: str) -> int:
    return -(-len(run) // _CHARACTERS_PER_WORD)


def _count_by_detector(text: str, target: str, candidates: frozenset[str]) -> int:
    """How many words of the target's script are in the target language; one that lingua cannot tell is."""
    detector = _detector(candidates)
    script, count = LANGUAGES[target], 0
    for sentence in _sentences(text):
        words = _words_by_script(sentence).get(script, [])
        for i in range(len(words)):
            found = detector.detect_language_of(" ".join(words[max(0, i - 1) : i + 2]))
            count += found is None or found.iso_code_639_1.name.lower() == target
    return count


@functools.cache
def _detector(candidates: frozenset[str]) -> LanguageDetector:
    """A lingua detector for these ISO 639-1 codes; its models are read once a process, at the first text."""
    try:
        import lingua  # pyright: ignore[reportMissingImports]
    except ImportError:
        purpose = f"telling {' and '.join(sorted(candidates))} apart, which share a script,"
        raise MissingExtra("lingua-language-detector", "lingua", purpose) from None
    codes = [lingua.IsoCode639_1.from_str(code.upper()) for code in sorted(candidates)]
    builder = lingua.LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    return builder.with_minimum_relative_distance(MIN_DISTANCE).build()

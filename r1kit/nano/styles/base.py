"""What the writers of all domains share: the styles, how often each occurs, and a voice."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from r1kit.tasks.nano.base import Content, Language

Style = Literal["direct", "brief", "full", "checked"]

STYLE_WEIGHTS: dict[Style, float] = {"direct": 0.62, "brief": 0.10, "full": 0.18, "checked": 0.10}
FINAL_STYLE_WEIGHTS: dict[Style, float] = {"direct": 0.86, "brief": 0.06, "full": 0.05, "checked": 0.03}
"""Of the last documents of pretraining: they set how seldom the base reasons, the others how well."""
DIRECT_RIGHT_RATE = 0.2
"""Share of at-once answers that are right."""
BRIEF_RIGHT_RATE = 0.5
"""Share of short cuts that are right."""
LOOKUP_RATE = 0.5
"""Share of the drills of logic and science that read entries of a table, in any order."""
NUM_LOOKUPS = 4
"""Entries that are read, some of them perhaps twice."""
SLIP_RATE = 0.5
"""Share of checked responses whose first pass has a slip for the check to find."""
MIXED_RATE = 0.2
"""Share of reasoned responses that mix the two languages."""

CONNECTIVES: dict[Language, tuple[str, ...]] = {
    "en": ("First", "Then", "Next", "So"),
    "zh": ("先算", "再算", "然后", "得"),
}
CHECK: dict[Language, str] = {"en": "Let me check.", "zh": "检查一下。"}
WAIT: dict[Language, str] = {"en": "Wait,", "zh": "等等，"}
NO: dict[Language, str] = {"en": "no.", "zh": "不对。"}
YES: dict[Language, str] = {"en": "yes.", "zh": "对。"}
SO: dict[Language, str] = {"en": "So {}.", "zh": "所以 {}。"}

C = TypeVar("C", bound=Content)


@dataclass(frozen=True, slots=True)
class Response:
    """A chain of thought and the answer that it ends in."""

    thought: str
    answer: str


@dataclass(frozen=True, slots=True)
class Writer(Generic[C]):
    """Who writes about one domain."""

    respond: Callable[[C, Language, Style, random.Random], Response]
    """A response to a content that was rendered in the language."""
    drill: Callable[[Language, random.Random], str]
    """A sentence or an equation: one atomic step, right, of no particular problem."""


class Voice:
    """One writer: which words connect the steps, in which language."""

    def __init__(self, language: Language, random: random.Random, *, mixed: bool) -> None:
        self.random = random
        self._language: Language = language
        self._mixed = mixed
        self._wordy = random.random() < 0.5

    def language(self) -> Language:
        """The language of the next sentence."""
        return self.random.choice(("en", "zh")) if self._mixed else self._language

    def say(self, phrases: Mapping[Language, str], *parts: object) -> str:
        """A sentence with these parts in the places of its {}."""
        return phrases[self.language()].format(*parts)

    def steps(self, equations: Sequence[str]) -> str:
        """`First 3 + 5 = 8. Then 8 - 2 = 6.`; half of the writers leave the connectives out."""
        sentences = []
        for i, equation in enumerate(equations):
            language = self.language()
            stop = "." if language == "en" else "。"
            word = f"{CONNECTIVES[language][min(i, 3)]} " if self._wordy or self._mixed else ""
            sentences.append(f"{word}{equation}{stop}")
        return " ".join(sentences)

    def slips(self) -> bool:
        """Whether the first pass of a checked response goes wrong."""
        return self.random.random() < SLIP_RATE

    def checked(self, first: Sequence[str], right: Sequence[str], slip_at: int | None) -> str:
        """The sentences of a first pass, then those of the right one, with "Wait," where the first has its slip."""
        again = list(right)
        if slip_at is not None:
            again.insert(slip_at, self.say(WAIT))
        return join((*first, self.say(CHECK), *again))


def open_voice(language: Language, random: random.Random) -> Voice:
    """A writer of reasoned responses; one in five mixes the languages."""
    return Voice(language, random, mixed=random.random() < MIXED_RATE)


def join(sentences: Sequence[str]) -> str:
    """Sentences as a text; no space behind a Chinese stop, as in questions, except before a number."""
    text = ""
    for sentence in sentences:
        text += f" {sentence}" if text.endswith((".", ",")) or sentence[0].isdigit() else sentence
    return text.strip()


def picked(entries: Sequence[str], random: random.Random) -> list[str]:
    """NUM_LOOKUPS of the entries, one after the other, any of them again."""
    return [random.choice(entries) for _ in range(NUM_LOOKUPS)]


def guesses_right(random: random.Random) -> bool:
    """Whether an at-once answer is right."""
    return random.random() < DIRECT_RIGHT_RATE


def conclude(response: Response, language: Language) -> str:
    """The sentence that states a response's answer; a program stands below it."""
    answer = response.answer
    if "\n" in answer:
        return f"The answer is:\n{answer}" if language == "en" else f"答案是：\n{answer}"
    return f"The answer is {answer}." if language == "en" else f"答案是 {answer}。"

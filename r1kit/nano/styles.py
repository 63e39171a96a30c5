"""How people in the corpus write an answer down: at once, in short, step by step, with a check, in one language or two.

A `Response` is a chain of thought and the answer it arrives at. Whether the answer is right depends on the style: who
answers at once is mostly wrong (one forward pass cannot do the sum), who reasons to the end is right.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from r1kit.tasks.nano import Content, Language, answer, countdown_candidates, format_chain

Style = Literal["direct", "brief", "full", "checked"]

STYLE_WEIGHTS: dict[Style, float] = {"direct": 0.75, "brief": 0.10, "full": 0.10, "checked": 0.05}
FINAL_STYLE_WEIGHTS: dict[Style, float] = {"direct": 0.84, "brief": 0.07, "full": 0.06, "checked": 0.03}
"""Of the last documents of pretraining: they set how seldom the base reasons, the others how well."""
DIRECT_RIGHT_RATE = 0.2
"""Share of at-once answers that are right."""
SLIP_RATE = 0.3
"""Share of checked responses whose first pass has a slip for the check to find."""
MIXED_RATE = 0.2
"""Share of reasoned responses that mix the two languages."""

CONNECTIVES: dict[Language, tuple[str, ...]] = {
    "en": ("First", "Then", "Next", "So"),
    "zh": ("先算", "再算", "然后", "得"),
}
CHECK: dict[Language, str] = {"en": "Let me check.", "zh": "检查一下。"}
WAIT: dict[Language, str] = {"en": "Wait,", "zh": "等等，"}
TRY: dict[Language, str] = {"en": "Try", "zh": "试"}
NO: dict[Language, str] = {"en": "no.", "zh": "不对。"}
YES: dict[Language, str] = {"en": "yes.", "zh": "对。"}


@dataclass(frozen=True, slots=True)
class Response:
    """A chain of thought and the answer that it ends in."""

    thought: str
    answer: str


def respond(content: Content, language: Language, style: Style, random: random.Random) -> Response:
    """Write a response in a style; reasoned ones mix in the other language at MIXED_RATE."""
    if style == "direct":
        guess = _guess(content, random)
        return Response(guess, guess)
    voice = _Voice(language, random, mixed=random.random() < MIXED_RATE)
    if content.family == "countdown":
        return _search(content, style, voice)
    return _work_out(content, style, voice)


class _Voice:
    """One writer: which words connect the steps, in which language."""

    def __init__(self, language: Language, random: random.Random, *, mixed: bool) -> None:
        self.random = random
        self._language: Language = language
        self._mixed = mixed
        self._wordy = random.random() < 0.5

    def language(self) -> Language:
        return self.random.choice(("en", "zh")) if self._mixed else self._language

    def steps(self, equations: Sequence[str]) -> str:
        """`First 3 + 5 = 8. Then 8 - 2 = 6.`; half of the writers leave the connectives out."""
        sentences = []
        for i, equation in enumerate(equations):
            language = self.language()
            stop = "." if language == "en" else "。"
            word = f"{CONNECTIVES[language][min(i, 3)]} " if self._wordy or self._mixed else ""
            sentences.append(f"{word}{equation}{stop}")
        return " ".join(sentences)


def _work_out(content: Content, style: Style, voice: _Voice) -> Response:
    """Chains, word problems and comparisons: add up term by term."""
    sides = [content.terms, content.other] if content.other else [content.terms]
    if style == "brief":
        totals = [sum(side) for side in sides]
        if voice.random.random() < 0.5:  # short-cuts go wrong half of the time
            totals = [max(0, total + voice.random.choice((-3, -2, -1, 1, 2, 3))) for total in totals]
        equations = [f"{format_chain(side)} = {total}" for side, total in zip(sides, totals, strict=True)]
        return Response(voice.steps(equations), str(max(totals)))
    slip_at = None
    if style == "checked" and voice.random.random() < SLIP_RATE:
        slip_at = voice.random.randrange(sum(len(side) - 1 for side in sides))
    equations, totals = _running_sums(sides, slip_at, voice.random)
    thought = voice.steps([*equations, *_compared(totals)])
    if style == "checked":
        right, totals = _running_sums(sides, None, voice.random)
        again = voice.steps([*right, *_compared(totals)])
        if slip_at is not None:
            language = voice.language()
            before = voice.steps(right[:slip_at])
            after = voice.steps([*right[slip_at:], *_compared(totals)])
            again = " ".join(part for part in (before, WAIT[language], after) if part)
        thought = f"{thought} {CHECK[voice.language()]} {again}"
    return Response(thought, str(max(totals)))


def _running_sums(
    sides: Sequence[Sequence[int]], slip_at: int | None, random: random.Random
) -> tuple[list[str], list[int]]:
    """The equations of both sides and their totals; step number `slip_at` is off by a little, and so what follows."""
    equations, totals = [], []
    for side in sides:
        total = side[0]
        for term in side[1:]:
            result = total + term
            if len(equations) == slip_at:
                result = max(0, result + random.choice((-2, -1, 1, 2)))
            equations.append(f"{total} {'+' if term > 0 else '-'} {abs(term)} = {result}")
            total = result
        totals.append(total)
    return equations, totals


def _compared(totals: list[int]) -> list[str]:
    if len(totals) == 1:
        return []
    return [_relation(*totals)]


def _search(content: Content, style: Style, voice: _Voice) -> Response:
    """Countdown: try one expression after the other; a brief writer gives up, a checked one confirms the last."""
    candidates = countdown_candidates(content.terms)
    start = voice.random.randrange(len(candidates))
    terms, tries = candidates[start], []
    for terms in [*candidates[start:], *candidates[:start]]:
        language = voice.language()
        total = sum(terms)
        found = total == content.target
        verdict = (YES if found else NO)[language]
        tries.append(f"{TRY[language]} {format_chain(terms)} = {total}, {_relation(total, content.target)}, {verdict}")
        if found or style == "brief":
            break
    thought = " ".join(tries)
    if style == "checked":
        equations, _ = _running_sums([terms], None, voice.random)
        thought = f"{thought} {CHECK[voice.language()]} {voice.steps(equations)}"
    return Response(thought, format_chain(terms))


def _relation(left: int, right: int) -> str:
    return f"{left} {'>' if left > right else '<' if left < right else '='} {right}"


def _guess(content: Content, random: random.Random) -> str:
    """What someone says who has not worked it out: near the truth, seldom it."""
    right = random.random() < DIRECT_RIGHT_RATE
    if content.family == "countdown":
        candidates = countdown_candidates(random.sample(content.terms, 3))
        fitting = [terms for terms in candidates if (sum(terms) == content.target) == right]
        return format_chain(random.choice(fitting or candidates))
    gold = int(answer(content))
    if right:
        return str(gold)
    return str(random.choice([guess for guess in range(max(0, gold - 5), gold + 6) if guess != gold]))

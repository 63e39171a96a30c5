"""How sums are written down: term by term, or try after try."""

from __future__ import annotations

import random
from collections.abc import Sequence

from r1kit.nano.styles.base import (
    BRIEF_RIGHT_RATE,
    CHECK,
    NO,
    WAIT,
    YES,
    Response,
    Style,
    Voice,
    Writer,
    guesses_right,
    open_voice,
)
from r1kit.tasks.nano.base import MAX_TOTAL, Language
from r1kit.tasks.nano.math import Content, answer, countdown_candidates, format_chain

TRY: dict[Language, str] = {"en": "Try", "zh": "试"}


def respond(content: Content, language: Language, style: Style, random: random.Random) -> Response:
    """Write a response in a style."""
    if style == "direct":
        guess = _guess(content, random)
        return Response(guess, guess)
    voice = open_voice(language, random)
    if content.family == "countdown":
        return _search(content, style, voice)
    return _work_out(content, style, voice)


def drill(language: Language, random: random.Random) -> str:
    """An equation: one term more or less, or a candidate of a countdown."""
    if random.random() < 0.3:
        terms = random.choice(countdown_candidates(random.sample(range(1, 13), 3)))
        return f"{format_chain(terms)} = {sum(terms)}"
    total = random.randint(0, MAX_TOTAL)
    term = random.choice([t for t in range(-9, 10) if t != 0 and 0 <= total + t <= MAX_TOTAL])
    return f"{total} {'+' if term > 0 else '-'} {abs(term)} = {total + term}"


def _work_out(content: Content, style: Style, voice: Voice) -> Response:
    """Chains, word problems and comparisons: add up term by term."""
    sides = [content.terms, content.other] if content.other else [content.terms]
    if style == "brief":
        totals = [sum(side) for side in sides]
        if voice.random.random() >= BRIEF_RIGHT_RATE:
            totals = [max(0, total + voice.random.choice((-3, -2, -1, 1, 2, 3))) for total in totals]
        equations = [f"{format_chain(side)} = {total}" for side, total in zip(sides, totals, strict=True)]
        return Response(voice.steps(equations), str(max(totals)))
    slip_at = None
    if style == "checked" and voice.slips():
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
                result += random.choice([slip for slip in (-2, -1, 1, 2) if result + slip >= 0])
            equations.append(f"{total} {'+' if term > 0 else '-'} {abs(term)} = {result}")
            total = result
        totals.append(total)
    return equations, totals


def _compared(totals: list[int]) -> list[str]:
    if len(totals) == 1:
        return []
    return [_relation(*totals)]


def _search(content: Content, style: Style, voice: Voice) -> Response:
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
    right = guesses_right(random)
    if content.family == "countdown":
        candidates = countdown_candidates(random.sample(content.terms, 3))
        fitting = [terms for terms in candidates if (sum(terms) == content.target) == right]
        return format_chain(random.choice(fitting or candidates))
    gold = int(answer(content))
    if right:
        return str(gold)
    return str(random.choice([guess for guess in range(max(0, gold - 5), gold + 6) if guess != gold]))


MATH_WRITER = Writer(respond, drill)

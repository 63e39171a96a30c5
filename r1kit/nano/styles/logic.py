"""How puzzles are solved in writing: states, a chain, roles.

    swap     Ann and Ben swap: Ann: cup, Ben: ball, Mia: pen. ... So pen.
    order    Ben > Ann, Ann > Sam, Mia > Ben. in order: Mia > Ben > Ann > Sam. 1 Mia, 2 Ben.
    knights  Ann is a knight and says Ben is a knave, so Ben is a knave. ...

A sentence takes from the question and from the sentence before it, and from nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import TypeVar

from r1kit.nano.styles.base import (
    BRIEF_RIGHT_RATE,
    CHECK,
    LOOKUP_RATE,
    NO,
    SO,
    WAIT,
    YES,
    Response,
    Style,
    Voice,
    Writer,
    guesses_right,
    join,
    open_voice,
    picked,
)
from r1kit.tasks.nano.base import NAMES, Language, person
from r1kit.tasks.nano.logic import (
    MORE,
    OBJECTS,
    ROLES,
    Content,
    Family,
    answer,
    draw_content,
    format_roles,
    format_state,
)

T = TypeVar("T")

SWAP: dict[Language, str] = {"en": "{} and {} swap: {}.", "zh": "{}和{}交换：{}。"}
PLAIN: dict[Language, str] = {"en": "{}.", "zh": "{}。"}
LISTENER: dict[Language, str] = {
    "en": "{0} is a {1} and says {2} is a {3}, so {2} is a {4}.",
    "zh": "{0}是{1}，说{2}是{3}，所以{2}是{4}。",
}
SPEAKER: dict[Language, str] = {
    "en": "{2} is a {1} and {0} says {2} is a {3}, so {0} is a {4}.",
    "zh": "{2}是{1}，{0}说{2}是{3}，所以{0}是{4}。",
}
CHAIN: dict[Language, str] = {"en": "in order: {}.", "zh": "排序：{}。"}
COMMA: dict[Language, str] = {"en": ", ", "zh": "，"}


def respond(content: Content, language: Language, style: Style, random: random.Random) -> Response:
    """Write a response in a style."""
    if style == "direct":
        guess = _guess(content, language, random)
        return Response(guess, guess)
    return _SOLVE[content.family](content, language, style, open_voice(language, random))


def drill(language: Language, random: random.Random) -> str:
    """A single swap, comparison or deduction; or what some people have, read off a list of all."""
    if random.random() < LOOKUP_RATE:
        return _lookups(language, random)
    content = draw_content(random, "pretrain")
    voice = Voice(language, random, mixed=False)
    if content.family == "swap":
        pair = random.choice(list(combinations(range(len(content.people)), 2)))
        content = replace(content, pairs=(pair,))
        start = format_state(content, content.things, language)
        return join((PLAIN[language].format(start), *_swaps(content, language, voice, None)[0]))[:-1]
    if content.family == "order":
        a, b = content.pairs[0]
        than = {"en": "{} is {} than {}: {}", "zh": "{}比{}{}：{}"}[language]
        word, names = MORE[language][content.things[0]][a > b], (content.name(a, language), content.name(b, language))
        said = (names[0], word, names[1]) if language == "en" else (*names, word)
        return than.format(*said, _more(content, language, min(a, b), max(a, b)))
    return _deductions(content, language, voice, None)[0][:-1]


def _lookups(language: Language, random: random.Random) -> str:
    """`Ann: ball, Ben: cup, Mia: pen. Mia: pen. Ann: ball. ...`"""
    people = random.sample(range(len(NAMES[language])), random.randint(3, 5))
    entry = {"en": "{}: {}", "zh": "{}：{}"}[language]
    entries = [entry.format(person(each, language), random.choice(OBJECTS[language])) for each in people]
    return join([PLAIN[language].format(each) for each in (COMMA[language].join(entries), *picked(entries, random))])[
        :-1
    ]


def _swap(content: Content, language: Language, style: Style, voice: Voice) -> Response:
    gold = answer(content, language)
    if style == "brief":
        state = content.states()[-1]
        if voice.random.random() >= BRIEF_RIGHT_RATE:
            state = _exchanged(state, content.asked, _other(range(len(state)), content.asked, voice.random))
        return Response(
            voice.say(PLAIN, format_state(content, state, language)), OBJECTS[language][state[content.asked]]
        )
    right, _ = _swaps(content, language, voice, None)
    right.append(voice.say(SO, gold))
    if style == "full":
        return Response(join(right), gold)
    slip_at = voice.random.randrange(len(content.pairs)) if voice.slips() else None
    first, state = _swaps(content, language, voice, slip_at)
    first.append(voice.say(SO, OBJECTS[language][state[content.asked]]))
    return Response(voice.checked(first, right, slip_at), gold)


def _swaps(
    content: Content, language: Language, voice: Voice, slip_at: int | None
) -> tuple[list[str], tuple[int, ...]]:
    """A sentence a swap, and the state in the end; at swap number `slip_at` one of the two changes with a third."""
    state, sentences = content.things, []
    for i, (a, b) in enumerate(content.pairs):
        third = next(person for person in range(len(state)) if person not in (a, b))
        state = _exchanged(state, a, third if i == slip_at else b)
        names = (content.name(a, language), content.name(b, language))
        sentences.append(voice.say(SWAP, *names, format_state(content, state, language)))
    return sentences, state


def _exchanged(state: tuple[int, ...], a: int, b: int) -> tuple[int, ...]:
    places = {a: state[b], b: state[a]}
    return tuple(places.get(person, thing) for person, thing in enumerate(state))


def _order(content: Content, language: Language, style: Style, voice: Voice) -> Response:
    ranks = list(range(len(content.people)))
    wrong = list(ranks)
    slip_at = voice.random.randrange(len(ranks) - 1)
    wrong[slip_at], wrong[slip_at + 1] = wrong[slip_at + 1], wrong[slip_at]
    if style == "brief":
        said = ranks if voice.random.random() < BRIEF_RIGHT_RATE else wrong
        return Response(voice.say(PLAIN, _more(content, language, *said)), content.name(said[content.asked], language))
    facts = voice.say(PLAIN, COMMA[language].join(_more(content, language, *sorted(pair)) for pair in content.pairs))
    right = _ranked(content, language, voice, ranks)
    gold = content.name(content.asked, language)
    if style == "full":
        return Response(join((facts, *right)), gold)
    said = wrong if voice.slips() else ranks
    sentences = [facts, *_ranked(content, language, voice, said), voice.say(CHECK)]
    for a, b in pairwise(said):
        follows = b == a + 1
        sentences.append(f"{_more(content, language, a, b)}{COMMA[language]}{voice.say(YES if follows else NO)}")
        if not follows:
            sentences += [voice.say(WAIT), *right]
            break
    return Response(join(sentences), gold)


def _ranked(content: Content, language: Language, voice: Voice, ranks: list[int]) -> list[str]:
    """The chain, and its people counted up to the one who is asked for."""
    counted = [f"{i + 1} {content.name(ranks[i], language)}" for i in range(content.asked + 1)]
    return [voice.say(CHAIN, _more(content, language, *ranks)), voice.say(PLAIN, COMMA[language].join(counted))]


def _more(content: Content, language: Language, *ranks: int) -> str:
    """`Mia > Ben > Ann`."""
    return " > ".join(content.name(rank, language) for rank in ranks)


def _knights(content: Content, language: Language, style: Style, voice: Voice) -> Response:
    gold = answer(content, language)
    right = _deductions(content, language, voice, None)
    if style == "brief":
        said = gold if voice.random.random() < BRIEF_RIGHT_RATE else _wrong_roles(content, language, voice.random)
        return Response(right[0], said)
    if style == "full":
        return Response(join(right), gold)
    slip_at = voice.random.randrange(len(right)) if voice.slips() else None
    return Response(voice.checked(_deductions(content, language, voice, slip_at), right, slip_at), gold)


def _deductions(content: Content, language: Language, voice: Voice, slip_at: int | None) -> list[str]:
    """A sentence a statement: from the given role to the end of the chain, then back to its start.

    Deduction number `slip_at` is wrong, and what follows builds on it.
    """
    claims = {speaker: claim for (speaker, _), claim in zip(content.pairs, content.claims, strict=True)}
    roles = {content.asked: content.truths[content.asked]}
    sentences = []
    for speaker in [*range(content.asked, len(content.people) - 1), *range(content.asked - 1, -1, -1)]:
        known, unknown = (speaker, speaker + 1) if speaker >= content.asked else (speaker + 1, speaker)
        claim = claims[speaker]
        roles[unknown] = (roles[known] == claim) != (len(sentences) == slip_at)
        spoken = voice.language()
        names = (content.name(speaker, language), content.name(speaker + 1, language))
        words = [ROLES[spoken][role] for role in (roles[known], claim, roles[unknown])]
        form = (LISTENER if known == speaker else SPEAKER)[spoken]
        sentences.append(form.format(names[0], words[0], names[1], *words[1:]))
    return sentences


def _guess(content: Content, language: Language, random: random.Random) -> str:
    """An object or a name of the puzzle, or roles that do not contradict the given one."""
    gold = answer(content, language)
    if guesses_right(random):
        return gold
    if content.family == "swap":
        return _other([OBJECTS[language][thing] for thing in content.things], gold, random)
    if content.family == "order":
        return _other([content.name(i, language) for i in range(len(content.people))], gold, random)
    return _wrong_roles(content, language, random)


def _wrong_roles(content: Content, language: Language, random: random.Random) -> str:
    people = [person for person in range(len(content.people)) if person != content.asked]
    flipped = random.sample(people, random.randint(1, len(people)))
    truths = tuple(truth != (person in flipped) for person, truth in enumerate(content.truths))
    return format_roles(content, truths, language)


def _other(items: Sequence[T], item: T, random: random.Random) -> T:
    return random.choice([each for each in items if each != item])


_SOLVE: dict[Family, Callable[[Content, Language, Style, Voice], Response]] = {
    "swap": _swap,
    "order": _order,
    "knights": _knights,
}

LOGIC_WRITER = Writer(respond, drill)

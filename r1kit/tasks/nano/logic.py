"""Logic: puzzles that take one small deduction after the other.

    swap     Ann: ball, Ben: cup, Mia: pen. Ann and Ben swap. Ben and Mia swap. Say what Ben has now          pen
    order    Ben is older than Ann. Sam is younger than Ann. Mia is older than Ben. Name the second oldest    Ben
    knights  ... Ann is a knight. Ben says Mia is a knave. Ann says Ben is a knave. ...    Ann: knight, Ben: knave, ...

The content is a puzzle's structure; who the people are is not part of its key.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from r1kit.tasks.nano.base import NAMES, Domain, Language, Part, draw_part, person, problem_id
from r1kit.types import Problem

Family = Literal["swap", "order", "knights"]
Pair = tuple[int, int]

OBJECTS: dict[Language, tuple[str, ...]] = {
    "en": ("ball", "book", "cup", "hat", "key", "pen"),
    "zh": ("球", "书", "杯子", "帽子", "钥匙", "笔"),
}
ROLES: dict[Language, tuple[str, str]] = {"en": ("knave", "knight"), "zh": ("无赖", "骑士")}
"""By whether the person tells the truth."""
MORE: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (("older", "younger"), ("taller", "shorter"), ("faster", "slower")),
    "zh": (("大", "小"), ("高", "矮"), ("快", "慢")),
}
_MOST: dict[str, str] = {word: f"{word[:-2]}est" for pair in MORE["en"] for word in pair}
_NTH: dict[Language, tuple[str, ...]] = {
    "en": ("", "second ", "third ", "fourth "),
    "zh": ("最", "第二", "第三", "第四"),
}


@dataclass(frozen=True, slots=True)
class Content:
    """A puzzle. People are numbered from 0 inside of it; of an order, by their rank."""

    family: Family
    people: tuple[int, ...]
    """Who they are: places in NAMES."""
    pairs: tuple[Pair, ...]
    """Who swap, which ranks are compared (said the way round in which it stands here), or who speaks of whom."""
    asked: int
    """The person whose object is asked for, the rank, or the person whose role is given."""
    things: tuple[int, ...] = ()
    """Of a swap, what each has at first: places in OBJECTS; of an order, the property: a place in MORE."""
    truths: tuple[bool, ...] = ()
    """Of knights, who tells the truth."""

    @property
    def key(self) -> str:
        """The structure."""
        said = "".join(map(str, map(int, self.claims))) if self.family == "knights" else ""
        given = int(self.truths[self.asked]) if self.family == "knights" else ""
        return f"{self.family}:{len(self.people)}:{self.pairs}:{self.asked}:{said}{given}"

    @property
    def claims(self) -> tuple[bool, ...]:
        """What the speaker of each pair says of the other: that he tells the truth, or that he lies."""
        return tuple(self.truths[speaker] == self.truths[other] for speaker, other in self.pairs)

    def name(self, index: int, language: Language) -> str:
        """The name of person number `index`."""
        return person(self.people[index], language)

    def states(self) -> list[tuple[int, ...]]:
        """Of a swap, what each person has (places in OBJECTS) at first and after each swap."""
        states = [self.things]
        for a, b in self.pairs:
            state = list(states[-1])
            state[a], state[b] = state[b], state[a]
            states.append(tuple(state))
        return states


def draw_content(random: random.Random, part: Part) -> Content:
    """A random puzzle of the given part."""
    draw = _DRAW[random.choice(list(_DRAW))]
    return draw_part(lambda: draw(random), part)


def render(content: Content, language: Language, random: random.Random) -> Problem:
    """Put a puzzle into words."""
    prompt = _WORDS[content.family](content, language)
    names = [content.name(i, language) for i in range(len(content.people))]
    knights = content.family == "knights"
    return Problem(
        id=problem_id(content.key, language, prompt),
        prompt=prompt,
        answer=answer(content, language),
        task=content.family,
        verifier="knights_and_knaves" if knights else "exact",
        language=language,
        info={"names": names} if knights else {},
    )


def answer(content: Content, language: Language) -> str:
    """The gold answer: an object, a name, or everybody's role."""
    if content.family == "swap":
        return OBJECTS[language][content.states()[-1][content.asked]]
    if content.family == "order":
        return content.name(content.asked, language)
    return format_roles(content, content.truths, language)


def format_state(content: Content, state: tuple[int, ...], language: Language) -> str:
    """`Ann: ball, Ben: cup`."""
    return _format_each(content, [OBJECTS[language][thing] for thing in state], language)


def format_roles(content: Content, truths: tuple[bool, ...], language: Language) -> str:
    """`Ann: knight, Ben: knave`."""
    return _format_each(content, [ROLES[language][truth] for truth in truths], language)


def _format_each(content: Content, words: list[str], language: Language) -> str:
    colon, comma = (": ", ", ") if language == "en" else ("：", "，")
    return comma.join(f"{content.name(i, language)}{colon}{word}" for i, word in enumerate(words))


def _draw_people(random: random.Random, count: int) -> tuple[int, ...]:
    return tuple(random.sample(range(len(NAMES["en"])), count))


def _draw_swap(random: random.Random) -> Content:
    count = random.choice((3, 4))
    pairs = list(combinations(range(count), 2))
    swaps = tuple(random.choice(pairs) for _ in range(random.randint(2, 7 - count)))
    things = tuple(random.sample(range(len(OBJECTS["en"])), count))
    return Content("swap", _draw_people(random, count), swaps, random.randrange(count), things)


def _draw_order(random: random.Random) -> Content:
    count = random.choice((4, 5))
    pairs = [random.choice(((i, i + 1), (i + 1, i))) for i in range(count - 1)]
    random.shuffle(pairs)
    property_ = (random.randrange(len(MORE["en"])),)
    return Content("order", _draw_people(random, count), tuple(pairs), random.randrange(count), property_)


def _draw_knights(random: random.Random) -> Content:
    count = random.choice((3, 4))
    pairs = [(i, i + 1) for i in range(count - 1)]
    random.shuffle(pairs)
    truths = tuple(random.random() < 0.5 for _ in range(count))
    return Content("knights", _draw_people(random, count), tuple(pairs), random.randrange(count), truths=truths)


def _word_swap(content: Content, language: Language) -> str:
    start = format_state(content, content.things, language)
    pairs = [(content.name(a, language), content.name(b, language)) for a, b in content.pairs]
    who = content.name(content.asked, language)
    if language == "en":
        return f"{start}.{''.join(f' {a} and {b} swap.' for a, b in pairs)} Say what {who} has now"
    return f"{start}。{''.join(f'{a}和{b}交换。' for a, b in pairs)}说出{who}现在有什么"


def _word_order(content: Content, language: Language) -> str:
    words = MORE[language][content.things[0]]
    last = content.asked == len(content.people) - 1
    nth, most = _NTH[language][0 if last else content.asked], words[1 if last else 0]
    facts = [(content.name(a, language), words[a > b], content.name(b, language)) for a, b in content.pairs]
    if language == "en":
        return f"{' '.join(f'{a} is {word} than {b}.' for a, word, b in facts)} Name the {nth}{_MOST[most]}"
    return f"{''.join(f'{a}比{b}{word}。' for a, word, b in facts)}说出{nth}{most}的人"


def _word_knights(content: Content, language: Language) -> str:
    given = (content.name(content.asked, language), ROLES[language][content.truths[content.asked]])
    said = [
        (content.name(speaker, language), content.name(other, language), ROLES[language][claim])
        for (speaker, other), claim in zip(content.pairs, content.claims, strict=True)
    ]
    if language == "en":
        claims = "".join(f" {a} says {b} is a {role}." for a, b, role in said)
        return f"Knights tell the truth, knaves lie. {given[0]} is a {given[1]}.{claims} Say who is what"
    claims = "".join(f"{a}说{b}是{role}。" for a, b, role in said)
    return f"骑士说真话，无赖说假话。{given[0]}是{given[1]}。{claims}说出每个人是什么"


_DRAW: dict[Family, Callable[[random.Random], Content]] = {
    "swap": _draw_swap,
    "order": _draw_order,
    "knights": _draw_knights,
}
_WORDS: dict[Family, Callable[[Content, Language], str]] = {
    "swap": _word_swap,
    "order": _word_order,
    "knights": _word_knights,
}

LOGIC = Domain("logic", tuple(_DRAW), draw_content, render)

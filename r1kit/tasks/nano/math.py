"""Maths: sums of signed terms.

    chain      Compute 3 + 5 - 2 + 9                                                             15
    word       Tom has 5 apples. He buys 3. He loses 2. Find how many apples Tom has now         6
    compare    Give the larger value of 3 + 5 - 2 and 9 - 1                                      8
    countdown  Use 3, 5 and 8 once each with + and - to make 6                                   3 + 8 - 5

The content is the numbers; a chain and a story of the same terms have the same key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from r1kit.tasks.nano.base import MAX_TOTAL, NAMES, Domain, Language, Part, draw_part
from r1kit.types import Problem

Family = Literal["chain", "word", "compare", "countdown"]

FAMILY_WEIGHTS: dict[Family, float] = {"chain": 0.3, "word": 0.25, "compare": 0.2, "countdown": 0.25}
ITEMS: dict[Language, tuple[str, ...]] = {
    "en": ("apples", "books", "coins", "cards", "eggs", "pens"),
    "zh": ("苹果", "橘子", "鸡蛋", "糖果", "桃子", "杯子"),
}
GAINS: dict[Language, tuple[str, ...]] = {"en": ("buys", "finds", "gets"), "zh": ("买了", "找到", "得到")}
LOSSES: dict[Language, tuple[str, ...]] = {"en": ("loses", "sells", "gives away"), "zh": ("丢了", "卖了", "送出")}


@dataclass(frozen=True, slots=True)
class Content:
    """What a problem is about, apart from its wording."""

    family: Family
    terms: tuple[int, ...]
    """Signed terms of a chain or word problem, of the left side of a comparison, or the numbers of a countdown."""
    other: tuple[int, ...] = ()
    """The right side of a comparison."""
    target: int = 0
    """What a countdown has to make."""

    @property
    def key(self) -> str:
        """The same for problems that have the same solution, whatever the order in which they name their parts."""
        if self.family == "countdown":
            return f"countdown:{sorted(self.terms)}={self.target}"
        if self.family == "compare":
            return f"compare:{sorted((self.terms, self.other))}"
        return f"chain:{self.terms}"


def draw_content(random: random.Random, part: Part, *, num_terms: tuple[int, int] = (3, 7)) -> Content:
    """A random content of the given part; chains have `num_terms` terms (word problems at most six)."""
    family = random.choices(list(FAMILY_WEIGHTS), list(FAMILY_WEIGHTS.values()))[0]
    return draw_part(lambda: _DRAW[family](random, num_terms), part)


def render(content: Content, language: Language, random: random.Random) -> Problem:
    """Put content into words."""
    gold = answer(content)
    info: dict[str, object] = {"terms": list(content.terms)}
    verifier = "math"
    if content.family == "compare":
        info["other"] = list(content.other)
    elif content.family == "countdown":
        info = {"numbers": list(content.terms), "target": content.target}
        verifier = "countdown"
    return Problem(
        id=f"{content.key}:{content.family}:{language}",
        prompt=_WORDS[content.family](content, language, random),
        answer=gold,
        task=content.family,
        verifier=verifier,
        language=language,
        info=info,
    )


def answer(content: Content) -> str:
    """The gold answer; for a countdown the first expression that works."""
    if content.family == "compare":
        return str(max(sum(content.terms), sum(content.other)))
    if content.family == "countdown":
        return next(
            format_chain(terms) for terms in countdown_candidates(content.terms) if sum(terms) == content.target
        )
    return str(sum(content.terms))


def countdown_candidates(numbers: Sequence[int]) -> list[tuple[int, int, int]]:
    """The signed sums of three numbers that start with a positive term: each to be tried once, in a fixed order."""
    a, b, c = numbers
    signed = [(a, b, c), (a, b, -c), (a, c, -b), (b, c, -a), (a, -b, -c), (b, -a, -c), (c, -a, -b)]
    return [terms for terms in signed if sum(terms) >= 0]


def format_chain(terms: Sequence[int]) -> str:
    """`3 + 5 - 2`."""
    return str(terms[0]) + "".join(f" {'+' if term > 0 else '-'} {abs(term)}" for term in terms[1:])


def _draw_terms(random: random.Random, count: int) -> tuple[int, ...]:
    terms = [random.randint(1, 9)]
    while len(terms) < count:
        term = random.choice((-1, 1)) * random.randint(1, 9)
        if 0 <= sum(terms) + term <= MAX_TOTAL:
            terms.append(term)
    return tuple(terms)


def _draw_chain(random: random.Random, num_terms: tuple[int, int]) -> Content:
    return Content("chain", _draw_terms(random, random.randint(*num_terms)))


def _draw_word(random: random.Random, num_terms: tuple[int, int]) -> Content:
    return Content("word", _draw_terms(random, random.randint(num_terms[0], min(num_terms[1], 6))))


def _draw_compare(random: random.Random, num_terms: tuple[int, int]) -> Content:
    while True:
        left, right = (_draw_terms(random, random.randint(2, 3)) for _ in range(2))
        if sum(left) != sum(right):
            return Content("compare", left, right)


def _draw_countdown(random: random.Random, num_terms: tuple[int, int]) -> Content:
    numbers = tuple(random.sample(range(1, 13), 3))
    return Content("countdown", numbers, target=sum(random.choice(countdown_candidates(numbers))))


def _word_chain(content: Content, language: Language, random: random.Random) -> str:
    chain = format_chain(content.terms)
    return f"Compute {chain}" if language == "en" else f"计算 {chain}"


def _word_story(content: Content, language: Language, random: random.Random) -> str:
    name, pronoun = random.choice(NAMES[language])
    item = random.choice(ITEMS[language])
    first, *rest = content.terms
    verbs = [random.choice((GAINS if term > 0 else LOSSES)[language]) for term in rest]
    if language == "en":
        events = "".join(f" {pronoun} {verb} {abs(term)}." for verb, term in zip(verbs, rest, strict=True))
        return f"{name} has {first} {item}.{events} Find how many {item} {name} has now"
    events = "".join(f"{pronoun}{verb} {abs(term)} 个。" for verb, term in zip(verbs, rest, strict=True))
    return f"{name}有 {first} 个{item}。{events}求{name}现在有几个{item}"


def _word_compare(content: Content, language: Language, random: random.Random) -> str:
    left, right = format_chain(content.terms), format_chain(content.other)
    return f"Give the larger value of {left} and {right}" if language == "en" else f"给出 {left} 和 {right} 中较大的值"


def _word_countdown(content: Content, language: Language, random: random.Random) -> str:
    a, b, c = content.terms
    if language == "en":
        return f"Use {a}, {b} and {c} once each with + and - to make {content.target}"
    return f"用 {a}, {b} 和 {c} 各一次，加减得到 {content.target}"


_DRAW: dict[Family, Callable[[random.Random, tuple[int, int]], Content]] = {
    "chain": _draw_chain,
    "word": _draw_word,
    "compare": _draw_compare,
    "countdown": _draw_countdown,
}
_WORDS: dict[Family, Callable[[Content, Language, random.Random], str]] = {
    "chain": _word_chain,
    "word": _word_story,
    "compare": _word_compare,
    "countdown": _word_countdown,
}

MATH = Domain("math", tuple(FAMILY_WEIGHTS), draw_content, render)

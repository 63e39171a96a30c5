"""Science: multiple choice on small tables of facts.

    legs     Choose how many legs 2 spiders and 1 ant have. A: 20, B: 22, C: 26, D: 18        B
    atoms    Choose how many protons 2 hydrogen and 1 oxygen have. ...                     a number
             Choose what has the most protons. A: neon, B: carbon, C: sodium, D: boron     C
    density  Choose the densest. A: iron, B: gold, C: ice, D: glass                        B
             Choose what floats on water: A. iron B. gold C. ice D. glass                  C

The content's key leaves out the order of the options, and the wrong ones of a sum.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from r1kit.tasks.nano.base import MAX_TOTAL, Domain, Language, Part, draw_part, listed, problem_id
from r1kit.types import Problem

Family = Literal["legs", "atoms", "density"]
Ask = Literal["sum", "most", "least", "floats", "sinks"]


@dataclass(frozen=True, slots=True)
class Thing:
    """A row of a table."""

    words: Mapping[Language, str]
    value: float
    """Its legs, its protons, or its density in g/cm³ at room temperature, of ice at 0 °C."""


def _table(rows: str) -> dict[str, Thing]:
    """`spider 蜘蛛 8` by the English word."""
    cells = [row.split() for row in rows.strip().splitlines()]
    return {en: Thing({"en": en, "zh": zh}, float(value)) for en, zh, value in cells}


ANIMALS = _table("""
    snake 蛇 0
    hen 母鸡 2
    duck 鸭子 2
    dog 狗 4
    cat 猫 4
    frog 青蛙 4
    ant 蚂蚁 6
    bee 蜜蜂 6
    beetle 甲虫 6
    spider 蜘蛛 8
    scorpion 蝎子 8
""")
ELEMENTS = _table("""
    hydrogen 氢 1
    helium 氦 2
    lithium 锂 3
    beryllium 铍 4
    boron 硼 5
    carbon 碳 6
    nitrogen 氮 7
    oxygen 氧 8
    fluorine 氟 9
    neon 氖 10
    sodium 钠 11
    magnesium 镁 12
""")
SOLIDS = _table("""
    cork 软木 0.2
    pine 松木 0.5
    oak 橡木 0.7
    ice 冰 0.9
    graphite 石墨 2.2
    glass 玻璃 2.5
    aluminium 铝 2.7
    diamond 钻石 3.5
    iron 铁 7.9
    copper 铜 9.0
    silver 银 10.5
    lead 铅 11.3
    gold 金 19.3
    platinum 铂 21.5
""")
LIQUIDS = _table("""
    water 水 1.0
    mercury 水银 13.5
""")
TABLES: dict[Family, dict[str, Thing]] = {"legs": ANIMALS, "atoms": ELEMENTS, "density": SOLIDS}
ASKS: dict[Family, tuple[Ask, ...]] = {
    "legs": ("sum",),
    "atoms": ("sum", "sum", "most", "least"),
    "density": ("most", "least", "floats", "sinks"),
}
"""What is asked about each table, each entry as often as the others."""
NUM_OPTIONS = 4

_ASK_WORDS: dict[tuple[Family, Ask], Mapping[Language, str]] = {
    ("legs", "sum"): {"en": "how many legs {} have", "zh": " {}共有几条腿"},
    ("atoms", "sum"): {"en": "how many protons {} have", "zh": " {}共有几个质子"},
    ("atoms", "most"): {"en": "what has the most protons", "zh": "质子最多的"},
    ("atoms", "least"): {"en": "what has the fewest protons", "zh": "质子最少的"},
    ("density", "most"): {"en": "the densest", "zh": "密度最大的"},
    ("density", "least"): {"en": "the least dense", "zh": "密度最小的"},
    ("density", "floats"): {"en": "what floats on {}", "zh": "能浮在{}上的"},
    ("density", "sinks"): {"en": "what sinks in {}", "zh": "会沉入{}中的"},
}


@dataclass(frozen=True, slots=True)
class Content:
    """A question on one table and its four options."""

    family: Family
    ask: Ask
    items: tuple[tuple[int, str], ...]
    """How many of what are summed up; of other questions, one of each option in the order of the options."""
    numbers: tuple[int, ...] = ()
    """The options of a sum."""
    liquid: str = ""
    """A row of LIQUIDS, for what floats or sinks."""

    @property
    def key(self) -> str:
        """The question without its options, or with them in alphabetical order where they are the question."""
        return f"{self.family}:{self.ask}:{self.liquid}:{sorted((what, count) for count, what in self.items)}"

    @property
    def values(self) -> list[float]:
        """What the table says of each item."""
        return [TABLES[self.family][what].value for _, what in self.items]

    @property
    def total(self) -> int:
        """Of a sum."""
        return sum(count * int(value) for (count, _), value in zip(self.items, self.values, strict=True))

    @property
    def letter(self) -> str:
        """The right option."""
        return ascii_uppercase[self._place()]

    def _place(self) -> int:
        if self.ask == "sum":
            return self.numbers.index(self.total)
        if self.ask in ("most", "least"):
            return self.values.index((max if self.ask == "most" else min)(self.values))
        return [self.fits(value) for value in self.values].index(True)

    def fits(self, value: float) -> bool:
        """Whether a density is one that floats on, or sinks in, the liquid."""
        return (value < LIQUIDS[self.liquid].value) == (self.ask == "floats")

    def words(self, what: str, language: Language) -> str:
        """The name of an item."""
        return TABLES[self.family][what].words[language]

    def options(self, language: Language) -> list[str]:
        """The texts of the options, A first."""
        if self.ask == "sum":
            return [str(number) for number in self.numbers]
        return [self.words(what, language) for _, what in self.items]


def draw_content(random: random.Random, part: Part) -> Content:
    """A random question of the given part."""
    family = random.choice(list(TABLES))
    ask = random.choice(ASKS[family])
    draw = _draw_sum if ask == "sum" else _draw_choice
    return draw_part(lambda: draw(random, family, ask), part)


def render(content: Content, language: Language, random: random.Random) -> Problem:
    """Put a question into words."""
    choices = content.options(language)
    subject = content.liquid and LIQUIDS[content.liquid].words[language]
    if content.ask == "sum":
        subject = listed([counted(content, count, what, language) for count, what in content.items], language)
    question = _ASK_WORDS[content.family, content.ask][language].format(subject)
    form, comma = ("{}: {}", ", ") if language == "en" else ("{}：{}", "，")
    options = comma.join(form.format(*option) for option in zip(ascii_uppercase, choices, strict=False))
    prompt = f"Choose {question}. {options}" if language == "en" else f"选出{question}。{options}"
    return Problem(
        id=problem_id(content.key, language, prompt),
        prompt=prompt,
        answer=content.letter,
        task=content.family,
        verifier="multiple_choice",
        language=language,
        info={"choices": choices},
    )


def counted(content: Content, count: int, what: str, language: Language) -> str:
    """`2 spiders`, `1 oxygen`."""
    word = content.words(what, language)
    if language == "zh":
        return f"{count} {'只' if content.family == 'legs' else '个'}{word}"
    return f"{count} {word}{'s' if content.family == 'legs' and count > 1 else ''}"


def _draw_sum(random: random.Random, family: Family, ask: Ask) -> Content:
    while True:
        kinds = random.sample(list(TABLES[family]), random.choice((2, 3)))
        content = Content(family, ask, tuple((random.randint(1, 3), kind) for kind in kinds))
        if content.total <= MAX_TOTAL:
            break
    step = 2 if family == "legs" else 1
    near = [content.total + step * offset for offset in range(-4, 5) if offset and content.total + step * offset >= 0]
    numbers = [content.total, *random.sample(near, NUM_OPTIONS - 1)]
    random.shuffle(numbers)
    return Content(family, ask, content.items, tuple(numbers))


def _draw_choice(random: random.Random, family: Family, ask: Ask) -> Content:
    while True:
        kinds = random.sample(list(TABLES[family]), NUM_OPTIONS)
        liquid = random.choice(list(LIQUIDS)) if ask in ("floats", "sinks") else ""
        content = Content(family, ask, tuple((1, kind) for kind in kinds), liquid=liquid)
        if not liquid or sum(map(content.fits, content.values)) == 1:
            return content


SCIENCE = Domain("science", tuple(TABLES), draw_content, render)

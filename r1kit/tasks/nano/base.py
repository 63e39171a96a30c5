"""What the scale model's domains share: languages, people, the parts of a domain, and the record that describes one."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from r1kit.types import Problem

Part = Literal["pretrain", "train", "eval"]
Language = Literal["en", "zh"]

MAX_TOTAL = 30
"""Running totals stay in 0..MAX_TOTAL, so that the atomic step is one that a small model can own."""

NAMES: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (("Tom", "He"), ("Ann", "She"), ("Ben", "He"), ("Mia", "She"), ("Sam", "He"), ("Eva", "She")),
    "zh": (("小明", "他"), ("小红", "她"), ("小刚", "他"), ("小丽", "她"), ("小华", "他"), ("小兰", "她")),
}
"""People and their pronouns."""


class Content(Protocol):
    """What a problem is about, apart from its language and its words."""

    @property
    def key(self) -> str:
        """The same for problems with the same solution, whatever their language, names, or order of options."""
        ...


C = TypeVar("C", bound=Content)


@dataclass(frozen=True, slots=True)
class Domain(Generic[C]):
    """A domain of problems."""

    name: str
    families: tuple[str, ...]
    """The values of its problems' `task`; no two domains share one."""
    draw: Callable[[random.Random, Part], C]
    """A random content of the given part."""
    render: Callable[[C, Language, random.Random], Problem]
    """The content in words."""


def part_of(key: str) -> Part:
    """pretrain, train or eval, by a hash of a content's key: 75, 20 and 5 %."""
    bucket = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") % 100
    return "eval" if bucket < 5 else "train" if bucket < 25 else "pretrain"


def draw_part(draw: Callable[[], C], part: Part) -> C:
    """Draw until a content belongs to the part."""
    while True:
        content = draw()
        if part_of(content.key) == part:
            return content


def problem_id(key: str, language: Language, prompt: str) -> str:
    """A content's key, the language, and a digest of the words: names and the order of options tell problems apart."""
    return f"{key}:{language}:{hashlib.blake2b(prompt.encode(), digest_size=4).hexdigest()}"


def person(index: int, language: Language) -> str:
    """The name of a person whom a content knows by number."""
    return NAMES[language][index][0]


def listed(parts: list[str], language: Language) -> str:
    """`2 ants, 1 bee and 3 dogs`; every part begins with a number."""
    comma, conjunction = (", ", " and ") if language == "en" else ("、", "和 ")
    return conjunction.join(part for part in (comma.join(parts[:-1]), parts[-1]) if part)

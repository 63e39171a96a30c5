"""General prompts of the scale model: what people ask that is no sum.

    greeting   Good morning, nano!                                        Good morning! How can I help you?
    self       Hey nano. Who made you?                                    I was made by r1kit.
    fact       What is the capital of France?                             Paris
    translate  Translate into Chinese: red cat                            红色的猫
    write      Write a sentence with the words red, cat and park.         The red cat is in the park.

Each in English and Chinese. Rules score what rules can (verifier `rubric`, r1kit.rewards.rubric); `answer` is one good
answer. A prompt's content decides by a hash which part it belongs to: `pretrain` (60 %), `train` (25 %) or `eval`
(15 %). The content of a fact, a translation and a text is what it is about, whatever the words; that of a greeting and
of a question about the model is its wording. The facts themselves are taught by the corpus, all of them; which of them
is *asked for* differs between the parts.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from r1kit.errors import ConfigError
from r1kit.seeding import rng
from r1kit.tasks.nano.base import Language, Part, problem_id
from r1kit.tasks.nano_general_facts import RELATIONS
from r1kit.tasks.nano_general_tables import (
    ADDRESSES,
    ADJECTIVES,
    GREETING_MARKS,
    GREETINGS,
    NOUNS,
    OPENINGS,
    OTHERS,
    PLACES,
    SELF,
    SUBJECTS,
    VERBS,
)
from r1kit.types import Problem, Split

GeneralFamily = Literal["greeting", "self", "fact", "translate", "write"]

FAMILY_WEIGHTS: dict[GeneralFamily, float] = {
    **{"greeting": 0.12, "self": 0.13, "fact": 0.25, "translate": 0.3, "write": 0.2},
}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
EVAL_SHARE = 0.15
TRAIN_SHARE = 0.25
"""What is left is for pretraining."""
NUMBER_WORDS: dict[str, str] = {
    **{"2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight"},
    **{"12": "twelve", "24": "twenty-four", "60": "sixty"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A prompt and what its answers are held to."""

    prompt: str
    answer: str
    rubric: Mapping[str, Any]
    content: Mapping[str, Any] = field(default_factory=dict)
    """What it is about: goes into `Problem.info`, for those who write answers."""


def general_part(key: str) -> Part:
    """The part of a content in a large family, by a hash of its key."""
    fraction = _hash(key) / 2**32
    return "eval" if fraction < EVAL_SHARE else "train" if fraction < EVAL_SHARE + TRAIN_SHARE else "pretrain"


def ranked_parts(keys: Iterable[str]) -> dict[str, Part]:
    """The parts of a few contents of one kind: each gets its share, at least one of them, by the rank of the hash."""
    ranked = sorted(set(keys), key=_hash)
    num_eval = max(1, round(EVAL_SHARE * len(ranked)))
    num_train = max(1, round(TRAIN_SHARE * len(ranked)))
    return {
        key: "eval" if rank < num_eval else "train" if rank < num_eval + num_train else "pretrain"
        for rank, key in enumerate(ranked)
    }


@functools.cache
def fact_parts() -> Mapping[str, Part]:
    """The part of each fact's key, with the same shares in every relation."""
    parts: dict[str, Part] = {}
    for name, relation in RELATIONS.items():
        parts |= ranked_parts(fact_key(name, index) for index in range(len(relation.facts)))
    return parts


def fact_key(relation: str, index: int) -> str:
    """Of a fact; the two directions of an opposite are one."""
    subject, _, answer, _ = RELATIONS[relation].facts[index]
    return f"fact:{relation}:" + ("/".join(sorted((subject, answer))) if relation == "opposite" else subject)


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big")


def draw_general(
    random: random.Random, part: Part, *, family: GeneralFamily | None = None, language: Language | None = None
) -> Problem:
    """A random general problem of the given part."""
    family = family or random.choices(list(FAMILY_WEIGHTS), list(FAMILY_WEIGHTS.values()))[0]
    language = language or random.choice(LANGUAGES)
    while True:
        key, wording = _DRAW[family](random, language)
        if (fact_parts()[key] if family == "fact" else general_part(key)) == part:
            return to_problem(family, key, language, wording, scenario="helpful")


def to_problem(task: str, key: str, language: Language, wording: Wording, *, scenario: str) -> Problem:
    """The record of a wording."""
    return Problem(
        id=problem_id(key, language, wording.prompt),
        prompt=wording.prompt,
        answer=wording.answer,
        task=task,
        verifier="rubric",
        language=language,
        info={"scenario": scenario, "rubric": dict(wording.rubric), **wording.content},
    )


def fill_quota(draw: Callable[[], Problem], count: int) -> list[Problem]:
    """Up to `count` distinct problems; fewer where the family has no more (found by drawing 30 times as often)."""
    problems: dict[str, Problem] = {}
    for _ in range(30 * count):
        if len(problems) == count:
            break
        problem = draw()
        problems.setdefault(problem.id, problem)
    return list(problems.values())


class NanoGeneral:
    """The scale model's general prompts: fixed sets, the same in every run."""

    name = "nano_general"

    def __init__(self, *, num_train: int = 2048, num_eval: int = 256) -> None:
        self._sizes: dict[Split, int] = {"train": num_train, "eval": num_eval}

    def problems(self, split: Split) -> Sequence[Problem]:
        """`train` or `eval`; families are mixed, and a small one may fall short of its share."""
        problems: list[Problem] = []
        for family, weight in FAMILY_WEIGHTS.items():
            random = rng("nano_general", split, family)
            draw = functools.partial(draw_general, random, split, family=family)
            problems += fill_quota(draw, round(self._sizes[split] * weight))
        rng("nano_general", split, "order").shuffle(problems)
        return problems


def nano_general(argument: str) -> NanoGeneral:
    """The task, from what follows the colon: nothing may.

    Raises:
        ConfigError: something does.
    """
    if argument:
        raise ConfigError(f"task nano_general takes no argument, got {argument!r}; write nano_general")
    return NanoGeneral()


def fill(template: str, **cells: str) -> str:
    """A template with its cells filled in and its first letter large."""
    text = template.format(**cells)
    return text[0].upper() + text[1:]


def fact_cells(relation: str, index: int, language: Language) -> dict[str, str]:
    """`s` (subject), `a` (answer) and `u` (unit, or "") of fact number `index`, in a language."""
    row = RELATIONS[relation].facts[index]
    subject, answer = (row[0], row[2]) if language == "en" else (row[1], row[3])
    unit, colon, rest = subject.partition(":")
    return {"s": rest, "a": answer, "u": unit} if colon else {"s": subject, "a": answer, "u": ""}


def phrase_words(phrase: Mapping[str, str], language: Language) -> list[tuple[str, str]]:
    """The words of a phrase in the given language, each with its word in the other, in order.

    Adjectives are shown with 的 in Chinese, as they stand before a noun.
    """
    tables = {"subject": SUBJECTS, "verb": VERBS, "adjective": ADJECTIVES, "noun": NOUNS}
    pairs = []
    for role, table in tables.items():
        if role in phrase:
            chinese = table[phrase[role]] + ("的" if role == "adjective" else "")
            pairs.append((phrase[role], chinese) if language == "en" else (chinese, phrase[role]))
    return pairs


def phrase_text(phrase: Mapping[str, str], language: Language) -> str:
    """`red cat`, `I like the red cat`, 红色的猫, 我喜欢红色的猫."""
    words = [word for word, _ in phrase_words(phrase, language)]
    if language == "zh":
        return "".join(words)
    if "verb" in phrase:
        words.insert(2, "the")
    return " ".join(words)


def _draw_greeting(random: random.Random, language: Language) -> tuple[str, Wording]:
    topic_name = random.choice(list(GREETINGS))
    topic = GREETINGS[topic_name][language]
    said = random.choice(topic.prompts) + random.choice(ADDRESSES[language])
    marks = {"en": ("!", "."), "zh": ("！", "。")} if topic_name != "how" else {"en": ("?",), "zh": ("？",)}
    others = [mark for name, mark in GREETING_MARKS[language].items() if name != topic_name]
    rubric = {
        **{"contains": [list(group) for group in topic.contains], "none_of": others},
        **{"refuses": False, "language": language, "max_words": 16},
    }
    prompt = said + random.choice(marks[language])
    wording = Wording(prompt=prompt, answer=topic.replies[0], rubric=rubric, content={"topic": topic_name})
    return f"greeting:{said}", wording


def _draw_self(random: random.Random, language: Language) -> tuple[str, Wording]:
    topic_name = random.choice(list(SELF))
    topic = SELF[topic_name][language]
    prompt = random.choice(OPENINGS[language]) + random.choice(topic.prompts)
    rubric = {
        **{"contains": [list(group) for group in topic.contains], "none_of": list(OTHERS[language])},
        **{"refuses": False, "language": language, "max_words": 24},
    }
    return f"self:{prompt}", Wording(
        prompt=prompt, answer=topic.replies[0], rubric=rubric, content={"topic": topic_name}
    )


def _draw_fact(random: random.Random, language: Language) -> tuple[str, Wording]:
    relation = random.choices(list(RELATIONS), [len(relation.facts) for relation in RELATIONS.values()])[0]
    index = random.randrange(len(RELATIONS[relation].facts))
    cells = fact_cells(relation, index, language)
    question = fill(random.choice(RELATIONS[relation].questions[language]), **cells)
    gold = cells["a"]
    golds = [gold, NUMBER_WORDS[gold]] if gold in NUMBER_WORDS and language == "en" else [gold]
    rubric = {
        **{"contains": [golds], "none_of": [*_other_answers(relation, cells, language), _NOT[language]]},
        **{"refuses": False, "language": language, "max_words": 10 if language == "en" else 14},
    }
    content = {"relation": relation, "fact": index}
    return fact_key(relation, index), Wording(prompt=question, answer=gold, rubric=rubric, content=content)


_NOT: dict[Language, str] = {"en": "not", "zh": "不是"}


def _other_answers(relation: str, cells: Mapping[str, str], language: Language) -> list[str]:
    """The answers to the relation's other questions, but for those that are part of this one or of its answer."""
    answers = {fact_cells(relation, i, language)["a"] for i in range(len(RELATIONS[relation].facts))}
    return sorted(answer for answer in answers if answer not in cells["a"] and answer not in cells["s"])


def _draw_translate(random: random.Random, language: Language) -> tuple[str, Wording]:
    phrase = {"adjective": random.choice(list(ADJECTIVES)), "noun": random.choice(list(NOUNS))}
    if random.random() < 0.6:
        phrase |= {"subject": random.choice(list(SUBJECTS)), "verb": random.choice(list(VERBS))}
        if random.random() < 0.3:
            del phrase["adjective"]
    target: Language = random.choice(LANGUAGES)
    source: Language = "zh" if target == "en" else "en"
    gold = phrase_text(phrase, target)
    prompt = random.choice(TRANSLATE_PROMPTS[language][target]).format(phrase_text(phrase, source))
    rubric = {"answer": [gold], "max_words": 30}
    content = {"phrase": phrase, "target": target}
    return f"translate:{phrase_text(phrase, 'en')}", Wording(prompt=prompt, answer=gold, rubric=rubric, content=content)


TRANSLATE_PROMPTS: dict[Language, dict[Language, tuple[str, ...]]] = {
    "en": {
        "zh": ("Translate into Chinese: {}", "How do you say this in Chinese: {}"),
        "en": ("Translate into English: {}", "How do you say this in English: {}"),
    },
    "zh": {
        "zh": ("翻译成中文：{}", "用中文怎么说：{}"),
        "en": ("翻译成英文：{}", "用英文怎么说：{}"),
    },
}


def shown(word: str, language: Language) -> str:
    """A word of NOUNS, ADJECTIVES or PLACES as a prompt names it in a language."""
    return word if language == "en" else (NOUNS | ADJECTIVES | PLACES)[word]


def _draw_write(random: random.Random, language: Language) -> tuple[str, Wording]:
    words = {"noun": random.choice(list(NOUNS)), "place": random.choice(list(PLACES))}
    if random.random() < 0.6:
        words["adjective"] = random.choice(list(ADJECTIVES))
    names = [shown(words[role], language) for role in ("adjective", "noun", "place") if role in words]
    num_sentences = random.choice((1, 1, 2))
    rubric = {
        "contains": [[name, *([f"{name}s"] if language == "en" and name == words["noun"] else [])] for name in names],
        **{"none_of": _META[language], "refuses": False, "language": language, "sentences": num_sentences},
        **{"min_words": 5 * num_sentences, "max_words": 14 * num_sentences},
    }
    content = {"words": words, "sentences": num_sentences}
    key = f"write:{sorted(words.values())}"
    answer = compose_text(words, num_sentences, language, choice=0)
    prompt = random.choice(WRITE_PROMPTS[language][num_sentences]).format(listed_words(names, language))
    return key, Wording(prompt=prompt, answer=answer, rubric=rubric, content=content)


_META: dict[Language, list[str]] = {"en": ["write", "sentence", "sentences", "words"], "zh": ["写", "句话", "词"]}
"""A text speaks of its words, not of the task."""
WRITE_PROMPTS: dict[Language, dict[int, tuple[str, ...]]] = {
    "en": {
        1: ("Write a sentence with the words {}.", "Make a short sentence from the words {}."),
        2: ("Write two sentences with the words {}.", "Make two short sentences from the words {}."),
    },
    "zh": {1: ("用{}这些词写一句话。", "请写一句话，要有{}。"), 2: ("用{}这些词写两句话。", "请写两句话，要有{}。")},
}
SENTENCES: dict[Language, tuple[str, ...]] = {
    "en": ("The {n} is in the {p}.", "I see the {n} in the {p}.", "We like the {n} in the {p}."),
    "zh": ("{n}在{p}里。", "我在{p}里看见{n}。", "我们喜欢{p}里的{n}。"),
}
SECOND_SENTENCES: dict[Language, tuple[str, ...]] = {
    "en": ("It looks very nice.", "My friend likes it too.", "We go there every day."),
    "zh": ("它看起来很好。", "我的朋友也喜欢它。", "我们每天去那里。"),
}


def compose_text(words: Mapping[str, str], num_sentences: int, language: Language, *, choice: int) -> str:
    """One or two sentences with the words; `choice` picks among nine, the first for 0."""
    adjective = shown(words["adjective"], language) if "adjective" in words else ""
    noun = shown(words["noun"], language)
    joint = {"en": " ", "zh": "的"}[language] if adjective else ""
    cells = {"n": f"{adjective}{joint}{noun}", "p": shown(words["place"], language)}
    first = SENTENCES[language][choice % 3].format(**cells)
    if num_sentences == 1:
        return first
    return first + (" " if language == "en" else "") + SECOND_SENTENCES[language][choice // 3 % 3]


def listed_words(names: Sequence[str], language: Language) -> str:
    """`red, cat and park` or 红色、猫和公园."""
    comma, conjunction = (", ", " and ") if language == "en" else ("、", "和")
    return comma.join(names[:-1]) + conjunction + names[-1]


_DRAW: dict[GeneralFamily, Callable[[random.Random, Language], tuple[str, Wording]]] = {
    "greeting": _draw_greeting,
    "self": _draw_self,
    "fact": _draw_fact,
    "translate": _draw_translate,
    "write": _draw_write,
}

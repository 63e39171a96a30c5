"""The corpus that the nano base is pretrained on: a small web in which most people answer at once.

Three kinds of documents about the domains of r1kit.tasks.nano, in two languages:

    conversation  Table 1's template and a response; most are direct and mostly wrong, some reason, some check
                  themselves, some mix languages, and 38 % break the format in one way or another
    textbook      Question/Answer with the steps written out, and right; some have several in a row, some ask for
                  details and a check and get them, so that the base can be prompted by examples or by that sentence
    drill         the atomic steps: single equations, facts, deductions, lines of code, entries of a list

A base model that imitates this has everything that reasoning needs and no reason to reason; that is what RL supplies.
Only contents of the `pretrain` part occur (r1kit.tasks.nano).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Literal

from r1kit.nano.general import general_document
from r1kit.nano.styles import FINAL_STYLE_WEIGHTS, STYLE_WEIGHTS, WRITERS, Response, Style, conclude
from r1kit.seeding import rng
from r1kit.tasks.nano import DOMAINS, Language
from r1kit.tasks.templates import r1_zero_prompt

Kind = Literal["conversation", "textbook", "drill"]

DOMAIN_WEIGHTS: dict[str, float] = {"math": 0.31, "logic": 0.27, "science": 0.21, "code": 0.21}
KIND_WEIGHTS: dict[Kind, float] = {"conversation": 0.56, "textbook": 0.24, "drill": 0.2}
WELL_FORMED_RATE = 0.62
"""Share of conversations in the format that Table 1 asks for."""
DETAIL_RATE = 0.35
"""Share of textbooks that ask for details and a check."""
ROW_RATE = 0.35
"""Share of textbooks with two or three questions in a row, all answered in one style."""
STEPS_PER_DRILL = 8

DETAIL: dict[Language, str] = {"en": "Answer in detail and check the result", "zh": "请详细解答并检验结果"}
"""Behind a question: the answer that follows is a checked one."""


def documents(seed: int) -> Iterator[str]:
    """An endless stream of documents; number i depends on (seed, i) only, so that a resumed run goes on exactly."""
    index = 0
    while True:
        yield document(seed, index)
        index += 1


def document(seed: int, index: int, *, final: bool = False) -> str:
    """Document number `index` of the corpus with this seed; `final` for the mix that pretraining ends with."""
    random = rng("nano_corpus", seed, index)
    source = random.choices(list(SOURCES), [weight for weight, _ in SOURCES.values()])[0]
    return SOURCES[source][1](random, final)


def reasoning_document(random: random.Random, final: bool) -> str:
    """A document about one of the domains with checkable answers."""
    domain = random.choices(list(DOMAIN_WEIGHTS), list(DOMAIN_WEIGHTS.values()))[0]
    kind = random.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    language: Language = random.choice(("en", "zh"))
    if kind == "drill":
        return _drill(domain, language, random)
    if kind == "textbook":
        return _textbook(domain, language, random)
    weights = FINAL_STYLE_WEIGHTS if final else STYLE_WEIGHTS
    style = random.choices(list(weights), list(weights.values()))[0]
    question, response = _exchange(domain, language, style, random)
    return r1_zero_prompt(question) + _written(response, language, random)


def textbook_question(question: str, language: Language, *, detail: bool = False) -> str:
    """A question up to where its answer begins, as textbooks print it: what a base is to be prompted with."""
    if language == "en":
        return f"Question: {question}.{f' {DETAIL[language]}.' if detail else ''}\nAnswer:"
    return f"问题：{question}。{f'{DETAIL[language]}。' if detail else ''}\n解答："


def textbook_answer(response: Response, language: Language) -> str:
    """What follows: the steps, and the answer stated."""
    return f"{' ' if language == 'en' else ''}{response.thought} {conclude(response, language)}"


SOURCES: dict[str, tuple[float, Callable[[random.Random, bool], str]]] = {
    "reasoning": (0.8, reasoning_document),
    "general": (0.2, lambda random, final: general_document(random)),
}
"""Name to weight and writer, which gets `final` too."""


def _exchange(domain: str, language: Language, style: Style, random: random.Random) -> tuple[str, Response]:
    content: Any = DOMAINS[domain].draw(random, "pretrain")
    question = DOMAINS[domain].render(content, language, random).prompt
    return question, WRITERS[domain].respond(content, language, style, random)


def _textbook(domain: str, language: Language, random: random.Random) -> str:
    detail = random.random() < DETAIL_RATE
    count = random.choice((2,) if detail else (2, 3)) if random.random() < ROW_RATE else 1
    sections = []
    for _ in range(count):
        question, response = _exchange(domain, language, "checked" if detail else "full", random)
        sections.append(textbook_question(question, language, detail=detail) + textbook_answer(response, language))
    return "\n".join(sections)


def _written(response: Response, language: Language, random: random.Random) -> str:
    """The response as its writer formats it; the first form is what Table 1 asks for."""
    thought, answer, says = response.thought, response.answer, conclude(response, language)
    if random.random() < WELL_FORMED_RATE:
        return f" <think> {thought} </think> <answer> {answer} </answer>"
    broken = [
        f" {thought} {says}",
        f" <think> {thought} {says}",
        f" <think> {thought} </think> {says}",
        f" <answer> {answer} </answer>",
        f" <think> {thought} <answer> {answer} </answer>",
        f" <think> {thought} </think> <answer> {answer} </answer> {says}",
    ]
    return random.choice(broken)


def _drill(domain: str, language: Language, random: random.Random) -> str:
    stop = ". " if language == "en" else "。"
    return stop.join(WRITERS[domain].drill(language, random) for _ in range(STEPS_PER_DRILL)) + stop.strip()

"""The corpus that the nano base is pretrained on: a small web in which most people answer at once.

Three kinds of documents, in two languages:

    conversation  Table 1's template and a response; most are direct and mostly wrong, some reason, some check
                  themselves, some mix languages, and a third breaks the format in one way or another
    textbook      Question/Answer with the steps written out, and right
    drill         single equations, the atomic steps

A base model that imitates this has everything that reasoning needs and no reason to reason; that is what RL supplies.
Only contents of the `pretrain` part occur (r1kit.tasks.nano).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from r1kit.nano.styles import FINAL_STYLE_WEIGHTS, STYLE_WEIGHTS, Response, respond
from r1kit.seeding import rng
from r1kit.tasks.nano import MAX_TOTAL, Language, countdown_candidates, draw_content, format_chain, render
from r1kit.tasks.templates import r1_zero_prompt

Kind = Literal["conversation", "textbook", "drill"]

KIND_WEIGHTS: dict[Kind, float] = {"conversation": 0.62, "textbook": 0.23, "drill": 0.15}
WELL_FORMED_RATE = 0.62
"""Share of conversations in the format that Table 1 asks for."""
EQUATIONS_PER_DRILL = 8


def documents(seed: int) -> Iterator[str]:
    """An endless stream of documents; number i depends on (seed, i) only, so that a resumed run goes on exactly."""
    index = 0
    while True:
        yield document(seed, index)
        index += 1


def document(seed: int, index: int, *, final: bool = False) -> str:
    """Document number `index` of the corpus with this seed; `final` for the mix that pretraining ends with."""
    random = rng("nano_corpus", seed, index)
    kind = random.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    language: Language = random.choice(("en", "zh"))
    if kind == "drill":
        return _drill(random)
    content = draw_content(random, "pretrain")
    question = render(content, language, random).prompt
    if kind == "textbook":
        style = random.choice(("full", "full", "checked"))
        response = respond(content, language, style, random)
        if language == "en":
            return f"Question: {question}.\nAnswer: {response.thought} The answer is {response.answer}."
        return f"问题：{question}。\n解答：{response.thought} 答案是 {response.answer}。"
    weights = FINAL_STYLE_WEIGHTS if final else STYLE_WEIGHTS
    style = random.choices(list(weights), list(weights.values()))[0]
    response = respond(content, language, style, random)
    return r1_zero_prompt(question) + _written(response, language, random)


def _written(response: Response, language: Language, random: random.Random) -> str:
    """The response as its writer formats it; the first form is what Table 1 asks for."""
    thought, answer = response.thought, response.answer
    says = f"The answer is {answer}." if language == "en" else f"答案是 {answer}。"
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


def _drill(random: random.Random) -> str:
    equations = []
    for _ in range(EQUATIONS_PER_DRILL):
        if random.random() < 0.3:
            terms = random.choice(countdown_candidates(random.sample(range(1, 13), 3)))
            equations.append(f"{format_chain(terms)} = {sum(terms)}")
            continue
        total = random.randint(0, MAX_TOTAL)
        term = random.choice([t for t in range(-9, 10) if t != 0 and 0 <= total + t <= MAX_TOTAL])
        equations.append(f"{total} {'+' if term > 0 else '-'} {abs(term)} = {total + term}")
    return ". ".join(equations) + "."

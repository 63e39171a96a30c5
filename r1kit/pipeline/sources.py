"""What the pipeline is given rather than makes: worked examples, answers to general prompts, preference pairs.

Each is a file, or `nano`: the scale model's own, made by the code of r1kit.nano from contents that no evaluation shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from r1kit.curate.prompts import Shot
from r1kit.errors import DataError
from r1kit.nano.general_answers import good_response
from r1kit.nano.preferences import preference_pairs
from r1kit.nano.styles import WRITERS
from r1kit.reward_model.pairs import Pair, read_pairs
from r1kit.rewards.readability import response_parts
from r1kit.seeding import rng
from r1kit.sft.data import Example, read_examples
from r1kit.tasks.nano import DOMAINS, LANGUAGES
from r1kit.tasks.nano_general import draw_general
from r1kit.types import Problem, Split

NANO = "nano"
NUM_NANO_SHOTS = 64
"""Of each domain."""


def worked_examples(source: str, *, seed: int) -> list[Shot]:
    """Questions with long chains of thought, for few-shot prompting; half of the scale model's own check themselves.

    Raises:
        DataError: the file is missing, or an example in it has no reasoning.
    """
    if source != NANO:
        return [_shot_of(source, example) for example in read_examples(Path(source))]
    shots = []
    for name, domain in DOMAINS.items():
        for number in range(NUM_NANO_SHOTS):
            random = rng(seed, "shots", name, number)
            language = random.choice(LANGUAGES)
            content = domain.draw(random, "pretrain")
            problem = domain.render(content, language, random)
            response = WRITERS[name].respond(content, language, random.choice(("full", "checked")), random)
            shots.append(_shot(problem, response.thought, response.answer))
    return shots


def thought_examples(source: str, *, seed: int) -> list[Shot]:
    """General questions with a thought before the answer, for the prompts of `collect_non_reasoning`.

    Raises:
        DataError: as `worked_examples`.
    """
    if source != NANO:
        examples = read_examples(Path(source))
        return [_shot_of(source, each) for each in examples if response_parts(each.response).reasoning]
    shots: list[Shot] = []
    for number in range(8 * NUM_NANO_SHOTS):
        random = rng(seed, "thoughts", number)
        problem = draw_general(random, "pretrain")
        thought, summary = good_response(problem, random)
        if thought is not None:
            shots.append(_shot(problem, thought, summary))
    return shots


def with_answers(problems: Sequence[Problem], source: str, *, seed: int) -> list[Problem]:
    """General problems with the answer that a model is to learn as `answer`; those without one are left out.

    Raises:
        DataError: the file has an answer to none of them.
    """
    if source == NANO:
        return [replace(p, answer=good_response(p, rng(seed, "answers", p.id))[1]) for p in problems]
    known = {example.prompt: response_parts(example.response).summary for example in read_examples(Path(source))}
    answered = [replace(p, answer=answer) for p in problems if (answer := known.get(p.prompt))]
    if not answered:
        raise DataError(
            f"{source} has an answer to none of {len(problems)} general prompts; its field prompt must be the problem's"
        )
    return answered


def pairs_of(source: str, split: Split, *, seed: int) -> list[Pair]:
    """Preference pairs; a file holds the pairs of both splits, and the reward model holds some of them out itself."""
    return preference_pairs(split, seed=seed) if source == NANO else read_pairs(Path(source))


def _shot_of(source: str, example: Example) -> Shot:
    parts = response_parts(example.response)
    if parts.reasoning is None or parts.summary is None:
        raise DataError(f"{source}: example {example.id!r} has no reasoning; a worked example needs it")
    return Shot(
        question=example.prompt,
        thought=parts.reasoning,
        answer=parts.summary,
        task=example.task,
        language=example.language,
    )


def _shot(problem: Problem, thought: str, answer: str) -> Shot:
    return Shot(question=problem.prompt, thought=thought, answer=answer, task=problem.task, language=problem.language)

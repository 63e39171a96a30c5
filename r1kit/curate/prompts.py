"""Prompts for collecting data: worked examples and a question, as text or in a chat; and how completions are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from r1kit.curate.config import ThoughtFormat, WorkedFormat
from r1kit.errors import DataError, suggest
from r1kit.rewards.extract import code_blocks
from r1kit.rewards.readability import asks_for_code
from r1kit.seeding import rng
from r1kit.tasks.templates import Template
from r1kit.types import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedTokenizerBase

Format = TypeVar("Format", WorkedFormat, ThoughtFormat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A worked example: "a long CoT as an example"."""

    question: str
    thought: str
    answer: str
    """Without the words that announce it; a program in a fenced block."""
    task: str = ""
    """The family of its question."""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Solution:
    """What a completion was read as."""

    thought: str
    answer: str
    problem: str
    """Why it could not be read, in a few words; empty if it could."""


def format_for(formats: Mapping[str, Format], problem: Problem) -> Format:
    """The format of a problem: by language, and `<language>-code` first where code is asked for.

    Raises:
        DataError: none for its language.
    """
    names = [f"{problem.language}-code"] * asks_for_code(problem) + [problem.language]
    found = next((formats[name] for name in names if name in formats), None)
    if found is None:
        raise DataError(
            f"problem {problem.id!r}: no prompt format for language {problem.language!r}; "
            f"{suggest(problem.language, formats)} Add one to formats"
        )
    return found


def pick_shots(shots: Sequence[Shot], problem: Problem, num_shots: int, *, seed: int) -> list[Shot]:
    """Worked examples for a problem: in its language, of its own task before others, never the problem itself.

    Programs are examples for problems that ask for code, and for no others. Which ones and their order is drawn from
    (seed, problem id).

    Raises:
        DataError: fewer than `num_shots` such examples.
    """
    wants_code = asks_for_code(problem)
    fitting = [
        shot
        for shot in shots
        if shot.language == problem.language
        and bool(code_blocks(shot.answer)) == wants_code
        and shot.question.strip() != problem.prompt.strip()
    ]
    if len(fitting) < num_shots:
        raise DataError(
            f"problem {problem.id!r}: {len(fitting)} worked examples {'of programs ' if wants_code else ''}in language "
            f"{problem.language!r}, num_shots is {num_shots}; add examples or lower num_shots"
        )
    random = rng("shots", seed, problem.id)
    random.shuffle(fitting)
    fitting.sort(key=lambda shot: shot.task != problem.task)  # stable: the shuffled order stays within both parts
    picked = fitting[:num_shots]
    random.shuffle(picked)
    return picked


def worked_prompt(worked: WorkedFormat, shots: Sequence[Shot], question: str) -> str:
    """The worked examples and then the question, up to where the solution begins.

    A program goes without its block into the solution, which has one.
    """
    examples = [
        fill(worked.question, question=shot.question)
        + fill(worked.solution, thought=shot.thought, answer=_bare(shot.answer))
        for shot in shots
    ]
    return worked.separator.join([*examples, fill(worked.question, question=question)])


def _bare(answer: str) -> str:
    blocks = code_blocks(answer)
    return blocks[-1].code.strip("\n") if blocks else answer


def thought_prompt(thoughts: ThoughtFormat, shots: Sequence[Shot], question: str, answer: str) -> str:
    """The examples with their thoughts, and then a question with its given answer, up to where the thought begins."""
    examples = [
        fill(thoughts.prompt, question=shot.question, answer=shot.answer)
        + fill(thoughts.solution, thought=shot.thought, answer=shot.answer)
        for shot in shots
    ]
    return thoughts.separator.join([*examples, fill(thoughts.prompt, question=question, answer=answer)])


def fill(text: str, **fields: str) -> str:
    """`text` with `{name}` replaced for each field, in one pass: what a field contains is never replaced again.

    >>> fill("{question} in a {box}", question="What is {question}?")
    'What is {question}? in a {box}'
    """
    return re.sub("|".join(rf"\{{{name}\}}" for name in fields), lambda match: fields[match[0][1:-1]], text)


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """The text before the first stop string; engines leave it in."""
    ends = [found for string in stop if (found := text.find(string)) >= 0]
    return text[: min(ends)] if ends else text


def read_solution(text: str, worked: WorkedFormat) -> Solution:
    """The inverse of `worked.solution`, up to white space.

    The answer stands behind the last occurrence of the text between thought and answer, up to the text after it; what
    follows (a model that goes on writing) is left out. A full stop inside a number or word does not end the answer.
    """
    text = cut_at_stop(text, worked.stop)
    thought, between, rest = text.rpartition(worked.between.strip())
    after = worked.after.strip()
    if not between:
        return Solution("", "", f"no {worked.between.strip()!r}")
    end = re.search(rf"{re.escape(after)}(?![A-Za-z0-9])", rest) if after else None
    if after and end is None:
        return Solution("", "", f"no {after!r} after the answer")
    answer = rest[: end.start()].strip() if end else rest.strip()
    if not thought.strip() or not answer:
        return Solution("", "", "empty answer" if thought.strip() else "empty thought")
    return Solution(thought.strip(), answer, "")


def prompt_template(name: str, text_of: Callable[[Problem], str], *, as_chat: bool) -> Template:
    """A template whose prompt for a problem is `text_of(problem)`, in a chat where asked for and possible."""

    def render(problem: Problem, tokenizer: PreTrainedTokenizerBase) -> str:
        text = text_of(problem)
        if not (as_chat and tokenizer.chat_template):
            return text
        conversation = [{"role": "user", "content": text}]
        chat = tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True)
        assert isinstance(chat, str)
        return chat

    return Template(name, render)

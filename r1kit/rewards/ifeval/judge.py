"""IFEval's instructions by their ids, and the verdict on a response (Zhou et al., arXiv:2311.07911, section 2.2).

Strict: the response follows an instruction as it is. Loose: one of its eight variants does: without the first line
("Sure, here it is:"), the last, or both, or none, each also without asterisks. The verdict on the prompt is 1.0 only if
all instructions are followed; that on each instruction is in `parts`.

Written from the description of the instructions, not from the published program. It differs where that accepts an
empty shell (see `layout`), in how sentences are cut (`text`) and languages told apart (`language`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from r1kit.errors import DataError, suggest
from r1kit.rewards.ifeval import layout, wording
from r1kit.rewards.ifeval.text import Checker
from r1kit.types import Problem, Score

INSTRUCTIONS: dict[str, Callable[..., Checker]] = {
    "change_case:capital_word_frequency": wording.capital_word_frequency,
    "change_case:english_capital": wording.english_capital,
    "change_case:english_lowercase": wording.english_lowercase,
    "combination:repeat_prompt": layout.repeat_prompt,
    "combination:two_responses": layout.two_responses,
    "detectable_content:number_placeholders": layout.number_placeholders,
    "detectable_content:postscript": layout.postscript,
    "detectable_format:constrained_response": layout.constrained_response,
    "detectable_format:json_format": layout.json_format,
    "detectable_format:multiple_sections": layout.multiple_sections,
    "detectable_format:number_bullet_lists": layout.number_bullet_lists,
    "detectable_format:number_highlighted_sections": layout.number_highlighted_sections,
    "detectable_format:title": layout.title,
    "keywords:existence": wording.existence,
    "keywords:forbidden_words": wording.forbidden_words,
    "keywords:frequency": wording.keyword_frequency,
    "keywords:letter_frequency": wording.letter_frequency,
    "language:response_language": wording.response_language,
    "length_constraints:nth_paragraph_first_word": wording.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": wording.number_paragraphs,
    "length_constraints:number_sentences": wording.number_sentences,
    "length_constraints:number_words": wording.number_words,
    "punctuation:no_comma": wording.no_comma,
    "startend:end_checker": layout.end_checker,
    "startend:quotation": layout.quotation,
}
"""Instruction id to what makes its checker from the data set's `kwargs`."""


def judge_ifeval(problem: Problem, answer: str) -> Score:
    """`verify_ifeval`, strict, on a problem with `info = {"instructions": [{"id": ..., "kwargs": {...}}, ...]}`.

    Args:
        problem: Its gold answer is not read.
        answer: The whole response that a person would see, not an answer taken out of it.

    Raises:
        DataError: `info` lacks the instructions, or one of them is unknown or has other arguments than it takes.
    """
    return verify_ifeval(instructions=_instructions(problem), answer=answer)


def judge_ifeval_loose(problem: Problem, answer: str) -> Score:
    """`judge_ifeval` by the loose protocol."""
    return verify_ifeval(instructions=_instructions(problem), answer=answer, loose=True)


def verify_ifeval(*, instructions: Sequence[Mapping[str, Any]], answer: str, loose: bool = False) -> Score:
    """Whether a response follows its instructions.

    Args:
        instructions: Each `{"id": "length_constraints:number_words", "kwargs": {"relation": "at least", ...}}`.
        answer: The whole response.
        loose: Let each instruction be followed by any variant of the response.

    Returns:
        1.0 if all are followed, else 0.0. `parts` has 1.0 or 0.0 by the id; the second of two with the same id is
        `ID#2`. An empty response follows nothing.

    Raises:
        DataError: an unknown instruction, or arguments that it does not take.
    """
    variants = _variants(answer) if loose else [answer]
    parts: dict[str, float | None] = {}
    problems: list[str] = []
    for name, checker in build_checkers(instructions).items():
        found = [checker(variant) if variant.strip() else "empty" for variant in variants]
        problem = "" if "" in found else found[0]
        parts[name] = 0.0 if problem else 1.0
        if problem:
            problems.append(f"{name.partition(':')[2]}: {problem}")
    return Score(value=0.0 if problems else 1.0, reason="; ".join(problems) or "correct", parts=parts)


def build_checkers(instructions: Sequence[Mapping[str, Any]]) -> dict[str, Checker]:
    """A checker for each instruction, by the keys of `verify_ifeval`'s parts; arguments that are None are left out.

    Raises:
        DataError: an unknown instruction, or arguments that it does not take.
    """
    checkers: dict[str, Checker] = {}
    for instruction in instructions:
        name = instruction["id"]
        if name not in INSTRUCTIONS:
            raise DataError(f"unknown instruction {name!r}; {suggest(name, INSTRUCTIONS)}")
        arguments = {key: value for key, value in instruction["kwargs"].items() if value is not None}
        try:
            checker = INSTRUCTIONS[name](**arguments)
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(f"instruction {name} cannot have {arguments}: {error}") from None
        same = sum(key.partition("#")[0] == name for key in checkers)
        checkers[f"{name}#{same + 1}" if same else name] = checker
    return checkers


def _instructions(problem: Problem) -> Sequence[Mapping[str, Any]]:
    instructions = problem.info.get("instructions")
    if not isinstance(instructions, list | tuple) or not instructions:
        raise DataError(
            f"problem {problem.id!r}: verifier 'ifeval' needs info['instructions'], a list of id and kwargs"
        )
    return instructions


def _variants(response: str) -> list[str]:
    lines = response.split("\n")
    cut = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return [*cut, *(variant.replace("*", "") for variant in cut)]

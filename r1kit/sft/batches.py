"""From examples to token groups: the template, the end token, the length limit, the order of an epoch."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from r1kit.errors import DataError, shorten
from r1kit.learner.packing import TokenGroup
from r1kit.seeding import rng
from r1kit.sft.data import Example
from r1kit.tasks.splits import same_text, split_by_hash
from r1kit.tasks.templates import Template, encode_prompt
from r1kit.types import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """An example as the learner sees it."""

    id: str
    prompt: tuple[int, ...]
    """The rendered prompt. Examples of one question share the object."""
    completion: Sequence[int]
    """The response and the end token: what the loss is computed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenized:
    """All examples of a file."""

    examples: list[TokenizedExample]
    num_dropped: int
    """Left out because they were too long."""


def tokenize(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    *,
    max_tokens: int,
    too_long: Literal["error", "drop"],
    where: str,
) -> Tokenized:
    """Render and encode examples, in order.

    Args:
        examples: With distinct ids.
        tokenizer: Has an end token.
        template: Makes the prompt; nothing is put between it and the response.
        max_tokens: Of prompt, response and end token together.
        too_long: What an example with more tokens is.
        where: The examples' file, for messages.

    Raises:
        DataError: an example is too long, or all of them are; a response has a special token of the tokenizer in it
            (such as the end token's text), which no model could be meant to write.
    """
    end = tokenizer.eos_token_id
    assert isinstance(end, int)
    special = set(tokenizer.all_special_ids)
    prompts: dict[str, tuple[int, ...]] = {}
    kept: list[TokenizedExample] = []
    responses = tokenizer([example.response for example in examples], add_special_tokens=False)["input_ids"]
    for example, response in zip(examples, responses, strict=True):
        assert isinstance(response, list)
        text = template.render(as_problem(example), tokenizer)
        prompt = prompts.setdefault(text, ()) or tuple(encode_prompt(text, tokenizer))
        prompts[text] = prompt
        found = special.intersection(response)
        if found:
            raise DataError(
                f"{where}: the response of example {shorten(example.id)!r} has the special token "
                f"{tokenizer.convert_ids_to_tokens(min(found))!r} in it; remove it, the end token is added"
            )
        length = len(prompt) + len(response) + 1
        if length <= max_tokens:
            kept.append(TokenizedExample(example.id, prompt, array("q", [*response, end])))
        elif too_long == "error":
            raise DataError(
                f"{where}: example {shorten(example.id)!r} has {length} tokens with its prompt and end token, and "
                f'{max_tokens} are allowed; shorten it, or leave such examples out with too_long = "drop"'
            )
    if not kept:
        raise DataError(
            f"{where}: all {len(examples)} examples have more than the allowed {max_tokens} tokens; shorten them"
        )
    return Tokenized(examples=kept, num_dropped=len(examples) - len(kept))


def as_problem(example: Example) -> Problem:
    """The example's question, for templates."""
    return Problem(id=example.id, prompt=example.prompt, answer="", task=example.task, language=example.language)


def held_out_ids(examples: Sequence[Example], fraction: float, *, where: str) -> set[str]:
    """Ids of the examples to validate on; all responses to one question are on one side.

    A question's side depends on its text only (`split_by_hash`). Fraction 0 holds out nothing.

    Raises:
        DataError: fewer than two distinct questions and a fraction above 0.
    """
    if fraction == 0:
        return set()
    if len({same_text(example.prompt) for example in examples}) < 2:
        raise DataError(f"{where} has one question only, so none can be held out; set held_out_fraction = 0")
    _, held_out = split_by_hash([as_problem(example) for example in examples], fraction, purpose="sft")
    return {problem.id for problem in held_out}


class Batches:
    """Which examples an optimizer step trains on.

    An epoch goes once through all examples, in an order that depends on (seed, epoch) only. It is an order of questions
    with the responses to one together, so that a step computes their prompt once.
    """

    def __init__(self, examples: Sequence[TokenizedExample], *, batch_size: int, seed: int) -> None:
        """Take `batch_size` examples a step; the last step of an epoch may have fewer."""
        self._batch_size = batch_size
        self._seed = seed
        self._by_question: dict[tuple[int, ...], list[TokenizedExample]] = {}
        for example in examples:
            self._by_question.setdefault(example.prompt, []).append(example)
        self.steps_per_epoch = -(-len(examples) // batch_size)
        self._epoch, self._in_order = -1, list[TokenizedExample]()

    def of_step(self, step: int) -> list[TokenizedExample]:
        """The examples of optimizer step `step`, from 0."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            questions = list(self._by_question.values())
            rng(self._seed, "sft epoch", epoch).shuffle(questions)
            self._epoch, self._in_order = epoch, [example for question in questions for example in question]
        return self._in_order[within * self._batch_size : (within + 1) * self._batch_size]


def token_groups(examples: Sequence[TokenizedExample]) -> list[TokenGroup]:
    """A group a prompt, in the order in which they come."""
    completions: dict[tuple[int, ...], list[Sequence[int]]] = {}
    for example in examples:
        completions.setdefault(example.prompt, []).append(example.completion)
    return [TokenGroup(prompt=prompt, completions=of_prompt) for prompt, of_prompt in completions.items()]

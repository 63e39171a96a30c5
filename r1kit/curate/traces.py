"""Ready traces of a teacher, from a file that somebody else made.

Two forms of a row are read; a row that has both is read as the first:

    {"messages": [{"role": "user", "content": "Compute 3 + 4"},
                  {"role": "assistant", "reasoning_content": "3 + 4 is 7.", "content": "The answer is **7**."}]}
    {"prompt": "Compute 3 + 4", "reasoning_content": "3 + 4 is 7.", "response": "The answer is **7**."}

`messages` may be called `conversations`, with `from` and `value` and the roles human and gpt; other names of `prompt`
and `response` are PROMPT_FIELDS and RESPONSE_FIELDS, best first. The reasoning stands in `reasoning_content` or
`reasoning`, between think tags or OpenThoughts' marks in the response, or nowhere. Optional are `id`, `task`,
`language`, `model` and `finish_reason`; other fields are passed over. What fits neither form is an error
and never guessed: a trace that was misread trains a student on noise. What is read well but not fit to learn from is
dropped by `filter_traces`, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1kit.curate.candidates import Candidate
from r1kit.curate.config import VERDICT_FILTERS, FilterConfig
from r1kit.curate.counts import DropCounts, check_any_kept
from r1kit.curate.filters import apply_filters
from r1kit.curate.teacher_reply import REASONING_FIELDS, WHOLE, teacher_response
from r1kit.errors import DataError, shorten, suggest
from r1kit.rewards.extract import THINK_CLOSE, THINK_OPEN, code_blocks
from r1kit.rewards.language import LANGUAGES
from r1kit.rewards.readability import response_parts
from r1kit.sft.data import Example
from r1kit.tasks.rows import Row, read_rows, suffix_of, text_field
from r1kit.types import Problem

CONVERSATION_FIELDS = ("messages", "conversations")
PROMPT_FIELDS = ("prompt", "question", "problem")
RESPONSE_FIELDS = ("response", "generation", "completion", "output")
FORMS = (
    "{'messages': [{'role', 'content', 'reasoning_content'?}, ...]} or "
    f"{{{'|'.join(PROMPT_FIELDS)}, {'|'.join(RESPONSE_FIELDS)}, 'reasoning_content'?}}"
)

_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
_MARKS = {
    "<|begin_of_thought|>": THINK_OPEN,
    "<|end_of_thought|>": THINK_CLOSE,
    "<|begin_of_solution|>": "",
    "<|end_of_solution|>": "",
}
"""The marks of OpenThoughts and Sky-T1, as think tags."""


def read_traces(path: Path) -> list[Example]:
    """The traces of a .jsonl, .json or .parquet file, in the readable format and in order; neither judged nor filtered.

    Raises:
        DataError: the file cannot be read, or a row is no trace; the message names file, line and the allowed forms.
    """
    task = path.name.removesuffix(suffix_of(path) or "")
    examples = [_example(row, path, task) for row in read_rows(path)]
    rows: dict[str, int] = {}
    for number, example in enumerate(examples, start=1):
        if example.id in rows:
            raise DataError(f"{path}: rows {rows[example.id]} and {number} have the id {example.id!r}; ids must differ")
        rows[example.id] = number
    return examples


def filter_traces(
    examples: Sequence[Example], filters: FilterConfig, evaluation_prompts: Sequence[str]
) -> tuple[list[Example], DropCounts]:
    """The traces that pass those of `filters.names` that need no verdict, in order; and one step of counts, `traces`.

    A trace does not say what kind of prompt it answers. So its chain of thought is optional, and a code block in it is
    in its place where the summary has one too.

    Args:
        examples: Of a teacher, in the readable format; of duplicates the first is kept.
        filters: The filters and their limits; there is nothing to judge by, so VERDICT_FILTERS are left out.
        evaluation_prompts: What must not become training data.

    Raises:
        DataError: nothing is left, with the counts.
        DataError, MissingExtra: as `r1kit.rewards.language.language_consistency`.
    """
    names = [name for name in filters.names if name not in VERDICT_FILTERS]
    kept, counts = apply_filters(
        [Candidate(example=example, problem=_problem(example)) for example in examples],
        filters.model_copy(update={"names": names}),
        stage="traces",
        goes_to="distillation_data",
        evaluation_prompts=evaluation_prompts,
    )
    fix = "look at the traces, or loosen the filters that dropped most"
    check_any_kept(len(kept), counts, what="a teacher's traces", fix=fix)
    return [candidate.example for candidate in kept], counts


def _problem(example: Example) -> Problem:
    """What the filters look at: a general prompt needs no chain of thought, one with verifier "code" may have code."""
    return Problem(
        id=example.id,
        prompt=example.prompt,
        answer="",
        task=example.task,
        verifier="code" if code_blocks(response_parts(example.response).summary or "") else "rubric",
        language=example.language,
        info={"scenario": "helpful", "bilingual": example.info.get("bilingual", False)},
    )


def _example(row: Row, path: Path, task: str) -> Example:
    conversation = next((name for name in CONVERSATION_FIELDS if row.values.get(name) is not None), None)
    system = ""
    if conversation is not None:
        system, prompt, content, reasoning = _from_messages(row, conversation)
    else:
        for names in (PROMPT_FIELDS, RESPONSE_FIELDS):
            if not any(name in row.values for name in names):
                has = ", ".join(row.values) or "nothing"
                raise DataError(f"{row.where}: no {'|'.join(names)} (has: {shorten(has)}); allowed: {FORMS}")
        prompt = text_field(row, PROMPT_FIELDS, needs=FORMS)
        content = text_field(row, RESPONSE_FIELDS, needs=FORMS)
        reasoning = _reasoning(row, row.values)
    if _optional(row, "finish_reason", WHOLE) != WHOLE:
        raise DataError(
            f"{row.where}: 'finish_reason' is {row.values['finish_reason']!r}, so the response is not whole; "
            "remove the row"
        )
    language = _optional(row, "language", "en")
    if language not in LANGUAGES:
        raise DataError(f"{row.where}: unknown language {shorten(language)!r}; {suggest(language, LANGUAGES)}")
    for mark, tag in _MARKS.items():
        content = content.replace(mark, tag)
    optional = {"system": system, "model": _optional(row, "model", "")}
    return Example(
        id=_optional(row, "id", f"{path.name}:{row.number}"),
        prompt=prompt,
        response=teacher_response(content, reasoning),
        task=_optional(row, "task", task),
        language=language,
        source="teacher",
        info={"file": path.name, "row": row.number, **{name: text for name, text in optional.items() if text}},
    )


def _from_messages(row: Row, field: str) -> tuple[str, str, str, str]:
    """System message, question, answer and reasoning of a conversation of one turn."""
    messages = row.values[field]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise DataError(f"{row.where}: {field!r} is {_short(messages)}; allowed: {FORMS}")
    roles = [_role(row, field, message) for message in messages]
    if roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        told = ", ".join(roles[:6]) + (", ..." if len(roles) > 6 else "")
        raise DataError(
            f"{row.where}: {field!r} has the roles [{told}]; allowed: user, assistant, with or without a system first"
        )
    *before, question, answer = (_content(row, field, message) for message in messages)
    return (before[0] if before else ""), question, answer, _reasoning(row, messages[-1])


def _role(row: Row, field: str, message: dict[str, Any]) -> str:
    name = message.get("role", message.get("from"))
    if not isinstance(name, str) or name not in _ROLES:
        raise DataError(f"{row.where}: a message of {field!r} has the role {_short(name)}; {suggest('', _ROLES)}")
    return _ROLES[name]


def _content(row: Row, field: str, message: dict[str, Any]) -> str:
    content = message.get("content", message.get("value"))
    if not isinstance(content, str) or not content.strip():
        raise DataError(f"{row.where}: a message of {field!r} has the content {_short(content)}; it must be text")
    return content


def _reasoning(row: Row, values: Any) -> str:
    texts = [values[name] for name in REASONING_FIELDS if values.get(name) is not None]
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"{row.where}: the reasoning is {_short(text)}; it must be text or missing")
    return next((text for text in texts if text.strip()), "")


def _optional(row: Row, name: str, default: str) -> str:
    value = row.values.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{row.where}: {name!r} is {_short(value)}; it must be text")
    return str(value)


def _short(value: Any) -> str:
    return "missing" if value is None else shorten(f"{type(value).__name__} {value!r}")

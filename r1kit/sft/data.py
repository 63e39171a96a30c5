"""The records of supervised fine-tuning, their files, and the card of a data set's folder.

    {"id": "chain/17", "prompt": "Compute 3 + 4", "response": " |special_token| ... ", "task": "chain",
     "source": "zero", "language": "en", "info": {"model": "..."}}

A data set is a folder with `data.jsonl` (a record a line) and `README.md` (its card); a Parquet file with the same
columns is read too. Reading is strict: whatever a record lacks, has too much or of another kind ends in one line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from r1kit.errors import DataError, shorten, suggest
from r1kit.report.files import write_text_atomic
from r1kit.rewards.language import LANGUAGES
from r1kit.tasks.rows import Row, read_rows

DATA_FILE = "data.jsonl"
CARD_FILE = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A prompt and the response that a model is to learn."""

    id: str
    """Unique in its file."""
    prompt: str
    """The question as a person would ask it, before any template."""
    response: str
    """What the model should write after the template's prompt, without the end token."""
    task: str
    """Name of the task family, as in `Problem.task`."""
    language: str = "en"
    """Of the response: a key of `r1kit.rewards.language.LANGUAGES`."""
    source: str
    """Who made it, e.g. few_shot, direct, zero, human, rejection, non_reasoning, teacher."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """Where it is from and how it was judged (JSON values)."""


_REQUIRED = ("id", "prompt", "response", "task", "source")
_FIELDS = tuple(each.name for each in fields(Example))


def read_examples(path: Path) -> list[Example]:
    """All examples of a file (.jsonl, .parquet and what else `read_rows` takes), in order.

    Raises:
        DataError: the file cannot be read, or a record is not an example: it lacks a field or has an unknown one, a
            value has another type or is empty, an id occurs twice. The message names file, line and field.
    """
    rows = read_rows(path)
    examples = [_example(row, parquet=path.suffix == ".parquet") for row in rows]
    first: dict[str, int] = {}
    for row, example in zip(rows, examples, strict=True):
        if example.id in first:
            raise DataError(
                f"{row.where}: the id {shorten(example.id)!r} is also that of row {first[example.id]}; ids must differ"
            )
        first[example.id] = row.number
    return examples


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write a .jsonl, whole or not at all; returns how many examples it has.

    Raises:
        DataError: `path` is no .jsonl, or `read_examples` would refuse what is to be written.
        RunError: the folder cannot be written.
    """
    if path.suffix != ".jsonl":
        raise DataError(f"{path}: examples are written as .jsonl; give a name that ends so")
    lines: list[str] = []
    seen: set[str] = set()
    for number, example in enumerate(examples, start=1):
        values = _values(example)
        _example(Row(where=f"{path}:{number}", number=number, values=values), parquet=False)
        if example.id in seen:
            raise DataError(f"{path}:{number}: the id {shorten(example.id)!r} occurs twice; ids must differ")
        seen.add(example.id)
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, "".join(lines))
    return len(lines)


def data_file(path: Path) -> Path:
    """The file of a data set: `data.jsonl` of a folder, a file itself."""
    return path / DATA_FILE if path.is_dir() else path


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCard:
    """What a card says that the records do not."""

    title: str
    source: str
    """Where the data is from and how it was made, in a sentence or more."""
    prompting: str
    """The prompt template's name, or the text that the model was prompted with."""
    model: str | None = None
    """What wrote the responses: a name or a folder. None: no model did."""
    model_hash: str | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Filter, or reason, to how many candidates it dropped, in the order of the filters."""
    license: str | None = None


def write_card(folder: Path, card: DatasetCard, examples: Sequence[Example]) -> Path:
    """Write README.md into a data set's folder; returns its path. RunError if it cannot be written.

    Front matter as the Hugging Face hub reads it, then source, prompting, model, counts by task, language and source,
    what the filters dropped, the fields, and the first example, shortened.
    """
    languages = sorted({example.language for example in examples})
    front = ["---", *([f"license: {card.license}"] if card.license else []), f"language: [{', '.join(languages)}]"]
    front += ["task_categories: [text-generation]", "tags: [r1kit]", "configs:", "- config_name: default"]
    front += [f"  data_files: {DATA_FILE}", "---"]
    model = "none" if card.model is None else f"`{card.model}`"
    if card.model_hash:
        model += f", `r1kit.pipeline.artifact.digest` of its folder `{card.model_hash}`"
    fence = "````" if "```" in card.prompting else "```"
    counts = Counter((example.task, example.language, example.source) for example in examples)
    text = [
        *front,
        f"# {card.title}",
        card.source,
        f"**Model:** {model}.",
        f"**Prompting:**\n\n{fence}text\n{card.prompting}\n{fence}",
        "## Counts",
        _table(("task", "language", "source", "examples"), [(*key, str(n)) for key, n in sorted(counts.items())])
        + f"\n| all | | | {len(examples)} |",
        "## Filters",
        _table(("filter", "dropped"), [(name, str(count)) for name, count in card.dropped.items()])
        if card.dropped
        else "None.",
        "## Fields",
        _table(("field", "meaning"), [(f"`{name}`", meaning) for name, meaning in _MEANINGS.items()]),
        "## Sample",
        f"```json\n{_sample(examples[0])}\n```" if examples else "None: the data set is empty.",
    ]
    body = "\n".join(text[: len(front)]) + "\n" + "\n\n".join(text[len(front) :]) + "\n"
    return write_text_atomic(folder / CARD_FILE, body)


_MEANINGS = {
    "id": "unique in the file",
    "prompt": "the question, before any template",
    "response": "what the model should write after the template's prompt, without the end token",
    "task": "task family",
    "language": "of the response",
    "source": "who made the example",
    "info": "where it is from and how it was judged",
}


def _values(example: Example) -> dict[str, Any]:
    return {name: getattr(example, name) for name in _FIELDS} | {"info": dict(example.info)}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _sample(example: Example) -> str:
    values = _values(example)
    for name, text in (("prompt", example.prompt), ("response", example.response)):
        values[name] = text if len(text) <= 300 else f"{text[:297]}..."
    return json.dumps(values, indent=2, ensure_ascii=False).replace("```", "'''")


def _example(row: Row, *, parquet: bool) -> Example:
    values = dict(row.values)
    if parquet:  # where a row lacks a value, a table has null; nested values may be a column of JSON
        values = {name: value for name, value in values.items() if value is not None}
        if isinstance(values.get("info"), str):
            values["info"] = _parse_info(row, values["info"])
    for name in values:
        if name not in _FIELDS:
            raise DataError(f"{row.where}: unknown field {shorten(name)!r}; {suggest(name, _FIELDS)}")
    for name in _REQUIRED:
        if name not in values:
            has = ", ".join(values) or "nothing"
            raise DataError(f"{row.where}: no {name!r}; each record needs {', '.join(_REQUIRED)} (has: {has})")
    for name, value in values.items():
        if name == "info":
            if not isinstance(value, dict):
                raise DataError(f"{row.where}: 'info' is {_short(value)}; it must be an object {{...}}")
        elif not isinstance(value, str):
            raise DataError(f"{row.where}: {name!r} is {_short(value)}; it must be text")
        elif not value.strip():
            raise DataError(f"{row.where}: {name!r} is empty; fill it or remove the record")
    language = values.get("language", "en")
    if language not in LANGUAGES:
        raise DataError(f"{row.where}: unknown language {shorten(language)!r}; {suggest(language, LANGUAGES)}")
    return Example(**values)


def _parse_info(row: Row, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise DataError(f"{row.where}: 'info' is {_short(text)}; as text it must be a JSON object") from None


def _short(value: Any) -> str:
    return shorten(f"{type(value).__name__} {value!r}")

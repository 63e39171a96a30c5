"""Preference pairs: two responses to one question, and which of them is better.

    {"id": "h-17", "prompt": "Hello!", "chosen": "Hello! How can I help?", "rejected": "Hm.", "kind": "helpful"}

Fields of a row:
    id         text, unique in the file
    prompt     the question, before any template
    chosen     the better response, as a model writes it: with its reasoning, if there is any, in the readable format
    rejected   the other one
    kind       helpful (the summaries were compared) or harmless (the whole responses were)
    language   optional: a key of r1kit.rewards.language.LANGUAGES, `en` by default
    info       optional: an object, e.g. where the pair is from
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from r1kit.errors import DataError, suggest
from r1kit.report.files import write_text_atomic
from r1kit.rewards.language import LANGUAGES
from r1kit.rewards.learned import Kind, judged_part
from r1kit.tasks.rows import Row, read_rows

_REQUIRED = ("id", "prompt", "chosen", "rejected", "kind")
_OPTIONAL = ("language", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two responses to one question, of which the first is better."""

    id: str
    """Unique in its file."""
    prompt: str
    """The question before any template."""
    chosen: str
    """The better response, without its end token."""
    rejected: str
    kind: Kind
    """What they were compared in."""
    language: str = "en"
    """A key of `r1kit.rewards.language.LANGUAGES`."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """JSON values: where the pair is from."""


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file, in order.

    Args:
        path: .jsonl, .json or .parquet, the first two also gzipped.

    Raises:
        DataError: the file cannot be read; a row lacks a field, has one that is unknown or of the wrong type, repeats
            an id, or has nothing to compare: a judged part (see `judged_part`) that is empty, or the same in both.
            One line that names the file, the line and the field.
    """
    pairs: list[Pair] = []
    seen: set[str] = set()
    for row in read_rows(path):
        pair = _pair(row)
        if pair.id in seen:
            raise DataError(f"{row.where}: the id {pair.id!r} is there twice; ids must differ")
        seen.add(pair.id)
        pairs.append(pair)
    return pairs


def write_pairs(path: Path, pairs: Iterable[Pair]) -> int:
    """Write a .jsonl file as a whole or not at all; returns the number of pairs.

    Raises:
        RunError: the folder cannot be written, or the disk is full.
    """
    lines = [json.dumps(asdict(pair), ensure_ascii=False) + "\n" for pair in pairs]
    write_text_atomic(path, "".join(lines))
    return len(lines)


def _pair(row: Row) -> Pair:
    for name in row.values:
        if name not in (*_REQUIRED, *_OPTIONAL):
            raise DataError(f"{row.where}: unknown field {name!r}; {suggest(name, (*_REQUIRED, *_OPTIONAL))}")
    values = {name: _text(row, name) for name in _REQUIRED}
    values["language"] = _text(row, "language") if row.values.get("language") is not None else "en"
    for name, allowed in (("kind", get_args(Kind)), ("language", LANGUAGES)):
        if values[name] not in allowed:
            raise DataError(f"{row.where}: {name!r} is {values[name]!r}; {suggest(values[name], allowed)}")
    info = row.values.get("info")
    if info is not None and not isinstance(info, dict):
        raise DataError(f"{row.where}: 'info' must be an object, not {type(info).__name__}")
    pair = Pair(**values, info=info or {})  # pyright: ignore[reportArgumentType] (kind was checked)
    _check_comparable(row, pair)
    return pair


def _text(row: Row, name: str) -> str:
    value = row.values.get(name)
    if value is None:
        raise DataError(f"{row.where}: no {name!r}; a pair needs {', '.join(_REQUIRED)}")
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{row.where}: {name!r} must be text that is not empty, not {value!r:.60}")
    return value


def _check_comparable(row: Row, pair: Pair) -> None:
    chosen, rejected = judged_part(pair.kind, pair.chosen), judged_part(pair.kind, pair.rejected)
    what = "summary" if pair.kind == "helpful" else "response"
    for name, text in (("chosen", chosen), ("rejected", rejected)):
        if not text:
            raise DataError(f"{row.where}: {name!r} has no {what} to compare; remove the pair")
    if chosen == rejected:
        raise DataError(f"{row.where}: 'chosen' and 'rejected' have the same {what}; remove the pair")

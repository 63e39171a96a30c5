"""Held-out completions at the start, the middle and the end of a run, prepared for reading side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from r1kit.errors import RunError

Kind = Literal["think", "answer", "other", "tag"]
Verdict = Literal["right", "partial", "wrong", "unjudged"]
Record = Mapping[str, Any]

FIELDS = ("step", "problem_id", "prompt", "gold", "sample", "text", "value", "reason", "parsed", "num_tokens")
MAX_SAMPLES = 4
"""Completions shown of one problem at one step."""
MAX_CHARACTERS = 20_000
"""Shown of one completion; the rest is in transcripts.jsonl."""

_TAG = re.compile(r"(</?(?:think|answer)>)")
_OPENS: dict[str, Kind] = {"<think>": "think", "<answer>": "answer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One completion as the page shows it."""

    segments: tuple[tuple[Kind, str], ...]
    num_hidden: int
    """Characters cut from the end, 0 for a completion shown whole."""
    verdict: Verdict
    value: float | None
    reason: str
    parsed: str | None
    num_tokens: int
    truncated: bool
    """The completion ran into the length limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A problem with its attempts at each of the chosen steps."""

    problem_id: str
    prompt: str
    gold: str
    attempts: tuple[tuple[int, tuple[Attempt, ...]], ...]
    """(step, attempts) in order of steps; no attempts where the step lacks the problem."""


def exchanges(records: Sequence[Record]) -> list[Exchange]:
    """The problems of transcripts.jsonl in their first order, with the attempts at the start, middle and end.

    Raises:
        RunError: a record lacks a field.
    """
    for number, record in enumerate(records, start=1):
        missing = [name for name in FIELDS if name not in record]
        if missing:
            raise RunError(f"transcripts.jsonl, record {number}: no {missing[0]!r}; it needs {', '.join(FIELDS)}")
    steps = choose_steps(record["step"] for record in records)
    found: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        found.setdefault((record["problem_id"], record["step"]), []).append(record)
    first = {record["problem_id"]: record for record in reversed(records)}
    order = dict.fromkeys(record["problem_id"] for record in records)
    return [
        Exchange(
            problem_id=str(problem_id),
            prompt=first[problem_id]["prompt"],
            gold=str(first[problem_id]["gold"]),
            attempts=tuple((step, _attempts(found.get((problem_id, step), []))) for step in steps),
        )
        for problem_id in order
    ]


def choose_steps(steps: Iterable[int]) -> list[int]:
    """The first step, the one nearest the middle between first and last (the earlier of two), and the last.

    >>> choose_steps([0, 10, 20, 30, 80])
    [0, 30, 80]
    """
    different = sorted(set(steps))
    if len(different) < 3:
        return different
    middle = (different[0] + different[-1]) / 2
    return [different[0], min(different[1:-1], key=lambda step: abs(step - middle)), different[-1]]


def segments(text: str) -> list[tuple[Kind, str]]:
    """Cut a completion at its think and answer tags; the pieces joined are the text.

    A completion whose template has opened the thinking already begins inside it: text before a first `</think>` is
    thought. A part that is never closed lasts until the next tag or the end.

    >>> segments("<think>1+1</think>so")
    [('tag', '<think>'), ('think', '1+1'), ('tag', '</think>'), ('other', 'so')]
    """
    pieces = [piece for piece in _TAG.split(text) if piece]
    first_tag = next((piece for piece in pieces if _TAG.fullmatch(piece)), None)
    kind: Kind = "think" if first_tag == "</think>" else "other"
    cut: list[tuple[Kind, str]] = []
    for piece in pieces:
        if _TAG.fullmatch(piece):
            kind = _OPENS.get(piece, "other")
            cut.append(("tag", piece))
        else:
            cut.append((kind, piece))
    return cut


def verdict(value: float | None) -> Verdict:
    """What a score says: right from 1 up, partial between 0 and 1 (a format alone), wrong at 0 or below."""
    if value is None:
        return "unjudged"
    if value >= 1:
        return "right"
    return "partial" if value > 0 else "wrong"


def _attempts(records: Sequence[Record]) -> tuple[Attempt, ...]:
    ordered = sorted(records, key=lambda record: record["sample"])
    return tuple(_attempt(record) for record in ordered[:MAX_SAMPLES])


def _attempt(record: Record) -> Attempt:
    text: str = record["text"]
    return Attempt(
        segments=tuple(segments(text[:MAX_CHARACTERS])),
        num_hidden=max(len(text) - MAX_CHARACTERS, 0),
        verdict=verdict(record["value"]),
        value=record["value"],
        reason=record["reason"],
        parsed=record["parsed"],
        num_tokens=record["num_tokens"],
        truncated=record.get("stop_reason") == "length",
    )

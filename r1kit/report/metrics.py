"""metrics.jsonl: one JSON object a line, `{"step": 3, "train/loss": -0.01, ...}`, through one writer.

`step` is the number of training steps done, so the evaluation of the base model has step 0. Training and
evaluation write rows of their own; two rows may have the same step. JSON has no NaN: a value that is not finite is
written as null and read back as NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from r1kit.errors import RunError
from r1kit.report.files import read_jsonl, write_text_atomic
from r1kit.report.glossary import check_keys

Row = dict[str, float]
"""Metric key to value; `step` is among the keys of a row that was read."""


class Sink(Protocol):
    """Another place that takes every row, e.g. a tracker; see `r1kit.report.sinks`."""

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Take the metrics of a step; `row` has no `step` key and only finite values."""
        ...

    def close(self) -> None:
        """Send what is left and let go."""
        ...


class MetricsWriter:
    """Appends rows to metrics.jsonl and hands them to the sinks; each row is on disk before `log` returns.

    A half-written last line, as a kill leaves it, is dropped when the file is opened.
    """

    def __init__(self, path: Path, sinks: Sequence[Sink] = ()) -> None:
        self.path = path
        self.sinks = tuple(sinks)
        if path.exists():
            _rewrite(path, read_metrics(path))
        self._open()

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Append one row.

        Raises:
            AssertionError: a key that `r1kit.report.glossary` does not define.
            RunError: the disk is full or the file cannot be written.
        """
        check_keys(row)
        try:
            self._file.write(_line({"step": step, **row}))
            self._file.flush()
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}; free some space, then resume") from error
        finite = {key: value for key, value in row.items() if key != "step" and math.isfinite(value)}
        for sink in self.sinks:
            sink.log(step, finite)

    def truncate_after(self, step: int) -> int:
        """Drop the rows of later steps, as a resume from the checkpoint of `step` needs; returns how many."""
        self._file.close()
        rows = read_metrics(self.path)
        kept = [row for row in rows if row["step"] <= step]
        _rewrite(self.path, kept)
        self._open()
        return len(rows) - len(kept)

    def close(self) -> None:
        """Close the file and the sinks."""
        self._file.close()
        for sink in self.sinks:
            sink.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> None:
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error.strerror}") from error


def read_metrics(path: Path) -> list[Row]:
    """The rows in the order written; null becomes NaN; a half-written last line is left out.

    Raises:
        RunError: the file cannot be read, or a row is damaged, lacks its step, or holds something but numbers.
    """
    rows: list[Row] = []
    for number, values in enumerate(read_jsonl(path), start=1):
        if not isinstance(values.get("step"), int):
            raise RunError(f"{path}, row {number}: no integer 'step'; remove the row")
        row = {key: math.nan if value is None else value for key, value in values.items()}
        odd = [key for key, value in row.items() if not isinstance(value, int | float)]
        if odd:
            raise RunError(f"{path}, row {number}: {odd[0]!r} is {row[odd[0]]!r}, not a number; remove the row")
        rows.append(row)
    return rows


def series(rows: Sequence[Mapping[str, float]], key: str) -> tuple[list[float], list[float]]:
    """Steps and values of the rows that have `key` with a finite value."""
    found = [(row["step"], row[key]) for row in rows if key in row and math.isfinite(row[key])]
    return [step for step, _ in found], [value for _, value in found]


def _line(row: Mapping[str, float]) -> str:
    values = {key: value if math.isfinite(value) else None for key, value in row.items()}
    return json.dumps(values, allow_nan=False, ensure_ascii=False) + "\n"


def _rewrite(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    write_text_atomic(path, "".join(map(_line, rows)))

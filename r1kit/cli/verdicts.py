"""Rows in, verdicts out: the stream behind every `r1kit verify` command.

Line i of the output is the verdict on row i of the input; empty lines are no rows. A few hundred rows are in flight
at once, never the whole file. Whatever ends the command, the verdicts before that place stay, and --resume goes on.
"""

from __future__ import annotations

import difflib
import gzip
import io
import json
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import typer

from r1kit.errors import ConfigError, DataError, shorten, suggest
from r1kit.types import Score

MAX_IN_FLIGHT = 256
"""Rows without a verdict on disk. One slow row holds up the output, not the judging of so many behind it."""
PROGRESS_EVERY_S = 0.5


class Pending(Protocol):
    """A verdict that is being made."""

    def done(self) -> bool:
        """Whether `result` returns at once."""
        ...

    def result(self) -> Score:
        """Wait for the verdict."""
        ...


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict that took no waiting."""

    score: Score

    def done(self) -> bool:
        """Always true."""
        return True

    def result(self) -> Score:
        """The verdict."""
        return self.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What a row of a command has."""

    needed: tuple[str, ...]
    """Each an alternative of field names, e.g. "completion|pred"; text unless `others` has it."""
    optional: tuple[str, ...] = ()
    others: Mapping[str, type | tuple[type, ...]] | None = None
    """Field name to its type, where it is not text."""

    def check(self, row: Any, where: str) -> dict[str, Any]:
        """The row; fields that the command does not know are left alone, unless they look like a slip of the pen.

        Raises:
            DataError: not an object, a field missing, misspelt or of another type; one line, with the allowed ones.
        """
        if not isinstance(row, dict):
            raise DataError(f"{where}: not an object; a row is {{{self._names()}}}")
        known = [name for names in self.needed for name in names.split("|")] + list(self.optional)
        for names in self.needed:
            if not any(name in row for name in names.split("|")):
                has = f"it has {', '.join(row)}" if row else "it is empty"
                raise DataError(f"{where}: no {names.replace('|', ' or ')!r}; a row is {{{self._names()}}}, {has}")
        for name in row:
            near = [] if name in known else difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            if near and near[0] not in row:
                raise DataError(f"{where}: unknown field {name!r}; {suggest(name, known)}")
        for name in known:
            kind = (self.others or {}).get(name, str)
            if name in row and not (name in self.optional and row[name] is None) and not _is_a(row[name], kind):
                raise DataError(f"{where}: {name!r} is {_short(row[name])}; it must be {_kind(kind)}")
        return row

    def _names(self) -> str:
        return ", ".join([name.replace("|", " or ") for name in self.needed] + [f"[{name}]" for name in self.optional])


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What makes a command's verdicts."""

    fields: Fields
    start: Callable[[dict[str, Any]], Pending]
    """Begins to judge a row that passed `fields`. A DataError of it is one of the row."""
    keys: Sequence[str] = ("value", "reason", "parsed")
    """What a verdict shows of the Score."""


def stream(verb: Verb, source: str, sink: str, *, resume: bool) -> str:
    """Judge all rows of `source`, in order; a summary for a person.

    Args:
        verb: What a row is, and how it is judged.
        source: A .jsonl or .jsonl.gz file, or "-" for stdin.
        sink: A file, or "-" for stdout.
        resume: Leave the verdicts that `sink` has, and go on with the row after them.

    Raises:
        DataError: a bad row, after the verdicts on all rows before it were written; `source` cannot be read.
        ConfigError: resuming without a file.
    """
    if resume and sink == "-":
        raise ConfigError("--resume needs a file to go on with; give --out FILE")
    num_skipped = _count_and_trim(Path(sink)) if resume else 0
    tally = _Tally(num_skipped)
    try:
        with _open_sink(sink, append=resume) as out:
            _judge_rows(verb, _rows(source, num_skipped), out, tally)
    except DataError as error:
        raise DataError(f"{error}; {tally.how_to_go_on(sink)}") from None
    except KeyboardInterrupt:
        typer.secho(f"stopped; {tally.how_to_go_on(sink)}", err=True)
        raise typer.Exit(130) from None
    return tally.summary()


def _judge_rows(verb: Verb, rows: Iterator[tuple[str, Any]], out: BinaryIO, tally: _Tally) -> None:
    in_flight: deque[tuple[Any, Pending]] = deque()

    def write(*, down_to: int) -> None:
        while in_flight and (len(in_flight) > down_to or in_flight[0][1].done()):
            identity, pending = in_flight.popleft()
            score = pending.result()
            verdict = {key: getattr(score, key) for key in verb.keys}
            out.write(json.dumps(verdict if identity is None else {"id": identity, **verdict}).encode() + b"\n")
            tally.count(score)
        out.flush()

    try:
        for where, values in rows:
            row = verb.fields.check(values, where)
            try:
                in_flight.append((row.get("id"), verb.start(row)))
            except DataError as error:
                raise DataError(f"{where}: {error}") from None
            write(down_to=MAX_IN_FLIGHT - 1)
    except DataError:
        write(down_to=0)  # what came before the bad row
        raise
    write(down_to=0)


class _Tally:
    """How many verdicts there are, and of what kind."""

    def __init__(self, num_skipped: int) -> None:
        self._num_skipped = num_skipped
        self._counts: Counter[str] = Counter()
        self._started = self._shown = time.monotonic()

    def count(self, score: Score) -> None:
        kind = {None: "not judged", 1.0: "right", 0.0: "wrong"}.get(score.value, "in between")
        self._counts[kind] += 1
        now = time.monotonic()
        if sys.stderr.isatty() and now - self._shown > PROGRESS_EVERY_S:
            self._shown = now
            typer.echo(f"\r{self._counts.total()} rows, {self._rate():,.0f} a second \x1b[K", nl=False, err=True)

    def _rate(self) -> float:
        return self._counts.total() / max(time.monotonic() - self._started, 1e-9)

    def summary(self) -> str:
        kinds = ["right", "wrong", *(["in between"] if self._counts["in between"] else []), "not judged"]
        counts = ", ".join(f"{self._counts[kind]} {kind}" for kind in kinds)
        before = f" (after {self._num_skipped} from before)" if self._num_skipped else ""
        clear = "\r\x1b[K" if sys.stderr.isatty() else ""
        return f"{clear}{self._counts.total()} rows{before}: {counts}; {self._rate():,.0f} rows a second"

    def how_to_go_on(self, sink: str) -> str:
        num_written = self._num_skipped + self._counts.total()
        if sink == "-":
            return f"{num_written} verdicts were printed"
        return f"{num_written} verdicts are in {sink}, and the same command with --resume goes on after them"


def _rows(source: str, num_skipped: int) -> Iterator[tuple[str, Any]]:
    """Each row after the first `num_skipped`, with its place."""
    name = "stdin" if source == "-" else source
    with _open_source(source) as file:
        number, num_rows = 0, 0
        while True:
            number += 1
            try:
                line = file.readline()
            except (gzip.BadGzipFile, EOFError) as error:
                raise DataError(f"{name} is not a whole gzip file: {error}") from None
            if not line:
                return
            if not line.strip():
                continue
            num_rows += 1
            if num_rows > num_skipped:
                yield f"{name}:{number}", _parse(line, f"{name}:{number}")


def _parse(line: bytes, where: str) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig").strip())
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON: {error.msg} at column {error.colno}; a row is one object a line") from None
    except RecursionError:
        raise DataError(f"{where}: JSON is nested too deep") from None


@contextmanager
def _open_source(source: str) -> Iterator[BinaryIO | gzip.GzipFile]:
    if source == "-":
        yield sys.stdin.buffer
        return
    path = Path(source)
    if not path.exists():
        raise DataError(f"{path} does not exist (working folder: {Path.cwd()})")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give a .jsonl file")
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield file


@contextmanager
def _open_sink(sink: str, *, append: bool) -> Iterator[BinaryIO]:
    if sink == "-":
        yield sys.stdout.buffer
        return
    Path(sink).parent.mkdir(parents=True, exist_ok=True)
    with Path(sink).open("ab" if append else "wb") as file:
        yield file


def _count_and_trim(path: Path) -> int:
    """How many whole lines a file has; half a one at its end, from a kill, is cut off."""
    if not path.exists():
        return 0
    num_lines, end = 0, 0
    with path.open("r+b") as file:
        for line in file:
            if line.endswith(b"\n"):
                num_lines, end = num_lines + 1, end + len(line)
        file.seek(end, io.SEEK_SET)
        file.truncate()
        os.fsync(file.fileno())
    return num_lines


def _is_a(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)


_KINDS = {str: "text", list: "a list", dict: "an object", int: "a number", float: "a number"}


def _kind(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(dict.fromkeys(_KINDS[each] for each in kinds))


def _short(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False))

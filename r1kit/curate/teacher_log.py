"""The file that a teacher's responses are kept in as they arrive: a killed run asks only for what is missing."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from r1kit.curate.teacher_reply import Reply
from r1kit.errors import RunError
from r1kit.report.files import read_jsonl, write_text_atomic

SYNC_EVERY = 16
"""Responses between two flushes to the disk: what a loss of power may cost. A killed process loses none."""


class ResponseLog:
    """Replies by the key of their request, in a JSONL file in the order of their arrival. A context manager."""

    def __init__(self, path: Path) -> None:
        """Read what is there; a half-written last line, as a kill leaves it, is dropped.

        Raises:
            RunError: the file cannot be read or written, or another line is damaged.
        """
        self.path = path
        self.replies: dict[str, Reply] = {}
        self._unsynced = 0
        self._file: FileIO | None = None
        if path.exists():
            rows = read_jsonl(path)
            for number, row in enumerate(rows, start=1):
                self.replies[_value(row, "request", path, number)] = Reply(
                    **{field.name: _value(row, field.name, path, number) for field in fields(Reply)}
                )
            write_text_atomic(path, "".join(map(_line, rows)))

    def __enter__(self) -> ResponseLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with self._file:
                os.fsync(self._file.fileno())

    def add(self, request: str, reply: Reply, **about: str | int) -> None:
        """Keep a reply; the first one makes the file.

        Args:
            request: The key that it is found by.
            reply: What was received.
            about: Further fields of the record, for people.

        Raises:
            RunError: the file cannot be written.
        """
        line = _line({"request": request, **about, **asdict(reply)}).encode("utf-8")
        try:
            if self._file is None:
                self._file = self.path.open("ab", buffering=0)
            while line:  # a full disk takes a part of it first
                line = line[self._file.write(line) :]
            self._unsynced += 1
            if self._unsynced == SYNC_EVERY:
                os.fsync(self._file.fileno())
                self._unsynced = 0
        except OSError as error:
            raise self._unwritable(error) from None
        self.replies[request] = reply

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"cannot write {self.path}: {error.strerror}; free some space or mend the permissions")


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _value(row: dict[str, Any], name: str, path: Path, number: int) -> Any:
    if name not in row:
        raise RunError(f"{path}: record {number} has no {name!r}; remove it, and it is asked for again")
    return row[name]

"""Reading and writing the small files of a run folder."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from r1kit.errors import RunError


def write_text_atomic(path: Path, text: str) -> Path:
    """Write `text` under a temporary name, then rename: `path` is the old file or the new one, never half of it.

    Raises:
        RunError: the folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror}; free some space or mend the permissions") from error
    return path


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        RunError: the file is missing, is not JSON, or holds no object.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise RunError(f"{path} is not valid JSON: {error}; restore it or remove it") from None
    if not isinstance(value, dict):
        raise RunError(f"{path} holds a {type(value).__name__}, not an object {{...}}")
    return value


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a file with one a line; a half-written last line, as a kill leaves it, is left out.

    Raises:
        RunError: the file cannot be read, or a line that is not the last one is no JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    rows: list[dict[str, Any]] = []
    for number, line in numbered:
        row = _object(line)
        if row is not None:
            rows.append(row)
        elif number != numbered[-1][0]:
            raise RunError(f"{path}, line {number}: not a JSON object; remove the line, or go on from a checkpoint")
    return rows


def _object(line: bytes) -> dict[str, Any] | None:
    """The line's JSON object; None for anything else. A cut object never parses, since its brace is missing."""
    try:
        value = json.loads(line)
    except ValueError:  # JSONDecodeError, or UnicodeDecodeError where a character was cut
        return None
    return value if isinstance(value, dict) else None


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

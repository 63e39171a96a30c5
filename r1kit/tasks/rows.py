"""Rows of a local file, each with the place it came from, so that a complaint can name it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1kit.errors import DataError, shorten

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet")
"""What can be read: an object a line, a list of objects, or a Parquet table; JSON also gzipped."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a data file."""

    where: str
    """`rows.jsonl:17`: the file and the line, or in .json and .parquet the number of the row, counted from 1."""
    number: int
    """The line or the number of the row."""
    values: Mapping[str, Any]


def suffix_of(path: Path) -> str | None:
    """The one of SUFFIXES that a path ends in, or None."""
    return next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), None)


def read_rows(path: Path) -> list[Row]:
    """All rows of a file, in order; empty lines of a .jsonl are passed over.

    Raises:
        DataError: the file is missing, empty or damaged, has an unknown suffix, or a row is not an object.
    """
    suffix = suffix_of(path)
    if suffix is None:
        raise DataError(f"{path}: unknown suffix {path.suffix!r}; allowed: {', '.join(SUFFIXES)}")
    if not path.exists():
        raise DataError(f"{path} does not exist (working folder: {Path.cwd()})")
    if path.is_dir():
        raise DataError(f"{path} is a folder; give one of its files")
    if suffix == ".parquet":
        numbered = list(enumerate(_read_parquet(path), start=1))
    elif suffix.startswith(".jsonl"):
        numbered = _parse_lines(path, _read_text(path))
    else:
        numbered = list(enumerate(_parse_list(path, _read_text(path)), start=1))
    if not numbered:
        raise DataError(f"{path} is empty; it needs at least one row")
    for number, values in numbered:
        if not isinstance(values, dict):
            raise DataError(f"{path}:{number}: not an object but {_short(values)}; a row is {{name: value, ...}}")
    return [Row(where=f"{path}:{number}", number=number, values=values) for number, values in numbered]


def read_split(folder: Path, split: str) -> list[Row]:
    """The rows of the folder's one file of that name: `train.jsonl`, `train.jsonl.gz`, `train.parquet` ...

    Raises:
        DataError: the folder is missing, or has none or several such files, or see `read_rows`.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder (working folder: {Path.cwd()}); it needs a train and a test file")
    names = [f"{split}{suffix}" for suffix in SUFFIXES]
    found = [folder / name for name in names if (folder / name).exists()]
    if len(found) != 1:
        has = f"both {found[0].name} and {found[1].name}" if found else f"no {split} file"
        raise DataError(f"{folder} has {has}; it needs one of {', '.join(names)}")
    return read_rows(found[0])


def text_field(row: Row, names: Sequence[str], *, needs: str) -> str:
    """The first of the named fields that the row has, as text; a number counts as text.

    Args:
        row: The row.
        names: Field names, best first.
        needs: What the message says that a row needs.

    Raises:
        DataError: the row has none of them, or it is empty or neither text nor a number.
    """
    name = next((name for name in names if name in row.values), None)
    if name is None:
        has = ", ".join(row.values) or "nothing"
        raise DataError(f"{row.where}: no {names[0]!r}; each row needs {needs} (has: {has})")
    value = row.values[name]
    if value is None or (isinstance(value, str) and not value.strip()):
        raise DataError(f"{row.where}: {name!r} is empty; fill it or remove the row")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"{row.where}: {name!r} is {_short(value)}; it must be text or a number")
    return value if isinstance(value, str) else str(value)


def _read_text(path: Path) -> str:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path} is not a whole gzip file: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None


def _parse_lines(path: Path, text: str) -> list[tuple[int, Any]]:
    rows: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: U+2028 may stand inside a string
        if line.strip():
            rows.append((number, _parse_json(path, line, first_line=number)))
    return rows


def _parse_list(path: Path, text: str) -> list[Any]:
    rows = _parse_json(path, text) if text.strip() else []
    if not isinstance(rows, list):
        raise DataError(f"{path} holds {_short(rows)}; a .json file must be a list of rows")
    return rows


def _parse_json(path: Path, text: str, *, first_line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise DataError(f"{path}:{line}: not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise DataError(f"{path}:{first_line}: JSON is nested too deep") from None


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from None


def _short(value: Any) -> str:
    return shorten(f"{type(value).__name__} {value!r}")

"""Human post-processing of cold-start data.

Section 2.3.1 of arXiv:2501.12948: "refining the results through post-processing by human annotators". Examples go out
as a table (CSV, for a spreadsheet) or as a page for the browser that saves the same table; they come back with a
verdict each:

    keep   as it is
    edit   replaced by the text of `edited_response`
    drop   left out

A row names its example by id and by the SHA-256 of the response that was reviewed, so that a verdict on a text that
has changed since is noticed. Who reviewed, when, and what it was before is kept in the example's info.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from r1kit.curate.layout import readable_response
from r1kit.errors import DataError, RunError, shorten, suggest
from r1kit.report.files import write_text_atomic
from r1kit.rewards.readability import READABLE_TOKEN, response_parts, response_problem
from r1kit.sft.data import Example

COLUMNS = ("id", "prompt", "reasoning", "summary", "verdict", "edited_response", "note", "sha256")
"""Of the table. A person fills in verdict, edited_response and note."""

VERDICTS = ("keep", "edit", "drop")
SOURCE = "human"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""How a cell begins that a spreadsheet would run as a formula, or whose first sign it would hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One row that came back."""

    example_id: str
    verdict: str
    edited_response: str
    note: str


def export_csv(path: Path, examples: Sequence[Example]) -> Path:
    """Write the examples as a table to be filled in.

    It is UTF-8 with a byte order mark, by which spreadsheets know it. A cell that a spreadsheet would take for a
    formula gets an apostrophe in front; `read_reviews` takes it off.

    Raises:
        RunError: the file exists, since it may hold somebody's work; or it cannot be written.
    """
    _refuse_existing(path)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for example in examples:
        row = _row(example)
        writer.writerow([_guard(row[column]) for column in COLUMNS])
    return write_text_atomic(path, "\ufeff" + text.getvalue())


def export_page(path: Path, examples: Sequence[Example]) -> Path:
    """Write a page on which the examples can be reviewed by keyboard; it saves the table as a download.

    The page needs no network and allows none. All texts are escaped.

    Raises:
        RunError: the file exists or cannot be written.
    """
    _refuse_existing(path)
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(autoescape=True, undefined=StrictUndefined, loader=loader)  # StrictUndefined: no typos
    rows = [
        _row(example)
        | {"task": example.task, "rule": str(example.info.get("verdict", "")), "response": example.response}
        for example in examples
    ]
    key = hashlib.sha256("".join(row["sha256"] for row in rows).encode()).hexdigest()[:16]
    page = environment.get_template("review.html").render(
        rows=rows, columns=COLUMNS, formula=_FORMULA, key=key, token=READABLE_TOKEN, name=path.stem
    )
    return write_text_atomic(path, page)


def read_reviews(path: Path, examples: Sequence[Example]) -> list[Review]:
    """The reviews in a table, in its order, each checked against its example.

    Raises:
        DataError: the file cannot be read; it lacks a column; an id is unknown or occurs twice; an example has changed
            since it was exported, or its text was changed in another column than edited_response; a verdict is missing
            or unknown; it says edit without an edited response, or the response has not the readable format; it says
            something else with one. The message names file and line.
    """
    by_id = {example.id: example for example in examples}
    reviews: list[Review] = []
    seen: dict[str, str] = {}
    for where, cells in _read_table(path):
        example = by_id.get(cells["id"])
        if example is None:
            raise DataError(
                f"{where}: no example has the id {shorten(cells['id'])!r}; give the data set that this table is from"
            )
        if example.id in seen:
            raise DataError(f"{where}: the id {shorten(example.id)!r} occurs twice, first in {seen[example.id]}")
        seen[example.id] = where
        _check_original(where, cells, example)
        reviews.append(_review(where, cells))
    return reviews


def import_reviews(
    examples: Sequence[Example], path: Path, *, reviewer: str, time: str
) -> tuple[list[Example], list[Example]]:
    """The examples of a reviewed table in its order, with source "human": those kept or edited, and those dropped.

    `info["review"]` has reviewer, time, verdict, note, and source and SHA-256 of the response before the review.
    Examples that the table does not have were not reviewed and are in neither.

    Args:
        examples: What was exported, or more.
        path: The table as it came back.
        reviewer: A name.
        time: When, in ISO 8601.

    Raises:
        DataError: as `read_reviews`; the reviewer's name is empty.
    """
    if not reviewer.strip():
        raise DataError("a review needs the reviewer's name; give --reviewer NAME")
    by_id = {example.id: example for example in examples}
    kept: list[Example] = []
    dropped: list[Example] = []
    for review in read_reviews(path, examples):
        reviewed = _reviewed(by_id[review.example_id], review, reviewer.strip(), time)
        (dropped if review.verdict == "drop" else kept).append(reviewed)
    return kept, dropped


def dropped_file(path: Path) -> Path:
    """Where `r1kit review import` writes what was dropped, beside the file of what was kept.

    >>> dropped_file(Path("human/data.jsonl")).as_posix()
    'human/data.dropped.jsonl'
    """
    return path.with_suffix(f".dropped{path.suffix}")


def response_hash(response: str) -> str:
    """SHA-256 of a response in UTF-8, in hexadecimal."""
    return hashlib.sha256(response.encode()).hexdigest()


def _row(example: Example) -> dict[str, str]:
    parts = response_parts(example.response)
    return {
        "id": example.id,
        "prompt": example.prompt,
        "reasoning": parts.reasoning or "",
        "summary": parts.summary or "",
        "verdict": "",
        "edited_response": "",
        "note": "",
        "sha256": response_hash(example.response),
    }


def _guard(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise RunError(f"{path} exists and may hold a review; choose another name or remove it")


def _read_table(path: Path) -> list[tuple[str, dict[str, str]]]:
    """The rows with where each stands (file and row, without the header); cells without guards."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; give the reviewed table") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; save the table as CSV UTF-8") from None
    # not splitlines: a cell may hold line ends, which only the csv module tells from those of rows
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header, *rows = list(reader) or [[]]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not valid CSV ({error})") from None
    for column in COLUMNS:
        if column not in header:
            raise DataError(f"{path} has no column {column!r}; it has {', '.join(map(shorten, header)) or 'none'}")
    found: list[tuple[str, dict[str, str]]] = []
    for number, row in enumerate(rows, start=1):
        where = f"{path}, row {number}"
        if not any(row):
            continue  # a spreadsheet leaves empty rows at the end
        if len(row) != len(header):
            raise DataError(f"{where}: {len(row)} cells, the header has {len(header)}; quote cells that hold commas")
        found.append((where, {name: _unguard(cell) for name, cell in zip(header, row, strict=True)}))
    return found


def _check_original(where: str, cells: Mapping[str, str], example: Example) -> None:
    original = _row(example)
    if cells["sha256"].strip() != original["sha256"]:
        raise DataError(
            f"{where}: the response of {shorten(example.id)!r} is not the one that was exported (sha256 differs); "
            "export and review it again"
        )
    for column in ("prompt", "reasoning", "summary"):
        if cells[column].split() != original[column].split():  # spreadsheets change line ends
            raise DataError(
                f"{where}: the column {column!r} was changed; leave it, write the whole response into "
                "'edited_response' and 'edit' as the verdict"
            )


def _review(where: str, cells: Mapping[str, str]) -> Review:
    verdict, edited = cells["verdict"].strip().lower(), cells["edited_response"].replace("\r\n", "\n").strip()
    if not verdict:
        raise DataError(f"{where}: no verdict; write one of {', '.join(VERDICTS)}, or remove the row")
    if verdict not in VERDICTS:
        raise DataError(f"{where}: unknown verdict {shorten(verdict)!r}; {suggest(verdict, VERDICTS)}")
    if verdict == "edit" and not edited:
        raise DataError(f"{where}: the verdict is edit, but 'edited_response' is empty; write the whole response there")
    if verdict != "edit" and edited:
        raise DataError(f"{where}: the verdict is {verdict}, but there is an edited response; say edit, or remove it")
    if verdict == "edit":
        reasoned = bool(cells["reasoning"].strip()) and READABLE_TOKEN not in edited
        problem = f"no {READABLE_TOKEN}" if reasoned else response_problem(edited)
        if problem:
            raise DataError(
                f"{where}: the edited response has not the readable format ({problem}); write "
                f"{READABLE_TOKEN} reasoning {READABLE_TOKEN} summary"
            )
    return Review(example_id=cells["id"], verdict=verdict, edited_response=edited, note=cells["note"].strip())


def _reviewed(example: Example, review: Review, reviewer: str, time: str) -> Example:
    response = example.response
    info = {key: value for key, value in example.info.items() if review.verdict != "edit" or key not in _OF_THE_TEXT}
    if review.verdict == "edit":
        parts = response_parts(review.edited_response)
        response = readable_response(parts.reasoning, parts.summary or "")
    record = {
        **{"reviewer": reviewer, "time": time, "verdict": review.verdict, "note": review.note},
        **{"original_source": example.source, "original_sha256": response_hash(example.response)},
    }
    return replace(example, response=response, source=SOURCE, info={**info, "review": record})


_OF_THE_TEXT = ("verdict", "value", "parsed")
"""What was said about a text by rules is not said of its edited form."""

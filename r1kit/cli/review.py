"""`r1kit review`: send examples to a person and take them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from r1kit.errors import ConfigError

EXPORT_EXAMPLE = "Example: r1kit review export data --page review.html --limit 50"
IMPORT_EXAMPLE = "Example: r1kit review import data review.csv --reviewer Ann --out kept.jsonl"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Human review of training examples: a table or a page out, verdicts back.",
    epilog=EXPORT_EXAMPLE,
)

DataArgument = Annotated[Path, typer.Argument(metavar="DATA", help="A data set's folder, or its .jsonl.")]


@app.command(epilog=EXPORT_EXAMPLE)
def export(
    data: DataArgument,
    table: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="For a spreadsheet.")] = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE.html", help="For a browser; it saves the table.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many examples, drawn at random. Without it: all.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of that draw.")] = 0,
) -> None:
    """Write examples for review, with empty columns verdict, edited_response and note.

    A verdict is keep, edit (then edited_response is the whole new response) or drop.
    """
    from r1kit.curate.review import export_csv, export_page
    from r1kit.seeding import rng
    from r1kit.sft.data import data_file, read_examples

    if table is None and page is None:
        raise ConfigError("nothing to write; give --table FILE.csv, --page FILE.html, or both")
    examples = read_examples(data_file(data))
    if limit is not None and limit < len(examples):
        picked = rng("review", seed).sample(range(len(examples)), limit)
        examples = [examples[i] for i in sorted(picked)]
    for path, write in ((table, export_csv), (page, export_page)):
        if path is not None:
            typer.echo(f"{len(examples)} examples: {write(path, examples)}")


@app.command("import", epilog=IMPORT_EXAMPLE)
def import_(
    data: DataArgument,
    table: Annotated[Path, typer.Argument(metavar="REVIEWED.csv", help="With a verdict in every row.")],
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="Goes into every example, with time and verdict.")],
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="What was kept or edited.")],
) -> None:
    """Read a reviewed table and write the examples that were kept or edited, with source "human".

    What was dropped goes to FILE.dropped.jsonl, so that a pipeline that collects it again drops it again. Rows may be
    fewer than were exported. A row whose example is unknown or has changed, or that has no verdict, is an error, and
    nothing is written.
    """
    from datetime import UTC, datetime

    from r1kit.curate.review import dropped_file, import_reviews
    from r1kit.sft.data import data_file, read_examples, write_examples

    now = datetime.now(UTC).isoformat(timespec="seconds")
    kept, dropped = import_reviews(read_examples(data_file(data)), table, reviewer=reviewer, time=now)
    write_examples(out, kept)
    write_examples(dropped_file(out), dropped)
    typer.echo(f"{len(kept)} examples: {out} ({len(dropped)} dropped by the reviewer)")

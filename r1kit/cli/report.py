"""`r1kit report`: build a run's page again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: r1kit report runs/demo"


def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or not.")]) -> None:
    """Build a run's report.html again.

    One file with the figures, the numbers and the transcripts, readable without a network.
    """
    from r1kit.report.html import build_report

    typer.echo(f"report: {build_report(run)}")

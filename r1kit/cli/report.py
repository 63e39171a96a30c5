"""`r1kit report`: build a run's page again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLE = "Example: r1kit report runs/demo"


def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or not.")]) -> None:
    """Build a run's report.html again.

    One file with the figures, the numbers and the transcripts, readable without a network. Of a pipeline: all models
    on all tasks, what filters dropped, what stages took.
    """
    from r1kit.pipeline.r1_report import build_pipeline_report, is_pipeline
    from r1kit.report.html import build_report

    if is_pipeline(run):
        typer.echo(f"report: {build_pipeline_report(run)}")
        return
    typer.echo(f"report: {build_report(run)}")

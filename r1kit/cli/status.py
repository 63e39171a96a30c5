"""`r1kit status`: where a run of several stages stands; and the table of its plan, for the commands that start one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r1kit.cli.process import console

if TYPE_CHECKING:
    from rich.table import Table

    from r1kit.pipeline.execute import PlanRow
    from r1kit.pipeline.status import RunStatus, StageStatus

EXAMPLE = "Example: r1kit status runs/r1"


def status(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run of several stages.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Say which stages of a run are done, cached, running, failed, interrupted or waiting.

    It may be asked at any time and changes nothing.
    """
    from r1kit.pipeline.status import read_status

    found = read_status(run)
    if as_json:
        typer.echo(_json(run, found))
        return
    screen = console()
    screen.print(status_table(found))
    for stage in found.stages:
        if stage.error is not None:
            screen.print(f"failed: {stage.error}", soft_wrap=True)
    screen.print(_last_line(run, found), soft_wrap=True)


def status_table(found: RunStatus) -> Table:
    """A line a stage: state, since when, how long, the last training step, the artifact's folder."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "state", "started"):
        table.add_column(heading, no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True)
    table.add_column("artifact", overflow="fold")
    for stage in found.stages:
        table.add_row(stage.name, stage.state, *_cells(stage))
    return table


def plan_table(rows: Sequence[PlanRow]) -> Table:
    """The graph before it starts: a line a stage, what is cached, what the rest is expected to take, and the total.

    All evaluations are one line: nothing reads them, and they would be half of the table.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "kind"):
        table.add_column(heading, no_wrap=True)
    table.add_column("inputs", overflow="fold", min_width=14)
    table.add_column("state", no_wrap=True)
    table.add_column("expected", justify="right", no_wrap=True)
    table.add_column("GB", justify="right", no_wrap=True)
    evaluations = [row for row in rows if row.kind == "evaluation"]
    for row in rows:
        if row.kind != "evaluation":
            table.add_row(row.name, row.kind, ", ".join(row.inputs) or "-", row.state, *_expected([row]))
    if evaluations:
        table.add_row("evaluations", f"{len(evaluations)} models", _counts(evaluations), "", *_expected(evaluations))
    table.add_row("total", "", _counts(rows), "", *_expected(rows))
    return table


def _counts(rows: Sequence[PlanRow]) -> str:
    num_cached = sum(row.state == "cached" for row in rows)
    return f"{num_cached} cached, {len(rows) - num_cached} to run"


def _expected(rows: Sequence[PlanRow]) -> tuple[str, str]:
    """Time and memory of stages one after the other; "-" where nothing is known."""
    from r1kit.pipeline.estimate import total
    from r1kit.report.progress import format_duration

    estimates = [row.estimate for row in rows if row.estimate is not None]
    if not estimates:
        return "-", "-"
    sums = total(estimates)
    return format_duration(60 * sums.minutes), f"{sums.memory_gb:.1f}"


def _cells(stage: StageStatus) -> tuple[str, str, str, str]:
    from r1kit.report.progress import format_duration

    return (
        "-" if stage.started is None else stage.started[:16].replace("T", " "),  # to the minute, UTC
        "-" if stage.seconds is None else format_duration(stage.seconds),
        "-" if stage.step is None else str(stage.step),
        "-" if stage.folder is None else stage.folder.name,
    )


def _last_line(run: Path, found: RunStatus) -> str:
    where = f"artifacts are in {run / 'artifacts'}, times are UTC"
    if found.process is not None:
        return f"running as process {found.process}; {where}"
    num_left = sum(stage.state not in ("done", "cached") for stage in found.stages)
    if num_left == 0:
        return f"all stages are done; {where}"
    return f"not running, {num_left} of {len(found.stages)} stages to go: the same command goes on; {where}"


def _json(run: Path, found: RunStatus) -> str:
    import json
    from dataclasses import asdict

    stages = [
        {**asdict(stage), "folder": None if stage.folder is None else str(stage.folder)} for stage in found.stages
    ]
    return json.dumps({"run": str(run), "process": found.process, "stages": stages}, indent=2, ensure_ascii=False)

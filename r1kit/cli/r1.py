"""`r1kit r1`: the pipeline of DeepSeek-R1, from a base model to R1 and its students (sections 2.3 and 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from r1kit.cli.options import ConfigArgument, DeviceOption, SetOption, overrides
from r1kit.cli.process import console, prepare_process
from r1kit.cli.status import plan_table
from r1kit.errors import ConfigError

EXAMPLE = "Example: r1kit r1 configs/nano/r1.toml --out runs/r1"


def r1(
    config: ConfigArgument = None,
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run's folder; an unfinished run goes on.")] = Path(
        "runs/r1"
    ),
    stage: Annotated[
        str | None, typer.Option(metavar="NAME", help="Make this stage's artifact, and what it needs, alone.")
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Students learn from the model behind this OpenAI-compatible endpoint."),
    ] = None,
    teacher_model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name that the endpoint knows the teacher by.")
    ] = None,
    traces: Annotated[
        str | None, typer.Option(metavar="FILE", help="Students learn from the ready traces in this file.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the stages and what they will take, and stop.")] = False,
    settings: SetOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Run the four stages of R1, and distillation. Killed, it goes on with the same command.

    Cold start, reasoning RL, rejection sampling and SFT, RL for all scenarios; see docs/pipeline.md.
    """
    from r1kit.config import load_config
    from r1kit.pipeline.r1_config import R1Config

    if config is None:
        raise ConfigError("nothing to run: give a config file, e.g. r1kit r1 configs/nano/r1.toml")
    flags: dict[str, str | int | None] = {
        **{"teacher.endpoint.url": teacher, "teacher.teacher.model": teacher_model, "sources.traces": traces},
    }
    resolved = load_config(R1Config, config, overrides(flags, settings))
    prepare_process()
    from r1kit.pipeline.execute import execute
    from r1kit.pipeline.execute import plan as plan_of
    from r1kit.pipeline.r1 import checked_stages
    from r1kit.pipeline.r1_report import build_pipeline_report

    screen = console(stderr=True)
    stages = checked_stages(resolved)
    screen.print(plan_table(plan_of(stages, out, device, only=stage)))
    if plan:
        return
    execute(stages, out, device, only=stage, note=lambda text: screen.print(text, soft_wrap=True))
    screen.print(f"report: {build_pipeline_report(out)}", soft_wrap=True)
    screen.print(f"artifacts: {out / 'artifacts'}; r1kit status {out} lists them", soft_wrap=True)

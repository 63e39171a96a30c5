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
    resolved = load_config(R1Config, config, overrides({}, settings))
    prepare_process()
    from r1kit.pipeline.execute import plan as plan_of
    from r1kit.pipeline.r1 import r1_stages, run_r1
    from r1kit.pipeline.r1_report import build_pipeline_report

    screen = console(stderr=True)
    screen.print(plan_table(plan_of(r1_stages(resolved), out, device, only=stage)))
    if plan:
        return
    run_r1(resolved, out, device=device, only=stage, note=lambda text: screen.print(text, soft_wrap=True))
    screen.print(f"report: {build_pipeline_report(out)}", soft_wrap=True)
    screen.print(f"artifacts: {out / 'artifacts'}; r1kit status {out} lists them", soft_wrap=True)

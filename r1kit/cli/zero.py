"""`r1kit zero`: R1-Zero from a base model (section 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from r1kit.cli.options import ConfigArgument, DeviceOption, SetOption, overrides
from r1kit.cli.process import console, prepare_process
from r1kit.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = "Example: r1kit zero --model Qwen/Qwen2.5-0.5B --task gsm8k --out runs/qwen"


def zero(
    config: ConfigArgument = None,
    model: Annotated[str | None, typer.Option(help="A folder, a hub name, or nano (the shipped base).")] = None,
    task: Annotated[str | None, typer.Option(help="A task's name, or a .jsonl or .parquet file.")] = None,
    template: Annotated[str | None, typer.Option(help="r1_zero (Table 1), boxed, chat, plain, readable.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run's folder; an unfinished run goes on.")] = Path(
        "runs/zero"
    ),
    settings: SetOption = None,
    device: DeviceOption = "auto",
    sink: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also log to tensorboard, trackio or wandb. Repeatable.")
    ] = None,
) -> None:
    """Make R1-Zero of a base model. Killed, it goes on with the same command.

    GRPO with rule-based rewards, as section 2.2 of the paper has it; a report at the end.
    """
    from r1kit.config import load_config
    from r1kit.models.load import SHIPPED
    from r1kit.pipeline.config import RLConfig

    flags = {"model": model, "task": task, "template": template, "seed": seed}
    resolved = load_config(RLConfig, config, overrides(flags, settings))
    if "model" not in resolved.model_fields_set:
        raise ConfigError("nothing to train: give a config file or --model, e.g. r1kit zero configs/nano/zero.toml")
    if resolved.model not in SHIPPED and "task" not in resolved.model_fields_set:
        raise ConfigError(f"no task for {resolved.model}: give --task, e.g. --task gsm8k or --task rows.jsonl")
    prepare_process()
    from r1kit.pipeline.rl import run_rl

    summary = run_rl(resolved, out, device=device, sinks=sink or ())
    screen = console()
    screen.print(headline_table(summary))
    screen.print(f"summary: {out / 'summary.json'}\nreport:  {out / 'report.html'}", soft_wrap=True)


def headline_table(summary: Mapping[str, Any]) -> Table:
    """The base against the final model, from a run's summary; "-" for what was not measured."""
    from rich.table import Table

    base, final = summary["base"] or {}, summary["final"] or {}
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("base", justify="right")
    table.add_column("final", justify="right")
    samples = final.get("k")
    for label, key, form in (
        ("pass@1", "pass_at_1", "{:.3f}"),
        (f"cons@{samples:.0f}" if samples else "cons@k", "cons_at_k", "{:.3f}"),
        ("mean length, tokens", "mean_length_tokens", "{:.1f}"),
    ):
        values = (side.get(key) for side in (base, final))
        table.add_row(label, *("-" if value is None else form.format(value) for value in values))
    return table

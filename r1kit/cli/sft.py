"""`r1kit sft`: supervised fine-tuning on examples (sections 2.3.1, 2.3.3 and 2.4)."""

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

EXAMPLE = "Example: r1kit sft --model nano --data examples.jsonl --out runs/sft"


def sft(
    config: ConfigArgument = None,
    model: Annotated[str | None, typer.Option(help="A folder, a hub name, or nano (the shipped base).")] = None,
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="Examples: .jsonl, .parquet, or a folder with data.jsonl.")
    ] = None,
    template: Annotated[str | None, typer.Option(help="readable, r1_zero, boxed, chat or plain.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run's folder; an unfinished run goes on.")] = Path(
        "runs/sft"
    ),
    settings: SetOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Fine-tune a model on examples. Killed, it goes on with the same command.

    A record of the data has id, prompt, response, task and source. The model is RUN/model.
    """
    from r1kit.config import load_config
    from r1kit.sft.config import SFTConfig

    flags = {"model": model, "data": data, "template": template, "seed": seed}
    resolved = load_config(SFTConfig, config, overrides(flags, settings))
    for key in ("model", "data"):
        if key not in resolved.model_fields_set:
            raise ConfigError(f"no {key}: give a config file or --{key}, e.g. {EXAMPLE.removeprefix('Example: ')}")
    prepare_process()
    from r1kit.pipeline.sft import run_sft

    summary = run_sft(resolved, out, device=device)
    screen = console()
    screen.print(headline_table(summary))
    screen.print(f"model:   {out / 'model'}\nsummary: {out / 'summary.json'}", soft_wrap=True)


def headline_table(summary: Mapping[str, Any]) -> Table:
    """What a run learned and what it took, from its summary; "-" for what was not measured."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "first", "last"):
        table.add_column(heading, justify="right" if heading else "left")
    for label, key in (("loss, nats/token", "loss"), ("validation loss", "validation_loss")):
        values = (summary[f"{side}_{key}"] for side in ("first", "last"))
        table.add_row(label, *("-" if value is None else f"{value:.4f}" for value in values))
    table.add_row("examples trained on", "", f"{summary['num_trained']:,}")
    table.add_row("left out, too long", "", f"{summary['num_dropped']:,}")
    table.add_row("steps", "", f"{summary['train_steps']:,}")
    table.add_row("tokens/s", "", f"{summary['tokens_per_s']:,.0f}")
    return table

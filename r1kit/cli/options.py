"""Options that several commands share, and how a flag becomes an override of a config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

ConfigArgument = Annotated[Path | None, typer.Argument(metavar="CONFIG.toml", help="Without it: all defaults.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a config key, e.g. grpo.num_steps=10. Repeatable."),
]
DeviceOption = Annotated[str, typer.Option(metavar="auto|cpu|cuda|mps", help="auto: the best that this machine has.")]


def overrides(flags: dict[str, str | int | None], settings: list[str] | None) -> list[str]:
    """`key=value` lines for load_config: the flags that were given, then `--set`, which wins.

    A JSON string is a TOML string, so that a model called `1.5` stays text.
    """
    given = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in flags.items() if value is not None]
    return [*given, *(settings or [])]

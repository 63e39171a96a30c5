"""`r1kit reward-model`: train one on preference pairs, and score responses (section 2.3.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from r1kit.cli.options import ConfigArgument, DeviceOption, SetOption, overrides
from r1kit.cli.process import console, prepare_process
from r1kit.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

TRAIN_EXAMPLE = "Example: r1kit reward-model train --model nano --pairs p.jsonl --out runs/rm"
SCORE_EXAMPLE = "Example: r1kit reward-model score runs/helpful responses.jsonl"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Reward models: train one on preference pairs, score responses.",
    epilog=TRAIN_EXAMPLE,
)


@app.command(epilog=TRAIN_EXAMPLE)
def train(
    config: ConfigArgument = None,
    model: Annotated[str | None, typer.Option(help="A folder, a hub name, or nano (the shipped base).")] = None,
    pairs: Annotated[
        str | None, typer.Option(metavar="FILE", help="Rows of id, prompt, chosen, rejected and kind.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="helpful (reads the summary) or harmless (the whole).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    out: Annotated[Path, typer.Option(metavar="RUN", help="The run's folder; an unfinished run goes on.")] = Path(
        "runs/reward_model"
    ),
    settings: SetOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Train a reward model. Killed, it goes on with the same command.

    The model is RUN/model; RUN/summary.json says how good it is on held-out pairs, and whether it goes by length.
    """
    from r1kit.config import load_config
    from r1kit.reward_model.config import RewardModelConfig

    flags = {"model": model, "pairs": pairs, "kind": kind, "seed": seed}
    resolved = load_config(RewardModelConfig, config, overrides(flags, settings))
    for key in ("model", "pairs"):
        if key not in resolved.model_fields_set:
            raise ConfigError(f"no {key}: give a config file or --{key}; {TRAIN_EXAMPLE.lower()}")
    prepare_process()
    from r1kit.pipeline.reward_model import run_reward_model

    summary = run_reward_model(resolved, out, device=device)
    screen = console()
    screen.print(headline_table(summary["held_out"]))
    screen.print(f"model:   {out / 'model'}\nsummary: {out / 'summary.json'}", soft_wrap=True)


@app.command(epilog=SCORE_EXAMPLE)
def score(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A run's folder, or its model folder.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="Rows of prompt and response.")],
    device: DeviceOption = "auto",
) -> None:
    """Score responses; one JSON object a line, in order.

    `reward` is the score between 0 and 1, 0.5 for an ordinary response. null: nothing to judge, or too long.
    """
    from r1kit.tasks.rows import read_rows, text_field

    needs = "'prompt' and 'response'"
    texts = [
        (text_field(row, ("prompt",), needs=needs), text_field(row, ("response",), needs=needs))
        for row in read_rows(file)
    ]
    prepare_process()
    from r1kit.reward_model.scorer import RewardModel

    reward_model = RewardModel.load(model, device=device)
    for value in reward_model.score(texts):
        reward = None if value is None else reward_model.scale.reward(value)
        typer.echo(json.dumps({"score": value, "reward": reward}))


def headline_table(held_out: Mapping[str, Any]) -> Table:
    """Accuracy, margin and biases on held-out pairs; "-" for what could not be measured."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("held-out pairs", "value", "stderr", "n"):
        table.add_column(heading, justify="left" if heading == "held-out pairs" else "right")
    bias = held_out["length_bias"]
    for label, value, stderr, count in (
        ("accuracy", held_out["accuracy"], held_out["accuracy_stderr"], held_out["num_pairs"]),
        ("mean margin", held_out["mean_margin"], held_out["mean_margin_stderr"], held_out["num_pairs"]),
        ("accuracy, chosen longer", bias["accuracy_chosen_longer"], None, bias["num_chosen_longer"]),
        ("accuracy, chosen shorter", bias["accuracy_chosen_shorter"], None, bias["num_chosen_shorter"]),
        ("correlation of score and length", bias["score_length_correlation"], None, 2 * held_out["num_pairs"]),
    ):
        table.add_row(label, *("-" if number is None else f"{number:.3f}" for number in (value, stderr)), f"{count:,}")
    return table

"""`r1kit nano`: the scale model's corpus and its pretraining."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from r1kit.cli.options import ConfigArgument, SetOption, overrides
from r1kit.cli.process import console, prepare_process

CORPUS_EXAMPLE = "Example: r1kit nano corpus --num-documents 3"
PRETRAIN_EXAMPLE = "Example: r1kit nano pretrain --out runs/nano --set num_steps=1200"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The shipped base model: its corpus and its pretraining.",
    epilog=CORPUS_EXAMPLE,
)


@app.command(epilog=CORPUS_EXAMPLE)
def corpus(
    out: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Without it: print.")] = None,
    num_documents: Annotated[int, typer.Option(min=1, help="How many, from the first.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Document i depends on (seed, i) only.")] = 0,
) -> None:
    """Write documents of the pretraining corpus.

    One JSON object a line: {"text": ...}.
    """
    from r1kit.nano.corpus import document

    with out.open("w", encoding="utf-8") if out else nullcontext(sys.stdout) as file:
        for index in range(num_documents):
            file.write(json.dumps({"text": document(seed, index)}, ensure_ascii=False) + "\n")


@app.command(epilog=PRETRAIN_EXAMPLE)
def pretrain(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder; an unfinished pretraining there goes on.")],
    config: ConfigArgument = None,
    settings: SetOption = None,
) -> None:
    """Pretrain the nano base on its corpus.

    The model is DIR/model, the log DIR/log.jsonl. Killed, it goes on with the same command.
    """
    prepare_process()
    from r1kit.config import load_config
    from r1kit.nano.pretrain import PretrainConfig
    from r1kit.nano.pretrain import pretrain as train

    resolved = load_config(PretrainConfig, config, overrides({}, settings))
    screen = console(stderr=True)
    train(resolved, out, note=lambda text: screen.print(text, soft_wrap=True))
    typer.echo(f"model: {out / 'model'}")

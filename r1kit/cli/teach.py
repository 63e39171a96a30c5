"""`r1kit teach`: distillation data from a teacher behind an OpenAI-compatible endpoint (section 2.4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from r1kit.cli.options import ConfigArgument, SetOption, overrides
from r1kit.errors import ConfigError

EXAMPLE = "Example: r1kit teach --teacher http://gpu:8000/v1 --model r1 --task gsm8k"


def teach(
    config: ConfigArgument = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="URL", help="Base address of the endpoint, usually ending in /v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The name that the endpoint knows the teacher by.")] = None,
    task: Annotated[str | None, typer.Option(help="A task's name, or a .jsonl or .parquet file.")] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The data set's folder; what it lacks is asked for.")
    ] = Path("runs/taught"),
    settings: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Ask a teacher for responses to the problems of a task. Killed, it goes on with the same command.

    FOLDER/data.jsonl has them in the readable format, neither judged nor filtered. The key of the endpoint is read
    from the environment variable OPENAI_API_KEY (endpoint.api_key_env) and never written.
    """
    from r1kit.cli.process import console
    from r1kit.config import load_config
    from r1kit.pipeline.teach import TeachConfig, run_teach

    flags: dict[str, str | int | None] = {"endpoint.url": teacher, "teacher.model": model, "task": task}
    resolved = load_config(TeachConfig, config, overrides(flags, settings))
    for flag, is_given in (
        ("teacher", "url" in resolved.endpoint.model_fields_set),
        ("model", bool(resolved.teacher.model)),
        ("task", bool(resolved.task)),
    ):
        if not is_given:
            raise ConfigError(f"no {flag}: give a config file or --{flag}, e.g. {EXAMPLE.removeprefix('Example: ')}")
    progress = console(stderr=True)
    facts = run_teach(resolved, out, note=lambda text: progress.print(text, soft_wrap=True))
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    screen = console()
    rows = {"whole responses": facts["num_whole"], **facts["dropped"], "unanswered": facts["num_unanswered"]}
    rows |= {f"failed attempts, {kind}": count for kind, count in facts["failures"].items()} | facts["usage"]
    width = max(map(len, rows))
    for label, count in rows.items():
        screen.print(f"{label:{width}}  {count:,}", soft_wrap=True)
    if facts["num_unanswered"]:
        screen.print("the same command asks for the unanswered ones again")
    screen.print(f"data: {out / 'data.jsonl'}\ncard: {out / 'README.md'}", soft_wrap=True)

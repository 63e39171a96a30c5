"""The entry point `r1kit`: a table of commands.

A command's module imports torch, transformers and pydantic inside its functions, so that `r1kit --help` needs none.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import r1kit
from r1kit.cli import (
    chat,
    doctor,
    model,
    nano,
    r1,
    report,
    review,
    reward_model,
    sandbox,
    sft,
    status,
    teach,
    verify,
    zero,
)
from r1kit.cli.boundary import errors_end_here


class _Commands(TyperGroup):
    """The root group: everything that a command raises passes here."""

    def invoke(self, ctx: Any) -> Any:
        with errors_end_here():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback means a bug of ours and is printed as Python prints it
    rich_markup_mode=None,  # plain help: faster to print, and errors stay on one line
    epilog="Example: r1kit zero configs/nano/zero.toml --out runs/demo",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"r1kit {r1kit.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Make reasoning models the way DeepSeek-R1 was made, on a CPU or a GPU."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


app.command("zero", epilog=zero.EXAMPLE)(zero.zero)
app.command("r1", epilog=r1.EXAMPLE)(r1.r1)
app.command("r1", epilog=r1.EXAMPLE)(r1.r1)
app.command("sft", epilog=sft.EXAMPLE)(sft.sft)
app.command("teach", epilog=teach.EXAMPLE)(teach.teach)
app.command("report", epilog=report.EXAMPLE)(report.report)
app.command("status", epilog=status.EXAMPLE)(status.status)
app.command("chat", epilog=chat.EXAMPLE)(chat.chat)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)
app.add_typer(verify.app, name="verify")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(nano.app, name="nano")
app.add_typer(model.app, name="model")
app.add_typer(reward_model.app, name="reward-model")
app.add_typer(review.app, name="review")


def main() -> None:
    """Run the command line; the console script `r1kit`."""
    app()


if __name__ == "__main__":
    main()

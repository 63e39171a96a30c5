"""`r1kit sandbox`: the boxes that programs of a model run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from r1kit.sandbox.check import Result

EXAMPLE = "Example: r1kit sandbox check"

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The boxes that programs of a model run in.", epilog=EXAMPLE
)


@app.command(epilog=EXAMPLE)
def check(
    name: Annotated[str, typer.Option("--sandbox", metavar="NAME", help="auto, bwrap, namespaces or plain.")] = "auto",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow plain, which stops no attack.")] = False,
) -> None:
    """Say which sandboxes work here, what the chosen one stops, and attack it.

    About 35 harmless attacks, 20 seconds. The exit status is 1 if one succeeds that the sandbox says it stops,
    or if one shows nothing because it did not start.
    """
    from r1kit.sandbox import open_sandbox
    from r1kit.sandbox.check import run_attacks
    from r1kit.sandbox.choose import survey

    for backend, state in survey().items():
        typer.echo(f"{backend:12}{state}")
    sandbox = open_sandbox(name, unsafe=unsafe)
    typer.echo(f"\nattacking {sandbox.name}:")
    broken = []
    for result in run_attacks(sandbox):
        typer.echo(_line(result, sandbox.guarantees[result.attack].how))
        if not result.keeps_its_word:
            broken.append(result.attack)
    if broken:
        typer.secho(f"error: sandbox {sandbox.name} does not keep its word: {', '.join(broken)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"sandbox {sandbox.name} stops all that it says it stops")


def _line(result: Result, how: str) -> str:
    """Verdict, attack, what it tries, and what stands in its way; for a broken promise what was seen instead."""
    from r1kit.sandbox.attacks import ATTACKS
    from r1kit.sandbox.check import Finding

    verdict, why = "held", how
    if result.finding is Finding.UNCLEAR:
        verdict, why = "UNCLEAR", result.evidence
    elif not result.claimed:
        verdict = "not covered"
    elif result.finding is Finding.BROKEN:
        verdict, why = "NOT HELD", result.evidence
    return f"{verdict:12}{result.attack:17}{ATTACKS[result.attack].what}: {why}"

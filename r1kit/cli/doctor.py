"""`r1kit doctor`: what this machine has."""

from __future__ import annotations

EXAMPLE = "Example: r1kit doctor"


def doctor() -> None:
    """Say what this machine has and what r1kit will use.

    Cores, memory, GPU, bfloat16 and extras; then the device, the type and the engine that `auto` means here.
    """
    from rich.table import Table

    from r1kit.cli.process import console, prepare_process

    prepare_process()
    from r1kit.models.doctor import doctor as look

    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for fact in look():
        table.add_row(fact.name, fact.value, fact.note)
    console().print(table)

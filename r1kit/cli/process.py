"""Settings of the process and the console that every computing command wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from r1kit.runtime import keep_freed_memory

if TYPE_CHECKING:
    from rich.console import Console


def prepare_process() -> None:
    """Make the allocator fast and transformers quiet; call it in a command before it computes."""
    keep_freed_memory()
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def console(*, stderr: bool = False) -> Console:
    """A terminal to print on. Text is printed as it is: no markup, no colouring of numbers, no emoji."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)

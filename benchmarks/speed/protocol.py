"""How the benchmark talks to a contender: a process that does one round at a time and then waits, idle.

A round is asked for by a line on stdin and answered by a line `RESULT {...}` on stdout with seconds, tokens and
the round's own peak of memory, so that contenders can take turns in one run on one machine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

MARK = "RESULT "


class Clock:
    """Adds up the seconds that calls of chosen functions take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its time added to `seconds[name]`."""

        @wraps(function)
        def timed(*arguments: Any, **keywords: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

        return timed


def rounds() -> Iterator[int]:
    """Once a round, when it is asked for; ends when the benchmark closes stdin."""
    say({"ready": True})
    for number, _ in enumerate(sys.stdin):
        reset_peak()
        yield number


def say(result: dict[str, float | bool]) -> None:
    """Answer the benchmark."""
    print(f"{MARK}{json.dumps(result)}", flush=True)


def reset_peak() -> None:
    """Start to count the process's peak of resident memory anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """Peak of resident memory since `reset_peak`."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM")

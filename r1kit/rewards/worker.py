"""The process that `r1kit.rewards.pool` starts and may kill: `python -m r1kit.rewards.worker FD`.

It says "ready" once its modules are imported, then answers one job after another, as JSON over the socket FD, until
the parent closes it. Covered: an end of the parent, idle or not; a limit on memory; every exception of a verifier.
Not covered: this is no sandbox. Verifiers are our own code; they read model text and never run it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import logging
import resource
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

from r1kit.types import Problem, Score


def main() -> None:
    """Serve jobs until the socket is closed."""
    connection = Connection(int(sys.argv[1]))
    logging.disable(logging.WARNING)  # nobody reads it, and math-verify warns that its own timeouts are off
    try:
        setup = json.loads(connection.recv_bytes())
        _limit_memory(setup["memory_mb"])
        for module in setup["preload"]:
            importlib.import_module(module)
        connection.send_bytes(b"ready")
        while True:
            job = json.loads(connection.recv_bytes())
            # The parent enforces the wall clock. This alarm ends a worker whose parent was killed in the meantime: its
            # default action is the kernel's, so it needs no interpreter, which may be deep inside one long operation.
            signal.setitimer(signal.ITIMER_REAL, setup["last_resort_s"])
            score = _run(job)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send_bytes(json.dumps(dataclasses.asdict(score)).encode())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent closed the pool, or is gone


def _limit_memory(memory_mb: int) -> None:
    limit = memory_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS declares the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _run(job: dict[str, Any]) -> Score:
    try:
        module, _, name = job["function"].partition(":")
        verifier = getattr(importlib.import_module(module), name)
        return verifier(Problem(**job["problem"]), job["answer"])
    except Exception as error:  # the boundary: a failure of the verifier is no verdict about the answer
        return Score(value=None, reason=f"verifier failed: {type(error).__name__}: {error}"[:200])


if __name__ == "__main__":
    main()

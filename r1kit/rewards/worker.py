"""The processes of `r1kit.rewards.pool`: `python -m r1kit.rewards.worker CONTROL_FD SETUP_JSON`.

What is started is a nursery: one thread, no torch. It imports the verifiers' modules once, says "ready", and forks a
worker on request, which takes milliseconds where a new interpreter with computer algebra takes most of a second. A
worker answers one job after another, as JSON over its own socket, until the parent closes it.

Covered: the end of the parent, idle or not; a limit on memory; every exception of a verifier. Not covered: this is no
sandbox. Verifiers are our own code; they read model text and never run it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import json
import logging
import os
import resource
import signal
import socket
import struct
import sys
import time
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from r1kit.types import Problem, Score

REQUEST = struct.Struct("!ci")
"""From the parent: what, and the process id that it is about (0 for FORK)."""
REPLY = struct.Struct("!i")
"""To the parent: READY; a new worker's process id; a dead one's exit code (negative for a signal), or UNKNOWN."""
FORK, KILL, COLLECT = b"F", b"K", b"C"
READY, UNKNOWN = 0, 1000

_PATIENCE_S = 0.2
"""What a dying process is waited for. One that was parked gets no core to die on while others want it."""


def main() -> None:
    """Fork workers and end them as the parent says; when the parent is gone, end them all."""
    control = socket.socket(fileno=int(sys.argv[1]))
    setup = json.loads(sys.argv[2])
    logging.disable(logging.WARNING)  # nobody reads it, and math-verify warns that its own timeouts are off
    _limit_memory(setup["memory_mb"])
    for name in setup["preload"]:
        module, _, function = name.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    gc.collect()
    gc.freeze()  # the collector would write to every object, and so copy every page into every worker
    try:
        control.sendall(REPLY.pack(READY))
        _nurse(control, setup["last_resort_s"])
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone


def _nurse(control: socket.socket, last_resort_s: float) -> None:
    """Do what the parent asks for until its end of the socket is closed; then end all workers."""
    workers: set[int] = set()  # not collected: until then, a process id belongs to nobody else
    killed: set[int] = set()
    try:
        while True:
            message, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 1)
            if not message:
                break
            what, process_id = REQUEST.unpack(message)
            answer = UNKNOWN
            if what == FORK:
                answer = os.fork()
                if answer == 0:
                    control.close()
                    _live(Connection(descriptors[0]), last_resort_s)
                os.close(descriptors[0])
                workers.add(answer)
            else:
                code = _exit_code(process_id, _PATIENCE_S) if what == COLLECT else None
                workers.remove(process_id)
                if code is None:
                    os.kill(process_id, signal.SIGKILL)
                    killed.add(process_id)
                else:
                    answer = code
            control.sendall(REPLY.pack(answer))
            killed = {each for each in killed if _exit_code(each, 0.0) is None}
    finally:
        for process_id in workers:
            os.kill(process_id, signal.SIGKILL)
        for process_id in workers | killed:
            _exit_code(process_id, _PATIENCE_S / len(workers | killed))


def _exit_code(process_id: int, patience_s: float) -> int | None:
    """Collect a process if it ends in time; None if it does not."""
    deadline = time.monotonic() + patience_s
    while True:
        ended, status = os.waitpid(process_id, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.001)


def _limit_memory(memory_mb: int) -> None:
    limit = memory_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS declares the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _live(connection: Connection, last_resort_s: float) -> NoReturn:
    """A worker's whole life: it must never return into the nursery's code, whatever happens in it."""
    status = 1
    try:
        _serve(connection, last_resort_s)
        status = 0
    finally:
        os._exit(status)


def _serve(connection: Connection, last_resort_s: float) -> None:
    """Judge jobs until the socket is closed."""
    try:
        while True:
            job = json.loads(connection.recv_bytes())
            # The parent enforces the limit. This alarm ends a worker that lost both parent and nursery: its default
            # action is the kernel's, so it needs no interpreter, which may be deep inside one long operation.
            signal.setitimer(signal.ITIMER_REAL, last_resort_s)
            score = _run(job)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send_bytes(json.dumps(dataclasses.asdict(score)).encode())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent closed the pool, or is gone


def _run(job: dict[str, Any]) -> Score:
    try:
        module, _, name = job["function"].partition(":")
        verifier = getattr(importlib.import_module(module), name)
        return verifier(Problem(**job["problem"]), job["answer"])
    except Exception as error:  # the boundary: a failure of the verifier is no verdict about the answer
        return Score(value=None, reason=f"verifier failed: {type(error).__name__}: {error}"[:200])


if __name__ == "__main__":
    main()

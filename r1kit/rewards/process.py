"""The parent's side of `r1kit.rewards.worker`: start the nursery, have workers forked, stop all of them.

The nursery is a new interpreter: a fork of the caller would copy its threads' locks and its GPU, and multiprocessing's
spawn would run the caller's script again. POSIX only.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from r1kit.errors import RewardError
from r1kit.rewards.worker import COLLECT, FORK, KILL, REPLY, REQUEST, UNKNOWN

START_TIMEOUT_S = 120.0
"""A nursery that has not imported its modules after so long (a very slow disk) is an error."""


class Worker:
    """A process that judges one job after another over `connection`."""

    def __init__(self, process_id: int, connection: Connection) -> None:
        self.process_id = process_id
        self.connection = connection
        self._started = time.monotonic()
        self._before: _Usage | None = None

    def send(self, payload: bytes) -> None:
        """Give it a job; one that has died says so when its answer is read."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send_bytes(payload)

    def receive(self) -> bytes | None:
        """The message that is waiting, None if the process has died."""
        try:
            return self.connection.recv_bytes()
        except (EOFError, ConnectionResetError):
            return None

    def yield_cpu(self) -> None:
        """Let it run only where nobody else wants to; there is no way back without privileges."""
        with contextlib.suppress(OSError):  # it has died, or a container forbids it: then it just competes
            if sys.platform == "linux":
                os.sched_setscheduler(self.process_id, os.SCHED_IDLE, os.sched_param(0))
            else:
                os.setpriority(os.PRIO_PROCESS, self.process_id, 19)

    def start_clock(self) -> None:
        """Count a job's time from now."""
        self._started = time.monotonic()
        self._before = self._usage()

    def passed_s(self) -> float:
        """Wall clock since `start_clock`."""
        return time.monotonic() - self._started

    def own_s(self) -> float:
        """How much of `passed_s` it ran or slept, instead of waiting for a core; all of it where that is not known.

        The kernel counts a wait when it is over. So of a process that waits or runs now only the CPU time is certain,
        and of one that sleeps now, all but the waits.
        """
        if self._before is None or (now := self._usage()) is None:
            return self.passed_s()
        if now.is_runnable:
            return now.cpu_s - self._before.cpu_s
        return self.passed_s() - (now.waited_s - self._before.waited_s)

    def _usage(self) -> _Usage | None:
        """What Linux says of the process; None on other systems, and of one that is gone."""
        folder = Path("/proc", str(self.process_id))
        try:
            state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
            cpu_ns, waited_ns, _ = (folder / "schedstat").read_bytes().split()
        except (OSError, ValueError, IndexError):
            return None
        return _Usage(state == b"R", int(cpu_ns) / 1e9, int(waited_ns) / 1e9)


class _Usage(NamedTuple):
    is_runnable: bool
    cpu_s: float
    waited_s: float


class Nursery:
    """The process that workers are forked from; started with the first worker, and again if it has died."""

    def __init__(self, memory_mb: int, preload: Sequence[str], last_resort_s: float) -> None:
        self._setup = {"memory_mb": memory_mb, "preload": list(preload), "last_resort_s": last_resort_s}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start_worker(self) -> Worker:
        """Have a worker forked.

        Raises:
            RewardError: the nursery does not start, or has died; the next call starts a new one.
        """
        control = self._control or self._start()
        ours, theirs = multiprocessing.Pipe()
        with theirs:
            try:
                socket.send_fds(control, [REQUEST.pack(FORK, 0)], [theirs.fileno()])
                return Worker(self._reply(control), ours)
            except OSError as error:
                ours.close()
                self.close()
                raise RewardError(f"verifier processes cannot be forked: {error}") from None

    def kill_worker(self, worker: Worker) -> None:
        """End a worker, without waiting for it."""
        self._ask(KILL, worker)

    def collect_worker(self, worker: Worker) -> str:
        """How a worker that has died ended, for a reason; empty if that is not known."""
        code = self._ask(COLLECT, worker)
        if code == UNKNOWN:
            return ""
        return f" (signal {-code})" if code < 0 else f" (exit status {code})"

    def _ask(self, what: bytes, worker: Worker) -> int:
        worker.connection.close()
        if self._control is not None:
            try:
                self._control.sendall(REQUEST.pack(what, worker.process_id))
                return self._reply(self._control)
            except OSError:  # the nursery is gone; its workers are in its group
                self.close()
        return UNKNOWN

    def close(self) -> None:
        """End the nursery and all of its workers; a later `start_worker` starts a new one."""
        process, control = self._process, self._control
        self._process = self._control = None
        if control is not None:
            control.close()  # it kills and collects its workers, then ends itself
        if process is not None:
            try:
                is_clean = process.wait(timeout=5.0 if control is not None else 0.0) == 0
            except subprocess.TimeoutExpired:
                is_clean = False
            if not is_clean:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # its workers are in its group
                process.wait()

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "r1kit.rewards.worker", str(theirs.fileno()), json.dumps(self._setup)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends its workers in good order
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            )
        control.settimeout(START_TIMEOUT_S)
        started = time.monotonic()
        try:
            self._reply(control)
        except OSError:
            control.close()
            late = time.monotonic() - started >= START_TIMEOUT_S
            code = None if late else self._process.wait()
            problem = (
                f"not ready after {START_TIMEOUT_S:g} s" if late else f"died (exit status {code}) while it started"
            )
            self.close()
            imports = ", ".join(self._setup["preload"]) or "nothing"
            raise RewardError(
                f"verifier process {problem}; it imports {imports} within {self._setup['memory_mb']} MB: "
                "try that import, or raise the memory limit"
            ) from None
        self._control = control
        return control

    def _reply(self, control: socket.socket) -> int:
        reply = control.recv(REPLY.size, socket.MSG_WAITALL)
        if len(reply) < REPLY.size:
            raise ConnectionResetError("the process that forks them has died")
        return REPLY.unpack(reply)[0]

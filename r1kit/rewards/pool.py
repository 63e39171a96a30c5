"""Verification in processes that can be killed.

Computer algebra can hang, inside one C call where no Python signal reaches it, or eat the memory, on a text of a few
characters. So a verdict that needs it is made in a worker process: past its wall clock the worker is killed and a
fresh one started, and the verdict is None (could not be judged), not 0. Jobs and verdicts travel as JSON; no pickle.

Workers are started when the first job comes, through a new interpreter (not by fork, nor multiprocessing's spawn,
which would run the user's script again), and import nothing but the verifier's modules. POSIX only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from r1kit.errors import ConfigError, RewardError
from r1kit.types import Problem, Score

START_TIMEOUT_S = 120.0
"""A worker that has not imported its modules after so long (a very slow disk) is an error."""

PRELOAD = ("math_verify", "r1kit.rewards.accuracy")
"""What the shipped verifiers import."""

Verifier = Callable[[Problem, str], Score]
"""Judges an answer to a problem. Pure; a function at the top level of a module, so that a worker can import it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """An answer to judge in a worker."""

    verifier: Verifier
    problem: Problem
    answer: str


class VerifierPool:
    """`num_workers` processes that judge answers, each verdict within `timeout_s` and `memory_mb`.

    A context manager. Processes are also ended when the pool is garbage-collected, at the interpreter's exit, and by
    themselves when the parent is killed. Not for use from two threads at once.
    """

    def __init__(
        self, num_workers: int, timeout_s: float, memory_mb: int = 2048, *, preload: Sequence[str] = PRELOAD
    ) -> None:
        """Make a pool; no process is started yet.

        Args:
            num_workers: Processes at most; fewer are started for fewer jobs.
            timeout_s: Wall clock for one verdict, from the moment that a ready worker takes it.
            memory_mb: Limit on a worker's address space, where the platform has one (RLIMIT_AS).
            preload: Modules that a worker imports before it is ready, so that no job's clock runs for them.
        """
        assert num_workers >= 1, num_workers
        assert timeout_s > 0, timeout_s
        self.timeout_s = timeout_s
        self._num_workers = num_workers
        self._memory_mb = memory_mb
        self._preload = tuple(preload)
        self._workers: list[_Worker] = []
        self._close = weakref.finalize(self, _stop_all, self._workers)

    def verify(self, jobs: Sequence[Job]) -> list[Score]:
        """One verdict a job, in order; None with the reason where the time ran out or the worker died.

        Raises:
            ConfigError: a verifier that a worker cannot import.
            RewardError: workers cannot be started at all.
        """
        payloads = [_encode(job) for job in jobs]
        if jobs and not self._close.alive:
            raise RewardError("the verifier pool is closed; make a new one")
        scores: dict[int, Score] = {}
        waiting = deque(range(len(jobs)))
        try:
            while len(scores) < len(jobs):
                self._start_missing(len(jobs) - len(scores))
                for worker in self._workers:
                    if waiting and worker.is_idle:
                        index = waiting.popleft()
                        worker.assign(index, payloads[index], self.timeout_s)
                scores.update(self._collect())
        finally:  # after an error or an interrupt, a half-done worker would answer the next call's question
            self._discard([worker for worker in self._workers if worker.job is not None])
        return [scores[index] for index in range(len(jobs))]

    def close(self) -> None:
        """End all processes. A closed pool takes no jobs; closing it twice is allowed."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start_missing(self, num_open: int) -> None:
        while len(self._workers) < min(self._num_workers, num_open):
            self._workers.append(_Worker(self._memory_mb, self._preload, last_resort_s=2 * self.timeout_s + 1))

    def _collect(self) -> Iterable[tuple[int, Score]]:
        """Wait until a worker says something, dies or is late; the verdicts that this brings."""
        active = {worker.connection: worker for worker in self._workers if not worker.is_idle}
        patience_s = min(worker.deadline for worker in active.values()) - time.monotonic()
        spoke = {active[connection] for connection in wait(list(active), max(0.0, patience_s))}  # pyright: ignore[reportArgumentType]
        for worker in active.values():
            if worker in spoke:
                index, message = worker.job, worker.receive()
                if message is None:
                    reason = f"verifier process died{worker.exit_status()}"
                    self._discard([worker])
                    if index is None:
                        raise RewardError(f"{reason} while it started; {worker.how_started()}")
                    yield index, Score(value=None, reason=reason)
                elif index is not None:
                    yield index, Score(**json.loads(message))
            elif time.monotonic() >= worker.deadline:
                self._discard([worker])
                if worker.job is None:
                    raise RewardError(f"verifier process not ready after {START_TIMEOUT_S:g} s; {worker.how_started()}")
                yield worker.job, Score(value=None, reason=f"timeout after {self.timeout_s:g} s")

    def _discard(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            worker.stop()
            self._workers.remove(worker)


class _Worker:
    """One process and where it stands: starting (not ready), idle, or busy with a job."""

    def __init__(self, memory_mb: int, preload: tuple[str, ...], last_resort_s: float) -> None:
        self._memory_mb, self._preload = memory_mb, preload
        self.connection, theirs = multiprocessing.Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "r1kit.rewards.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends its workers in good order
                env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            )
        self.ready = False
        self.job: int | None = None
        self.deadline = time.monotonic() + START_TIMEOUT_S
        setup = {"memory_mb": memory_mb, "preload": preload, "last_resort_s": last_resort_s}
        self._send(json.dumps(setup).encode())

    @property
    def is_idle(self) -> bool:
        return self.ready and self.job is None

    def assign(self, index: int, payload: bytes, timeout_s: float) -> None:
        """Give the worker job `index`; its clock starts now."""
        self.job = index
        self.deadline = time.monotonic() + timeout_s
        self._send(payload)

    def receive(self) -> bytes | None:
        """The message that is waiting, None if the process has died; an answered job is no longer its own."""
        try:
            message = self.connection.recv_bytes()
        except (EOFError, ConnectionResetError):
            return None
        self.ready, self.job = True, None
        return message

    def exit_status(self) -> str:
        """How a dead process ended, for a reason."""
        code = self._process.wait()
        return f" (signal {-code})" if code < 0 else f" (exit status {code})"

    def how_started(self) -> str:
        """What a person can try by hand when it does not start."""
        imports = ", ".join(self._preload) or "nothing"
        return f"it imports {imports} within {self._memory_mb} MB: try that import, or raise the memory limit"

    def stop(self) -> None:
        """Kill the process and wait for its end."""
        self.connection.close()
        self._process.kill()
        self._process.wait()

    def _send(self, payload: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it has died: the next receive says so
            self.connection.send_bytes(payload)


def _stop_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().stop()


def _encode(job: Job) -> bytes:
    module, name = job.verifier.__module__, job.verifier.__qualname__
    if module == "__main__" or not name.isidentifier():
        raise ConfigError(
            f"verifier {module}.{name} cannot be imported by another process; "
            "define it at the top level of a module of its own, not in the script or inside a function"
        )
    fields = {field.name: getattr(job.problem, field.name) for field in dataclasses.fields(job.problem)}
    fields["info"] = dict(job.problem.info)
    return json.dumps({"function": f"{module}:{name}", "problem": fields, "answer": job.answer}).encode()

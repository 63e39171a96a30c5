"""Verification in processes that can be killed.

Computer algebra can hang, inside one C call where no Python signal reaches it, or eat the memory, on a text of a few
characters. So a verdict that needs it is made in a worker process: past its limit the worker is killed, a fresh one
takes its place, and the verdict is None (could not be judged), not 0. Jobs and verdicts travel as JSON; no pickle.

What hangs must not hold up the rest. A job that runs longer than most while others wait is parked: its worker goes
on where a core is idle, and a new one (a fork of a process that has imported everything: `worker.py`) takes its
place. Once nothing waits any more, a parked job that got no core is started again with the priority of the others.
Equal jobs are judged once, and a job that ran into its limit is remembered.

A verdict should not depend on what else the machine does, so all limits are on a job's own time, in which it ran or
slept; the time in which it was kept waiting for a core does not count (up to MAX_STRETCH, and on Linux only).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self

from r1kit.errors import ConfigError, RewardError
from r1kit.rewards.process import Nursery, Worker
from r1kit.types import Problem, Score

PRELOAD = ("math_verify", "r1kit.rewards.accuracy", "r1kit.rewards.pairs:warm_up")
"""What the shipped verifiers import, and what fills their caches."""

PARK_AFTER_S = 0.015
"""A job that has run so long while others wait is parked. Most take less than half of it."""
MAX_PARKED_PER_WORKER = 8
"""Jobs parked at once, for each worker. Further ones keep their worker: memory is finite."""
MAX_STRETCH = 10.0
"""A job is killed after so many times its limit by the wall clock, however long it waited for a core."""
MAX_REMEMBERED = 10_000
"""Jobs that ran into their limit and are remembered, the newest."""

Verifier = Callable[[Problem, str], Score]
"""Judges an answer to a problem. Pure; a function at the top level of a module, so that a worker can import it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """An answer to judge in a worker."""

    verifier: Verifier
    problem: Problem
    answer: str


class Batch:
    """Jobs that were submitted together; `result` waits for their verdicts."""

    def __init__(self, num_jobs: int, changed: threading.Condition) -> None:
        self._changed = changed
        self._num_open = num_jobs
        self._scores: list[Score | None] = [None] * num_jobs
        self._error: RewardError | None = None

    @property
    def is_done(self) -> bool:
        """Whether `result` would return, or raise, at once."""
        return self._num_open == 0 or self._error is not None

    @property
    def num_judged(self) -> int:
        """How many of its jobs have their verdict, None included."""
        return len(self._scores) - self._num_open

    def result(self) -> list[Score]:
        """Wait; then one verdict a job, in order. None with the reason where the time ran out or the worker died.

        Raises:
            RewardError: workers cannot be started, or the pool was closed first.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.is_done)
        if self._error is not None:
            raise self._error
        return [score for score in self._scores if score is not None]

    def settle(self, index: int, score: Score) -> None:
        """Take the verdict of job `index`; the pool calls it, with the lock held."""
        self._scores[index] = score
        self._num_open -= 1

    def fail(self, error: RewardError) -> None:
        """Make `result` raise; the pool calls it, with the lock held."""
        self._error = self._error or error


class VerifierPool:
    """`num_workers` processes that judge answers, each verdict within `timeout_s` and `memory_mb`.

    A context manager, and safe to use from several threads. Processes are also ended when the pool is
    garbage-collected, at the interpreter's exit, and by themselves when the parent is killed.
    """

    def __init__(
        self,
        num_workers: int,
        timeout_s: float,
        memory_mb: int = 2048,
        *,
        preload: Sequence[str] = PRELOAD,
        max_in_flight: int = 10_000,
    ) -> None:
        """Make a pool; no process is started yet.

        Args:
            num_workers: Jobs that run at once (parked ones come on top); fewer are started for fewer jobs.
            timeout_s: Limit on one verdict's own time, from the moment that a ready worker takes it.
            memory_mb: Limit on a worker's address space, where the platform has one (RLIMIT_AS).
            preload: Modules that are imported before a worker is ready, so that no job's clock runs for them; of
                "module:function" the function is called, too.
            max_in_flight: Back-pressure: `submit` waits while its jobs would make more than so many without a verdict.
        """
        assert num_workers >= 1, num_workers
        assert timeout_s > 0, timeout_s
        nursery = Nursery(memory_mb, preload, last_resort_s=MAX_STRETCH * timeout_s + 1)
        self._scheduler = _Scheduler(num_workers, timeout_s, nursery, max_in_flight)
        self._close = weakref.finalize(self, self._scheduler.stop)

    def submit(self, jobs: Sequence[Job]) -> Batch:
        """Hand in jobs and go on; they are judged in the background. Waits while too many are in flight.

        Raises:
            ConfigError: a verifier that a worker cannot import.
            RewardError: the pool is closed.
        """
        return self._scheduler.submit([_encode(job) for job in jobs])

    def verify(self, jobs: Sequence[Job]) -> list[Score]:
        """One verdict a job, in order: `submit` and `result`, which say what they raise."""
        batch = self.submit(jobs)
        try:
            return batch.result()
        finally:
            self._scheduler.forget(batch)  # after an interrupt nobody waits for the rest

    def close(self) -> None:
        """End all processes. A closed pool takes no jobs; closing it twice is allowed."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


@dataclasses.dataclass(slots=True, eq=False)
class _Task:
    """A job, and all who wait for its verdict; its worker while it runs."""

    payload: bytes
    waiting_for_it: list[tuple[Batch, int]]
    first_started: float = 0.0
    park_at: float = 0.0
    deadline: float = 0.0
    is_parked: bool = False


class _Scheduler:
    """One thread that owns the workers; it knows no pool, so that a forgotten pool can be collected."""

    def __init__(self, num_workers: int, timeout_s: float, nursery: Nursery, max_in_flight: int) -> None:
        self._num_workers = num_workers
        self._timeout_s = timeout_s
        self._nursery = nursery
        self._max_in_flight = max_in_flight
        self._changed = threading.Condition()  # guards what follows, up to the blank line
        self._tasks: dict[bytes, _Task] = {}  # without a verdict, by payload
        self._queue: deque[_Task] = deque()
        self._timed_out: dict[bytes, Score] = {}
        self._num_in_flight = 0
        self._is_stopping = False

        self._workers: dict[Worker, _Task | None] = {}  # the thread's own; None: idle
        self._wake_reader, self._wake_writer = multiprocessing.Pipe(duplex=False)
        self._thread: threading.Thread | None = None

    def submit(self, payloads: Sequence[bytes]) -> Batch:
        """Queue jobs, those with an equal one in flight or a known limit excepted."""
        batch = Batch(len(payloads), self._changed)
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._is_stopping
                    or self._num_in_flight == 0
                    or self._num_in_flight + len(payloads) <= self._max_in_flight
                )
            )
            if self._is_stopping and payloads:
                raise RewardError("the verifier pool is closed; make a new one")
            for index, payload in enumerate(payloads):
                known = self._timed_out.get(_digest(payload)) if self._timed_out else None
                if known is not None:
                    batch.settle(index, known)
                    continue
                if payload not in self._tasks:
                    self._tasks[payload] = _Task(payload, [])
                    self._queue.append(self._tasks[payload])
                self._tasks[payload].waiting_for_it.append((batch, index))
                self._num_in_flight += 1
            if self._tasks and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="verifier-pool", daemon=True)
                self._thread.start()
        self._wake_writer.send_bytes(b"")
        return batch

    def forget(self, batch: Batch) -> None:
        """Drop what a batch still waits for; a job of it that runs goes on to its end, for nobody."""
        if batch.is_done:
            return
        with self._changed:
            for task in self._tasks.values():
                kept = [(other, index) for other, index in task.waiting_for_it if other is not batch]
                self._num_in_flight -= len(task.waiting_for_it) - len(kept)
                task.waiting_for_it = kept
            for task in [task for task in self._queue if not task.waiting_for_it]:
                self._queue.remove(task)
                del self._tasks[task.payload]
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread and its processes; batches without all their verdicts fail."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():  # collected by the thread itself
            self._wake_writer.send_bytes(b"")
            thread.join()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                try:
                    self._assign()
                except RewardError as error:
                    self._drop_all(error)
                self._collect()
        finally:  # also after a bug of ours: whoever waits gets an error, never a verdict
            self._is_stopping = True
            self._drop_all(RewardError("the verifier pool was closed before all verdicts were made"))

    def _drop_all(self, error: RewardError) -> None:
        for worker in self._workers:
            worker.connection.close()
        self._workers.clear()
        self._nursery.close()
        with self._changed:
            for task in self._tasks.values():
                for batch, _ in task.waiting_for_it:
                    batch.fail(error)
            self._tasks.clear()
            self._queue.clear()
            self._num_in_flight = 0
            self._changed.notify_all()

    def _assign(self) -> None:
        """Park what runs long, then give idle workers, new ones if need be, what waits."""
        running = [(worker, task) for worker, task in self._workers.items() if task and not task.is_parked]
        if self._queue:
            running = [(worker, task) for worker, task in running if not self._park(worker, task)]
        idle = [worker for worker, task in self._workers.items() if task is None]
        for _ in range(self._num_workers - len(running)):
            task = self._next_task()
            if task is None:
                return
            self._start(idle.pop() if idle else self._nursery.start_worker(), task)

    def _park(self, worker: Worker, task: _Task) -> bool:
        """Take a job's place away if it has run long enough and there is room; whether it was done."""
        now = time.monotonic()
        if now < task.park_at or not self._can_park():
            return False
        left_s = PARK_AFTER_S - worker.own_s()
        task.park_at = now + max(left_s, 0.001)
        if left_s <= 0:
            task.is_parked = True
            worker.yield_cpu()
        return task.is_parked

    def _can_park(self) -> bool:
        num_parked = sum(task.is_parked for task in self._workers.values() if task)
        return num_parked < self._num_workers * MAX_PARKED_PER_WORKER

    def _next_task(self) -> _Task | None:
        """The first that waits; else the first parked one that gets no core, which starts again."""
        with self._changed:
            if self._queue:
                return self._queue.popleft()
        for worker, task in self._workers.items():
            if task and task.is_parked and worker.own_s() < worker.passed_s() / 2:
                self._kill(worker)
                return task
        return None

    def _start(self, worker: Worker, task: _Task) -> None:
        self._workers[worker] = task
        now = time.monotonic()
        task.first_started = task.first_started or now
        task.park_at, task.deadline = now + PARK_AFTER_S, now + self._timeout_s
        task.is_parked = False
        worker.start_clock()
        worker.send(task.payload)

    def _collect(self) -> None:
        """Wait until a worker says something, dies or is late, or a job comes; settle what this decides."""
        spoke = set(wait([self._wake_reader, *(worker.connection for worker in self._workers)], self._patience_s()))  # pyright: ignore[reportArgumentType]
        while self._wake_reader.poll():
            self._wake_reader.recv_bytes()
        for worker, task in list(self._workers.items()):
            if worker.connection in spoke:
                self._hear(worker, task)
            elif task is not None and time.monotonic() >= task.deadline and self._is_late(worker, task):
                self._kill(worker)
                self._settle(task, Score(value=None, reason=f"timeout after {self._timeout_s:g} s"), is_timeout=True)

    def _hear(self, worker: Worker, task: _Task | None) -> None:
        """A worker that says something has a verdict or has died; one that was parked is of no more use."""
        message = worker.receive()
        if message is None:
            del self._workers[worker]
            score = Score(value=None, reason=f"verifier process died{self._nursery.collect_worker(worker)}")
        else:
            score = Score(**json.loads(message))
            if task is None or task.is_parked:
                self._kill(worker)
            else:
                self._workers[worker] = None
        if task is not None:
            self._settle(task, score)

    def _kill(self, worker: Worker) -> None:
        del self._workers[worker]
        self._nursery.kill_worker(worker)

    def _patience_s(self) -> float | None:
        """How long nothing can happen unless somebody speaks; None: for ever."""
        now = time.monotonic()
        running = [task for task in self._workers.values() if task]
        moments = [task.deadline for task in running]
        if self._queue and self._can_park():
            moments += [task.park_at for task in running if not task.is_parked]
        return max(0.0, min(moments) - now) if moments else None

    def _is_late(self, worker: Worker, task: _Task) -> bool:
        """Whether the job's own time is over; where it is not, the deadline is moved."""
        now = time.monotonic()
        left_s = self._timeout_s - worker.own_s()
        last = task.first_started + MAX_STRETCH * self._timeout_s
        task.deadline = min(now + max(left_s, 0.01), last)
        return left_s <= 0 or now >= last

    def _settle(self, task: _Task, score: Score, *, is_timeout: bool = False) -> None:
        with self._changed:
            del self._tasks[task.payload]
            for batch, index in task.waiting_for_it:
                batch.settle(index, score)
            self._num_in_flight -= len(task.waiting_for_it)
            if is_timeout:
                self._timed_out[_digest(task.payload)] = score
                if len(self._timed_out) > MAX_REMEMBERED:
                    del self._timed_out[next(iter(self._timed_out))]
            self._changed.notify_all()


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()


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

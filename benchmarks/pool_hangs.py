"""What hanging items cost: the throughput of `r1kit.rewards.pool` with 1 % of them, as a share of that without.

    .venv/bin/python benchmarks/pool_hangs.py

Two pools judge two streams of batches at the same time, so that whatever else the machine does hits both: one stream
without hanging items, and one with. Counted are the healthy items that come back in SECONDS; a control compares two
streams without any. A hanging item sleeps, or is busy inside C and deaf to signals; all differ, so that none is
remembered. Last, the time of one batch whose verdicts are waited for: that cannot be less than the limit of a verdict.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import deque

import hanging

from r1kit.report.hardware import describe_hardware, hardware_line
from r1kit.rewards.pool import Batch, Job, Verifier, VerifierPool
from r1kit.types import Problem

STREAMS: dict[str, Verifier | None] = {
    "none hangs (control)": None,
    "1 % asleep": hanging.hang_asleep,
    "1 % busy in C": hanging.hang_busy,
}
BATCH_SIZE = 50
MAX_BATCHES_IN_FLIGHT = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of one round; it should exceed the limit")
    parser.add_argument("--workers", type=int, default=2, help="of each pool")
    parser.add_argument("--limit-s", type=float, default=5.0, help="of one verdict")
    parser.add_argument(
        "--cpu-ms", type=float, default=10.0, help="of a healthy item; a symbolic verdict takes 5 to 20"
    )
    parser.add_argument("--hang-every", type=int, default=100)
    arguments = parser.parse_args()
    print("| second stream | healthy items/s, first | second | second / first, median (all) |\n|---|---|---|---|")
    for name, hang in STREAMS.items():
        pairs = [paired_rates(hang, arguments) for _ in range(arguments.rounds)]
        ratios = sorted(second / first for first, second in pairs)
        first, second = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        all_ratios = ", ".join(f"{ratio:.0%}" for ratio in ratios)
        print(f"| {name} | {first:.1f} | {second:.1f} | {statistics.median(ratios):.1%} ({all_ratios}) |", flush=True)
    for name, hang in STREAMS.items():
        print(f"one batch of {2 * arguments.hang_every}, {name}: {blocking_s(hang, arguments):.2f} s")
    print(hardware_line(describe_hardware()))


def paired_rates(hang: Verifier | None, arguments: argparse.Namespace) -> tuple[float, float]:
    """Healthy verdicts a second of a stream without hanging items, and of one with them beside it."""
    with Stream(None, arguments) as plain, Stream(hang, arguments) as hit:
        started = time.monotonic()
        while time.monotonic() - started < arguments.seconds:
            plain.turn()
            hit.turn()
            time.sleep(0.02)
        elapsed = time.monotonic() - started
        return plain.num_healthy() / elapsed, hit.num_healthy() / elapsed


class Stream:
    """A pool that is kept full."""

    def __init__(self, hang: Verifier | None, arguments: argparse.Namespace) -> None:
        self._hang, self._arguments = hang, arguments
        self._pool = VerifierPool(arguments.workers, timeout_s=arguments.limit_s, preload=("hanging",))
        self._pool.verify(make_jobs(arguments.workers, None, arguments, first=-1000))
        self._in_flight: deque[Batch] = deque()
        self._num_submitted = self._num_done = 0

    def turn(self) -> None:
        """Submit what there is room for, and take what is done."""
        for batch in [batch for batch in self._in_flight if batch.is_done]:
            self._num_done += sum(score.value is not None for score in batch.result())
            self._in_flight.remove(batch)
        while len(self._in_flight) < MAX_BATCHES_IN_FLIGHT:
            jobs = make_jobs(BATCH_SIZE, self._hang, self._arguments, first=self._num_submitted)
            self._in_flight.append(self._pool.submit(jobs))
            self._num_submitted += BATCH_SIZE

    def num_healthy(self) -> int:
        """Verdicts on healthy items so far; at most one or two that timed out in open batches are among them."""
        return self._num_done + sum(batch.num_judged for batch in self._in_flight)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.close()


def make_jobs(num_jobs: int, hang: Verifier | None, arguments: argparse.Namespace, *, first: int) -> list[Job]:
    """Jobs number `first` and on; every `hang_every`th hangs."""
    jobs = []
    for number in range(first, first + num_jobs):
        hangs = hang is not None and number % arguments.hang_every == arguments.hang_every // 2
        problem = Problem(id=str(number), prompt="", answer="", task="", info={"cpu_ms": arguments.cpu_ms})
        jobs.append(Job(verifier=hang if hang and hangs else hanging.work, problem=problem, answer=str(number)))
    return jobs


def blocking_s(hang: Verifier | None, arguments: argparse.Namespace) -> float:
    """Seconds of one `verify` of two hundred items."""
    with VerifierPool(arguments.workers, timeout_s=arguments.limit_s, preload=("hanging",)) as pool:
        pool.verify(make_jobs(arguments.workers, None, arguments, first=-1000))
        started = time.monotonic()
        pool.verify(make_jobs(2 * arguments.hang_every, hang, arguments, first=0))
        return time.monotonic() - started


if __name__ == "__main__":
    main()

"""Verifiers for `pool_hangs.py`; a worker process imports them by name."""

from __future__ import annotations

import time

from r1kit.types import Problem, Score


def work(problem: Problem, answer: str) -> Score:
    """A healthy item: `info["cpu_ms"]` milliseconds of this process's CPU."""
    until = time.process_time() + problem.info["cpu_ms"] / 1000
    while time.process_time() < until:
        pass
    return Score(value=1.0, reason="done")


def hang_asleep(problem: Problem, answer: str) -> Score:
    """Wait for what never comes."""
    time.sleep(3600)
    return Score(value=1.0, reason="done")


def hang_busy(problem: Problem, answer: str) -> Score:
    """One operation inside C, where no Python signal handler runs."""
    return Score(value=1.0, reason=str(len(str(3 ** (3**30)))))

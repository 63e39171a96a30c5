"""Attacks on a box, as data: what a hostile program would try, one idea each, written so that they do no harm.

Each is a Python program. It prints STARTED, then WON with its evidence or HELD with what stood in its way; a box that
did not start therefore counts for nothing. Where the evidence lies outside the box (a connection that arrived, a
process that lives on), `Attack.judge` looks there. `r1kit.sandbox.check` sets the stage and runs them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from r1kit.sandbox.base import Ending, Limits, Outcome


class Stage(Protocol):
    """What an attack may have changed outside the box."""

    token: str
    """A secret that lies in the files, the environment and the process that attacks look for."""
    package_digest: str
    """SHA-256 of the file of this package that an attack tries to read."""

    def was_called(self) -> bool:
        """Whether someone connected to the stage's sockets."""
        ...

    def was_written(self) -> bool:
        """Whether a file appeared in the stage's folder."""
        ...

    def has_survivors(self) -> bool:
        """Whether a process of the attack still lives."""
        ...

    def has_new_children(self) -> bool:
        """Whether this process has children, dead or alive, that it had not before."""
        ...

    def victim_died(self) -> bool:
        """Whether the process that an attack aims at has ended."""
        ...


Judge = Callable[[Outcome, Stage], bool | None]
"""Whether the attack succeeded; None where the run shows neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One way to do harm."""

    name: str
    what: str
    """In a few words, as the command line prints it."""
    program: str
    judge: Judge
    limits: Limits
    num_runs: int = 1
    """Runs in a row, each in its own box; the last one is judged."""
    extra_stdin: int = 0
    """Bytes of stdin after the first line, which nobody reads."""


def says_so(outcome: Outcome, stage: Stage) -> bool | None:
    """By the attack's own word; it runs to one of the two unless a limit ends it."""
    if b"\nWON " in outcome.stdout:
        return True
    return False if b"\nHELD " in outcome.stdout else None


def has_token(outcome: Outcome, stage: Stage) -> bool | None:
    """Did the stage's secret come out?"""
    return stage.token.encode() in outcome.stdout or says_so(outcome, stage)


def has_digest(outcome: Outcome, stage: Stage) -> bool | None:
    """Did the content of the package's file come out?"""
    return stage.package_digest.encode() in outcome.stdout or says_so(outcome, stage)


def got_through(outcome: Outcome, stage: Stage) -> bool | None:
    """Did a connection arrive?"""
    return stage.was_called() or says_so(outcome, stage)


def wrote(outcome: Outcome, stage: Stage) -> bool | None:
    """Did a file appear outside, or does the attack say that it wrote somewhere?"""
    return stage.was_written() or says_so(outcome, stage)


def lives_on(outcome: Outcome, stage: Stage) -> bool | None:
    """Is a process of the attack alive after the run?"""
    return stage.has_survivors() or says_so(outcome, stage)


def left_children(outcome: Outcome, stage: Stage) -> bool | None:
    """Does this process have children that it had not before?"""
    return stage.has_new_children() or says_so(outcome, stage)


def killed_victim(outcome: Outcome, stage: Stage) -> bool | None:
    """Did the process outside die?"""
    return stage.victim_died() or says_so(outcome, stage)


def outlives_cpu_limit(outcome: Outcome, stage: Stage) -> bool | None:
    """Was it not ended by the signal of the CPU limit, or the one that follows?"""
    if outcome.ending is Ending.SIGNAL:
        return False if outcome.status in (signal.SIGXCPU, signal.SIGKILL) else None
    return says_so(outcome, stage)


def outlives_wall_limit(outcome: Outcome, stage: Stage) -> bool | None:
    """Was it not ended at the wall clock?"""
    return False if outcome.ending is Ending.TIMEOUT else says_so(outcome, stage)


def outruns_memory(outcome: Outcome, stage: Stage) -> bool | None:
    """By the attack's word, unless the kernel killed it."""
    killed = outcome.ending is Ending.SIGNAL and outcome.status == signal.SIGKILL
    return False if killed else says_so(outcome, stage)


def floods(outcome: Outcome, stage: Stage) -> bool | None:
    """Was more read than allowed, or all of it let through?"""
    if outcome.ending is Ending.OUTPUT:
        return max(len(outcome.stdout), len(outcome.stderr)) > SMALL_OUTPUT_KB * 1024
    return True if len(outcome.stdout) + len(outcome.stderr) > 2 * SMALL_OUTPUT_KB * 1024 else None


def stalls_the_feeder(outcome: Outcome, stage: Stage) -> bool | None:
    """Did the parent wait for somebody to read?"""
    return True if outcome.ending is Ending.TIMEOUT else says_so(outcome, stage)


SMALL_OUTPUT_KB = 64
PATIENT = Limits(wall_s=60.0)
"""For machines that are busy with other things: a wall clock that only a hang reaches."""

_PREAMBLE = """\
import ctypes, fcntl, glob, hashlib, json, mmap, os, resource, select, signal, socket, stat, subprocess, sys, time

print("STARTED", flush=True)
stage = json.loads(sys.stdin.readline())
errors = []


def won(seen):
    print("WON", seen, flush=True)
    os._exit(0)


def tried(call, *arguments):
    try:
        return call(*arguments)
    except (OSError, MemoryError, AttributeError) as error:
        errors.append(str(error) or type(error).__name__)


def read(path):
    with open(path, "rb") as stream:
        return stream.read(1 << 20)


def child(work, *arguments):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        work(*arguments)
        os._exit(0)
    return pid


def grow(megabytes):
    kept = []
    for _ in range(megabytes):
        kept.append(b"x" * (1 << 20))
    return kept

"""
_EPILOGUE = """
print("HELD", "; ".join(dict.fromkeys(errors)) or "nothing came of it", flush=True)
"""


def attack(
    name: str, what: str, program: str, judge: Judge = says_so, limits: Limits = PATIENT, **options: int
) -> Attack:
    """An attack from its program's own part, which finds `stage`, `tried`, `won`, `read`, `child` and `grow`."""
    return Attack(name=name, what=what, program=_PREAMBLE + program + _EPILOGUE, judge=judge, limits=limits, **options)

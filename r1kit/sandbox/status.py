"""How the program in a box ended, as the box tells it on a pipe that the program cannot reach."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from r1kit.sandbox.base import Ending, Limits, Outcome, Sandbox, SandboxError
from r1kit.sandbox.executables import python_executable
from r1kit.sandbox.process import Ended

_FIRST_BOX_S = 30.0


def outcome_of(backend: str, ended: Ended) -> Outcome:
    """An outcome from a box whose status pipe says {"exit-code": n}, and says it only when the program ran.

    Raises:
        SandboxError: the pipe does not say so, thus the box was not made; the message has its last words.
    """
    ending, status = ended.ending, int(signal.SIGKILL)
    if ending is Ending.EXIT:
        code = _exit_code(ended.status)
        if code is None:
            said = ended.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise SandboxError(f"sandbox {backend}: the box could not be made: {said[-1]}")
        ending, status = read_status(code)
    return Outcome(ending=ending, status=status, stdout=ended.stdout, stderr=ended.stderr, wall_s=ended.wall_s)


def read_status(code: int) -> tuple[Ending, int]:
    """An exit status as a shell reports it: 128 + n is signal n.

    >>> read_status(3), read_status(137)
    ((<Ending.EXIT: 'exit'>, 3), (<Ending.SIGNAL: 'signal'>, 9))
    """
    if code - 128 in {int(number) for number in signal.valid_signals()}:
        return Ending.SIGNAL, code - 128
    return Ending.EXIT, code


@contextmanager
def machine_faults(backend: str) -> Iterator[None]:
    """Turn what the machine refuses (no more processes, descriptors, memory) into the sandbox's own error.

    Raises:
        SandboxError: for any OSError within.
    """
    try:
        yield
    except OSError as error:
        raise SandboxError(f"sandbox {backend}: the machine refused: {error}") from error


def check_first_box(sandbox: Sandbox) -> None:
    """Run Python in a box once, so that a machine that does not allow it says so before the first program.

    Raises:
        SandboxError: the box could not be made, or Python does not run in it.
    """
    argv = [python_executable(), "-I", "-S", "-c", ""]
    outcome = sandbox.run(argv, files={"first": b""}, limits=Limits(wall_s=_FIRST_BOX_S))
    if (outcome.ending, outcome.status) != (Ending.EXIT, 0):
        said = outcome.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise SandboxError(
            f"sandbox {sandbox.name}: {argv[0]} does not run in a box ({outcome.ending} {outcome.status}: {said[-1]}); "
            "its folder must be readable for every user"
        )


def _exit_code(report: bytes) -> int | None:
    for line in report.splitlines():
        message = json.loads(line)
        if "exit-code" in message:
            return int(message["exit-code"])
    return None

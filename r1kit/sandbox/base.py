"""What a sandbox is: one call runs one program in a fresh box, under limits, and says how it ended.

A program that does wrong (crashes, hangs, floods) ends with an `Outcome`; only a box that fails itself raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from r1kit.errors import R1KitError


class SandboxError(R1KitError, RuntimeError):
    """The box could not be made, or broke down: nothing is known about the program, so its verdict is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run may use. A program that runs into one of these is not told which."""

    wall_s: float = 10.0
    """Wall clock from the start of the box, its start-up (about 20 ms) included; then everything in it is killed."""
    cpu_s: float = 10.0
    """CPU time of each process, rounded up to whole seconds; then it is killed, also when it catches SIGXCPU."""
    memory_mb: int = 1024
    """Memory of each process: its address space, or see `address_space`. Where memory cgroups can be made, also of the
    whole box, with room for `tmp_mb` twice, as files lie in memory."""
    address_space: bool = True
    """False for runtimes that reserve far more addresses than they use (Java, Node, Go, .NET): `memory_mb` then
    limits private writable memory (RLIMIT_DATA) instead of the address space (RLIMIT_AS)."""
    num_processes: int = 32
    """Processes and threads of the whole box at one time."""
    file_mb: int = 16
    """The largest file."""
    tmp_mb: int = 64
    """All files together, in each of the two writable places (the working folder and /dev/shm)."""
    num_files: int = 64
    """Files that one process has open."""
    output_kb: int = 1024
    """What is read of stdout, and as much of stderr; at the first byte more the box is killed."""

    def __post_init__(self) -> None:
        assert self.wall_s > 0, self
        assert self.cpu_s > 0, self
        assert min(self.memory_mb, self.num_processes, self.file_mb, self.tmp_mb, self.num_files) >= 1, self
        assert self.output_kb >= 0, self


class Ending(StrEnum):
    """How a run ended."""

    EXIT = "exit"
    """The program ended by itself."""
    SIGNAL = "signal"
    """A signal ended it: a crash, or a limit of the kernel's (CPU time, file size)."""
    TIMEOUT = "timeout"
    """It was killed at the wall-clock limit."""
    OUTPUT = "output"
    """It was killed because it wrote more than `Limits.output_kb`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run left behind. Nothing in it is to be trusted beyond that the program wrote it."""

    ending: Ending
    status: int
    """The exit status for EXIT (0 to 255), the signal's number otherwise (SIGKILL for TIMEOUT and OUTPUT).

    A program started by a shell that reports a signal by status 128 + n (as a namespace's init does) counts as
    SIGNAL n, so an exit status above 128 that names a signal is read as that signal."""
    stdout: bytes
    """At most `Limits.output_kb`, cut there."""
    stderr: bytes
    wall_s: float
    """From the start of the box to its end, seconds."""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """Whether a backend stops one attack of `r1kit.sandbox.attacks`, and how, or why it does not."""

    covered: bool
    how: str


class Sandbox(Protocol):
    """Runs programs, each in a box of its own."""

    @property
    def name(self) -> str:
        """The backend's name, as `open_sandbox` takes it."""
        ...

    @property
    def guarantees(self) -> Mapping[str, Guarantee]:
        """One entry for each attack of `r1kit.sandbox.attacks`; depends on who runs it and on the machine."""
        ...

    def run(
        self, argv: Sequence[str], *, files: Mapping[str, bytes], stdin: bytes = b"", limits: Limits = Limits()
    ) -> Outcome:
        """Run one program in a fresh box and wait for its end. May be called from several threads at once.

        Args:
            argv: The program and its arguments; the program by its absolute path (`r1kit.sandbox.executables`).
            files: Content by name; laid read-only and executable at /code/NAME. A name may have folders: "lib/a.py".
            stdin: What the program reads; then its stdin ends.
            limits: What the run may use.

        The working folder is fresh, writable and the only such place beside /dev/shm. What the box shows otherwise
        is the backend's to say. HOME and TMPDIR are the working folder; no variable of the caller is passed on.

        Raises:
            SandboxError: the box could not be made, so nothing is known about the program.
        """
        ...

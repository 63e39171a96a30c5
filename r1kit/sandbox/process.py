"""Start a process, feed it, read what it says up to a limit, and end it and its group at the wall clock."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from r1kit.sandbox.base import Ending, SandboxError
from r1kit.sandbox.descriptors import Descriptors

DEATH_S = 10.0
"""How long the kernel may take to end a killed box. Longer means that the machine, not the program, is in trouble."""

STRAGGLER_S = 0.5
"""How long pipes are read on after a process without a box ended: what left its group may hold them for ever."""

_CHUNK = 65536
_STATUS_BYTES = 65536
_POLL_S = 0.02
"""Where there is no pidfd (not Linux), how often to look whether the process has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process that has ended, or was ended."""

    ending: Ending
    """EXIT also where a signal did it; see `returncode`."""
    returncode: int
    """As subprocess has it: negative for a signal."""
    stdout: bytes
    stderr: bytes
    status: bytes
    """What came through the status pipe."""
    wall_s: float


def run_process(
    command: Sequence[str],
    *,
    stdin: bytes,
    wall_s: float,
    output_bytes: int,
    env: Mapping[str, str],
    descriptors: Descriptors,
    cwd: str | None = None,
) -> Ended:
    """Run a command to its end or to a limit, whichever comes first.

    Args:
        command: The program and its arguments.
        stdin: What it reads; fed while its output is read, so neither waits for the other.
        wall_s: Then its process group is killed (Ending.TIMEOUT).
        output_bytes: Of stdout, and as much of stderr; at one more the group is killed (Ending.OUTPUT).
        env: The whole environment.
        descriptors: What it inherits, closed here once it has started. With an alive pipe, the run is over only when
            nothing in the box lives.
        cwd: Working folder; None for the caller's.

    Raises:
        SandboxError: the box did not die within 10 s of SIGKILL.
        OSError: the process could not be started.
    """
    began = time.monotonic()
    # No preexec_fn: it is unsafe with threads, and without it the child is made by vfork.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(env),
        cwd=cwd,
        pass_fds=descriptors.inherited,
        start_new_session=True,
        bufsize=0,
    )
    with process, contextlib.ExitStack() as after:  # which first kills what may still run, then closes and waits
        after.callback(_kill_group, process)
        conversation = _Conversation(process, stdin, output_bytes, descriptors)
        after.callback(conversation.close)
        ending = conversation.hold(began + wall_s)
        return Ended(
            ending=ending,
            returncode=process.wait(),
            stdout=bytes(conversation.stdout[:output_bytes]),
            stderr=bytes(conversation.stderr[:output_bytes]),
            status=bytes(conversation.status),
            wall_s=time.monotonic() - began,
        )


class _Conversation:
    """The pipes of one process, and its life."""

    def __init__(
        self, process: subprocess.Popen[bytes], stdin: bytes, output_bytes: int, descriptors: Descriptors
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdout, self.stderr, self.status = bytearray(), bytearray(), bytearray()
        self._process, self._alive = process, descriptors.alive
        self._output_bytes = output_bytes
        self._unsent = memoryview(stdin)
        self._selector = selectors.DefaultSelector()
        self._stdin, self._pidfd = process.stdin.fileno(), -1
        # Where what is read from each pipe goes, and how much of it. One byte too much is read, to see the flood.
        self._sinks = {
            process.stdout.fileno(): (self.stdout, output_bytes + 1),
            process.stderr.fileno(): (self.stderr, output_bytes + 1),
            descriptors.status: (self.status, _STATUS_BYTES),
            descriptors.alive: (bytearray(), 0),
        }
        self._sinks.pop(-1, None)
        self._open = set(self._sinks)
        descriptors.close_inherited()
        for fd in self._open:
            self._selector.register(fd, selectors.EVENT_READ)
        if sys.platform == "linux":
            self._pidfd = os.pidfd_open(process.pid)
            self._selector.register(self._pidfd, selectors.EVENT_READ)
        os.set_blocking(self._stdin, False)
        if stdin:
            self._selector.register(self._stdin, selectors.EVENT_WRITE)
        else:
            process.stdin.close()

    def hold(self, deadline: float) -> Ending:
        """Talk until the process has ended or must be ended; how it ended."""
        ending = None
        while ending is None:
            over = self._talk(deadline)
            if max(len(self.stdout), len(self.stderr)) > self._output_bytes:
                ending = Ending.OUTPUT
            elif over:
                ending = Ending.EXIT
            elif time.monotonic() >= deadline:
                ending = Ending.TIMEOUT
        _kill_group(self._process)  # also after an exit: what the program left running ends with it
        self._drain()
        if max(len(self.stdout), len(self.stderr)) > self._output_bytes:
            ending = Ending.OUTPUT
        return ending

    def close(self) -> None:
        """Close what this object opened."""
        self._selector.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)

    def _talk(self, deadline: float) -> bool:
        """Move what can be moved; True when the process has ended."""
        patience_s = max(0.0, deadline - time.monotonic())
        if self._pidfd < 0:
            patience_s = min(patience_s, _POLL_S)
        ended = False
        for key, _ in self._selector.select(patience_s):
            if key.fd == self._pidfd:
                ended = True
            elif key.fd == self._stdin:
                self._write()
            else:
                self._read(key.fd)
        return ended or (self._pidfd < 0 and self._process.poll() is not None)

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._stdin, self._unsent[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the program does not want it
            self._unsent = self._unsent[:0]
        if not self._unsent:
            self._selector.unregister(self._stdin)
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _read(self, fd: int) -> None:
        data = os.read(fd, _CHUNK)
        sink, size = self._sinks[fd]
        sink += data[: max(0, size - len(sink))]
        if not data:
            self._selector.unregister(fd)
            self._open.discard(fd)

    def _drain(self) -> None:
        """Read what is still in the pipes until all have closed: then nothing of the box lives.

        Raises:
            SandboxError: it lives on for 10 s.
        """
        give_up = time.monotonic() + (DEATH_S if self._alive >= 0 else STRAGGLER_S)
        if self._pidfd >= 0:
            self._selector.unregister(self._pidfd)
        while self._open and (patience_s := give_up - time.monotonic()) > 0:
            for key, _ in self._selector.select(patience_s):
                if key.fd == self._stdin:
                    self._selector.unregister(self._stdin)
                else:
                    self._read(key.fd)
        if self._alive in self._open:
            raise SandboxError(
                f"a box still lives {DEATH_S:g} s after it was killed; something is wrong with the machine"
            )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # once it has been waited for, its number may be somebody else's
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

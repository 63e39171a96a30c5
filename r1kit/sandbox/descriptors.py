"""File descriptors that a box is given, and none of which may be left open, whatever goes wrong."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self


class Descriptors:
    """What a box inherits, and the two pipes that tell of it. A context manager: at its end all are closed."""

    def __init__(self) -> None:
        self.inherited: list[int] = []
        self.status, self.alive = -1, -1
        """Read ends; -1 where there is no such pipe."""

    def status_pipe(self) -> int:
        """The write end of the pipe on which the box's maker, never the program, says how it went."""
        self.status, end = os.pipe()
        self.inherited.append(end)
        return end

    def alive_pipe(self) -> int:
        """The write end of a pipe that nothing writes, and that the box holds while anything in it lives."""
        self.alive, end = os.pipe()
        self.inherited.append(end)
        return end

    def file(self, content: bytes) -> int:
        """A file in memory that has this content and stands at its start; Linux only."""
        fd = os.memfd_create("r1kit-box", os.MFD_CLOEXEC)
        self.inherited.append(fd)
        unwritten = memoryview(content)
        while unwritten:
            unwritten = unwritten[os.write(fd, unwritten) :]
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def adopt(self, fd: int) -> int:
        """Another one to inherit; closed here from now on."""
        self.inherited.append(fd)
        return fd

    def close_inherited(self) -> None:
        """The box has them now; while this process holds the write ends, the pipes would never end."""
        while self.inherited:
            os.close(self.inherited.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close_inherited()
        for fd in (self.status, self.alive):
            if fd >= 0:
                os.close(fd)

"""`Limits` as the kernel's resource limits, and the users that they are counted for."""

from __future__ import annotations

import errno
import math
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from r1kit.sandbox.base import Limits, SandboxError

FIRST_UID = 60_000
"""Boxes started by root run as this user and the following ones; above what Debian and Fedora give to people."""

NOBODY = 65_534
_NUM_UIDS = 4096

_MB = 1 << 20


def resource_limits(limits: Limits) -> dict[str, tuple[int, int]]:
    """(soft, hard) by the names of prlimit(1) without dashes; never above what this process may set itself."""
    cpu_s = math.ceil(limits.cpu_s)
    wanted = {
        "as" if limits.address_space else "data": (limits.memory_mb * _MB,) * 2,
        # SIGXCPU at the first, which says why; SIGKILL a second later for those who catch it.
        "cpu": (cpu_s, cpu_s + 1),
        "fsize": (limits.file_mb * _MB,) * 2,
        "nofile": (limits.num_files,) * 2,
        "nproc": (limits.num_processes,) * 2,
        "core": (0, 0),
    }
    return {name: _within_ours(name, soft, hard) for name, (soft, hard) in wanted.items()}


def box_memory_bytes(limits: Limits) -> int:
    """What a whole box may use where that can be limited: a process's share, and its files, which lie in memory."""
    return (limits.memory_mb + 2 * limits.tmp_mb) * _MB


def _within_ours(name: str, soft: int, hard: int) -> tuple[int, int]:
    _, ours = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    if ours != resource.RLIM_INFINITY:
        soft, hard = min(soft, ours), min(hard, ours)
    return soft, hard


class BoxUsers:
    """Whom the programs in boxes run as, one user for each box at a time.

    RLIMIT_NPROC counts the processes of a user, and exempts root under whatever name a user namespace gives it. So
    where root starts boxes, each has a real user of its own; where an ordinary user does, its boxes are user
    namespaces, in each of which the count is separate (Linux 5.14), and all are called nobody.
    """

    def __init__(self) -> None:
        self.are_real = os.geteuid() == 0 and _may_become(FIRST_UID)
        """Whether each box's user exists outside: root starts them, and may become other users."""

    @contextmanager
    def one(self) -> Iterator[int]:
        """A user id that no other box on this machine has, given back at its end.

        Raises:
            SandboxError: thousands of boxes run at once.
        """
        if not self.are_real:
            yield NOBODY
            return
        for uid in range(FIRST_UID, FIRST_UID + _NUM_UIDS):
            # A name in the kernel's table of abstract sockets is a lock between threads and processes alike, and is
            # free again as soon as its holder has died, however that happened.
            with socket.socket(socket.AF_UNIX) as lock:
                try:
                    lock.bind(f"\0r1kit-box-user-{uid}")
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    continue
                yield uid
                return
        raise SandboxError(f"sandbox: {_NUM_UIDS} boxes run on this machine at once; wait for some to end")


def _may_become(uid: int) -> bool:
    """Whether root may change to a user: in a rootless container most ids do not exist."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= uid < first + count:
            return True
    return False

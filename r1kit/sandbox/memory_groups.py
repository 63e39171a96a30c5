"""Control groups that limit the memory of a whole box, where the machine lets this user make them.

Resource limits count each process for itself; a memory cgroup counts all processes of a box, their shared memory, and
what they write into file systems in memory. Root may usually make them; others may where a service manager delegates
a part of the tree. Whether they work is found out by making one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

JOIN = 'echo 0 > "$0" && exec "$@"'
"""For /bin/sh -c: join the group whose file is the next argument, and become the command that follows it."""

_TREE = Path("/sys/fs/cgroup")
_PREFIX = "r1kit-"
_EMPTY_S = 1.0
"""How long a group whose processes have died may take to be empty."""


class MemoryGroups:
    """Makes a memory cgroup for each box."""

    def __init__(self) -> None:
        self._above: Path | None = None
        for folder in _candidates(_own_groups(), _TREE):
            self._above = folder
            if self._works():
                _sweep(folder)
                return
        self._above = None

    @property
    def are_available(self) -> bool:
        """Whether this user may make them here."""
        return self._above is not None

    @contextmanager
    def one(self, limit_bytes: int) -> Iterator[str | None]:
        """The file that a process of one thread writes "0" to, to be counted; None where there are no groups.

        Raises:
            OSError: groups worked when this object was made, and no longer do.
        """
        if self._above is None:
            yield None
            return
        group = self._above / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
        group.mkdir()
        try:
            _limit(group, limit_bytes)
            yield str(_door(group))
        finally:
            _remove(group)

    def _works(self) -> bool:
        """Whether a group can be made, limited, joined and removed here."""
        try:
            with self.one(1 << 30) as door:
                assert door is not None
                joined = subprocess.run(["/bin/sh", "-c", JOIN, door, "/bin/true"], stderr=subprocess.DEVNULL)
                return joined.returncode == 0
        except OSError:
            return False


def _own_groups() -> dict[str, str]:
    """The control groups of this process by controller; version 2 has the name ""."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except FileNotFoundError:  # not Linux, or a kernel without control groups
        return {}
    groups = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        groups |= dict.fromkeys(controllers.split(","), path)
    return groups


def _candidates(own: dict[str, str], tree: Path) -> list[Path]:
    """Where a new group could be made: below this process's own one, or (version 2) beside it."""
    if "memory" in own:
        return [tree / "memory" / own["memory"].lstrip("/")]
    if "" not in own:
        return []
    folder = tree / own[""].lstrip("/")
    # In version 2 a group with processes cannot pass controllers on, except the root; so its parent is a candidate.
    return [path for path in (folder, folder.parent) if path.is_relative_to(tree) and _passes_memory_on(path)]


def _passes_memory_on(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return "memory" in (folder / "cgroup.subtree_control").read_text().split()
    return False


def _limit(group: Path, limit_bytes: int) -> None:
    version_1 = group / "memory.limit_in_bytes"
    if version_1.exists():
        version_1.write_text(str(limit_bytes))
        return
    (group / "memory.max").write_text(str(limit_bytes))
    swap = group / "memory.swap.max"
    if swap.exists():
        swap.write_text("0")


def _door(group: Path) -> Path:
    """Version 1 lets a thread move itself alone, for which the kernel need not stop all forks: 10 ms less a box."""
    single = group / "tasks"
    return single if single.exists() else group / "cgroup.procs"


def _remove(group: Path) -> None:
    """An empty group is removed like a folder; one whose processes are still dying is busy for a moment."""
    ends = time.monotonic() + _EMPTY_S
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() < ends:
                time.sleep(0.002)
                continue
            raise
        return


def _sweep(above: Path) -> None:
    """Remove the empty groups of processes that were killed before they could."""
    for group in above.glob(f"{_PREFIX}*-*"):
        maker = group.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", maker).exists():
            with contextlib.suppress(OSError):
                group.rmdir()

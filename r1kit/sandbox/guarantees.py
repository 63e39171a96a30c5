"""What each backend says it stops, attack by attack; `r1kit sandbox check` and the tests hold it to that."""

from __future__ import annotations

import os
from pathlib import Path

from r1kit.sandbox.base import Guarantee
from r1kit.sandbox.executables import readable_paths

_UNSEEN = "not in the box's file system"
_LIMIT = "limit of each process ({})"

_BY_A_BOX = {
    "network": "a network namespace without any network",
    "checkout": _UNSEEN,
    "home": _UNSEEN,
    "symlink": _UNSEEN + ", wherever a link points",
    "processes": "a PID namespace: the box's own processes are all there are",
    "environment": "four fixed variables",
    "leftovers": "file systems in memory that end with the box",
    "devices": "null, zero, full and random are all there are; no capability to make others",
    "write-outside": "all is read-only except /tmp and /dev/shm, which are the box's own",
    "signal-parent": "a PID namespace: no process outside has a number",
    "orphan": "a PID namespace: all die with its first process",
    "zombies": "a PID namespace: its first process buries them",
    "set-clock": "no capability",
    "kernel-settings": "owned by a root that the box does not have",
    "terminal": "a session of its own, and pipes",
    "setuid": "no new privileges",
    "fork-bomb": _LIMIT.format("RLIMIT_NPROC, counted for a user of the box's own"),
    "disk": "sizes of the two writable file systems",
    "shared-memory": "sizes of the two writable file systems",
}
_BY_LIMITS = {
    "environment": "four fixed variables",
    "memory": _LIMIT.format("RLIMIT_AS"),
    "memory-private": _LIMIT.format("RLIMIT_DATA"),
    "cpu": _LIMIT.format("RLIMIT_CPU"),
    "sigxcpu": _LIMIT.format("RLIMIT_CPU, hard limit a second later"),
    "sleep": "killed by the parent at the wall clock",
    "big-file": _LIMIT.format("RLIMIT_FSIZE"),
    "open-files": _LIMIT.format("RLIMIT_NOFILE"),
    "output-flood": "killed by the parent at the limit",
    "core-dump": _LIMIT.format("RLIMIT_CORE"),
    "stdin": "a pipe, fed while the output is read",
    "zombies": "the machine's first process buries them",
}
_BY_A_FILTER = {
    "user-namespace": "system calls refused",
    "ptrace": "system calls refused",
    "memory-system-v": "system calls refused",
}
_BY_A_GROUP = {"memory-of-all": "a memory cgroup for the box, whose limit has room for its files too"}
_NO_GROUPS = "this user may make no memory cgroup here; the memory limit is each process's, num_processes times in all"


def bwrap(*, has_users: bool, is_root: bool, has_groups: bool, has_filter: bool) -> dict[str, Guarantee]:
    """Of `r1kit.sandbox.bwrap`.

    Args:
        has_users: Whether each box has a real user of its own.
        is_root: Whether root starts the boxes.
        has_groups: Whether each box has a memory cgroup.
        has_filter: Whether the processor's system calls are known.
    """
    said = _box(has_users=has_users, is_root=is_root, has_groups=has_groups)
    if not has_filter:
        said |= _missing(_BY_A_FILTER, "the system calls of this processor are not known: no filter")
    said["empty-files"] = Guarantee(False, "bubblewrap cannot limit the number of files; they cost kernel memory")
    return said


def namespaces(*, has_users: bool, is_root: bool, has_groups: bool) -> dict[str, Guarantee]:
    """Of `r1kit.sandbox.namespaces`; arguments as for `bwrap`."""
    said = _box(has_users=has_users, is_root=is_root, has_groups=has_groups)
    said["empty-files"] = Guarantee(True, "number of files of the two writable file systems")
    return said


def plain() -> dict[str, Guarantee]:
    """Of `r1kit.sandbox.plain`."""
    said = _missing(
        _BY_A_BOX | _BY_A_GROUP | _BY_A_FILTER, "nothing stands between the program and what this user may do"
    )
    said["empty-files"] = Guarantee(False, "nothing counts files")
    return said | _given(_BY_LIMITS)


def _box(*, has_users: bool, is_root: bool, has_groups: bool) -> dict[str, Guarantee]:
    said = _given(_BY_LIMITS | _BY_A_BOX | _BY_A_FILTER)
    said |= _given(_BY_A_GROUP) if has_groups else _missing(_BY_A_GROUP, _NO_GROUPS)
    if is_root and not has_users:
        said["fork-bomb"] = Guarantee(False, "root is exempt from RLIMIT_NPROC, and other users do not exist here")
    shown = [path for path in readable_paths() if Path(__file__).resolve().is_relative_to(path)]
    if shown:
        said["checkout"] = Guarantee(False, f"r1kit lies in {shown[0]}, which boxes show; use a virtual environment")
    home = [path for path in readable_paths() if Path(os.path.expanduser("~")).resolve().is_relative_to(path)]
    if home:
        reason = f"the home folder lies in {home[0]}, which boxes show"
        said |= _missing({"home": "", "symlink": ""}, reason)
    return said


def _given(reasons: dict[str, str]) -> dict[str, Guarantee]:
    return {name: Guarantee(True, how) for name, how in reasons.items()}


def _missing(names: dict[str, str], reason: str) -> dict[str, Guarantee]:
    return {name: Guarantee(False, reason) for name in names}

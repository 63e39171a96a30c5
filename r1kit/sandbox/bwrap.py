"""The first backend: bubblewrap (bwrap), namespaces and mounts made by a small C program that distributions ship.

Every run starts a bwrap of its own. In the box: new PID, network, IPC, host-name, cgroup and mount namespaces (and a
user namespace where an ordinary user starts it; where root does, the program runs as a user of its own instead), an
empty file system with `r1kit.sandbox.executables.readable_paths` read-only, two small writable ones, no capability,
no new privileges, a filter of system calls, and resource limits.

Covered, each by an attack of its name in `r1kit.sandbox.attacks`:
    network, checkout, home, symlink, processes, environment, leftovers, devices, write-outside, signal-parent, orphan,
    zombies, set-clock, kernel-settings, terminal, user-namespace, ptrace, setuid, fork-bomb, memory, memory-private,
    memory-system-v, cpu, sigxcpu, sleep, disk, shared-memory, big-file, open-files, output-flood, core-dump, stdin;
    memory-of-all where this user may make memory cgroups.

Not covered:
    memory-of-all elsewhere: the memory limit is each process's, so a box may use `num_processes` times as much.
    empty-files: files without content cost memory of the kernel's that `tmp_mb` does not count (a cgroup does).
    user-namespace, ptrace and memory-system-v on processors other than x86-64 and aarch64: no filter is known.
    Faults of the kernel that the filter leaves within reach, and timing: boxes share the processor and its caches.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cache

from r1kit.sandbox import guarantees
from r1kit.sandbox.base import Guarantee, Limits, SandboxError
from r1kit.sandbox.boxes import BoxMaker
from r1kit.sandbox.descriptors import Descriptors
from r1kit.sandbox.executables import (
    SEARCH_PATH,
    box_environment,
    find_executable,
    parents,
    readable_paths,
    root_folders,
    root_links,
)
from r1kit.sandbox.limits import resource_limits
from r1kit.sandbox.memory_groups import JOIN
from r1kit.sandbox.seccomp import filter_program

_INSTALL = "install it with: apt-get install bubblewrap (or dnf, pacman, apk add)"


class BwrapSandbox(BoxMaker):
    """Boxes made by bubblewrap. Needs Linux, bwrap 0.7 or later, and prlimit and setpriv of util-linux.

    Raises:
        SandboxError: bwrap or a tool is not there, or the kernel does not let this user make namespaces.
    """

    name = "bwrap"

    def __init__(self) -> None:
        path = shutil.which("bwrap")
        if path is None:
            raise SandboxError(f"sandbox bwrap: bwrap is not on the PATH; {_INSTALL}")
        for tool in ("prlimit", "setpriv"):
            if find_executable(tool) is None:
                raise SandboxError(f"sandbox bwrap: no {tool} in {SEARCH_PATH}; install util-linux")
        self._path = path
        self._filter = filter_program()
        super().__init__()

    @property
    def guarantees(self) -> Mapping[str, Guarantee]:
        """What a box of this user on this machine stops."""
        return guarantees.bwrap(
            has_users=self._users.are_real,
            is_root=os.geteuid() == 0,
            has_groups=self._groups.are_available,
            has_filter=self._filter is not None,
        )

    def _command(
        self,
        argv: Sequence[str],
        files: Mapping[str, bytes],
        limits: Limits,
        *,
        uid: int,
        group: str | None,
        descriptors: Descriptors,
    ) -> list[str]:
        join = [] if group is None else ["/bin/sh", "-c", JOIN, group]
        return [*join, *self._box(files, limits, uid, descriptors), "--", *argv]

    def _box(self, files: Mapping[str, bytes], limits: Limits, uid: int, descriptors: Descriptors) -> list[str]:
        """The command in front of the program's own: bwrap, then in the box setpriv, then prlimit."""
        status, alive = descriptors.status_pipe(), descriptors.alive_pipe()
        command = [self._path, "--json-status-fd", str(status), "--sync-fd", str(alive), *_NAMESPACES]
        for name, value in box_environment().items():
            command += ["--setenv", name, value]
        if not self._users.are_real:
            command += ["--unshare-user", "--uid", str(uid), "--gid", str(uid)]
        command += _file_system()
        for path in sorted({folder for name in files for folder in parents(f"/code/{name}")}):
            command += ["--perms", "0755", "--dir", path]
        for name, content in files.items():
            command += ["--perms", "0555", "--file", str(descriptors.file(content)), f"/code/{name}"]
        command += _writable(limits.tmp_mb)
        if self._filter is not None:
            command += ["--seccomp", str(descriptors.file(self._filter))]
        command.append("--")
        if self._users.are_real:
            command += ["setpriv", f"--reuid={uid}", f"--regid={uid}", *_DROP_ALL]
        command.append("prlimit")
        return command + [f"--{name}={soft}:{hard}" for name, (soft, hard) in resource_limits(limits).items()]


_TMP, _SHM = "/tmp", "/dev/shm"  # noqa: S108 -- the box's own
_NAMESPACES = [
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
    "--clearenv",
    *("--hostname", "box"),
]
_DROP_ALL = ["--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]


@cache
def _file_system() -> list[str]:
    """What the box shows, read-only. bwrap as root makes missing folders 0700, so they are made here."""
    arguments: list[str] = []
    shown = [*readable_paths(), *root_folders()]
    for folder in sorted({folder for path in shown for folder in parents(path)}):
        arguments += ["--perms", "0755", "--dir", folder]
    for path in shown:
        arguments += ["--ro-bind", path, path]
    for target, link in root_links():
        arguments += ["--symlink", target, link]
    return [*arguments, "--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/code"]


def _writable(tmp_mb: int) -> list[str]:
    """The two places that can be written, then all else is closed: the root and /dev are file systems in memory too."""
    size = ["--perms", "1777", "--size", str(tmp_mb << 20), "--tmpfs"]
    return [*size, _SHM, *size, _TMP, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _TMP]

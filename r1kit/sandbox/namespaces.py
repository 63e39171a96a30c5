"""The second backend: the same box as bubblewrap's, made by `r1kit.sandbox.launcher` with the kernel's calls alone.

For machines where bubblewrap cannot be installed but namespaces are allowed. Its start takes a Python interpreter of
its own, so it is about twice as slow. Linux 5.12 or later on x86-64 or aarch64.

Covered, each by an attack of its name in `r1kit.sandbox.attacks`:
    network, checkout, home, symlink, processes, environment, leftovers, devices, write-outside, signal-parent, orphan,
    zombies, set-clock, kernel-settings, terminal, user-namespace, ptrace, setuid, fork-bomb, memory, memory-private,
    memory-system-v, cpu, sigxcpu, sleep, disk, shared-memory, empty-files, big-file, open-files, output-flood,
    core-dump, stdin; memory-of-all where this user may make memory cgroups.

Not covered:
    memory-of-all elsewhere: the memory limit is each process's, so a box may use `num_processes` times as much.
    Faults of the kernel that the filter leaves within reach, and timing: boxes share the processor and its caches.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from r1kit.sandbox import guarantees
from r1kit.sandbox.base import Guarantee, Limits, SandboxError
from r1kit.sandbox.boxes import BoxMaker
from r1kit.sandbox.descriptors import Descriptors
from r1kit.sandbox.executables import (
    box_environment,
    python_executable,
    readable_paths,
    root_folders,
    root_links,
)
from r1kit.sandbox.limits import resource_limits
from r1kit.sandbox.seccomp import filter_program

LAUNCHER = str(Path(__file__).with_name("launcher.py"))

_MB = 1 << 20
_PAGE = 4096
_FILES_A_MB = 64
"""How many files a writable place holds for each megabyte."""


class NamespaceSandbox(BoxMaker):
    """Boxes made by system calls; needs no tool.

    Raises:
        SandboxError: not Linux on a known processor, or the kernel does not let this user make namespaces.
    """

    name = "namespaces"

    def __init__(self) -> None:
        program = filter_program() if sys.platform == "linux" else None
        if program is None:
            raise SandboxError(
                f"sandbox namespaces: needs Linux on x86_64 or aarch64, this is {sys.platform} on {platform.machine()}"
            )
        self._filter = program
        super().__init__()

    @property
    def guarantees(self) -> Mapping[str, Guarantee]:
        """What a box of this user on this machine stops."""
        return guarantees.namespaces(
            has_users=self._users.are_real, is_root=os.geteuid() == 0, has_groups=self._groups.are_available
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
        spec = {
            "argv": list(argv),
            "env": box_environment(),
            "limits": resource_limits(limits),
            "box": {"group": group, **self._box(files, limits, uid, descriptors)},
        }
        return [python_executable(), "-I", "-S", LAUNCHER, str(descriptors.file(json.dumps(spec).encode()))]

    def _box(self, files: Mapping[str, bytes], limits: Limits, uid: int, descriptors: Descriptors) -> dict[str, object]:
        """What the launcher is told about the box; files as text of one character a byte, for JSON."""
        return {
            "uid": uid,
            "real_user": self._users.are_real,
            "status_fd": descriptors.status_pipe(),
            "alive_fd": descriptors.alive_pipe(),
            "shown": [(os.path.realpath(path), path) for path in (*readable_paths(), *root_folders())],
            "links": root_links(),
            "files": {name: content.decode("latin-1") for name, content in files.items()},
            "code_bytes": sum(len(content) + _PAGE for content in files.values()) + _MB,
            "writable": f"size={limits.tmp_mb * _MB},nr_inodes={limits.tmp_mb * _FILES_A_MB},mode=1777",
            "filter": self._filter.hex(),
        }

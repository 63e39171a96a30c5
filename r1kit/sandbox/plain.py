"""The last backend, only with `unsafe=True`: a process under resource limits. It stops accidents, not attacks.

Covered, each by an attack of its name in `r1kit.sandbox.attacks`:
    environment, memory, memory-private, cpu, sigxcpu, sleep, big-file, open-files, output-flood, zombies, core-dump,
    stdin.

Not covered:
    All else. The program is this user: it reads and changes what this user may, talks to the network, starts as many
    processes as this user may, and what leaves its process group lives on.

A temporary folder stands in for /code: the word /code/ in `argv` is replaced by it; in the program it is not there.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from r1kit.sandbox import guarantees
from r1kit.sandbox.base import Ending, Guarantee, Limits, Outcome
from r1kit.sandbox.descriptors import Descriptors
from r1kit.sandbox.executables import box_environment, python_executable
from r1kit.sandbox.files import check_names
from r1kit.sandbox.limits import resource_limits
from r1kit.sandbox.namespaces import LAUNCHER
from r1kit.sandbox.process import Ended, run_process
from r1kit.sandbox.status import machine_faults

_CODE = re.compile(r"(?<![\w/.-])/code/")


class PlainSandbox:
    """No box: a process of this user with limits, in a temporary folder that is removed afterwards. POSIX."""

    name = "plain"

    @property
    def guarantees(self) -> Mapping[str, Guarantee]:
        """What the limits alone stop."""
        return guarantees.plain()

    def run(
        self, argv: Sequence[str], *, files: Mapping[str, bytes], stdin: bytes = b"", limits: Limits = Limits()
    ) -> Outcome:
        """Run one program under limits; see `r1kit.sandbox.base.Sandbox.run` and the differences above."""
        check_names(files)
        with (
            machine_faults(self.name),
            tempfile.TemporaryDirectory(prefix="r1kit-plain-", ignore_cleanup_errors=True) as folder,
        ):
            code, work = Path(folder, "code"), Path(folder, "work")
            work.mkdir()
            for name, content in files.items():
                path = code / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o555)
            placed = [_CODE.sub(lambda _: f"{code}/", word) for word in argv]
            return _outcome(_start(placed, str(work), stdin, limits))


def _start(argv: Sequence[str], work: str, stdin: bytes, limits: Limits) -> Ended:
    wanted = resource_limits(limits)
    del wanted["nproc"]  # it counts all of this user's processes, and would refuse the first one
    if sys.platform == "darwin":
        wanted.pop("as", None)  # not a limit there
    spec = {"argv": list(argv), "env": box_environment(work), "limits": wanted, "box": None}
    with tempfile.TemporaryFile() as stream, Descriptors() as descriptors:
        stream.write(json.dumps(spec).encode())
        stream.seek(0)
        spec_fd = descriptors.adopt(os.dup(stream.fileno()))
        return run_process(
            [python_executable(), "-I", "-S", LAUNCHER, str(spec_fd)],
            stdin=stdin,
            wall_s=limits.wall_s,
            output_bytes=limits.output_kb * 1024,
            env={},
            descriptors=descriptors,
            cwd=work,
        )


def _outcome(ended: Ended) -> Outcome:
    ending, status = ended.ending, ended.returncode
    if status < 0:
        status = -status
        ending = Ending.SIGNAL if ending is Ending.EXIT else ending
    return Outcome(ending=ending, status=status, stdout=ended.stdout, stderr=ended.stderr, wall_s=ended.wall_s)

"""Does a sandbox keep its word? Sets the stage for each attack of `r1kit.sandbox.attacks`, runs it, and judges."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from r1kit.sandbox.attacks import ATTACKS, Attack
from r1kit.sandbox.base import Outcome, Sandbox, SandboxError
from r1kit.sandbox.executables import python_executable

_PACKAGE_FILE = Path(__file__).with_name("base.py")
_SETTLE_S = 0.5
"""How long a process that was killed may take to be gone."""


class Finding(StrEnum):
    """What an attack did to a box."""

    HELD = "held"
    BROKEN = "broken"
    """The attack succeeded."""
    UNCLEAR = "unclear"
    """The box did not start, or the attack ended in a way that shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One attack on one sandbox."""

    attack: str
    finding: Finding
    claimed: bool
    """Whether the sandbox says that it stops this attack."""
    evidence: str
    """The attack's last line, or how it ended."""

    @property
    def keeps_its_word(self) -> bool:
        """Whether what is claimed is so; what is not claimed may end either way, but must start."""
        return self.finding is Finding.HELD or (not self.claimed and self.finding is Finding.BROKEN)


def run_attack(attack: Attack, sandbox: Sandbox, *, thorough: bool | None = None) -> Result:
    """Run one attack on its own stage.

    Args:
        attack: What to try.
        sandbox: What to try it on.
        thorough: Whether the attack may write wherever it can; by default only where the sandbox says that it stops
            that, since otherwise it would litter the machine.
    """
    claimed = sandbox.guarantees[attack.name].covered
    with _Stage() as stage:
        given = stage.description(thorough=claimed if thorough is None else thorough)
        argv = [python_executable(), "-I", "-S", "/code/main.py", stage.marker]
        outcome = None
        try:
            for _ in range(attack.num_runs):
                outcome = sandbox.run(
                    argv,
                    files={"main.py": attack.program.encode()},
                    stdin=json.dumps(given).encode() + b"\n" + b" " * attack.extra_stdin,
                    limits=attack.limits,
                )
        except SandboxError as error:
            return Result(attack=attack.name, finding=Finding.UNCLEAR, claimed=claimed, evidence=str(error))
        assert outcome is not None
        won = attack.judge(outcome, stage) if outcome.stdout.startswith(b"STARTED\n") else None
    finding = Finding.UNCLEAR if won is None else Finding.BROKEN if won else Finding.HELD
    return Result(attack=attack.name, finding=finding, claimed=claimed, evidence=_evidence(outcome))


def run_attacks(sandbox: Sandbox) -> Iterator[Result]:
    """Every attack in turn, as it is judged."""
    for attack in ATTACKS.values():
        yield run_attack(attack, sandbox)


def _evidence(outcome: Outcome) -> str:
    said = [line for line in outcome.stdout.decode(errors="replace").splitlines() if line.startswith(("WON ", "HELD "))]
    ended = f"{outcome.ending} {outcome.status}"
    if said:
        return said[-1].split(" ", 1)[1]
    complaint = outcome.stderr.decode(errors="replace").strip().splitlines()
    return f"{ended}: {complaint[-1][:200]}" if complaint and outcome.status == 1 else ended


class _Stage:
    """Secrets to find, a server to call, a process to kill, a folder to write in; see `r1kit.sandbox.attacks.Stage`."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self.marker = secrets.token_hex(8)
        self.package_digest = hashlib.sha256(_PACKAGE_FILE.read_bytes()).hexdigest()
        self._after = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._outside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="r1kit-outside-")))
            self._outside.chmod(0o777)  # anyone could write here, were it in the box
            self._secret = self._plant_secret(stack)
            self._server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self._servers = [self._server]
            if sys.platform == "linux":
                local = stack.enter_context(socket.socket(socket.AF_UNIX))
                local.bind(f"\0{self.marker}")
                local.listen()
                self._servers.append(local)
            self._victim = subprocess.Popen(
                ["/bin/sleep", "600"], env={"R1KIT_VICTIM": self.token}, start_new_session=True
            )
            stack.callback(self._victim.wait)
            stack.callback(self._victim.kill)
            os.environ["R1KIT_SECRET"] = self.token
            stack.callback(os.environ.pop, "R1KIT_SECRET")
            stack.callback(self._kill_survivors)
            self._children = _children()
            self._after = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._after.close()

    def description(self, *, thorough: bool) -> dict[str, object]:
        """What the attack is told."""
        return {
            "port": self._server.getsockname()[1],
            "socket": self.marker,
            "package_file": str(_PACKAGE_FILE),
            "secret": str(self._secret),
            "outside": str(self._outside),
            "victim": self._victim.pid,
            "marker": self.marker,
            "thorough": thorough,
        }

    def was_called(self) -> bool:
        for server in self._servers:
            server.settimeout(0.0)
            with contextlib.suppress(BlockingIOError):
                server.accept()[0].close()
                return True
        return False

    def was_written(self) -> bool:
        return any(self._outside.iterdir())

    def has_survivors(self) -> bool:
        # Processes come and go while /proc is listed, and a look may miss one: gone is what two looks do not find.
        return not _becomes_true(lambda: not (self._survivors() or self._survivors()))

    def has_new_children(self) -> bool:
        return not _becomes_true(lambda: _children() <= self._children)

    def victim_died(self) -> bool:
        return _becomes_true(lambda: self._victim.poll() is not None)

    def _plant_secret(self, stack: contextlib.ExitStack) -> Path:
        """In the home folder; in the temporary one where there is no home."""
        home = os.path.expanduser("~")
        folder = home if os.access(home, os.W_OK) else None
        fd, name = tempfile.mkstemp(prefix=".r1kit-secret-", dir=folder)
        stack.callback(os.unlink, name)
        with open(fd, "w") as stream:
            stream.write(self.token)
        return Path(name).resolve()

    def _survivors(self) -> list[int]:
        """Processes whose command line has this stage's marker."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if self.marker.encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        return found

    def _kill_survivors(self) -> None:
        for pid in self._survivors():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def _children() -> set[int]:
    """Processes, dead or alive, whose parent is this one; none where there is no /proc."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def _becomes_true(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + _SETTLE_S
    while not (true := condition()) and time.monotonic() < ends:
        time.sleep(0.02)
    return true

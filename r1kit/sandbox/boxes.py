"""What the backends that make real boxes share: who runs in a box, what is counted, and how a run goes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from r1kit.sandbox.base import Guarantee, Limits, Outcome
from r1kit.sandbox.descriptors import Descriptors
from r1kit.sandbox.executables import check_program
from r1kit.sandbox.files import check_names
from r1kit.sandbox.limits import BoxUsers, box_memory_bytes
from r1kit.sandbox.memory_groups import MemoryGroups
from r1kit.sandbox.process import run_process
from r1kit.sandbox.status import check_first_box, machine_faults, outcome_of


class BoxMaker(ABC):
    """A backend that says by what command a box is made; making one makes sure that it works.

    Raises:
        SandboxError: the first box failed.
    """

    name: str

    def __init__(self) -> None:
        self._users = BoxUsers()
        self._groups = MemoryGroups()
        check_first_box(self)

    @property
    @abstractmethod
    def guarantees(self) -> Mapping[str, Guarantee]:
        """What a box of this user on this machine stops."""

    @abstractmethod
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
        """What makes a box for user `uid`, counted in memory group `group` if there is one, and runs `argv` in it."""

    def run(
        self, argv: Sequence[str], *, files: Mapping[str, bytes], stdin: bytes = b"", limits: Limits = Limits()
    ) -> Outcome:
        """Run one program in a fresh box; see `r1kit.sandbox.base.Sandbox.run`."""
        check_names(files)
        check_program(self.name, argv[0])
        with (
            machine_faults(self.name),
            self._users.one() as uid,
            self._groups.one(box_memory_bytes(limits)) as group,
            Descriptors() as descriptors,
        ):
            ended = run_process(
                self._command(argv, files, limits, uid=uid, group=group, descriptors=descriptors),
                stdin=stdin,
                wall_s=limits.wall_s,
                output_bytes=limits.output_kb * 1024,
                env={},
                descriptors=descriptors,
            )
        return outcome_of(self.name, ended)

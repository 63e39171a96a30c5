"""Run the stages whose artifacts are missing, in a folder that one process at a time may write.

    keys = hash(config, keys of the inputs, ...)     artifact.py
    for stage in order:                              graph.py
        finished artifact with that key? use it
        else run into the unfinished folder, manifest, rename

So changing a stage's config remakes it and what follows from it, going back finds the old artifacts, and a run that was
killed anywhere goes on with the same call.
"""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

import r1kit
from r1kit.errors import R1KitError, RunError
from r1kit.pipeline.artifact import (
    MANIFEST,
    Manifest,
    Start,
    artifact_folder,
    artifact_keys,
    begin,
    finish,
    hash_files,
    is_finished,
    partial_folder,
    utc_now,
    write_record,
)
from r1kit.pipeline.estimate import Estimate, Machine, this_machine
from r1kit.pipeline.graph import needed, ordered
from r1kit.pipeline.lineage import write_lineage
from r1kit.pipeline.run import locked
from r1kit.pipeline.stage import Kind, Stage, StageContext
from r1kit.pipeline.status import StateFile
from r1kit.report.progress import format_duration
from r1kit.runtime import release_freed_memory

logger = logging.getLogger(__name__)

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A stage before the run starts."""

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    state: Literal["cached", "to run", "to go on"]
    """`to go on`: an unfinished artifact of an earlier start is there."""
    folder: Path
    """Of the finished artifact."""
    estimate: Estimate | None
    """From its beginning; None for what is cached or says no cost."""


def plan(
    stages: Sequence[Stage],
    run_folder: Path,
    device: str = "auto",
    *,
    only: str | None = None,
    machine: Machine | None = None,
) -> list[PlanRow]:
    """What `execute` with the same arguments would do; writes nothing into the folder.

    Args:
        machine: what the expected minutes are for; None is this one, measured the first time (`this_machine`).

    Raises:
        ConfigError: there is something wrong with the graph.
        RunError: an artifact that would be used is damaged.
    """
    keys = artifact_keys(ordered(stages))
    rows = []
    for stage in needed(stages, only):
        folder = artifact_folder(run_folder, stage.name, keys[stage.name])
        cached = is_finished(folder, keys[stage.name])
        estimate = None
        if stage.cost is not None and not cached:
            machine = machine or this_machine(device)
            estimate = stage.cost(machine)
        rows.append(
            PlanRow(
                name=stage.name,
                kind=stage.kind,
                inputs=stage.inputs,
                state="cached" if cached else "to go on" if partial_folder(folder).is_dir() else "to run",
                folder=folder,
                estimate=estimate,
            )
        )
    return rows


def execute(
    stages: Sequence[Stage],
    run_folder: Path,
    device: str = "auto",
    *,
    only: str | None = None,
    note: Note = logger.info,
) -> Mapping[str, Path]:
    """Make every artifact that is missing; returns the folder of each, by the name of its stage.

    Args:
        stages: in any order.
        run_folder: made if it does not exist.
        device: auto, cpu, cuda or mps; handed to the stages.
        only: make the artifact of this stage and what it needs, no more.
        note: takes lines of progress for the user.

    Raises:
        ConfigError: there is something wrong with the graph; nothing has been run or written.
        RunError: another process runs in the folder, or an artifact there is damaged.
        R1KitError: what a stage raised, of the same class, with the stage and its folder in front of the message. All
            earlier artifacts and the unfinished one are kept; the same call goes on.
    """
    graph, chosen = ordered(stages), needed(stages, only)
    keys = artifact_keys(graph)
    run_folder = run_folder.resolve()  # unfinished stages hold paths of it, and go on however it is spelt
    folders: dict[str, Path] = {}
    with locked(run_folder):
        state = StateFile(run_folder, os.getpid(), graph, keys)
        for stage in chosen:
            folder = artifact_folder(run_folder, stage.name, keys[stage.name])
            if is_finished(folder, keys[stage.name]):
                note(f"{stage.name}: cached in {folder}")
            else:
                note(f"{stage.name}: started")
                with _Record(state, stage.name) as record:
                    _make(stage, graph, keys, folder, folders, device, note)
                note(f"{stage.name}: done in {format_duration(record.seconds)}")
            folders[stage.name] = folder
    return folders


def _make(
    stage: Stage,
    graph: Sequence[Stage],
    keys: Mapping[str, str],
    folder: Path,
    folders: Mapping[str, Path],
    device: str,
    note: Note,
) -> None:
    """Run a stage into its unfinished folder, or go on there, and turn it into the artifact `folder`."""
    partial = partial_folder(folder)
    start = begin(partial)
    if not (partial / MANIFEST).exists():  # else the run was killed just before the rename
        began = time.monotonic()
        release_freed_memory()
        _reset_peak_memory()
        context = StageContext(
            config=stage.config,
            inputs={name: folders[name] for name in stage.inputs},
            out=partial,
            device=device,
            note=lambda text: note(f"{stage.name}: {text}"),
        )
        try:
            stage.run(context)
        except R1KitError as error:
            # Past the class's __init__, which may take something else than a message (MissingExtra).
            raise type(error).__new__(type(error), f"stage {stage.name} ({partial}): {error}") from error
        assert not (partial / MANIFEST).exists(), f"stage {stage.name} wrote {MANIFEST}, a name that is taken"
        card = partial / "model" / "README.md"
        if stage.kind == "model" and card.exists():
            write_lineage(card, needed(graph, stage.name), keys)
        write_record(partial / MANIFEST, _manifest(stage, keys, partial, start, time.monotonic() - began))
    finish(partial, folder)


def _manifest(stage: Stage, keys: Mapping[str, str], partial: Path, start: Start, seconds: float) -> Manifest:
    return Manifest(
        stage=stage.name,
        kind=stage.kind,
        key=keys[stage.name],
        version=stage.version,
        r1kit=r1kit.__version__,
        config=stage.config.model_dump(mode="json"),
        given=stage.given,
        inputs={name: keys[name] for name in stage.inputs},
        started=start.started,
        finished=utc_now(),
        seconds=round(seconds, 3),
        num_starts=start.num_starts,
        peak_memory_gb=_peak_memory_gb(),
        peak_gpu_memory_gb=_peak_gpu_memory_gb(),
        files=hash_files(partial),
    )


class _Record:
    """Writes down how a stage ends: done or failed. Ctrl-C and a kill leave it as running, which reads interrupted."""

    def __init__(self, state: StateFile, name: str) -> None:
        self._state = state
        self._name = name
        self._began = time.monotonic()
        self.seconds = 0.0

    def __enter__(self) -> _Record:
        self._state.running(self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = round(time.monotonic() - self._began, 3)
        if error is None:
            self._state.done(self._name, self.seconds)
        elif isinstance(error, Exception):
            line = str(error) if isinstance(error, R1KitError) else f"{type(error).__name__}: {error}"
            with contextlib.suppress(RunError):  # a full disk; the stage's own error is the one to show
                self._state.failed(self._name, self.seconds, " ".join(line.split()))


def _reset_peak_memory() -> None:
    """Start to count anew, as far as the system can; elsewhere peaks are those of the process so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()


def _peak_memory_gb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) * 1024 / 1e9, 3)
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, bytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, 3)


def _peak_gpu_memory_gb() -> float | None:
    """None unless a stage has imported torch and used CUDA: this module alone needs neither."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return round(torch.cuda.max_memory_allocated() / 1e9, 3)

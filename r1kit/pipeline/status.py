"""state.json: where a run of stages stands, for whoever asks while it runs or after it stopped.

It is written whenever a stage changes its state, whole or not at all. A process that is killed writes nothing more, so
what the file calls running is taken for that only while its process holds the folder's lock; otherwise the stage was
interrupted.
"""

from __future__ import annotations

import fcntl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from r1kit.errors import RunError
from r1kit.pipeline.artifact import (
    artifact_folder,
    is_finished,
    partial_folder,
    read_manifest,
    read_record,
    utc_now,
    write_record,
)
from r1kit.pipeline.stage import Kind, Stage
from r1kit.report.files import read_jsonl

STATE = "state.json"

State = Literal["waiting", "running", "done", "cached", "failed", "interrupted"]
"""`done` was made by the run in question, `cached` was there before it; the file never says `interrupted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """A stage as state.json has it."""

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    folder: str
    """Of the finished artifact, relative to the run's folder."""
    state: State = "waiting"
    started: str | None = None
    """UTC, ISO 8601; of the present or last start, None before it."""
    seconds: float | None = None
    """That it took, once it has ended."""
    error: str | None = None
    """One line, where it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The content of state.json."""

    process: int
    """Of the run that wrote the file."""
    stages: tuple[StageState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """A stage as it is now."""

    name: str
    kind: Kind
    inputs: tuple[str, ...]
    state: State
    folder: Path | None
    """The artifact's folder, the unfinished one where there is no other; None if there is neither."""
    started: str | None
    seconds: float | None
    """That it took, or that it has been running; None where nobody knows (interrupted) or it has not begun."""
    step: int | None
    """The last step in the metrics.jsonl of a training, None where there is none."""
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run as it is now."""

    process: int | None
    """The process that runs it, None if none does."""
    stages: tuple[StageStatus, ...]


class StateFile:
    """Writes RUN/state.json; for the process that holds the run folder's lock."""

    def __init__(self, run_folder: Path, process: int, stages: Sequence[Stage], keys: Mapping[str, str]) -> None:
        self._run_folder = run_folder
        for left in run_folder.glob(f".{STATE}.*.tmp"):  # of a process that was killed while it wrote
            left.unlink()
        states = [_first_state(run_folder, stage, keys[stage.name]) for stage in stages]
        self._state = RunState(process=process, stages=tuple(states))
        self._write()

    def running(self, name: str) -> None:
        """The stage begins."""
        self._set(name, state="running", started=utc_now(), seconds=None, error=None)

    def done(self, name: str, seconds: float) -> None:
        """The stage has its artifact."""
        self._set(name, state="done", seconds=seconds)

    def failed(self, name: str, seconds: float, error: str) -> None:
        """The stage raised; `error` is one line."""
        self._set(name, state="failed", seconds=seconds, error=error)

    def _set(self, name: str, **changes: Any) -> None:
        stages = (replace(stage, **changes) if stage.name == name else stage for stage in self._state.stages)
        self._state = replace(self._state, stages=tuple(stages))
        self._write()

    def _write(self) -> None:
        write_record(self._run_folder / STATE, self._state)


def read_status(run_folder: Path) -> RunStatus:
    """How a run stands.

    Raises:
        RunError: the folder does not exist, holds no run of stages, or its state.json is damaged.
    """
    if not run_folder.is_dir():
        raise RunError(f"run folder {run_folder} does not exist (working folder: {Path.cwd()})")
    if not (run_folder / STATE).is_file():
        raise RunError(f"{run_folder} holds no run of stages: it has no {STATE}; give the folder that such a run wrote")
    state = read_record(RunState, run_folder / STATE)
    is_running = lock_holder(run_folder) == state.process
    return RunStatus(
        process=state.process if is_running else None,
        stages=tuple(_status(run_folder, stage, is_running=is_running) for stage in state.stages),
    )


def lock_holder(run_folder: Path) -> int | None:
    """The process that holds the folder's lock (`r1kit.pipeline.run.locked`), None if none does."""
    try:
        file = (run_folder / ".lock").open(encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given back when the file is closed
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdigit() else None
        return None


def _first_state(run_folder: Path, stage: Stage, key: str) -> StageState:
    folder = artifact_folder(run_folder, stage.name, key)
    state = StageState(
        name=stage.name,
        kind=stage.kind,
        inputs=stage.inputs,
        folder=folder.relative_to(run_folder).as_posix(),
    )
    if not is_finished(folder, key):
        return state
    manifest = read_manifest(folder)
    return replace(state, state="cached", started=manifest.started, seconds=manifest.seconds)


def _status(run_folder: Path, stage: StageState, *, is_running: bool) -> StageStatus:
    state, seconds = stage.state, stage.seconds
    finished = run_folder / stage.folder
    if state == "running" and is_running:
        assert stage.started is not None
        seconds = (datetime.fromisoformat(utc_now()) - datetime.fromisoformat(stage.started)).total_seconds()
    elif state == "running":  # killed; between the artifact's rename and the next writing of the file it was done
        state = "done" if finished.is_dir() else "interrupted"
    elif state in ("done", "cached") and not finished.is_dir():  # deleted since
        state, seconds = "waiting", None
    folder = next((path for path in (finished, partial_folder(finished)) if path.is_dir()), None)
    return StageStatus(
        name=stage.name,
        kind=stage.kind,
        inputs=stage.inputs,
        state=state,
        folder=folder,
        started=stage.started,
        seconds=seconds,
        step=_last_step(folder) if folder else None,
        error=stage.error,
    )


def _last_step(folder: Path) -> int | None:
    metrics = folder / "metrics.jsonl"
    rows = read_jsonl(metrics) if metrics.is_file() else []
    step = rows[-1].get("step") if rows else None
    return step if isinstance(step, int) else None

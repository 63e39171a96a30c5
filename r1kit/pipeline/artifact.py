"""An artifact: the folder that a stage made, named by the key of what it was made from.

    RUN/artifacts/<stage>-<first 12 digits of the key>/            whole, with manifest.json
    RUN/artifacts/<stage>-<first 12 digits of the key>.partial/    at work, killed or failed

A folder gets the first name by one rename, after every byte in it is on the disk. The manifest is written just before:
a folder that has one lacks nothing but the rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

import r1kit
from r1kit.errors import RunError
from r1kit.pipeline.stage import Kind, Stage
from r1kit.report.files import file_hash, write_text_atomic

MANIFEST = "manifest.json"
START = ".start.json"
"""In an unfinished folder: when the stage was started first, and how often."""

WORK_FILES = ("checkpoint.pt",)
"""Needed only to go on: deleted when the artifact is whole, as hidden files are."""
WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")
"""How files end that hold weights."""
SAMPLED_BYTES = 16 << 20

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """A file of an artifact as it was when the stage ended."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The beginning of an artifact that may have taken several starts."""

    started: str
    """Of the first start, UTC, ISO 8601."""
    num_starts: int
    """1 for a stage that was neither killed nor failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an artifact is, what it was made from, and what it took."""

    stage: str
    kind: Kind
    key: str
    version: int
    """Of the stage."""
    r1kit: str
    """Version of the package."""
    config: Mapping[str, Any]
    given: Mapping[str, Any]
    """What decided the result beside it, see `r1kit.pipeline.stage.Stage`."""
    inputs: Mapping[str, str]
    """Key of each input, by the name of its stage."""
    started: str
    """Of the first start, UTC, ISO 8601."""
    finished: str
    seconds: float
    """Of the last start alone: more than one was needed where `num_starts` says so."""
    num_starts: int
    peak_memory_gb: float
    """Resident memory of the process, at most, during the last start; children are not counted."""
    peak_gpu_memory_gb: float | None
    """As torch's allocator counted it; None where no GPU was used."""
    files: Mapping[str, FileRecord]
    """By path within the folder, all but the manifest."""


def artifact_keys(ordered: Sequence[Stage]) -> dict[str, str]:
    """The key of every stage's artifact; `ordered` has inputs before what reads them.

    SHA-256, in hexadecimal, over what the result depends on: name, kind and version of the stage, the version of
    r1kit, the config, what it is given beside it, the keys of the inputs in their order, and what it reads from outside
    the run. Mappings that differ in order only are the same.
    """
    keys: dict[str, str] = {}
    for stage in ordered:
        identity = {
            "stage": stage.name,
            "kind": stage.kind,
            "version": stage.version,
            "r1kit": r1kit.__version__,
            "config": stage.config.model_dump(mode="json"),
            "given": stage.given,
            "inputs": [keys[name] for name in stage.inputs],
            "reads": [digest(path) for path in stage.reads],
        }
        text = json.dumps(identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        keys[stage.name] = hashlib.sha256(text.encode()).hexdigest()
    return keys


def digest(path: Path) -> str:
    """SHA-256 over the names, sizes and contents of a file, or of all files of a folder but for hidden ones.

    Of weights above 2 * SAMPLED_BYTES only that much of the beginning and of the end is read: they are many gigabytes,
    and no training leaves those of the last layers as they were. Data are read whole.
    """
    state = hashlib.sha256()
    for each in [path] if path.is_file() else _files(path):
        size = each.stat().st_size
        state.update(f"{'' if each == path else each.relative_to(path).as_posix()}:{size}:".encode())
        with each.open("rb") as file:
            if size <= 2 * SAMPLED_BYTES or each.suffix not in WEIGHTS:
                while block := file.read(SAMPLED_BYTES):
                    state.update(block)
            else:
                state.update(file.read(SAMPLED_BYTES))
                file.seek(-SAMPLED_BYTES, os.SEEK_END)
                state.update(file.read())
    return state.hexdigest()


def artifact_folder(run_folder: Path, name: str, key: str) -> Path:
    """Where the finished artifact of the stage `name` with this key lies, or will lie."""
    return run_folder / "artifacts" / f"{name}-{key[:12]}"


def partial_folder(folder: Path) -> Path:
    """Where the artifact is made that will be `folder`."""
    return folder.with_name(f"{folder.name}.partial")


def is_finished(folder: Path, key: str) -> bool:
    """Whether the artifact with this key lies in `folder`. Sizes are compared, contents are not: see `verify`.

    Raises:
        RunError: there is a folder of that name that is damaged, or has another key.
    """
    if not folder.exists():
        return False
    manifest = _check(folder, contents=False)
    if manifest.key != key:
        raise RunError(f"artifact {folder} has the key {manifest.key}, not {key}; move it away and run again")
    return True


def verify(folder: Path) -> Manifest:
    """Compare every file of a finished artifact with its manifest, byte by byte; returns the manifest.

    Raises:
        RunError: the folder is unfinished or no artifact, or a file is missing or has changed; the first one is named.
    """
    return _check(folder, contents=True)


def begin(folder: Path) -> Start:
    """Make the unfinished folder, or take up the one from before, and count the start.

    Raises:
        RunError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "mend its permissions or free some space"
        raise RunError(f"cannot make the folder {folder}: {error.strerror}; {advice}") from None
    path = folder / START
    if path.exists():
        before = read_record(Start, path)
        start = Start(started=before.started, num_starts=before.num_starts + 1)
    else:
        start = Start(started=utc_now(), num_starts=1)
    write_record(path, start)
    return start


def finish(partial: Path, folder: Path) -> None:
    """Turn an unfinished folder that has its manifest into the artifact `folder`: delete working files, rename."""
    work = [path for pattern in (".*", *WORK_FILES) for path in partial.rglob(pattern)]
    for path in sorted(work, reverse=True):  # what is inside a folder before the folder
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in (*(path for path in partial.rglob("*") if path.is_dir()), partial):
        _sync(path)
    partial.rename(folder)
    _sync(folder.parent)


def hash_files(folder: Path) -> dict[str, FileRecord]:
    """The size and SHA-256 of every file that stays, by its path in the folder; each is on the disk afterwards."""
    records = {}
    for path in _files(folder):
        assert not path.is_symlink(), f"{path}: an artifact holds no links, it must outlive what they point to"
        _sync(path)
        records[path.relative_to(folder).as_posix()] = FileRecord(sha256=file_hash(path), size=path.stat().st_size)
    return records


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an artifact; RunError if there is none or it is damaged."""
    if not folder.is_dir():
        raise RunError(f"there is no artifact {folder}")
    if not (folder / MANIFEST).is_file():
        unfinished = folder.name.endswith(".partial")
        raise RunError(
            f"artifact {folder} is unfinished; run its pipeline again to go on"
            if unfinished
            else f"{folder} is no artifact, or a damaged one: it has no {MANIFEST}; delete it and run again"
        )
    return read_record(Manifest, folder / MANIFEST)


def read_record(cls: type[R], path: Path) -> R:
    """A dataclass from the JSON file that `write_record` wrote; RunError if it is missing or says something else."""
    try:
        return TypeAdapter(cls).validate_json(path.read_bytes())
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise RunError(
            f"{path} is damaged or of another version of r1kit ({f'{where}: ' if where else ''}{problem['msg']}); "
            "delete it and run again"
        ) from None


def write_record(path: Path, record: Any) -> None:
    """Write a dataclass as JSON, whole or not at all."""
    write_text_atomic(path, json.dumps(asdict(record), indent=2, ensure_ascii=False) + "\n")


def utc_now() -> str:
    """The time as manifests have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check(folder: Path, *, contents: bool) -> Manifest:
    manifest = read_manifest(folder)
    for name, record in manifest.files.items():
        path = folder / name
        if not path.is_file():
            problem = "is missing"
        elif path.stat().st_size != record.size:
            problem = f"has {path.stat().st_size} bytes instead of {record.size}"
        elif contents and file_hash(path) != record.sha256:
            problem = "has other contents than when it was made"
        else:
            continue
        raise RunError(f"artifact {folder} is damaged: {name} {problem}; delete the folder and run again to remake it")
    return manifest


def _files(folder: Path) -> Iterator[Path]:
    """The files of an artifact, or of another folder, in order; without the manifest and working files."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        is_work = path.name in WORK_FILES or any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not is_work and relative.as_posix() != MANIFEST:
            yield path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A run folder: who may write it, what it must agree with, and what is in it.

    config.json        the resolved config; another config needs another folder
    metrics.jsonl      a row a step and a row an evaluation
    transcripts.jsonl  completions of a few held-out problems at every evaluation
    checkpoint.pt      where a killed run goes on
    model/             the final model, a plain Hugging Face folder
    summary.json, report.html

They are written as the run goes on, the last two lines at its end.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1kit.config import Config, dump_config, parse_config
from r1kit.errors import ConfigError, RunError
from r1kit.report.files import read_jsonl, write_text_atomic


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; RunError if another one has it. The lock ends with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a+")
    except OSError as error:
        raise RunError(
            f"cannot write the run folder {folder}: {error.strerror}; choose another one with --out"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "?"
            raise RunError(
                f"run folder {folder} is in use by process {owner}; wait for it, or use another --out"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def check_config(folder: Path, config: Config) -> None:
    """Check that a config.json in the folder, if there is one, says the same as `config`.

    A key that it lacks counts as its default: an option that is added later does not end the runs from before.

    Raises:
        RunError: the folder belongs to a run of another config; the message names the first differences.
    """
    path = folder / "config.json"
    if not path.exists():
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RunError(f"{path} is damaged; delete the folder {folder} to start over") from None
    with contextlib.suppress(ConfigError):  # what no config can say is compared as it stands
        there = parse_config(type(config), there, where=str(path)).model_dump(mode="json")
    differences = list(_differences(there, config.model_dump(mode="json")))
    if differences:
        shown = ", ".join(differences[:3]) + (", ..." if len(differences) > 3 else "")
        raise RunError(
            f"{folder} holds a run of another config ({shown}); use another --out, or delete the folder to start over"
        )


def write_config(folder: Path, config: Config) -> None:
    """Write config.json: from now on the folder belongs to this config."""
    write_text_atomic(folder / "config.json", dump_config(config))


def append_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Append JSON lines; RunError if the disk is full."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}; free some space, then run the same command") from None


def drop_lines_after(path: Path, step: int) -> None:
    """Drop the records of later steps and a half-written last line, to go on from the checkpoint of `step`."""
    if path.exists():
        kept = [record for record in read_jsonl(path) if record["step"] <= step]
        write_text_atomic(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept))


def _differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif old != new:
        yield f"{key}: {old!r} there, {new!r} now"

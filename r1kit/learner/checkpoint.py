"""A checkpoint is one file, whole or not there.

It holds the weights, the optimizer state, the place in the schedule and the number of finished steps, which is also
the position in the data: every draw is derived from (seed, label, step) by r1kit.seeding, so there is no generator
state to keep. It is written under another name, flushed to the disk and renamed.
"""

from __future__ import annotations

import errno
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from r1kit.errors import RunError

FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` (tensors, numbers, strings, lists, dicts) to `path` atomically; RunError if the disk is full."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, RuntimeError) or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"cannot write {path}: {error}; free some disk space and run the same command again, "
                "it goes on from the last checkpoint"
            ) from None
        raise


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, or None if there is no checkpoint; RunError if the file is damaged."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise RunError(f"checkpoint {path} is damaged ({error}); delete it to start over") from None
    if state.pop("format", None) != FORMAT:
        raise RunError(f"checkpoint {path} has another format than this version of r1kit writes; delete it")
    return state

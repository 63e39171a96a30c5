"""Where errors end: one line on stderr and an exit status instead of a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from r1kit.errors import R1KitError

DEBUG_VARIABLE = "R1KIT_DEBUG"
"""Set to 1, errors of the user keep their traceback."""

STOPPED = "stopped; run the same command again to go on from the last checkpoint"
STOPPED_STATUS = 130  # what a shell reports for SIGINT

_NO_ROOM = "the disk is full; free some space and run the same command again"
_NO_ACCESS = "it cannot be written or read; choose another path or mend its permissions"
_NO_FOLDER = "a file stands where a folder is needed; choose another path"
_ADVICE = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: _NO_ACCESS,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "it is a folder; give a file",
    errno.ENOENT: "there is no such file or folder; check the spelling",
}
"""Faults of the user's files, by error number. Any other OSError is a bug of ours and keeps its traceback."""


@contextmanager
def errors_end_here() -> Iterator[None]:
    """Turn what a user can cause into one line and status 1, Ctrl-C into status 130, a closed pipe into silence."""
    try:
        yield
    except KeyboardInterrupt:
        typer.secho(STOPPED, err=True)
        raise SystemExit(STOPPED_STATUS) from None
    except BrokenPipeError:
        _discard_stdout()
        raise SystemExit(1) from None
    except (R1KitError, OSError) as error:
        line = _one_line(error)
        if line is None or os.environ.get(DEBUG_VARIABLE) == "1":
            raise
        typer.secho(f"error: {line}", fg=typer.colors.RED, err=True)
        raise SystemExit(1) from None


def _one_line(error: Exception) -> str | None:
    """What to print for an error; None for an OSError that the user's files did not cause."""
    if isinstance(error, R1KitError):
        return str(error)
    assert isinstance(error, OSError)
    advice = _ADVICE.get(error.errno or 0)
    if advice is None:
        return None
    return f"{error.filename}: {advice}" if error.filename else advice


def _discard_stdout() -> None:
    """Python flushes stdout when it exits; without this the closed pipe would be reported a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

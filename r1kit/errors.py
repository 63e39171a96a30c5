"""Every error that a user can cause, as one tree.

    R1KitError (exit 1)
    ├── ConfigError    ValueError    a config key, a value, a combination of values
    ├── DataError      ValueError    a data set, a row, a prompt
    ├── ModelError     ValueError    a model folder, a tokenizer, a model that does not fit
    ├── RunError       RuntimeError  a run folder: locked, damaged, of another config; a full disk
    ├── RewardError    RuntimeError  too many completions that could not be judged
    └── MissingExtra   ImportError   an optional package; the message has the pip line

A message is one line: what is wrong, where, what is allowed, how to mend it. The command line prints that line
and exits with status 1; a traceback means a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class R1KitError(Exception):
    """The root of the tree; never raised itself."""


class ConfigError(R1KitError, ValueError):
    """A config key is unknown, a value is not allowed, or two values contradict each other."""


class DataError(R1KitError, ValueError):
    """A data set is missing or empty, a row lacks a field, or a prompt does not fit."""


class ModelError(R1KitError, ValueError):
    """A model or tokenizer cannot be loaded, lacks something, or does not fit the memory."""


class RunError(R1KitError, RuntimeError):
    """A run folder is in use, damaged, belongs to another config, or cannot be written."""


class RewardError(R1KitError, RuntimeError):
    """So many completions could not be judged that going on would train on noise."""


class MissingExtra(R1KitError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed; add it with: pip install 'r1kit[{extra}]'"
        )


def suggest(name: str, known: Iterable[str]) -> str:
    """The tail of an "unknown name" message: the known names, and the nearest one as a question.

    >>> suggest("maths", ["code", "math"])
    "known: code, math. Did you mean 'math'?"
    """
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    question = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"known: {', '.join(known)}.{question}"


def shorten(text: str) -> str:
    """A text as a message quotes it: at most 60 characters, the rest as "..."."""
    return text if len(text) <= 60 else f"{text[:57]}..."

"""The files that are laid into a box."""

from __future__ import annotations

import re
from collections.abc import Iterable

from r1kit.sandbox.base import SandboxError

_NAME = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*(/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)*")


def check_names(names: Iterable[str]) -> None:
    """Refuse a name that could lead out of /code.

    Raises:
        SandboxError: a name that is not letters, digits and _ . + - with folders between slashes.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            raise SandboxError(
                f"sandbox: file name {name!r}; allowed: letters, digits and _ . + -, not starting with a dot, "
                "with folders between slashes, such as 'lib/a.py'"
            )

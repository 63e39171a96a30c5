"""Where completions come from: the protocol (`base`), the in-process engine (`native`), a scripted one (`fake`).

Importing this package loads neither torch nor transformers; an engine's module is imported when it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from r1kit.engines.base import Engine


def _native(*args: Any, **kwargs: Any) -> Engine:
    from r1kit.engines.native import NativeEngine

    return NativeEngine(*args, **kwargs)


def _fake(*args: Any, **kwargs: Any) -> Engine:
    from r1kit.engines.fake import FakeEngine

    return FakeEngine(*args, **kwargs)


ENGINES: dict[str, Callable[..., Engine]] = {"native": _native, "fake": _fake}
"""Name in a config to constructor; the arguments are those of the class: `ENGINES["native"](model, tokenizer, ...)`."""

__all__ = ["ENGINES", "Engine"]

"""Rows of a public data set on the Hugging Face hub."""

from __future__ import annotations

from typing import Any, cast

from r1kit.errors import DataError, MissingExtra
from r1kit.tasks.rows import Row


def read_hub(name: str, *, config: str | None = None, split: str, task: str) -> list[Row]:
    """All rows of a split, in the order of the hub; downloaded once and cached by `datasets`.

    Args:
        name: `openai/gsm8k`.
        config: The data set's configuration; None for its default.
        split: `train` or `test`, as the data set names it.
        task: Our name for it, for the messages.

    Raises:
        MissingExtra: `datasets` is not installed.
        DataError: the data set cannot be reached or read.
    """
    try:
        from datasets import load_dataset  # pyright: ignore[reportMissingImports]
        from datasets.exceptions import DatasetsError  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise MissingExtra("datasets", "hub", f"the task {task!r} from the hub") from None
    try:
        data = load_dataset(name, config, split=split)
    except (OSError, ValueError, DatasetsError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"cannot load {name} from the hub: {reason}; "
            f"without a network, give a folder with its train and test files: {task}:FOLDER"
        ) from None
    rows = (cast(dict[str, Any], row) for row in data)
    return [Row(where=f"{name}:{split}:{number}", number=number, values=row) for number, row in enumerate(rows, 1)]

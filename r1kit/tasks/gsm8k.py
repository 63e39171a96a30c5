r"""GSM8K: grade-school word problems (Cobbe et al., arXiv:2110.14168), 7473 to train on and 1319 held out.

    {"question": "Natalia sold clips to 48 of her friends ...?",
     "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May. ... \n#### 72"}

The gold answer is what follows `####`, without thousands separators.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1kit.errors import DataError
from r1kit.rewards.extract import hash_answer
from r1kit.tasks.hub import read_hub
from r1kit.tasks.rows import Row, read_split, text_field
from r1kit.tasks.splits import FixedTask, without_repeats
from r1kit.types import Problem

HUB_NAME = "openai/gsm8k"
_NEEDS = "'question' and 'answer'"


def gsm8k(folder: Path | None = None) -> FixedTask:
    """GSM8K from the hub, or from a folder with `train` and `test` as .jsonl, .jsonl.gz, .json or .parquet.

    Raises:
        MissingExtra: no folder, and `datasets` is not installed.
        DataError: the data cannot be reached or read; the message names the row.
    """
    if folder is None:
        train, test = (read_hub(HUB_NAME, config="main", split=split, task="gsm8k") for split in ("train", "test"))
    else:
        train, test = read_split(folder, "train"), read_split(folder, "test")
    held_out = _problems(test, "test")
    return FixedTask("gsm8k", train=without_repeats(_problems(train, "train"), held_out), held_out=held_out)


def _problems(rows: Sequence[Row], split: str) -> list[Problem]:
    return [
        Problem(
            id=f"gsm8k/{split}/{index}",
            prompt=text_field(row, ("question",), needs=_NEEDS),
            answer=_gold(row),
            task="gsm8k",
        )
        for index, row in enumerate(rows)
    ]


def _gold(row: Row) -> str:
    gold = hash_answer(text_field(row, ("answer",), needs=_NEEDS))
    if gold is None:
        raise DataError(f"{row.where}: 'answer' has no gold answer; GSM8K's end in a line '#### 72'")
    return gold.replace(",", "")

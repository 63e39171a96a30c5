r"""MATH: competition mathematics (Hendrycks et al., arXiv:2103.03874), held out: MATH-500 (arXiv:2305.20050).

    {"problem": "Evaluate $(5+5+5)/5$.", "solution": "... $\\boxed{3}$.", "level": "Level 1", "type": "Prealgebra"}

The gold answer is the field `answer` where there is one (MATH-500), else the last `\boxed{}` of the solution. About
ten of the 7500 training problems repeat a problem of the test set but for spacing and punctuation. They are left
out, together with a few that only look alike: dropping one too many costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1kit.errors import DataError
from r1kit.rewards.extract import last_boxed
from r1kit.tasks.hub import read_hub
from r1kit.tasks.rows import Row, read_split, text_field
from r1kit.tasks.splits import FixedTask, same_words, without_repeats
from r1kit.types import Problem

TRAIN_HUB_NAME = "DigitalLearningGmbH/MATH-lighteval"
"""The whole of MATH, 7500 + 5000; the original `hendrycks/competition_math` is no longer on the hub."""
EVAL_HUB_NAME = "HuggingFaceH4/MATH-500"
_NEEDS = "'problem' and 'answer' or 'solution'"


def hendrycks_math(folder: Path | None = None) -> FixedTask:
    """MATH from the hub, or from a folder with `train` and `test` as .jsonl, .jsonl.gz, .json or .parquet.

    From the hub, MATH-500 is held out, and training problems that repeat any of the 5000 test problems are left out.
    From a folder, its `test` file is held out, which may be MATH-500 or the whole test set.

    Raises:
        MissingExtra: no folder, and `datasets` is not installed.
        DataError: the data cannot be reached or read; the message names the row.
    """
    if folder is None:
        train, test = (read_hub(TRAIN_HUB_NAME, split=split, task="math") for split in ("train", "test"))
        held_out = _problems(read_hub(EVAL_HUB_NAME, split="test", task="math"), "test")
        never_train = [*held_out, *_problems(test, "test")]
    else:
        train = read_split(folder, "train")
        never_train = held_out = _problems(read_split(folder, "test"), "test")
    train_problems = without_repeats(_problems(train, "train"), never_train, key=same_words)
    return FixedTask("math", train=train_problems, held_out=held_out)


def _problems(rows: Sequence[Row], split: str) -> list[Problem]:
    return [
        Problem(
            id=f"math/{split}/{index}",
            prompt=text_field(row, ("problem",), needs=_NEEDS),
            answer=_gold(row),
            task="math",
        )
        for index, row in enumerate(rows)
    ]


def _gold(row: Row) -> str:
    if "answer" in row.values:
        return text_field(row, ("answer",), needs=_NEEDS)
    gold = last_boxed(text_field(row, ("solution",), needs=_NEEDS))
    if gold is None:
        raise DataError(f"{row.where}: 'solution' has no \\boxed{{}} answer, and there is no field 'answer'")
    return gold

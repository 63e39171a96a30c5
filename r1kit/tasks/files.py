"""A task from a local file.

    {"prompt": "What is 17 + 25?", "answer": "42"}

Fields of a row:
    prompt     the question; `question` or `problem` do as well (the first of the three that the row has)
    answer     the gold answer, text or a number
    id         optional; else the file's name and the number of the row
    split      optional: train, or one of eval, test and validation; all rows have it or none
    language   optional: of the chain of thought, a key into r1kit.rewards.language.LANGUAGES, `en` by default
    verifier   optional: a key into r1kit.rewards.accuracy.VERIFIERS, or `code`; `math` by default
    info       optional: an object, for verifiers that need more than the gold answer; `bilingual` true in it lets the
               chain of thought mix languages, as that of a translation

Held out is, in this order: what `split` says; the sibling file (`eval`, `test` or `validation` in the place of
`train` in the name: `train.jsonl` has `test.jsonl`); or a tenth of the questions, by a hash of their text. The same
question never is in both splits: training rows that repeat a held-out one are left out.

The task is called as the file is, without its suffix. A file whose name says the split alone, as `logic/train.jsonl`,
gives it the name of its folder, so that such files of several folders can be trained on together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1kit.errors import DataError
from r1kit.rewards.language import LANGUAGES
from r1kit.tasks.rows import Row, read_rows, suffix_of, text_field
from r1kit.tasks.splits import FixedTask, split_by_hash, without_repeats
from r1kit.types import Problem, Split

PROMPT_FIELDS = ("prompt", "question", "problem")
_NEEDS = "'prompt' and 'answer'"
_SPLITS: dict[str, Split] = {"train": "train", "eval": "eval", "test": "eval", "validation": "eval"}


class FileTask(FixedTask):
    """The problems of a .jsonl, .json or .parquet file; see the module's docstring for the fields."""

    def __init__(self, path: Path, *, eval_share: float = 0.1) -> None:
        """Read the file and split it.

        Args:
            path: Ends in one of `r1kit.tasks.rows.SUFFIXES`.
            eval_share: Share of the distinct questions to hold out where neither the rows nor a sibling file say it.

        Raises:
            DataError: the file cannot be read, or a row is not a problem; the message names the row.
        """
        rows = read_rows(path)
        name = task_name(path)
        problems = [_problem(row, task=name, id_prefix=_id_prefix(path)) for row in rows]
        sibling = next(iter(siblings_of(path)), None)
        if any("split" in row.values for row in rows):
            splits = [_choice(row, "split", tuple(_SPLITS)) for row in rows]
            train = [problem for problem, split in zip(problems, splits, strict=True) if _SPLITS[split] == "train"]
            held_out = [problem for problem, split in zip(problems, splits, strict=True) if _SPLITS[split] == "eval"]
            train = without_repeats(train, held_out)
        elif sibling is not None:
            held_out = [_problem(row, task=name, id_prefix=_id_prefix(sibling)) for row in read_rows(sibling)]
            train = without_repeats(problems, held_out)
        else:
            try:
                train, held_out = split_by_hash(problems, eval_share)
            except DataError as error:
                raise DataError(f"{path}: {error}") from None
        _check_ids(path, [*train, *held_out])
        super().__init__(name, train=train, held_out=held_out)


def _problem(row: Row, *, task: str, id_prefix: str) -> Problem:
    info = _optional(row, "info", {})
    if not isinstance(info, dict):
        raise DataError(f"{row.where}: 'info' must be an object, not {type(info).__name__}")
    return Problem(
        id=str(_optional(row, "id", f"{id_prefix}:{row.number}")),
        prompt=text_field(row, PROMPT_FIELDS, needs=_NEEDS),
        answer=text_field(row, ("answer",), needs=_NEEDS),
        task=task,
        verifier=str(_optional(row, "verifier", "math")),
        language=_choice(row, "language", tuple(LANGUAGES), default="en"),
        info=info,
    )


def _optional(row: Row, name: str, default: Any) -> Any:
    """The field; `default` also for null, which is what Parquet has where a row lacks a value."""
    value = row.values.get(name)
    return default if value is None else value


def _choice(row: Row, name: str, allowed: Sequence[str], default: str | None = None) -> str:
    value = _optional(row, name, default)
    if value not in allowed:
        got = f"no {name!r}, though other rows have one" if value is None else f"{name!r} is {value!r}"
        raise DataError(f"{row.where}: {got}; allowed: {', '.join(allowed)}")
    return value


def task_name(path: Path) -> str:
    """What the task of a file is called.

    >>> task_name(Path("data/sums.jsonl")), task_name(Path("data/logic/train.jsonl"))
    ('sums', 'logic')
    """
    stem = path.name.removesuffix(suffix_of(path) or "")
    return (path.resolve().parent.name or stem) if stem in _SPLITS else stem


def _id_prefix(path: Path) -> str:
    """`sums.jsonl`, or `logic/train.jsonl`."""
    stem = path.name.removesuffix(suffix_of(path) or "")
    return f"{task_name(path)}/{path.name}" if stem in _SPLITS else path.name


def siblings_of(path: Path) -> list[Path]:
    """The files beside `path` that hold what is held out, the first one first; none without `train` in its name."""
    before, train, after = path.name.rpartition("train")
    words = [word for word, split in _SPLITS.items() if split == "eval"] if train else []
    return [sibling for word in words if (sibling := path.with_name(f"{before}{word}{after}")).is_file()]


def _check_ids(path: Path, problems: Sequence[Problem]) -> None:
    seen: set[str] = set()
    for problem in problems:
        if problem.id in seen:
            raise DataError(f"{path}: two rows have the id {problem.id!r}; ids must differ, or leave 'id' out")
        seen.add(problem.id)

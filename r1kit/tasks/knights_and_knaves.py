r"""Knights and knaves: puzzles of logic whose one solution says who tells the truth (Xie et al., arXiv:2410.23123).

    knights_and_knaves:FOLDER?people=3,4

    {"quiz": "A very special island is inhabited only by knights and knaves. ... You meet 3 inhabitants: ...",
     "names": ["Zoey", "Ethan", "Ava"], "solution_text_format": "(1) Zoey is a knave\n(2) Ethan is a knight\n(3) ..."}

The format is that of Logic-RL (arXiv:2502.14768): a folder has `3ppl_train.parquet`, `3ppl_test.parquet` and so on to 7
people, 900 puzzles to train on and 100 held out each; a file that is given instead of a folder has `train` in its
name, and its `test` sibling is held out. Training puzzles that repeat a held-out one are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from r1kit.errors import ConfigError, DataError, suggest
from r1kit.tasks.mix import in_turns
from r1kit.tasks.rows import SUFFIXES, Row, read_rows, suffix_of, text_field
from r1kit.tasks.splits import FixedTask, without_repeats
from r1kit.types import Problem

ANSWER_FORM = "Answer with one line for each person, such as: (1) Zoey is a knight"
"""Added to the quiz, which asks who is what and not in which form."""

_NEEDS = "'quiz', 'names' and 'solution_text_format'"
_FILE = re.compile(r"(\d+)ppl_(train|test)")


def knights_and_knaves(argument: str) -> FixedTask:
    """The puzzles of `FOLDER`, `FOLDER?people=3,4` or `FILE`.

    Raises:
        ConfigError: no folder or file, or a parameter other than `people`, or a count that the folder does not have.
        DataError: missing or broken data; the message names the row.
    """
    place, _, query = argument.partition("?")
    if not place:
        raise ConfigError("task knights_and_knaves needs a folder or a file: knights_and_knaves:FOLDER?people=3,4")
    people = _parse_people(query)
    path = Path(place)
    if path.is_dir():
        pairs = _pairs_of(path, people)
    elif people is not None:
        raise ConfigError(
            f"knights_and_knaves: people={','.join(map(str, people))} chooses files of a folder; {path} is none"
        )
    else:
        pairs = [(path, _test_sibling(path))]
    held_out = in_turns([_problems(test) for _, test in pairs])  # so that the first few are of every size
    train = in_turns([_problems(train) for train, _ in pairs])
    return FixedTask("knights_and_knaves", train=without_repeats(train, held_out), held_out=held_out)


def _parse_people(query: str) -> list[int] | None:
    if not query:
        return None
    key, _, text = query.partition("=")
    if key != "people":
        raise ConfigError(f"knights_and_knaves has no parameter {key!r}; {suggest(key, ['people'])}")
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise ConfigError(f"knights_and_knaves: people is {text!r}; it must be counts such as 3 or 3,4,5")
    return sorted({int(count) for count in text.split(",")})


def _pairs_of(folder: Path, people: Sequence[int] | None) -> list[tuple[Path, Path]]:
    """(train, test) files by the number of people, smallest first."""
    found: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        suffix = suffix_of(path)
        match = _FILE.fullmatch(path.name.removesuffix(suffix)) if suffix else None
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = path
    complete = {count: (files["train"], files["test"]) for count, files in sorted(found.items()) if len(files) == 2}
    if not complete:
        raise DataError(f"{folder} has no pair of files such as 3ppl_train.parquet and 3ppl_test.parquet")
    for count in people or ():
        if count not in complete:
            known = ", ".join(map(str, complete))
            raise ConfigError(f"knights_and_knaves: {folder} has no puzzles of {count} people; it has: {known}")
    return [files for count, files in complete.items() if people is None or count in people]


def _test_sibling(path: Path) -> Path:
    before, train, after = path.name.rpartition("train")
    sibling = path.with_name(f"{before}test{after}")
    if suffix_of(path) is None or not train or not sibling.is_file():
        raise DataError(
            f"{path}: needs a file with 'train' in its name and its 'test' sibling beside it "
            f"({', '.join(SUFFIXES)}), or give a folder"
        )
    return sibling


def _problems(path: Path) -> list[Problem]:
    stem = path.name.removesuffix(suffix_of(path) or "")
    return [
        Problem(
            id=f"knights_and_knaves/{stem}/{row.number}",
            prompt=f"{text_field(row, ('quiz',), needs=_NEEDS)} {ANSWER_FORM}",
            answer=text_field(row, ("solution_text_format",), needs=_NEEDS),
            task="knights_and_knaves",
            verifier="knights_and_knaves",
            info={"names": _names(row)},
        )
        for row in read_rows(path)
    ]


def _names(row: Row) -> list[str]:
    names = row.values.get("names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise DataError(f"{row.where}: 'names' must be a list of names; each row needs {_NEEDS}")
    return names

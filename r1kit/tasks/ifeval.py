"""IFEval: 541 prompts with instructions that a program can check (Zhou et al., arXiv:2311.07911).

    ifeval:FILE

    {"prompt": "Write a summary ... in 300 or more words ... without commas ...",
     "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
     "kwargs": [{}, {"relation": "at least", "num_words": 300}]}

A set for evaluation only: everything is held out. There is no gold answer; the whole visible response is judged, by
`r1kit.rewards.ifeval`. `ifeval:FILE?protocol=loose` judges by the loose protocol.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from r1kit.errors import ConfigError, DataError, suggest
from r1kit.rewards.ifeval import build_checkers
from r1kit.tasks.rows import Row, read_rows, text_field
from r1kit.tasks.splits import FixedTask
from r1kit.types import Problem

NO_GOLD = "(any response that follows the instructions)"

_NEEDS = "'prompt', 'instruction_id_list' and 'kwargs'"
_VERIFIERS = {"strict": "ifeval", "loose": "ifeval_loose"}


def ifeval(argument: str) -> FixedTask:
    """The prompts of `FILE` or `FILE?protocol=loose`.

    Raises:
        ConfigError: no file, or a parameter other than `protocol`, or another protocol.
        DataError: missing or broken data, or an instruction that is not one of the 25; the message names the row.
    """
    file, _, query = argument.partition("?")
    if not file:
        raise ConfigError("task ifeval needs its file: ifeval:ifeval.jsonl.gz")
    key, _, protocol = query.partition("=") if query else ("protocol", "", "strict")
    if key != "protocol":
        raise ConfigError(f"ifeval has no parameter {key!r}; {suggest(key, ['protocol'])}")
    if protocol not in _VERIFIERS:
        raise ConfigError(f"ifeval: protocol is {protocol!r}; {suggest(protocol, _VERIFIERS)}")
    problems = [_problem(row, _VERIFIERS[protocol]) for row in read_rows(Path(file))]
    return FixedTask("ifeval", train=(), held_out=problems)


def _problem(row: Row, verifier: str) -> Problem:
    instructions = _instructions(row)
    try:
        build_checkers(instructions)
    except DataError as error:
        raise DataError(f"{row.where}: {error}") from None
    return Problem(
        id=f"ifeval/{row.number}",
        prompt=text_field(row, ("prompt",), needs=_NEEDS),
        answer=NO_GOLD,
        task="ifeval",
        verifier=verifier,
        info={"instructions": instructions},
    )


def _instructions(row: Row) -> list[dict[str, Any]]:
    """Ids with their arguments; arguments that are null, which some copies of the set have for all others, left out."""
    ids, kwargs = row.values.get("instruction_id_list"), row.values.get("kwargs")
    if not isinstance(ids, list) or not isinstance(kwargs, list) or len(ids) != len(kwargs) or not ids:
        raise DataError(f"{row.where}: 'instruction_id_list' and 'kwargs' must be lists of the same length, not empty")
    if not all(isinstance(arguments, dict) for arguments in kwargs):
        raise DataError(f"{row.where}: each of 'kwargs' must be an object")
    return [
        {"id": name, "kwargs": {key: value for key, value in arguments.items() if value is not None}}
        for name, arguments in zip(ids, kwargs, strict=True)
    ]

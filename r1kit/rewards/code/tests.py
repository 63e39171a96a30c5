r"""The tests of a code problem, as rows write them and as they are run.

    {"type": "stdio", "input": "1 2\n", "output": "3\n"}
    {"type": "call", "fn_name": "add", "input": [1, 2], "output": 3}

`input` of a call is a list of arguments, or an object of named ones. `fn_name` is a function, or a method of a class
Solution that is made for each test. Optional, for a call in Python: `types`, of the same shape as `input`, and
`returns`, each null, "ListNode", "TreeNode" or "List[...]" of these: such values are written as LeetCode writes them.
Optional, for any test, how its output is compared: see `r1kit.rewards.code.compare.Comparison`, whose fields they are.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r1kit.errors import DataError, suggest
from r1kit.rewards.code.compare import Comparison

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_TYPE = re.compile(r"(List\[)*(ListNode|TreeNode)\]*")
_COMPARISON = tuple(field.name for field in dataclasses.fields(Comparison))
_FIELDS = {
    "stdio": ("type", "input", "output", *_COMPARISON),
    "call": ("type", "fn_name", "input", "output", "types", "returns", *_COMPARISON),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StdioTest:
    """A program reads `stdin` and has to print `expected`."""

    stdin: str
    expected: str
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTest:
    """A function is called and has to return `expected`."""

    fn_name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    arg_types: Sequence[str | None]
    kwarg_types: Mapping[str, str]
    returns: str | None
    expected: Any
    comparison: Comparison

    @property
    def has_nodes(self) -> bool:
        """Whether an argument or the result is a linked list or a tree."""
        return self.returns is not None or any(self.arg_types) or bool(self.kwarg_types)


CodeTest = StdioTest | CallTest


def parse_tests(rows: Sequence[Mapping[str, Any]], comparison: Comparison) -> list[CodeTest]:
    """The tests of a row.

    Args:
        rows: See the module's docstring.
        comparison: Of those tests that do not say it themselves.

    Raises:
        DataError: there is none, one is not as it must be (the message names it), or both types are among them.
    """
    if not rows:
        raise DataError("no tests; a code problem needs at least one")
    tests = [_parse(row, f"tests[{index}]", comparison) for index, row in enumerate(rows)]
    if len({type(test) for test in tests}) > 1:
        raise DataError("tests: some are of type stdio and some of type call; a problem has either")
    return tests


def livecodebench_tests(rows: Sequence[Mapping[str, Any]], fn_name: str | None) -> list[dict[str, Any]]:
    r"""LiveCodeBench's tests, public or private, in our form.

        {"input": "[1, 2]\n3", "output": "4", "testtype": "functional"}

    Args:
        rows: Their tests. `testtype` is "stdin", or "functional": one JSON value a line is an argument.
        fn_name: `func_name` of the problem's metadata; functional tests need it.

    Raises:
        DataError: a test of another type, or a functional one without `fn_name` or not in JSON.
    """
    tests: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        where = f"LiveCodeBench tests[{index}]"
        if row["testtype"] == "stdin":
            tests.append({"type": "stdio", "input": row["input"], "output": row["output"]})
        elif row["testtype"] == "functional" and fn_name:
            try:
                args = [json.loads(line) for line in row["input"].split("\n") if line.strip()]
                output = json.loads(row["output"])
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON: {error}") from None
            tests.append({"type": "call", "fn_name": fn_name, "input": args, "output": output})
        else:
            raise DataError(f"{where}: testtype is {row['testtype']!r}; allowed: stdin, or functional with a fn_name")
    return tests


def _parse(row: Mapping[str, Any], where: str, comparison: Comparison) -> CodeTest:
    if not isinstance(row, Mapping):
        raise DataError(f"{where} is a {type(row).__name__}; it must be an object with 'type', 'input' and 'output'")
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise DataError(f"{where}: type is {kind!r}; allowed: {', '.join(_FIELDS)}")
    for name in row:
        if name not in _FIELDS[kind]:
            raise DataError(f"{where}: unknown field {name!r} of a {kind} test; {suggest(str(name), _FIELDS[kind])}")
    for name in ("input", "output"):
        if name not in row:
            raise DataError(f"{where}: no {name!r}; it needs 'type', 'input' and 'output'")
    own = {name: row[name] for name in _COMPARISON if name in row}
    comparison = dataclasses.replace(comparison, **own) if own else comparison
    return _stdio(row, where, comparison) if kind == "stdio" else _call(row, where, comparison)


def _stdio(row: Mapping[str, Any], where: str, comparison: Comparison) -> StdioTest:
    for name in ("input", "output"):
        if not isinstance(row[name], str):
            raise DataError(f"{where}: {name!r} is a {type(row[name]).__name__}; that of a stdio test is text")
    return StdioTest(stdin=row["input"], expected=row["output"], comparison=comparison)


def _call(row: Mapping[str, Any], where: str, comparison: Comparison) -> CallTest:
    name, given, types = row.get("fn_name"), row["input"], row.get("types")
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise DataError(f"{where}: fn_name is {name!r}; it must be the name of a function or of a method of Solution")
    named = isinstance(given, Mapping)
    if not named and not isinstance(given, list | tuple):
        raise DataError(f"{where}: 'input' of a call is a list of arguments or an object of named ones, not {given!r}")
    if types is not None and (isinstance(types, Mapping) != named or len(types) > len(given)):
        raise DataError(f"{where}: 'types' must have the shape of 'input'")
    kwarg_types = {key: kind for key, kind in (types if types and named else {}).items() if kind is not None}
    arg_types = list(types) if types and not named else [None] * (0 if named else len(given))
    arg_types += [None] * ((0 if named else len(given)) - len(arg_types))
    for kind in (*arg_types, *kwarg_types.values(), row.get("returns")):
        if kind is not None and not (isinstance(kind, str) and _TYPE.fullmatch(kind)):
            raise DataError(f"{where}: type {kind!r}; allowed: null, ListNode, TreeNode and List[...] of these")
    return CallTest(
        fn_name=name,
        args=[] if named else list(given),
        kwargs=dict(given) if named else {},
        arg_types=arg_types,
        kwarg_types=kwarg_types,
        returns=row.get("returns"),
        expected=row["output"],
        comparison=comparison,
    )

r"""LeetCodeDataset: LeetCode's problems with tests (Xia et al., arXiv:2504.14655), 228 of them held out in v0.3.1.

    {"task_id": "two-sum", "query": "Given an array of integers nums ...", "entry_point": "Solution().twoSum",
     "prompt": "import random\n...", "completion": "class Solution:\n ...",
     "test": "def check(candidate):\n    assert candidate(nums = [2,7,11,15], target = 9) == [0,1]\n ..."}

Its asserts compare inside the process of the answer, which could then patch the comparison. So they are read, not
run: each becomes a call test (`r1kit.rewards.code.tests`) whose expected value stays outside the box. `prompt` holds
the imports and the node classes that LeetCode gives; they are the prelude. A problem that has an assert of an unknown
form, or whose statement lets every one of several answers be right, is left out; `left_out` says which and why.
"""

from __future__ import annotations

import ast
import logging
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1kit.errors import DataError
from r1kit.rewards.code.compare import short
from r1kit.rewards.code.values import build_tree, tree_values
from r1kit.tasks.hub import read_hub
from r1kit.tasks.rows import Row, read_rows, text_field
from r1kit.tasks.splits import FixedTask, without_repeats
from r1kit.types import Problem

logger = logging.getLogger(__name__)

HUB_NAME = "newfacade/LeetCodeDataset"
_NEEDS = "'query', 'entry_point', 'test', 'prompt' and 'completion'"


class LeetCode(FixedTask):
    """The problems that can be judged."""

    def __init__(
        self, *, train: Sequence[Problem], held_out: Sequence[Problem], left_out: Mapping[str, str] | None = None
    ) -> None:
        """Take the problems; `left_out` is the reason by the id of each problem that is not among them."""
        super().__init__("leetcode", train=train, held_out=held_out)
        self.left_out = dict(left_out or {})


def leetcode(folder: Path | None = None) -> LeetCode:
    """LeetCodeDataset from the hub, or from a folder with a `LeetCodeDataset-...train` and a `...test` file.

    Raises:
        MissingExtra: no folder, and `datasets` is not installed.
        DataError: the data cannot be reached or read; the message names the row.
    """
    if folder is None:
        train, test = (read_hub(HUB_NAME, split=split, task="leetcode") for split in ("train", "test"))
    else:
        train, test = read_rows(_only_file(folder, "train")), read_rows(_only_file(folder, "test"))
    left_out: dict[str, str] = {}
    held_out = _problems(test, "test", left_out)
    kept = without_repeats(_problems(train, "train", left_out), held_out)
    if left_out:
        logger.warning(
            "leetcode: left out %d of %d problems that cannot be judged, the first because: %s",
            len(left_out),
            len(train) + len(test),
            next(iter(left_out.values())),
        )
    return LeetCode(train=kept, held_out=held_out, left_out=left_out)


def leetcode_problem(row: Row, split: str) -> Problem:
    """The problem of a row.

    Raises:
        DataError: a field is missing, or the tests cannot be converted.
    """
    query = text_field(row, ("query",), needs=_NEEDS)
    fn_name = text_field(row, ("entry_point",), needs=_NEEDS).removeprefix("Solution().")
    tests = convert_asserts(text_field(row, ("test",), needs=_NEEDS), fn_name, where=row.where)
    if _ANY_ORDER.search(query):
        tests = [test | {"unordered": True} if isinstance(test["output"], list) else test for test in tests]
    return Problem(
        id=f"leetcode/{split}/{text_field(row, ('task_id',), needs=_NEEDS)}",
        prompt=query,
        answer=text_field(row, ("completion",), needs=_NEEDS),
        task="leetcode",
        verifier="code",
        info={"language": "python", "tests": tests, "prelude": text_field(row, ("prompt",), needs=_NEEDS) + _POW},
    )


def has_several_answers(statement: str) -> bool:
    """Whether a statement says that any of several answers will do, so that one expected value cannot judge it."""
    return _ANY_ANSWER.search(statement) is not None


_POW = "\nfrom builtins import pow\n"
"""The imports bring math's, which gives floats and takes no modulus; LeetCode has the other."""
_ANY_ORDER = re.compile(r"\breturn\b[^.]{0,200}\bin any order\b|\banswer\b[^.]{0,60}\bin any order\b", re.IGNORECASE)
_ANY_ANSWER = re.compile(r"\breturn any\b(?! order)|\breturn (?:one|either) of them\b|\bany of them\b", re.IGNORECASE)


def _problems(rows: Sequence[Row], split: str, left_out: dict[str, str]) -> list[Problem]:
    """The problems of a split; those that cannot be judged go into `left_out`."""
    problems: list[Problem] = []
    for row in rows:
        try:
            problem = leetcode_problem(row, split)
        except UnknownAssert as error:
            left_out[f"leetcode/{split}/{row.values.get('task_id', row.number)}"] = str(error)
            continue
        if has_several_answers(problem.prompt):
            left_out[problem.id] = f"{row.where}: any of several answers is right, and the tests know one"
        else:
            problems.append(problem)
    return problems


def _only_file(folder: Path, split: str) -> Path:
    found = sorted(folder.glob(f"LeetCodeDataset-*{split}.jsonl*"))
    if len(found) != 1:
        has = f"{len(found)} such files" if found else "no such file"
        raise DataError(f"{folder}: {has}; leetcode needs one LeetCodeDataset-...-{split}.jsonl or .jsonl.gz")
    return found[0]


class UnknownAssert(DataError):
    """A statement of a `check` function that is not of a known form."""


def convert_asserts(source: str, fn_name: str, *, where: str) -> list[dict[str, Any]]:
    """The asserts of `def check(candidate)` as call tests.

    Known are, with `c` for `candidate(...)` and `v` for a value: `c == v` and `v == c`, `is_same_list(c, v)`,
    `is_same_tree(c, v)`, `sorted(c) == v` and `sorted(c) == sorted(v)` (any order), and `abs(c - v) < 1e-5`. A value
    is a literal, `inf`, or `list_node([...])` or `tree_node([...])`.

    Args:
        source: The function's source. It is parsed and never run.
        fn_name: What the tests call.
        where: The row, for the message.

    Raises:
        UnknownAssert: something else is in it; the message has it.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise UnknownAssert(f"{where}: 'test' cannot be parsed: {error}") from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or not functions[0].args.args:
        raise UnknownAssert(f"{where}: 'test' must hold one function, check(candidate)")
    candidate, tests = functions[0].args.args[0].arg, []
    for statement in functions[0].body:
        try:
            if not isinstance(statement, ast.Assert):
                raise _UnknownForm
            tests.append({"type": "call", "fn_name": fn_name} | _convert(statement.test, candidate))
        except _UnknownForm:
            text = short(ast.unparse(statement))
            raise UnknownAssert(f"{where}: 'test' line {statement.lineno} is of no known form: {text}") from None
    return tests


class _UnknownForm(Exception):
    """A signal between the functions below."""


_NODES = {"list_node": "ListNode", "tree_node": "TreeNode"}
_SAME_NODES = {"is_same_list": "ListNode", "is_same_tree": "TreeNode"}


def _convert(condition: ast.expr, candidate: str) -> dict[str, Any]:
    match condition:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            if _function(left) not in (candidate, "sorted"):
                left, right = right, left
            if _function(left) == "sorted" and isinstance(left, ast.Call) and len(left.args) == 1:
                gold = right.args[0] if isinstance(right, ast.Call) and _function(right) == "sorted" else right
                return _call(left.args[0], candidate) | {"output": _plain(gold), "unordered": True}
            return _call(left, candidate) | {"output": _plain(right)}
        case ast.Call(func=ast.Name(id=name), args=[left, right], keywords=[]) if name in _SAME_NODES:
            output, kind = _value(right)
            if kind not in (None, _SAME_NODES[name]):
                raise _UnknownForm
            return _call(left, candidate) | {"output": output or [], "returns": _SAME_NODES[name]}
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=left, op=ast.Sub(), right=right)]),
            ops=[ast.Lt() | ast.LtE()],
            comparators=[tolerance],
        ):
            return _call(left, candidate) | {
                "output": _plain(right),
                "abs_tol": _plain(tolerance),
                "int_is_float": True,
            }
    raise _UnknownForm


def _call(node: ast.expr, candidate: str) -> dict[str, Any]:
    """`input` and, where there are nodes, `types` of a call."""
    if not isinstance(node, ast.Call) or _function(node) != candidate or (node.args and node.keywords):
        raise _UnknownForm
    if not node.keywords:
        pairs = [_value(argument) for argument in node.args]
        values, types = [value for value, _ in pairs], [kind for _, kind in pairs]
        return {"input": values} | ({"types": types} if any(types) else {})
    named = {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg is not None}
    if len(named) < len(node.keywords):
        raise _UnknownForm
    types = {name: kind for name, (_, kind) in named.items() if kind is not None}
    return {"input": {name: value for name, (value, _) in named.items()}} | ({"types": types} if types else {})


def _function(node: ast.expr) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _plain(node: ast.expr) -> Any:
    value, kind = _value(node)
    if kind is not None:
        raise _UnknownForm
    return value


def _value(node: ast.expr) -> tuple[Any, str | None]:
    """A JSON value, and the type of node that it stands for."""
    match node:
        case ast.Name(id="inf"):
            return math.inf, None
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return -math.inf, None
        case ast.Call(func=ast.Name(id=name), args=[values], keywords=[]) if name in _NODES:
            items = _plain(values)
            if not isinstance(items, list):
                raise _UnknownForm
            return (tree_values(build_tree(items)) if name == "tree_node" else items), _NODES[name]
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        raise _UnknownForm from None
    return _json_value(value), None


def _json_value(value: Any) -> Any:
    """The value with lists for tuples.

    Raises:
        _UnknownForm: it has a set, a complex number or another thing that JSON lacks.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _json_value(item) for key, item in value.items()}
    raise _UnknownForm

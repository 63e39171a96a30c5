"""LeetCodeDataset: its asserts become tests whose expected values stay outside the box."""

import gzip
import json
import logging
import math

import pytest
from rewards.code_boxes import any_box

from r1kit.errors import DataError
from r1kit.rewards.code import verify_code
from r1kit.tasks.leetcode import UnknownAssert, convert_asserts, has_several_answers, leetcode

PRELUDE = "from typing import *\nfrom math import *\n"
ROW = {
    "task_id": "two-sum",
    "query": "Return the sum of a and b.",
    "entry_point": "Solution().add",
    "prompt": PRELUDE,
    "completion": "class Solution:\n    def add(self, a: int, b: Optional[int] = 0) -> int:\n        return a + b",
    "test": "def check(candidate):\n    assert candidate(a = 1, b = 2) == 3\n    assert candidate(a = -1) == -1\n",
}


def converted(*asserts):
    source = "def check(candidate):\n" + "".join(f"    {line}\n" for line in asserts)
    return [
        {key: value for key, value in test.items() if key not in ("type", "fn_name")}
        for test in convert_asserts(source, "f", where="row 1")
    ]


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ("assert candidate(a = [1, 2], b = 'x') == True", {"input": {"a": [1, 2], "b": "x"}, "output": True}),
        ("assert candidate([1], -2) == -0.5", {"input": [[1], -2], "output": -0.5}),
        ("assert [1] == candidate(2)", {"input": [2], "output": [1]}),
        ("assert candidate(a = 1) == -inf", {"input": {"a": 1}, "output": -math.inf}),
        ("assert candidate((1, 2)) == (3, (4,))", {"input": [[1, 2]], "output": [3, [4]]}),
        (
            "assert candidate(r = tree_node([1, None, 2, None]), k = 3) == None",
            {"input": {"r": [1, None, 2], "k": 3}, "types": {"r": "TreeNode"}, "output": None},
        ),
        (
            "assert is_same_list(candidate(list_node([1, 2])), list_node([2]))",
            {"input": [[1, 2]], "types": ["ListNode"], "output": [2], "returns": "ListNode"},
        ),
        ("assert is_same_tree(candidate(3), tree_node([]))", {"input": [3], "output": [], "returns": "TreeNode"}),
        ("assert is_same_tree(candidate(3), None)", {"input": [3], "output": [], "returns": "TreeNode"}),
        ("assert sorted(candidate(3)) == sorted([2, 1])", {"input": [3], "output": [2, 1], "unordered": True}),
        ("assert sorted(candidate(3)) == [1, 2]", {"input": [3], "output": [1, 2], "unordered": True}),
        ("assert abs(candidate(3) - 0.5) < 1e-6", {"input": [3], "output": 0.5, "abs_tol": 1e-6, "int_is_float": True}),
    ],
)
def test_known_asserts(line, test):
    assert converted(line) == [test]


@pytest.mark.parametrize(
    "line",
    [
        "assert candidate(3)",
        "assert candidate(3) == other(3)",
        "assert candidate(3) != 4",
        "assert set(candidate(3)) == {1}",
        "assert candidate(3) == {1, 2}",
        "assert candidate(3, b = 4) == 5",
        "assert candidate(**{'a': 1}) == 5",
        "assert candidate(3) == 4 == 5",
        "assert is_same_list(candidate(3), tree_node([1]))",
        "assert candidate(3) == tree_node([1])",
        "x = candidate(3)",
        "for i in range(3): assert candidate(i) == i",
        "assert __import__('os').system('true') == 0",
    ],
)
def test_an_unknown_assert_is_named(line):
    with pytest.raises(UnknownAssert, match="row 1: 'test' line 2 is of no known form: ") as caught:
        converted(line)
    assert line[:17] in str(caught.value).replace('"', "'")


@pytest.mark.parametrize("source", ["def check(", "x = 1", "def check(): pass", "def a(c): pass\ndef b(c): pass"])
def test_a_source_without_a_check_function(source):
    with pytest.raises(UnknownAssert, match="row 1: 'test' "):
        convert_asserts(source, "f", where="row 1")


def write(folder, split, rows):
    with gzip.open(folder / f"LeetCodeDataset-v1-{split}.jsonl.gz", "wt") as file:
        file.write("\n".join(json.dumps(row) for row in rows))


def test_rows_become_problems_whose_reference_solution_passes(tmp_path):
    write(tmp_path, "test", [ROW])
    write(tmp_path, "train", [ROW, ROW | {"task_id": "other", "query": "Return their difference."}])
    task = leetcode(tmp_path)
    (problem,) = task.problems("eval")
    assert (problem.id, problem.verifier, problem.prompt) == ("leetcode/test/two-sum", "code", ROW["query"])
    assert problem.info["tests"] == [
        {"type": "call", "fn_name": "add", "input": {"a": 1, "b": 2}, "output": 3},
        {"type": "call", "fn_name": "add", "input": {"a": -1}, "output": -1},
    ]
    assert [each.id for each in task.problems("train")] == ["leetcode/train/other"]
    verdict = verify_code(completion=f"```python\n{problem.answer}\n```", sandbox=any_box(), **problem.info)
    assert (verdict.value, verdict.tests_passed) == (1.0, 2)


def test_pow_is_the_builtin_whatever_the_prelude_imports(tmp_path):
    row = ROW | {
        "completion": "class Solution:\n    def add(self, a, b=0):\n        return -1 if a < 0 else pow(a + b, 1, 9)"
    }
    write(tmp_path, "test", [row])
    write(tmp_path, "train", [row])
    (problem,) = leetcode(tmp_path).problems("eval")
    verdict = verify_code(completion=f"```python\n{problem.answer}\n```", sandbox=any_box(), **problem.info)
    assert (verdict.value, verdict.reason) == (1.0, "correct")


def test_any_order_is_read_in_the_statement(tmp_path):
    lists = "def check(candidate):\n    assert candidate(a = 1) == [1, 2]\n    assert candidate(a = 2) == 3\n"
    rows = [ROW | {"query": "Return the pairs. You can return the answer in any order.", "test": lists}]
    write(tmp_path, "test", rows)
    write(tmp_path, "train", [])
    with pytest.raises(DataError, match="is empty"):
        leetcode(tmp_path)
    write(tmp_path, "train", [ROW])
    first, second = leetcode(tmp_path).problems("eval")[0].info["tests"]
    assert (first["unordered"], "unordered" in second) == (True, False)


def test_what_cannot_be_judged_is_left_out_and_said(tmp_path, caplog):
    odd = ROW | {"task_id": "odd", "test": "def check(candidate):\n    assert candidate(1) > 2\n"}
    several = ROW | {"task_id": "several", "query": "If there are multiple answers, return any of them."}
    write(tmp_path, "test", [ROW | {"query": "Another."}, odd])
    write(tmp_path, "train", [several, ROW])
    with caplog.at_level(logging.WARNING):
        task = leetcode(tmp_path)
    assert [problem.id for problem in task.problems("train")] == ["leetcode/train/two-sum"]
    assert list(task.left_out) == ["leetcode/test/odd", "leetcode/train/several"]
    assert "no known form: assert candidate(1) > 2" in task.left_out["leetcode/test/odd"]
    assert "left out 2 of 4 problems" in caplog.text


def test_statements_that_allow_several_answers():
    assert has_several_answers("If there are multiple valid answers, return any of them.")
    assert has_several_answers("Return any string of minimum length.")
    assert not has_several_answers("Return the answer in any order.")
    assert not has_several_answers("Return the minimum cost of any valid division.")


def test_a_row_without_a_field_is_named(tmp_path):
    write(tmp_path, "train", [ROW])
    write(tmp_path, "test", [{key: value for key, value in ROW.items() if key != "completion"}])
    with pytest.raises(DataError, match="no 'completion'; each row needs 'query', 'entry_point', 'test'"):
        leetcode(tmp_path)
    (tmp_path / "LeetCodeDataset-v1-test.jsonl.gz").unlink()
    with pytest.raises(DataError, match="no such file; leetcode needs one LeetCodeDataset"):
        leetcode(tmp_path)


@pytest.mark.slow
def test_the_public_set(shared_data):
    task = leetcode(shared_data / "leetcode")
    assert len(task.problems("eval")) == 227
    assert len(task.problems("train")) + len(task.left_out) <= 1890 + 228
    assert all("any of several answers" in reason for reason in task.left_out.values())
    for problem in task.problems("train")[::100]:
        verdict = verify_code(completion=f"```python\n{problem.answer}\n```", sandbox=any_box(), **problem.info)
        assert verdict.value == 1.0, (problem.id, verdict.reason)

"""Rows of tests."""

import pytest

from r1kit.errors import DataError
from r1kit.rewards.code.compare import EXACT, Comparison
from r1kit.rewards.code.tests import CallTest, StdioTest, livecodebench_tests, parse_tests

STDIO = {"type": "stdio", "input": "1\n", "output": "2\n"}
CALL = {"type": "call", "fn_name": "f", "input": [[1], None], "output": {"a": 2}}


def test_a_stdio_and_a_call_test():
    assert parse_tests([STDIO], EXACT) == [StdioTest(stdin="1\n", expected="2\n", comparison=EXACT)]
    assert parse_tests([CALL], EXACT) == [
        CallTest(
            fn_name="f",
            args=[[1], None],
            kwargs={},
            arg_types=[None, None],
            kwarg_types={},
            returns=None,
            expected={"a": 2},
            comparison=EXACT,
        )
    ]


def test_named_arguments_types_and_a_comparison_of_its_own():
    row = {**CALL, "input": {"head": [1, 2], "k": 1}, "types": {"head": "ListNode"}, "returns": "List[ListNode]"}
    (test,) = parse_tests([row | {"abs_tol": 0.5}], Comparison(unordered=True))
    assert isinstance(test, CallTest)
    assert (test.args, test.kwargs, test.kwarg_types) == ([], {"head": [1, 2], "k": 1}, {"head": "ListNode"})
    assert (test.returns, test.has_nodes) == ("List[ListNode]", True)
    assert test.comparison == Comparison(unordered=True, abs_tol=0.5)
    (test,) = parse_tests([CALL | {"types": ["TreeNode"]}], EXACT)
    assert isinstance(test, CallTest)
    assert test.arg_types == ["TreeNode", None]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no tests; a code problem needs at least one"),
        (["x"], "tests[0] is a str; it must be an object with 'type', 'input' and 'output'"),
        ([STDIO, {"type": "stdio", "input": "1"}], "tests[1]: no 'output'; it needs 'type', 'input' and 'output'"),
        ([STDIO | {"type": ["call"]}], "tests[0]: type is ['call']; allowed: stdio, call"),
        ([STDIO | {"type": "call"}], "tests[0]: fn_name is None; it must be the name of a function or of a method"),
        ([STDIO | {"ouput": 3}], "tests[0]: unknown field 'ouput' of a stdio test; known: "),
        ([STDIO | {"output": 3}], "tests[0]: 'output' is a int; that of a stdio test is text"),
        ([CALL | {"input": "1"}], "tests[0]: 'input' of a call is a list of arguments or an object of named ones"),
        ([CALL | {"fn_name": "f; import os"}], "tests[0]: fn_name is 'f; import os'; it must be the name"),
        ([CALL | {"types": {"a": "ListNode"}}], "tests[0]: 'types' must have the shape of 'input'"),
        ([CALL | {"returns": "Node"}], "tests[0]: type 'Node'; allowed: null, ListNode, TreeNode and List[...]"),
        ([STDIO, CALL], "tests: some are of type stdio and some of type call; a problem has either"),
    ],
)
def test_what_a_row_must_not_be(rows, message):
    with pytest.raises(DataError) as caught:
        parse_tests(rows, EXACT)
    assert str(caught.value).startswith(message), caught.value


def test_livecodebench_s_own_rows():
    rows = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]
    assert livecodebench_tests(rows, None) == [{"type": "stdio", "input": "1 2\n", "output": "3\n"}]
    rows = [{"input": '[1, 2]\n"x"', "output": "true", "testtype": "functional"}]
    assert livecodebench_tests(rows, "f") == [{"type": "call", "fn_name": "f", "input": [[1, 2], "x"], "output": True}]
    with pytest.raises(DataError, match=r"tests\[0\]: testtype is 'functional'; allowed: stdin, or functional with"):
        livecodebench_tests(rows, None)
    with pytest.raises(DataError, match="not JSON"):
        livecodebench_tests([rows[0] | {"output": "[1"}], "f")

"""Comparing outputs and results, each case by hand."""

import json
import math

import pytest

from r1kit.rewards.code.compare import Comparison, call_text, output_problem, result_problem, same_value, short

LOOSE = Comparison(rel_tol=1e-6, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("got", "expected", "comparison"),
    [
        ("3\n", "3", Comparison()),
        ("3", "3\n\n", Comparison()),
        ("1  \n2\t\r\n", "1\n2", Comparison()),
        ("\n\n", "", Comparison()),
        ("  a\n\nb", "  a\n\nb", Comparison()),
        ("0.3333333", "0.33333333333", LOOSE),
        ("1.0 2 x", "1 2.0 x", LOOSE),
        ("1e3", "1000.0", LOOSE),
        ("b\na\n", "a\nb", Comparison(unordered=True)),
    ],
)
def test_the_same_output(got, expected, comparison):
    assert output_problem(got, expected, comparison) is None


@pytest.mark.parametrize(
    ("got", "expected", "comparison", "problem"),
    [
        ("4", "3", Comparison(), "got '4', expected '3'"),
        ("1\n4", "1\n3", Comparison(), "line 2: got '4', expected '3'"),
        ("1 2", "1\n2", Comparison(), "line 1: got '1 2', expected '1'"),
        ("1\n\n2", "1\n2", Comparison(), "line 2: got '', expected '2'"),
        ("1\n2\n3", "1\n2", Comparison(), "got 3 lines, expected 2 lines"),
        ("", "1", Comparison(), "got 0 lines, expected 1 line"),
        (" 3", "3", Comparison(), "got ' 3', expected '3'"),
        ("1  2", "1 2", Comparison(), "got '1  2', expected '1 2'"),
        ("yes", "YES", Comparison(), "got 'yes', expected 'YES'"),
        ("3.0", "3", Comparison(), "got '3.0', expected '3'"),
        ("0.3334", "0.3333", LOOSE, "got '0.3334', expected '0.3333'"),
        ("10000000000000001", "10000000000000000", LOOSE, "got '10000000000000001', expected '10000000000000000'"),
        ("nan", "nan ", Comparison(abs_tol=1.0), None),  # the same text is the same
        ("nan", "1.0", Comparison(abs_tol=9.0), "got 'nan', expected '1.0'"),
        ("1.0 2.0 3.0", "1.0 2.0", LOOSE, "got '1.0 2.0 3.0', expected '1.0 2.0'"),
        ("1_0.0", "10.0", LOOSE, "got '1_0.0', expected '10.0'"),
        ("a\na", "a\nb", Comparison(unordered=True), "line 2: got 'a', expected 'b'"),
    ],
)
def test_another_output(got, expected, comparison, problem):
    assert output_problem(got, expected, comparison) == problem


def test_a_long_line_is_quoted_from_both_ends():
    problem = output_problem("1" * 500, "2", Comparison())
    assert problem == f"got '{'1' * 54} ... {'1' * 19}', expected '2'"
    assert len(short("x" * 1000)) == 80
    assert short("a\nb") == "a\\nb"
    assert call_text("f", [1, "x"], {"k": [None, True]}) == 'f(1, "x", k=[null, true])'


ANY_ORDER = Comparison(unordered=True)
PYTHON_S = Comparison(int_is_float=True)


@pytest.mark.parametrize(
    ("got", "expected", "comparison", "same"),
    [
        (3, 3, Comparison(), True),
        (3, 4, Comparison(), False),
        (3.0, 3, Comparison(), False),  # "/" for "//"
        (3, 3.0, Comparison(), True),  # a double may come as an integer
        (3.0, 3, PYTHON_S, True),
        (True, 1, Comparison(), False),
        (1, True, Comparison(), False),
        (True, 1, PYTHON_S, True),
        (True, True, Comparison(), True),
        (1, None, Comparison(), False),
        (None, None, Comparison(), True),
        (0, None, Comparison(), False),
        (False, None, Comparison(), False),
        ("3", 3, Comparison(), False),
        (3, "3", Comparison(), False),
        ("a", "a", Comparison(), True),
        ("a ", "a", Comparison(), False),
        ([1, [2, "x"]], [1, [2, "x"]], Comparison(), True),
        ([1, 2], (1, 2), Comparison(), True),
        ([1, 2], [2, 1], Comparison(), False),
        ([1, 2, 3], [1, 2], Comparison(), False),
        ([], None, Comparison(), False),
        ([], {}, Comparison(), False),
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}, Comparison(), True),
        ({"a": 1}, {"a": 1, "b": 2}, Comparison(), False),
        ({"a": 1, "c": 2}, {"a": 1, "b": 2}, Comparison(), False),
        ([[2], [1]], [[1], [2]], ANY_ORDER, True),
        ([[2, 1]], [[1, 2]], ANY_ORDER, False),  # only the outer order is free
        ([1, 1, 2], [1, 2, 2], ANY_ORDER, False),
        (["b", "a"], ["a", "b"], ANY_ORDER, True),
        (5, 5, ANY_ORDER, True),
        (0.1 + 0.2, 0.3, Comparison(), False),
        (0.1 + 0.2, 0.3, LOOSE, True),
        (0.31, 0.3, LOOSE, False),
        (10**17 + 1, 10**17, LOOSE, False),
        (10**400, 1e300, LOOSE, False),
        (math.inf, math.inf, Comparison(), True),
        (-math.inf, math.inf, Comparison(), False),
        (math.inf, 1.0, Comparison(rel_tol=1.0), False),
        (1.0, math.inf, Comparison(rel_tol=1.0), False),
        (math.nan, math.nan, LOOSE, False),
        (2**53 + 1, float(2**53), Comparison(), False),
    ],
)
def test_results(got, expected, comparison, same):
    problem = result_problem(json.dumps(got).encode(), expected, comparison)
    assert (problem is None) == same
    if not comparison.unordered:
        assert same_value(got, expected, comparison) == same


@pytest.mark.parametrize("result", [b"", b"{", b"3 3", b"[" * 100_000, b"9" * 5000, b"\xff", b"{'a': 1}"])
def test_what_is_not_json_is_wrong(result):
    problem = result_problem(result, 3)
    assert problem is not None
    assert problem.startswith("the result cannot be read: ")


def test_the_problem_shows_both_values():
    assert result_problem(b'[1, "x", null]', [1]) == 'got [1, "x", null], expected [1]'

"""Numbers of an evaluation, by hand."""

import math

import pytest

from r1kit.pipeline.evaluation import _estimates


def test_a_value_is_a_mean_over_problems_with_its_standard_error():
    rows = _estimates({"length": [1.0, 3.0, 6.0, 6.0, 4.0, None]}, 2)  # means of the problems: 2, 6, 4
    assert rows == {"length": 4.0, "length_stderr": pytest.approx(2 / math.sqrt(3))}


def test_what_no_sample_has_is_none_and_one_problem_has_no_error():
    rows = _estimates({"refusals": [None, None], "length": [1.0, 2.0]}, 2)
    assert rows == {"refusals": None, "refusals_stderr": None, "length": 1.5, "length_stderr": None}

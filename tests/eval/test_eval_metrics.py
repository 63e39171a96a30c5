"""pass@1 and cons@k by hand."""

import math

import pytest

from r1kit.eval.metrics import answer_class, cons_at_k, estimate, majority_is_right, pass_at_1
from r1kit.types import Score


def score(value, parsed):
    return Score(value=value, reason="", parsed=parsed)


RIGHT, WRONG_5, WRONG_6, SILENT = score(1.0, "4"), score(0.0, "5"), score(0.0, "6"), score(0.0, None)
UNJUDGED = score(None, "4")


def test_pass_at_1_by_hand():
    # Shares 3/4 and 1/4: mean 1/2, variance (1/16 + 1/16) / 1 = 1/8, error sqrt(1/8 / 2) = 1/4.
    result = pass_at_1([[RIGHT, RIGHT, RIGHT, WRONG_5], [RIGHT, SILENT, WRONG_5, WRONG_6]])
    assert (result.mean, result.stderr) == (0.5, 0.25)


def test_unjudged_samples_enter_no_mean():
    assert pass_at_1([[RIGHT, UNJUDGED], [UNJUDGED, UNJUDGED], [WRONG_5, RIGHT]]).mean == 0.75


@pytest.mark.parametrize(
    ("samples", "value"),
    [
        ([RIGHT, RIGHT, WRONG_5, WRONG_6], 1.0),
        ([RIGHT, WRONG_5, WRONG_5], 0.0),
        ([RIGHT, WRONG_5], 0.5),  # a draw of two
        ([RIGHT, WRONG_5, WRONG_6], 1 / 3),
        ([RIGHT, SILENT, SILENT, SILENT], 1.0),  # silence does not vote
        ([SILENT, SILENT], 0.0),
        ([score(1.0, "4"), score(1.0, "4.0"), WRONG_5], 1.0),  # one number written in two ways
    ],
)
def test_majority_by_hand(samples, value):
    assert majority_is_right(samples) == pytest.approx(value)


def test_cons_at_k_is_a_mean_over_problems():
    result = cons_at_k([[RIGHT, RIGHT, WRONG_5], [WRONG_5, WRONG_5, RIGHT]])
    assert (result.mean, result.stderr) == (0.5, 0.5)


def test_answer_classes():
    assert answer_class("3 + 8 - 5") == answer_class("3+8-5")
    assert answer_class("3 + 8 - 5") != answer_class("8 + 3 - 5")
    assert answer_class("1,000") == answer_class("1000")


def test_nothing_to_estimate_is_nan_not_zero():
    assert math.isnan(estimate([]).mean)
    assert math.isnan(estimate([1.0]).stderr)

"""The stopping rule, by hand."""

import math

import pytest

from r1kit.grpo.convergence import has_converged


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([], False),
        ([0.5, 0.5, 0.5], False),  # fewer than two windows
        ([0.1, 0.3, 0.3, 0.3], False),  # means 0.2 and 0.3
        ([0.1, 0.3, 0.3, 0.3, 0.3], True),  # the last four only: 0.3 and 0.3
        ([0.4, 0.4, 0.2, 0.2], True),  # falling is not rising
        ([0.30, 0.30, 0.31, 0.32], False),  # gains 0.015
        ([0.30, 0.30, 0.31, 0.31], True),  # gains 0.01, which is not above 0.01
        ([0.2, math.nan, 0.2, 0.4, 0.4], False),
    ],
)
def test_two_windows_are_compared(rewards, expected):
    assert has_converged(rewards, window=2, min_gain=0.0100001) is expected


def test_no_window_never_converges():
    assert not has_converged([0.5] * 100, window=0, min_gain=0.0)

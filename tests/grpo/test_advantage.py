"""Eq. 3 and the conventions that it leaves open."""

import math

import pytest
from reference import grpo as reference

from r1kit.grpo.advantage import group_advantages


def values(scores, group_size, normalization="group_std"):
    return group_advantages(scores, group_size=group_size, normalization=normalization).values_B


def test_two_groups_of_three_by_hand():
    # Group 0: scores 1, 0, 0. Mean 1/3; deviations 2/3, -1/3, -1/3; variance (4 + 1 + 1)/27 = 2/9; std = sqrt(2)/3.
    #          A = (2/3)/(sqrt(2)/3) = sqrt(2), and -sqrt(2)/2 twice; the epsilon takes 1e-6/std = 2.1e-6 of each.
    # Group 1: scores 0, 1.1, 0.1. Mean 0.4; deviations -0.4, 0.7, -0.3; variance (0.16 + 0.49 + 0.09)/3 = 0.74/3.
    result = group_advantages([1.0, 0.0, 0.0, 0.0, 1.1, 0.1], group_size=3, normalization="group_std")
    std_1 = math.sqrt(0.74 / 3)
    exact = [2**0.5, -(2**0.5) / 2, -(2**0.5) / 2, -0.4 / std_1, 0.7 / std_1, -0.3 / std_1]
    assert result.values_B == pytest.approx(exact, rel=3e-6)
    assert result.values_B[0] == pytest.approx((2 / 3) / (2**0.5 / 3 + 1e-6), rel=1e-14)  # the epsilon's place
    assert result.keep_B == (True,) * 6


def test_group_mean_does_not_divide():
    assert values([1.0, 0.0, 0.0, 0.0, 1.1, 0.1], 3, "group_mean") == pytest.approx(
        [2 / 3, -1 / 3, -1 / 3, -0.4, 0.7, -0.3]
    )


def test_the_deviation_is_the_populations():
    # 0 and 1: population std 1/2, so A = -1 and 1; the sample std would be 0.707 and give A = 0.707.
    assert values([0.0, 1.0], 2) == pytest.approx([-1.0, 1.0], rel=3e-6)


def test_unjudged_scores_are_left_out():
    # Judged: 1 and 0, mean 1/2, std 1/2. A zero in place of the None would give mean 1/3.
    result = group_advantages([1.0, None, 0.0], group_size=3, normalization="group_std")
    assert result.values_B == pytest.approx([1.0, 0.0, -1.0], rel=3e-6)
    assert result.values_B[1] == 0.0
    assert result.keep_B == (True, False, True)


@pytest.mark.parametrize(
    "scores",
    [
        [0.1, 0.1, 0.1],  # 0.1 + 0.1 + 0.1 is 0.30000000000000004: a computed mean and std are not exact
        [0.0, 0.0, 0.0],
        [None, None, None],
        [None, 1.0, None],
        [None, 0.7, 0.7],
    ],
)
@pytest.mark.parametrize("normalization", ["group_std", "group_mean"])
def test_a_group_that_teaches_nothing_gets_exact_zeros(scores, normalization):
    result = group_advantages(scores, group_size=3, normalization=normalization)
    assert result.values_B == (0.0, 0.0, 0.0)
    assert result.keep_B == (False, False, False)


def test_a_group_of_one_gets_zero():
    assert values([1.0, 0.0], 1) == (0.0, 0.0)


def test_a_group_does_not_see_its_neighbour():
    assert values([1.0, 0.0, 5.0, 9.0], 2)[:2] == values([1.0, 0.0, 0.0, 0.0], 2)[:2]


@pytest.mark.parametrize("normalization", ["group_std", "group_mean"])
def test_matches_the_slow_reference(normalization):
    scores = [((7 * i * i + 3 * i) % 11) / 10 for i in range(64)]
    scores = [None if i % 9 == 4 else score for i, score in enumerate(scores)]
    slow = [
        a
        for p in range(8)
        for a in reference.advantages(scores[8 * p : 8 * p + 8], by_std=normalization == "group_std")
    ]
    assert values(scores, 8, normalization) == pytest.approx(slow, rel=1e-12)


def test_advantages_of_a_group_sum_to_zero():
    assert math.fsum(values([1.1, 0.1, 0.0, 0.1, 1.1, 0.0, 0.1], 7)) == pytest.approx(0.0, abs=1e-14)


def test_statistics_by_hand():
    # Five groups of two: both right; one right; both wrong and equal; both wrong, of different format; one unjudged.
    scores = [1.1, 1.1, 1.1, 0.0, 0.1, 0.1, 0.0, 0.1, None, 1.0]
    stats = group_advantages(scores, group_size=2, normalization="group_std").stats
    assert stats.num_judged == 9
    assert stats.unjudged_rate == pytest.approx(1 / 10)
    assert stats.score_mean == pytest.approx((1.1 * 3 + 0.1 * 3 + 1.0) / 9)
    assert stats.zero_variance_rate == pytest.approx(3 / 5)  # the first, the third and the last


def test_statistics_when_nothing_was_judged():
    stats = group_advantages([None] * 4, group_size=2, normalization="group_std").stats
    assert (stats.num_judged, stats.score_mean, stats.unjudged_rate) == (0, None, 1.0)
    assert stats.zero_variance_rate == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(bad):
    with pytest.raises(ValueError, match="score of rollout 1 is"):
        values([1.0, bad], 2)


def test_broken_groups_are_refused():
    with pytest.raises(ValueError, match="3 scores are not whole groups of 2"):
        values([1.0, 0.0, 1.0], 2)

"""Accuracy, errors, length bias, calibration and the check for uselessness, worked by hand."""

import math

import pytest

from r1kit.errors import RewardError
from r1kit.reward_model.evaluation import ScoredPair, check_useful, clustered_stderr, correlation, describe, scale_of


def pair(chosen, rejected, tokens=(5, 5), prompt=None):
    return ScoredPair(
        prompt=prompt or f"{chosen} {rejected} {tokens}",
        chosen=chosen,
        rejected=rejected,
        chosen_tokens=tokens[0],
        rejected_tokens=tokens[1],
    )


def test_numbers_by_hand():
    pairs = [pair(2.0, 0.0, (8, 4)), pair(1.0, 3.0, (4, 8)), pair(1.0, 1.0, (3, 9)), pair(4.0, 1.0, (6, 6))]
    seen = describe(pairs)
    assert (seen["num_pairs"], seen["num_prompts"]) == (4, 4)
    assert seen["accuracy"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    # residuals 0.375, -0.625, -0.125, 0.375: squares sum to 0.6875; / 3 = 0.229167; / 4 = 0.0572917; root 0.239357
    assert seen["accuracy_stderr"] == pytest.approx(0.239357, abs=1e-6)
    assert seen["mean_margin"] == pytest.approx((2 - 2 + 0 + 3) / 4)
    bias = seen["length_bias"]
    assert (bias["num_chosen_longer"], bias["accuracy_chosen_longer"]) == (1, 1.0)
    assert (bias["num_chosen_shorter"], bias["accuracy_chosen_shorter"]) == (2, 0.25)


def test_a_model_that_goes_by_length_alone_shows():
    pairs = [pair(n + 1.0, float(n), (n + 1, n)) for n in range(2, 6)] + [pair(2.0, 7.0, (2, 7))]
    bias = describe(pairs)["length_bias"]
    assert bias["accuracy_chosen_longer"] == 1.0
    assert bias["accuracy_chosen_shorter"] == 0.0
    assert bias["score_length_correlation"] == pytest.approx(1.0)


def test_correlation_by_hand():
    # deviations of x: -1, 0, 1, of y: -1, 1, 0: covariance 1, both sums of squares 2
    assert correlation([1, 2, 3], [0, 2, 1]) == pytest.approx(0.5)
    assert correlation([1, 2, 3], [4, 4, 4]) is None


def test_clusters_widen_the_error():
    values = [1.0, 1.0, 0.0, 0.0]
    # alone: residuals 1/2 each: sqrt(4/3 * 4/4) / 4 = 0.288675; by twos: sums 1 and -1: sqrt(2/1 * 2) / 4 = 0.5
    assert clustered_stderr(values, list("abcd")) == pytest.approx(0.288675, abs=1e-6)
    assert clustered_stderr(values, list("aabb")) == pytest.approx(0.5)
    assert clustered_stderr(values, list("aaaa")) is None


def test_calibration_by_hand():
    # sigmoid(0) = 0.5 and sigmoid(0.2) = 0.5498 fall into the first fifth, sigmoid(3) = 0.9526 into the last.
    table = describe([pair(0.0, 0.0), pair(0.0, 0.2), pair(3.0, 0.0), pair(5.0, 2.0)])["calibration"]
    assert [row["num_pairs"] for row in table] == [2, 0, 0, 0, 2]
    assert [row["confidence_from"] for row in table] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])
    assert table[0]["accuracy"] == 0.25
    assert table[0]["mean_confidence"] == pytest.approx((0.5 + 0.549834) / 2, abs=1e-6)
    assert table[1]["accuracy"] is None
    assert table[4]["accuracy"] == 1.0
    assert table[4]["mean_confidence"] == pytest.approx(0.952574, abs=1e-6)


def test_scale_by_hand():
    scale = scale_of([pair(3.0, 1.0), pair(1.0, -1.0)])
    assert scale.mean == 1.0
    assert scale.std == pytest.approx(math.sqrt(2))
    assert scale_of([pair(1.0, 1.0)]).std == 1.0  # all alike: every reward is 0.5


def right_and_wrong(num_right, num_wrong, **fields):
    wrong = [pair(0.0, 1.0, (i, 1), **fields) for i in range(num_wrong)]
    return [pair(1.0, 0.0, (i, 1), **fields) for i in range(num_right)] + wrong


def test_useful_is_above_chance_by_two_standard_errors():
    # of 100 pairs: a coin's error is 0.05, so more than 0.6 is asked for
    check_useful(right_and_wrong(61, 39), name="m")
    with pytest.raises(RewardError, match=r"m separates nothing: accuracy 0.600 on 100 held-out pairs, .* 0.600"):
        check_useful(right_and_wrong(60, 40), name="m")
    with pytest.raises(RewardError, match=r"accuracy 0\.100"):  # nor is one that is wrong
        check_useful(right_and_wrong(10, 90), name="m")


def test_a_few_lucky_pairs_are_not_enough():
    check_useful(right_and_wrong(5, 0), name="m")  # 0.5 + 2 * 0.5 / sqrt(5) = 0.947
    with pytest.raises(RewardError, match=r"more than 1\.000"):
        check_useful(right_and_wrong(4, 0), name="m")


def test_many_pairs_of_few_questions_are_few():
    # 3 questions, 2 of them right in all of their 30 pairs. Accuracy 0.667; sums of residuals 10, 10 and -20:
    # sqrt(3/2 * 600) / 90 = 0.333, so 1.167 would be needed.
    pairs = [pair(1.0, 0.0, (i, 1), prompt=prompt) for prompt in "ab" for i in range(30)]
    pairs += [pair(0.0, 1.0, (i, 1), prompt="c") for i in range(30)]
    with pytest.raises(RewardError, match=r"accuracy 0.667 on 90 held-out pairs, needed is more than 1.167"):
        check_useful(pairs, name="m")

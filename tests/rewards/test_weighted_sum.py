from dataclasses import replace

import pytest

from r1kit.errors import ConfigError, RewardError
from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.base import REWARDS, CheckedReward, WeightedSum, build_reward, check_unjudged, mean_value
from r1kit.rewards.format import ANSWER_POLICIES, FORMAT_PROBLEMS, FormatReward
from r1kit.rewards.pool import VerifierPool
from r1kit.types import Score

from .reward_doubles import rollout, well_formed


class Fixed:
    def __init__(self, name, *values, parsed=None):
        self.name = name
        self.values = values
        self.parsed = parsed

    def score(self, rollouts):
        return [Score(value=value, reason=f"{self.name} {value}", parsed=self.parsed) for value in self.values]


@pytest.fixture
def pool():
    with VerifierPool(1, timeout_s=5.0) as pool:
        yield pool


def test_weighted_sum():
    reward = WeightedSum([(1.0, Fixed("accuracy", 1.0, 0.0, parsed="7")), (0.25, Fixed("format", 1.0, 1.0))])
    first, second = reward.score([rollout(""), rollout("")])
    assert (first.value, first.reason, first.parsed) == (1.25, "accuracy 1.0", "7")
    assert first.parts == {"accuracy": 1.0, "format": 1.0}
    assert (second.value, second.reason) == (0.25, "accuracy 0.0")


def test_a_part_that_could_not_be_judged_makes_the_sum_none():
    accuracy, format_ = Fixed("accuracy", None, 1.0), Fixed("format", 1.0, None)
    first, second = WeightedSum([(1.0, accuracy), (0.1, format_)]).score([rollout(""), rollout("")])
    assert (first.value, first.reason, first.parts) == (None, "accuracy None", {"accuracy": None, "format": 1.0})
    assert (second.value, second.reason) == (None, "format None")


def test_a_part_of_weight_0_is_measured_only():
    accuracy, format_ = Fixed("accuracy", 1.0), Fixed("format", None)
    (score,) = WeightedSum([(2.0, accuracy), (0.0, format_)]).score([rollout("")])
    assert (score.value, score.reason, score.parts) == (2.0, "accuracy 1.0", {"accuracy": 1.0, "format": None})


def test_a_sum_of_nothing_or_of_twins_is_refused():
    with pytest.raises(ConfigError, match="different names"):
        WeightedSum([])
    with pytest.raises(ConfigError, match="different names"):
        WeightedSum([(1.0, Fixed("a", 1.0)), (1.0, Fixed("a", 1.0))])


def test_build_reward_with_the_defaults(pool):
    reward = build_reward(RewardConfig(), "r1_zero", pool)
    right, wrong, broken = reward.score(
        [rollout(well_formed("7")), rollout(well_formed("8")), rollout(well_formed("7") + ".")]
    )
    assert right.value == pytest.approx(1.1)
    assert right.parts == {"accuracy": 1.0, "format": 1.0}
    assert (wrong.value, wrong.reason) == (0.1, "wrong: 8, not 7")
    assert (broken.value, broken.reason) == (0.0, "format: text after </answer>")


def test_build_reward_boxed_and_without_format(pool):
    boxed = build_reward(RewardConfig(), "boxed", pool)
    assert [s.value for s in boxed.score([rollout(r"\boxed{7}"), rollout("7")])] == [pytest.approx(1.1), 0.0]
    free = build_reward(RewardConfig(weights={"accuracy": 1.0}, accuracy_needs_format=False), "chat", pool)
    assert [s.value for s in free.score([rollout(well_formed("7") + ".")])] == [1.0]


def test_accuracy_comes_first_whatever_the_order_in_the_config(pool):
    reward = build_reward(RewardConfig(weights={"format": 0.1, "accuracy": 1.0}), "r1_zero", pool)
    assert reward.score([rollout(well_formed("7"))])[0].reason == "correct"


@pytest.mark.parametrize(
    ("weights", "template", "message"),
    [
        ({"accuracies": 1.0}, "r1_zero", r"unknown reward 'accuracies' in reward.weights; .*Did you mean 'accuracy'\?"),
        ({"accuracy": float("nan")}, "r1_zero", "reward.weights.accuracy is nan"),
        ({"accuracy": 0.0}, "r1_zero", "no weight other than 0"),
        ({}, "r1_zero", "no weight other than 0"),
        ({"accuracy": 1.0}, "r1zero", r"template 'r1zero'; .*Did you mean 'r1_zero'\?"),
    ],
)
def test_build_reward_refuses(weights, template, message, pool):
    with pytest.raises(ConfigError, match=message):
        build_reward(RewardConfig(weights=weights), template, pool)


def test_default_weights_are_known():
    assert set(RewardConfig().weights) <= set(REWARDS)
    assert set(FORMAT_PROBLEMS) == set(ANSWER_POLICIES)


def test_format_reward():
    reward = FormatReward(FORMAT_PROBLEMS["r1_zero"])
    good, bad = reward.score([rollout(well_formed("7")), rollout("<think></think><answer>7</answer>")])
    assert (good.value, good.reason) == (1.0, "well formed")
    assert (bad.value, bad.reason) == (0.0, "empty <think>")


def test_none_never_enters_a_mean():
    scores = [Score(value=1.0, reason=""), Score(value=None, reason=""), Score(value=0.5, reason="")]
    assert mean_value(scores) == 0.75
    assert mean_value(scores[1:2]) is None
    assert mean_value([]) is None


class Silent:
    """Judges maths, and no code."""

    name = "accuracy"

    def score(self, rollouts):
        values = [None if rollout.problem.verifier == "code" else 1.0 for rollout in rollouts]
        return [Score(value=value, reason="no sandbox" if value is None else "") for value in values]


def test_a_checked_reward_looks_at_each_verifier_alone():
    maths = [rollout("7") for _ in range(99)]
    code = replace(maths[0], problem=replace(maths[0].problem, verifier="code"))
    assert [score.value for score in CheckedReward(Silent(), 0.5).score(maths)] == [1.0] * 99
    with pytest.raises(
        RewardError, match=r"^verifier code: 1 of 1 completions could not be judged .* for 'no sandbox'"
    ):
        CheckedReward(Silent(), 0.5).score([*maths, code])


def test_check_unjudged():
    scores = [Score(value=None, reason="timeout after 5 s")] * 2 + [Score(value=None, reason="x")]
    scores += [Score(value=0.0, reason="wrong")] * 7
    assert check_unjudged(scores, 0.3) == 0.3
    assert check_unjudged([], 0.0) == 0.0
    with pytest.raises(RewardError, match=r"3 of 10 completions .*\(30%, allowed 20%\), 2 of them for 'timeout after"):
        check_unjudged(scores, 0.2)

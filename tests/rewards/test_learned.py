"""Learned rewards: what they read, what they give where there is nothing to read, and who is asked for what."""

from dataclasses import replace

import pytest

from r1kit.errors import ConfigError
from r1kit.rewards.learned import HarmlessReward, HelpfulReward, RewardScale, ScenarioReward, judged_part
from r1kit.types import Score, StopReason

from .reward_doubles import rollout

TOKEN = "|special_token|"
FULL = f" {TOKEN} Let me think. {TOKEN} The answer is **4**. "


class FakeModel:
    """Scores a text by its length, None above 30 characters, and remembers what it was shown."""

    def __init__(self, kind, scale=RewardScale(mean=0.0, std=1.0)):
        self.kind = kind
        self.scale = scale
        self.seen = []

    def score(self, texts):
        self.seen += texts
        return [float(len(text)) if len(text) <= 30 else None for _, text in texts]


def truncated(text):
    whole = rollout(text)
    return replace(whole, completion=replace(whole.completion, stop_reason=StopReason.LENGTH))


@pytest.mark.parametrize(
    ("response", "summary", "whole"),
    [
        (FULL, "The answer is **4**.", f"{TOKEN} Let me think. {TOKEN} The answer is **4**."),
        (" Hello! ", "Hello!", "Hello!"),
        (f" {TOKEN} only a thought", "", f"{TOKEN} only a thought"),
        (f"{TOKEN} a {TOKEN} ", "", f"{TOKEN} a {TOKEN}"),
        ("", "", ""),
    ],
)
def test_helpful_reads_the_summary_and_harmless_the_whole(response, summary, whole):
    assert judged_part("helpful", response) == summary
    assert judged_part("harmless", response) == whole


def test_a_scale_by_hand():
    scale = RewardScale(mean=2.0, std=0.5)
    # 1 / (1 + exp(-(3 - 2) / 0.5)) = 1 / (1 + exp(-2))
    assert [scale.reward(score) for score in (2.0, 3.0, 1.0)] == pytest.approx([0.5, 0.880797, 0.119203], abs=1e-6)
    assert (scale.reward(-1e6), scale.reward(1e6)) == (0.0, 1.0)


def test_helpful_by_hand():
    model = FakeModel("helpful", RewardScale(mean=20.0, std=10.0))
    rollouts = [rollout(FULL), rollout(f"{TOKEN} a thought"), truncated(FULL), rollout("Hi"), rollout("x" * 31)]
    scores = HelpfulReward(model).score(rollouts)
    # lengths 20 and 2: 0.5, and 1 / (1 + exp(1.8)) = 0.141851
    assert [score.value for score in scores] == pytest.approx([0.5, 0.0, 0.0, 0.141851, None], abs=1e-6)
    assert [score.reason for score in scores] == [
        "helpful score +20.000", "no summary", "truncated", "helpful score +2.000",
        "too long for the helpful reward model",
    ]  # fmt: skip
    assert model.seen == [("?", "The answer is **4**."), ("?", "Hi"), ("?", "x" * 31)]


def test_harmless_judges_a_truncated_response_as_far_as_it_goes():
    model = FakeModel("harmless")
    scores = HarmlessReward(model).score([truncated("bad"), rollout("  ")])
    # 1 / (1 + exp(-3)) = 0.952574
    assert [score.value for score in scores] == pytest.approx([0.952574, 0.0], abs=1e-6)
    assert scores[1].reason == "empty response"
    assert model.seen == [("?", "bad")]


def test_a_model_of_the_other_kind_is_refused():
    with pytest.raises(ConfigError, match=r"'harmless' needs a model of that kind; this one is 'helpful'"):
        HarmlessReward(FakeModel("helpful"))


class Constant:
    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.texts = []

    def score(self, rollouts):
        self.texts += [rollout.completion.text for rollout in rollouts]
        return [Score(value=self.value, reason=self.name, parts={"accuracy": self.value}) for _ in rollouts]


def scenario(name, text="x"):
    return rollout(text, scenario=name)


def test_each_prompt_goes_to_its_rewards_and_comes_back_in_order():
    rules, helpful, harmless = Constant("rules", 1.0), Constant("helpful", 0.5), Constant("harmless", 0.25)
    weights = {"helpful": {"helpful": 1.0}, "harmless": {"harmless": 1.0}, "benign": {"helpful": 2.0, "harmless": 0.4}}
    reward = ScenarioReward(rules, {"helpful": helpful, "harmless": harmless}, weights)
    rollouts = [
        scenario("harmless", "a"),
        rollout("b"),
        scenario("benign", "c"),
        scenario("helpful", "d"),
        rollout("e"),
    ]
    scores = reward.score(rollouts)
    assert [score.value for score in scores] == pytest.approx([0.25, 1.0, 2 * 0.5 + 0.4 * 0.25, 0.5, 1.0])
    assert [dict(score.parts) for score in scores] == [
        {"harmless": 0.25},
        {"accuracy": 1.0},
        {"helpful": 0.5, "harmless": 0.25},
        {"helpful": 0.5},
        {"accuracy": 1.0},
    ]
    assert (rules.texts, helpful.texts, harmless.texts) == (["b", "e"], ["c", "d"], ["a", "c"])


def test_what_could_not_be_judged_stays_none():
    reward = ScenarioReward(Constant("rules", 1.0), {"helpful": Constant("helpful", None)}, {"x": {"helpful": 1.0}})
    assert reward.score([scenario("x"), rollout("b")])[0].value is None


def test_a_scenario_without_its_model_is_named():
    helpful = Constant("helpful", 1.0)
    with pytest.raises(ConfigError, match=r"'harmless' needs the reward 'harmless' and there is no model .*: helpful"):
        ScenarioReward(helpful, {"helpful": helpful})
    with pytest.raises(ConfigError, match="there are none at all"):
        ScenarioReward(helpful, {})
    with pytest.raises(ConfigError, match="scenario 'helpful' has no reward with a weight other than 0"):
        ScenarioReward(helpful, {"helpful": helpful}, {"helpful": {"helpful": 0.0}})
    reward = ScenarioReward(helpful, {"helpful": helpful}, {"helpful": {"helpful": 1.0}})
    message = r"problem 'p1' has the scenario 'helpfull', which has no reward; .*Did you mean 'helpful'\?"
    for ask in (reward.score, lambda rollouts: reward.check([r.problem for r in rollouts])):
        with pytest.raises(ConfigError, match=message):
            ask([scenario("helpfull")])

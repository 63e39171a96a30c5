from dataclasses import replace

import pytest

from r1kit.errors import ConfigError
from r1kit.rewards.shaping import OverlongReward, RepetitionReward
from rewards.reward_doubles import rollout


def of_tokens(tokens):
    attempt = rollout("")
    completion = replace(attempt.completion, tokens=tuple(tokens), logprobs=(0.0,) * len(tokens))
    return replace(attempt, completion=completion)


@pytest.mark.parametrize(
    ("length", "value"),
    [(1, 1.0), (6, 1.0), (7, 0.75), (8, 0.5), (9, 0.25), (10, 0.0), (11, 0.0)],  # 10 tokens, the last 4 cost
)
def test_overlong(length, value):
    (score,) = OverlongReward(10, 4).score([of_tokens(range(length))])
    assert score.value == value


def test_overlong_reasons():
    scores = OverlongReward(max_new_tokens=10, buffer=4).score([of_tokens(range(6)), of_tokens(range(7))])
    assert [score.reason for score in scores] == ["6 tokens", "7 tokens, 1 into the buffer"]


@pytest.mark.parametrize("buffer", [0, 11])
def test_overlong_limits(buffer):
    with pytest.raises(ConfigError, match=f"overlong buffer is {buffer}; give 1 to max_new_tokens = 10"):
        OverlongReward(10, buffer)


@pytest.mark.parametrize(
    ("tokens", "n", "value"),
    [
        ([1, 2, 3, 4], 2, 1.0),
        ([1, 2, 1, 2], 2, 2 / 3),  # 12 21 12
        ([5] * 11, 2, 1 / 10),
        ([1, 2], 3, 1.0),  # too short to repeat
        ([1, 1, 1, 2], 1, 0.5),
    ],
)
def test_repetition(tokens, n, value):
    (score,) = RepetitionReward(n).score([of_tokens(tokens)])
    assert score.value == pytest.approx(value)


def test_repetition_reasons_and_limits():
    scores = RepetitionReward(2).score([of_tokens([5] * 11), of_tokens([1])])
    assert [score.reason for score in scores] == ["90% of the 2-grams are repetitions", "fewer than 2 tokens"]
    with pytest.raises(ConfigError, match="repetition ngram_size is 0; it is 1 or more"):
        RepetitionReward(0)

"""Which completions have their template's format, and what the accuracy reward then makes of the readable one."""

from dataclasses import replace

import pytest

from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.accuracy import AccuracyReward
from r1kit.rewards.base import build_reward
from r1kit.rewards.code import last_code_block
from r1kit.rewards.extract import READABLE_TOKEN
from r1kit.rewards.format import ANSWER_POLICIES, FORMAT_PROBLEMS, FormatReward
from r1kit.rewards.pool import VerifierPool
from rewards.reward_doubles import rollout

T = READABLE_TOKEN
R1_ZERO = "<think> 3 + 4 = 7 </think> <answer> 7 </answer>"
READABLE = f" {T} 3 + 4 = 7. {T} The answer is **7**."


@pytest.mark.parametrize(
    ("template", "text", "problem"),
    [
        ("r1_zero", R1_ZERO, ""),
        ("r1_zero", READABLE, "no <think>"),
        ("chat", R1_ZERO, ""),
        ("boxed", r"so \boxed{7}", ""),
        ("boxed", "so 7", "no \\boxed{} answer"),
        ("plain", "so 7", ""),
        ("readable", READABLE, ""),
        ("readable", R1_ZERO, f"no {T}"),
        ("readable", "The answer is **7**.", f"no {T}"),
        ("readable", f"{T} 3 + 4 = 7", f"1 times {T}, not twice"),
        ("readable", f"{T}a{T}b{T} **7**", f"3 times {T}, not twice"),
        ("readable", f"7 {T} a {T} **7**", f"text before the first {T}"),
        ("readable", f"{T}{T} **7**", "empty reasoning"),
        ("readable", f"{T} a {T} ", "empty summary"),
    ],
)
def test_format_of_each_template(template, text, problem):
    (score,) = FormatReward(FORMAT_PROBLEMS[template]).score([rollout(text)])
    assert (score.value, score.reason) == ((0.0, problem) if problem else (1.0, "well formed"))


def attempt(text, answer, verifier="math", **info):
    made = rollout(text)
    return replace(made, problem=replace(made.problem, answer=answer, verifier=verifier, info=info))


CHOICES = {"choices": ["red", "green", "blue"]}


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (attempt(READABLE, "7"), 1.0),
        (attempt(READABLE, "8"), 0.0),
        (attempt(f"{T} It is **7**. {T} The answer is **8**.", "7"), 0.0),  # the reasoning is not the answer
        (attempt(f"{T} a {T} **8** or **7**", "7"), 1.0),  # the last one counts,
        (attempt(f"{T} a {T} **7** or **8**", "7"), 0.0),  # so listing guesses gains nothing
        (attempt(f"{T} It is **7**.", "7"), 0.0),  # truncated
        (attempt(f"{T} a {T} The answer is **B**.", "B", "multiple_choice", **CHOICES), 1.0),
        (attempt(f"{T} a {T} The answer is **green**.", "B", "multiple_choice", **CHOICES), 1.0),
        (attempt(f"{T} a {T} The answer is **B or C**.", "B", "multiple_choice", **CHOICES), 0.0),
        (attempt(f"{T} a {T} **(3 + 5) * 2**", "16", "countdown", numbers=[2, 3, 5], target=16), 1.0),
    ],
)
def test_accuracy_of_the_readable_format(made, value):
    with VerifierPool(1, 5.0) as pool:
        (score,) = AccuracyReward(pool, ANSWER_POLICIES["readable"]).score([made])
    assert score.value == value


def test_code_is_read_from_the_summary_only():
    program = "```python\nprint({})\n```"
    both = f"{T} Try\n{program.format(1)}\n{T}\nHere it is:\n{program.format(2)}"
    assert last_code_block(both, ["python"]).code == "print(2)"
    assert last_code_block(f"{T} Try\n{program.format(1)}\n{T}\nDone.", ["python"]) is None
    assert last_code_block(f"{T} Try\n{program.format(1)}", ["python"]) is None  # truncated
    assert last_code_block(program.format(3), ["python"]).code == "print(3)"  # no reasoning


def test_the_reward_of_section_2_3_2_on_the_readable_format():
    """Accuracy and language consistency, directly summed; a broken format never pays for accuracy."""
    config = RewardConfig(weights={"accuracy": 1.0, "language": 1.0})
    texts = [
        f"{T} We add them. {T} **7**",
        f"{T} We 先算 them. {T} **7**",  # a Chinese character is a word: 2 of 4
        f"{T} We add them. {T} **8**",
        f"先算 {T} We add. {T} **7**",  # words before the first token are read too: 2 of 4
        f"{T} We 先算 {T} add them {T} **7**",  # a token hides no part of the reasoning: 3 of 5
        f"{T} We add them, it is **7**.",
    ]
    with VerifierPool(1, 5.0) as pool:
        scores = build_reward(config, "readable", pool).score([attempt(text, "7") for text in texts])
    assert [score.value for score in scores] == pytest.approx([2.0, 1.5, 1.0, 2 / 4, 3 / 5, 1.0])
    assert scores[5].reason == f"format: 1 times {T}, not twice"

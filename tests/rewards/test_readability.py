from dataclasses import replace
from functools import partial

import pytest

from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.base import build_reward
from r1kit.rewards.format import FormatReward
from r1kit.rewards.pool import VerifierPool
from r1kit.rewards.readability import (
    CHECKS,
    READABLE_TOKEN,
    Finding,
    ReadabilityReward,
    ReadableParts,
    ReadingRules,
    find_faults,
    readable_parts,
    readable_problem,
    response_parts,
    response_problem,
    rules_for,
    think_parts,
)
from rewards.reward_doubles import rollout

T = READABLE_TOKEN


@pytest.mark.parametrize(
    ("text", "reasoning", "summary", "problem"),
    [
        (f"{T} I think. {T} It is 7. ", "I think.", "It is 7.", ""),
        (f"\n{T}a{T}b", "a", "b", ""),
        ("a", None, None, f"no {T}"),
        ("", None, None, f"no {T}"),
        (f"{T} I think and", "I think and", None, f"1 times {T}, not twice"),
        (f"{T}a{T}b{T}c", f"a{T}b", "c", f"3 times {T}, not twice"),
        (f"Well {T}a{T}b", "a", "b", f"text before the first {T}"),
        (f"{T} {T}b", None, "b", "empty reasoning"),
        (f"{T}a{T}\n", "a", None, "empty summary"),
    ],
)
def test_readable_parts(text, reasoning, summary, problem):
    assert readable_parts(text) == ReadableParts(reasoning=reasoning, summary=summary, problem=problem)
    assert readable_problem(text) == problem


@pytest.mark.parametrize(
    ("text", "reasoning", "summary", "problem"),
    [
        (" Hello! ", None, "Hello!", ""),
        (" \n", None, None, "empty response"),
        (f"{T}a{T}b", "a", "b", ""),
        (f"{T}a", "a", None, f"1 times {T}, not twice"),
        (f"Hello{T}", None, None, f"1 times {T}, not twice"),
    ],
)
def test_a_response_without_token_is_its_summary(text, reasoning, summary, problem):
    assert response_parts(text) == ReadableParts(reasoning=reasoning, summary=summary, problem=problem)
    assert response_problem(text) == problem


def test_another_token():
    assert T == "|special_token|"
    assert readable_parts("<cot>a<cot>b", "<cot>") == ReadableParts(reasoning="a", summary="b", problem="")
    reward = FormatReward(partial(readable_problem, token="<cot>"))
    scores = reward.score([rollout("<cot>a<cot>b"), rollout("a")])
    assert [(score.value, score.reason) for score in scores] == [(1.0, "well formed"), (0.0, "no <cot>")]


def test_think_parts():
    parts = think_parts("<think> a </think> <answer> 7 </answer>")
    assert parts == ReadableParts(reasoning="a", summary="7", problem="")
    parts = think_parts("<think> a </think> So it is **7**.")
    assert (parts.reasoning, parts.summary, parts.problem) == ("a", "So it is **7**.", "no <answer>")
    assert think_parts("<think> a").summary is None


def faults(reasoning, summary="It is 7.", language="en", **rules):
    parts = ReadableParts(reasoning=reasoning, summary=summary, problem="")
    return find_faults(parts, language, ReadingRules(**rules))


@pytest.mark.parametrize(
    ("reasoning", "summary", "language", "check", "message"),
    [
        (None, "7", "en", "reasoning", "no reasoning"),
        ("We add.", None, "en", "summary", "no summary"),
        ("We add.", "So\nit is 7.", "en", "highlight", "summary of several lines without markdown"),
        ("We 先 add them", "7", "en", "language", "25% of the words are not en"),
        ("我们先加", "7", "en", "language", "not in en"),
        ("a" * 1601, "7", "en", "paragraphs", "a paragraph of 1601 columns"),
        ("字" * 801, "7", "zh", "paragraphs", "a paragraph of 1602 columns"),
        ("We add.\n```\nx = 1\n```", "7", "en", "code", "code block in the reasoning"),
        ("We add.\n~~~\nx = 1\n~~~", "7", "en", "code", "code block in the reasoning"),
        ("We add $$x", "7", "en", "delimiters", "$$ is not closed"),
        ("We add \\(x", "7", "en", "delimiters", "\\( without \\)"),
    ],
)
def test_each_check_names_its_fault(reasoning, summary, language, check, message):
    assert faults(reasoning, summary, language) == [Finding(check=check, message=message)]


@pytest.mark.parametrize(
    ("reasoning", "summary", "language"),
    [
        ("We add.", "It is 7.", "en"),
        ("a" * 1600 + "\n \n" + "b" * 1600, "7", "en"),
        ("字" * 800, "7", "zh"),
        ("$x = 7$", "7", "en"),  # no words, so no foreign ones
        ("one two three four five six seven eight nine 字", "7", "en"),  # a tenth is not a mix
        ("We call `print(x)`.", "So\n\\boxed{7}", "en"),
        ("We add.", "So\n**7**", "en"),
        ("We add.", "So\n- 7", "en"),
    ],
)
def test_readable(reasoning, summary, language):
    assert faults(reasoning, summary, language) == []


def test_rules():
    assert faults("```\nx\n```", allow_code=True) == []
    assert faults("abc", max_paragraph_columns=2) == [Finding(check="paragraphs", message="a paragraph of 3 columns")]
    assert faults("We 先 add them", max_foreign_share=0.25) == []
    assert faults(None, needs_reasoning=False) == []


def test_reward():
    reward = ReadabilityReward()
    good = rollout("<think> We add. </think> It is **7**.")
    bad = rollout("<think> 我们 add \n```\nx\n``` </think> 7")
    code = replace(rollout("<think> so\n```\nx\n``` </think> done"), problem=replace(good.problem, verifier="code"))
    first, second, third = reward.score([good, bad, code])
    assert (first.value, first.reason) == (1.0, "readable")
    assert second.value == pytest.approx(5 / 7)
    assert second.reason == "67% of the words are not en; code block in the reasoning"
    passed = {"reasoning": 1, "summary": 1, "highlight": 1, "language": 0, "paragraphs": 1, "code": 0, "delimiters": 1}
    assert second.parts == passed
    assert third.value == 1.0
    assert tuple(second.parts) == tuple(CHECKS)


def test_reward_on_the_readable_format():
    reward = ReadabilityReward(readable_parts)
    scores = reward.score([rollout(f"{T} We add. {T} 7"), rollout(f"{T} We add."), rollout(f"{T}{T} 7"), rollout("")])
    assert [score.value for score in scores] == [1.0, 0.0, 0.0, 0.0]
    assert [score.reason for score in scores] == ["readable", "no summary", "no reasoning", "no reasoning; no summary"]


def test_a_general_prompt_needs_no_reasoning():
    reward = ReadabilityReward(response_parts)
    hello = rollout("Hello!")
    general = replace(hello, problem=replace(hello.problem, info={"scenario": "helpful"}))
    cut_off = replace(general, completion=rollout(f"{T} They greet").completion)
    scores = reward.score([hello, general, cut_off])
    assert [(score.value, score.reason) for score in scores] == [
        (0.0, "no reasoning"),
        (1.0, "readable"),
        (0.0, "no summary"),
    ]


def test_the_template_decides_how_build_reward_cuts():
    texts = [
        f"{T} We add. {T} It is **7**.",
        "<think> We add. </think> <answer> 7 </answer>",
        f"{T} We 先算. {T} **7**",
    ]
    rollouts = [rollout(text) for text in texts]
    config = RewardConfig(weights={"format": 1.0, "language": 1.0, "readability": 1.0})

    def parts(template):
        with VerifierPool(1, 5.0) as pool:
            return [score.parts for score in build_reward(config, template, pool).score(rollouts)]

    readable, zero = parts("readable"), parts("r1_zero")
    assert readable[0] == {"format": 1.0, "language": 1.0, "readability": 1.0}
    assert readable[1] == {"format": 0.0, "language": 1.0, "readability": 0.0}
    assert readable[2]["format"] == 1.0
    assert readable[2]["language"] == pytest.approx(1 / 3)  # a Chinese character is a word
    assert readable[2]["readability"] == pytest.approx(6 / 7)
    assert zero[0]["format"] == zero[0]["readability"] == 0.0
    assert zero[1] == {"format": 1.0, "language": 1.0, "readability": 1.0}


def test_what_a_problem_asks_for_is_no_fault():
    problem = rollout("").problem
    strict = ReadingRules(max_foreign_share=0.2)
    assert rules_for(problem, strict) == strict
    assert rules_for(replace(problem, verifier="code"), strict) == replace(strict, allow_code=True)
    assert rules_for(replace(problem, info={"scenario": "helpful"}), strict) == replace(strict, needs_reasoning=False)
    both = replace(strict, max_foreign_share=1.0)
    assert rules_for(replace(problem, task="translate"), strict) == both
    assert rules_for(replace(problem, info={"bilingual": True}), strict) == both
    mixed = response_parts(f"{T} cat is 猫. {T} 猫")
    assert [each.check for each in find_faults(mixed, "zh", rules_for(problem))] == ["language"]
    assert find_faults(mixed, "zh", rules_for(replace(problem, task="translate"))) == []

"""An evaluation of scripted completions, every number worked out by hand."""

from dataclasses import replace

import pytest
from tiny import byte_tokenizer

from r1kit.engines.fake import FakeEngine
from r1kit.eval.evaluate import behaviour, evaluate
from r1kit.pipeline.report_rows import transcripts
from r1kit.rewards.accuracy import AccuracyReward
from r1kit.rewards.extract import R1_ZERO_POLICY, READABLE_TOKEN, think_answer_problem
from r1kit.rewards.format import FormatReward
from r1kit.rewards.pool import VerifierPool
from r1kit.tasks.templates import TEMPLATES
from r1kit.types import Problem, SamplingParams

PROBLEMS = [
    Problem(id="a", prompt="Compute 3 + 4", answer="7", task="chain"),
    Problem(id="b", prompt="计算 5 + 4", answer="9", task="word", language="zh"),
]
TEXTS = [
    [
        "<think> 3 + 4 = 7. </think> <answer> 7 </answer>",  # right
        "<think> Wait, let me check. </think> <answer> 7.0 </answer>",  # right, reflects
        "<answer> 8 </answer>",  # wrong, and not in the format
        "no answer, and so long that it is cut",  # silent
    ],
    [
        "<think> 先算 5 + 4 = 9 and then some </think> <answer> 9 </answer>",  # right, mixes languages
        "<think> 先算 5 + 4 = 8。 </think> <answer> 8 </answer>",
        "<think> 5 + 4 = 8。 </think> <answer> 8 </answer>",
        "<think> 5 + 4 = 9。 </think> <answer> 9 </answer> 完",  # right, but not in the format
    ],
]
MAX_NEW_TOKENS = 100


@pytest.fixture(scope="module")
def evaluation():
    tokenizer = byte_tokenizer()
    with VerifierPool(1, 5.0) as pool:
        return evaluate(
            FakeEngine(tokenizer, TEXTS),
            tokenizer,
            TEMPLATES["r1_zero"],
            PROBLEMS,
            num_samples=4,
            params=SamplingParams(max_new_tokens=MAX_NEW_TOKENS),
            accuracy=AccuracyReward(pool, R1_ZERO_POLICY),
            format=FormatReward(think_answer_problem),
            seed=0,
        )


def test_metrics_by_hand(evaluation):
    row = evaluation.metrics()
    assert row["eval/pass_at_1"] == pytest.approx((2 / 4 + 2 / 4) / 2)
    # a: 7 and 7.0 are one answer with two votes against one. b: 9 and 8 draw with two votes each.
    assert row["eval/cons_at_k"] == pytest.approx((1 + 0.5) / 2)
    assert (row["eval/k"], row["eval/num_problems"]) == (4, 2)
    assert row["eval/pass_at_1/chain"] == row["eval/pass_at_1/word"] == 0.5
    assert row["eval/format_rate"] == pytest.approx(5 / 8)
    assert row["eval/reflection_rate"] == pytest.approx(1 / 8)
    assert row["eval/language_mixing_rate"] == pytest.approx(1 / 8)
    lengths = [min(len(text.encode()) + 1, MAX_NEW_TOKENS) for texts in TEXTS for text in texts]  # + the end token
    assert row["eval/mean_length_tokens"] == pytest.approx(sum(lengths) / 8)
    assert row["eval/truncated_rate"] == 0


def test_transcripts_keep_the_first_samples_of_the_first_problems(evaluation):
    records = transcripts(evaluation, step=3, num_problems=1, num_samples=2)
    assert [(r["problem_id"], r["sample"], r["value"], r["step"]) for r in records] == [
        ("a", 0, 1.0, 3),
        ("a", 1, 1.0, 3),
    ]
    assert records[0]["text"] == TEXTS[0][0]
    assert records[0]["reason"] == "correct"
    assert records[1]["parsed"] == "7"  # as it was compared


def test_behaviour_reads_the_reasoning_of_the_readable_format(evaluation):
    token = READABLE_TOKEN
    texts = [
        f"{token} We add them. {token} 答案是 **7**。",  # the summary is not read
        f"{token} We 先算 them. {token} **7**",
        f"{token} Wait, we add. {token} **7**",
        f"{token} We add. {token} Wait: **7**",
    ]
    rollouts = [
        replace(evaluation.rollouts_B[0], completion=replace(evaluation.rollouts_B[0].completion, text=text))
        for text in texts
    ]
    rates = behaviour(rollouts)
    assert (rates["language_mixing_rate"], rates["reflection_rate"]) == (1 / 4, 1 / 4)

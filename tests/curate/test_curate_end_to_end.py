"""From a few problems to a mixed data set on disk, with the real rule-based reward and the counts of every drop."""

import json

import pytest

from r1kit.curate.cold_start import collect_zero
from r1kit.curate.config import DrawConfig, MixConfig, NonReasoningConfig, RejectConfig, ZeroOutputsConfig
from r1kit.curate.counts import add_up, write_drops
from r1kit.curate.mix import mix
from r1kit.curate.non_reasoning import collect_non_reasoning
from r1kit.curate.prompts import Shot
from r1kit.curate.reject import rejection_sample
from r1kit.rewards.accuracy import AccuracyReward
from r1kit.rewards.extract import READABLE_POLICY
from r1kit.rewards.pool import VerifierPool
from r1kit.rewards.readability import response_problem
from r1kit.sft.data import read_examples, write_examples

T = "|special_token|"
DRAW = DrawConfig(max_new_tokens=120)


@pytest.fixture(scope="module")
def rules():
    with VerifierPool(num_workers=1, timeout_s=5.0) as pool:
        yield AccuracyReward(pool, READABLE_POLICY)


def test_from_problems_to_a_data_set(add, answering, rules, tmp_path):
    sums = [add(a, a + 1) for a in range(1, 7)]
    right = {
        problem.prompt: [
            f" {T} The sum is {problem.answer}. {T} The answer is **{problem.answer}**.",
            f" {T} The sum is 99. {T} The answer is **99**.",
        ]
        for problem in sums[:5]
    }
    wrong = {sums[5].prompt: [f" {T} The sum is 1. {T} The answer is **1**."]}
    zero = {
        problem.prompt: [f" <think> It is {problem.answer}. </think> <answer> {problem.answer} </answer>"]
        for problem in sums
    }
    general = [
        add(
            0,
            0,
            id=name,
            prompt=name,
            answer="Hello!",
            task="greeting",
            verifier="rubric",
            info={"scenario": "helpful"},
        )
        for name in ("hello", "hi", "good morning")
    ]
    shots = [Shot(question="bye", thought="It is late.", answer="Bye!")]

    engine, tokenizer = answering(zero)
    cold, cold_counts = collect_zero(
        engine, tokenizer, sums, rules, ZeroOutputsConfig(num_samples=1, draw=DRAW), seed=0
    )
    assert len(cold) == 6
    assert {example.info["verdict"] for example in cold} == {"correct"}

    engine, tokenizer = answering(right | wrong)
    config = RejectConfig(num_samples=2, draw=DRAW)
    reasoning, counts = rejection_sample(engine, tokenizer, sums, rules, config, seed=0)
    assert [example.task for example in reasoning] == ["chain"] * 5

    others, other_counts = collect_non_reasoning(
        engine, tokenizer, general, shots, NonReasoningConfig(num_shots=1), seed=0
    )
    mixed = mix(reasoning, others, MixConfig(reasoning=2, non_reasoning=1), seed=0)
    assert len(mixed.examples) == 5 + 2
    assert all(response_problem(example.response) == "" for example in mixed.examples)

    assert write_examples(tmp_path / "data.jsonl", mixed.examples) == 7
    assert read_examples(tmp_path / "data.jsonl") == mixed.examples
    total = add_up([cold_counts, counts, other_counts, mixed.counts])
    stages = {stage["name"]: stage for stage in json.loads(write_drops(tmp_path, total).read_text())["stages"]}
    assert (stages["rejection"]["in"], stages["rejection"]["dropped"]) == (12, {"not_correct": 7})
    assert stages["rejection_prompts"]["dropped"] == {"no_correct_sample": 1}
    for name, stage in stages.items():  # what a step keeps is what the next one gets
        if stage["goes_to"] in stages:
            assert stage["kept"] == stages[stage["goes_to"]]["in"], name
    assert stages["mix_reasoning"]["kept"] + stages["mix_non_reasoning"]["kept"] == 7

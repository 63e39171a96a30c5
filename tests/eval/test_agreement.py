import importlib.util
import math
import random
from pathlib import Path

import pytest
from rewards.judges import chat_tokenizer, scripted_judge

from r1kit.engines.fake import FakeEngine
from r1kit.eval.agreement import claim_agreement, pair_agreement
from r1kit.rewards.generative import GenerativeVerifier, Judge
from r1kit.rewards.pairwise import PairVerdict, judge_pairs
from r1kit.types import Score


def verdict(as_given, swapped):
    return PairVerdict(as_given=as_given, swapped=swapped, reason="")


def test_pairs_by_hand():
    # right twice 1, right once 0.5, wrong twice 0, right and unreadable 0.75: mean 0.5625,
    # variance (0.4375^2 + 0.0625^2 + 0.5625^2 + 0.1875^2) / 3 = 0.182292, stderr sqrt(0.182292 / 4) = 0.213478
    verdicts = [verdict("A", "A"), verdict("A", "B"), verdict("B", "B"), verdict("B", None)]
    result = pair_agreement(verdicts, ["A", "A", "A", "B"])
    assert result.n == 4
    assert result.agreement == 0.5625
    assert result.stderr == pytest.approx(0.213478, abs=1e-6)
    assert result.chance_stderr == 0.25
    assert result.readable_rate == 7 / 8
    assert result.position_consistency == 0.5
    assert result.first_rate == pytest.approx(4 / 7)  # A of A, A, B, B with A first; B of A, B, B with B first
    assert not result.beats_chance


def test_claims_by_hand():
    # right predictions: 1, 1, 0, unreadable 0.5: mean 0.625; wrong ones: 1, 0: mean 0.5; balanced 0.5625
    values = [1.0, 1.0, 0.0, None, 0.0, 1.0]
    labels = [True, True, True, True, False, False]
    result = claim_agreement([Score(value=value, reason="") for value in values], labels)
    assert (result.n, result.agreement, result.readable_rate) == (6, 0.5625, 5 / 6)
    assert result.chance_stderr == pytest.approx(math.sqrt(0.25 / 4 + 0.25 / 2) / 2)
    # variances 0.229167 / 4 and 0.5 / 2, each halved in the mean: sqrt(0.057292 + 0.25) / 2 = 0.277169
    assert result.stderr == pytest.approx(0.277169, abs=1e-6)
    assert (result.position_consistency, result.first_rate) == (None, None)


LABELS = ["A"] * 30 + ["B"] * 10


@pytest.mark.parametrize(
    ("choices", "consistency", "first_rate", "readable"),
    [(("A", "B"), 0.0, 1.0, 1.0), (("B", "A"), 0.0, 0.0, 1.0), ((None, None), 0.0, None, 0.0)],
)
def test_a_judge_that_does_not_read_stands_at_one_half(choices, consistency, first_rate, readable):
    result = pair_agreement([verdict(*choices) for _ in LABELS], LABELS)
    assert (result.agreement, result.stderr, result.beats_chance) == (0.5, 0.0, False)
    assert (result.position_consistency, result.first_rate, result.readable_rate) == (consistency, first_rate, readable)


@pytest.mark.parametrize("value", [1.0, 0.0, None])
def test_a_verifier_that_always_says_the_same_stands_at_one_half(value):
    labels = [True] * 5 + [False] * 35
    result = claim_agreement([Score(value=value, reason="") for _ in labels], labels)
    assert (result.agreement, result.beats_chance) == (0.5, False)


def test_a_judge_that_tosses_coins():
    rng = random.Random(0)
    labels = [rng.choice("AB") for _ in range(400)]
    tosses = [verdict(rng.choice("AB"), rng.choice("AB")) for _ in labels]
    result = pair_agreement(tosses, labels)
    assert abs(result.agreement - 0.5) < 3 * result.chance_stderr
    assert abs(result.position_consistency - 0.5) < 0.1
    assert not result.beats_chance


def test_a_perfect_judge_needs_a_few_pairs():
    def perfect(n):
        return pair_agreement([verdict("A", "A")] * n, ["A"] * n)

    assert perfect(3).agreement == 1.0
    assert not perfect(3).beats_chance  # 1.96 * 0.5 / sqrt(3) = 0.566
    assert perfect(4).beats_chance  # 0.49


def test_nothing_to_judge():
    assert math.isnan(pair_agreement([], []).agreement)
    assert math.isnan(claim_agreement([], []).agreement)
    assert not pair_agreement([], []).beats_chance


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "judge_agreement.py"
    spec = importlib.util.spec_from_file_location("judge_agreement", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_judges_on_public_pairs(benchmark, shared_data):
    pairs, labels = benchmark.draw_pairs(shared_data, 40, seed=0)
    assert len(pairs) == 40
    assert {"A", "B"} == set(labels)
    right = [getattr(pair, f"response_{label}") for pair, label in zip(pairs, labels, strict=True)]

    def oracle(message, sample, seed):
        first, _, second = message.partition("</response_A-")
        return "A" if any(text in first for text in right) else "B" if any(text in second for text in right) else "?"

    result = pair_agreement(judge_pairs(scripted_judge(oracle, max_chars=50_000), pairs), labels)
    assert (result.agreement, result.position_consistency, result.readable_rate) == (1.0, 1.0, 1.0)
    assert result.beats_chance
    assert pairs == benchmark.draw_pairs(shared_data, 40, seed=0)[0]
    assert pairs != benchmark.draw_pairs(shared_data, 40, seed=1)[0]


def test_judges_on_public_claims(benchmark, shared_data):
    claims, labels = benchmark.draw_claims(shared_data, 40, seed=0)
    assert (len(claims), sum(labels)) == (40, 20)
    is_right = {(claim.gold, claim.prediction): label for claim, label in zip(claims, labels, strict=True)}

    def oracle(message, sample, seed):
        gold, prediction = (
            message.partition(f"<{name}-")[2].partition("\n")[2].partition(f"\n</{name}-")[0]
            for name in ("reference", "prediction")
        )
        return "CORRECT" if is_right[gold, prediction] else "INCORRECT"

    result = claim_agreement(GenerativeVerifier(scripted_judge(oracle)).verify(claims), labels)
    assert (result.n, result.agreement, result.readable_rate) == (40, 1.0, 1.0)


@pytest.mark.parametrize("name", ["tosses coins", "always the same", "says nothing"])
def test_the_benchmarks_judges_that_know_nothing(benchmark, shared_data, name):
    tokenizer = chat_tokenizer()
    pairs, labels = benchmark.draw_pairs(shared_data, 60, seed=0)
    script = benchmark.know_nothing(benchmark.KNOW_NOTHING[name], ("A", "B"))
    result = pair_agreement(judge_pairs(Judge(FakeEngine(tokenizer, script), tokenizer), pairs), labels)
    assert not result.beats_chance
    assert abs(result.agreement - 0.5) < (3 * result.chance_stderr if name == "tosses coins" else 1e-9)
    assert benchmark.row(name, "pairs", result).endswith("| no better than chance |")

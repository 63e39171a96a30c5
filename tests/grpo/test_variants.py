"""The objectives of other papers: hand-worked numbers, and what sets each apart. test_loss.py has what all share."""

import math

import pytest
from reference.grpo import Sample, Settings
from reference.grpo_cases import run_loss

LN = math.log


def with_ratios(*ratios, advantage, reference_ratios=None):
    policy = [-2.0] * len(ratios)
    reference = [-2.0 + LN(r) for r in reference_ratios] if reference_ratios else None
    return Sample(policy, [-2.0 - LN(ratio) for ratio in ratios], reference, advantage)


# The completions of test_loss.py: surrogates 1.2, 1, 0.5 (sum 2.7) and -1.6, -2.5 (sum -4.1); KL k3(2) and k3(1/2),
# which sum to 1/2.
HAND = [
    with_ratios(1.5, 1.0, 0.5, advantage=1.0, reference_ratios=[1.0, 2.0, 1.0]),
    with_ratios(0.5, 1.25, advantage=-2.0, reference_ratios=[1.0, 0.5]),
]
K3_OF_2, K3_OF_HALF = 1 - LN(2), LN(2) - 0.5


def flat(rows):
    return [x for row in rows for x in row]


def test_dr_grpo_two_by_three_by_hand():
    # Two sequences, at most 4 tokens: every token weighs 1/8. -(2.7 - 4.1)/8 = 0.175;  KL = 0.5/8.
    value, gradient, metrics = run_loss("dr_grpo", HAND, Settings(beta=0.1, max_tokens=4))
    assert value == pytest.approx(0.175 + 0.1 * 0.5 / 8)
    assert flat(gradient) == pytest.approx([0, (-1 - 0.1) / 8, -0.5 / 8, 0, (2.5 + 0.05) / 8], abs=1e-14)
    assert metrics["advantage_mean"] == pytest.approx((3 * 1 - 2 * 2) / 8)
    assert metrics["kl_to_reference"] == pytest.approx(0.5 / 8)


def test_dapo_two_by_three_by_hand():
    # Five tokens: -(2.7 - 4.1)/5 = 0.28;  KL = 0.5/5.
    value, gradient, metrics = run_loss("dapo", HAND, Settings(beta=0.1))
    assert value == pytest.approx(0.28 + 0.1 * 0.1)
    assert flat(gradient) == pytest.approx([0, (-1 - 0.1) / 5, -0.5 / 5, 0, (2.5 + 0.05) / 5], abs=1e-14)
    assert metrics["advantage_mean"] == pytest.approx((3 * 1 - 2 * 2) / 5)
    assert metrics["kl_to_reference"] == pytest.approx(0.1)


def test_dapo_clips_higher_than_lower():
    # With 0.2 below and 0.28 above: 1.25 at A = 1 keeps its gradient, and loses it with 0.2 above.
    sample = [with_ratios(1.25, advantage=1.0)]
    assert run_loss("dapo", sample, Settings(low=0.2, high=0.28))[:2] == (
        pytest.approx(-1.25),
        [[pytest.approx(-1.25)]],
    )
    assert run_loss("dapo", sample, Settings(low=0.2, high=0.2))[:2] == (pytest.approx(-1.2), [[0.0]])


def test_gspo_two_by_three_by_hand():
    # o_1: (1.5 * 1 * 0.5)^(1/3) = 0.75^(1/3) = 0.9086, A = 1:  inside the clip
    # o_2: (0.5 * 1.25)^(1/2) = 0.625^(1/2) = 0.7906,   A = -2: min(-1.581, -1.6) = -1.6 (clipped)
    # KL as in grpo: (k3(2)/3 + k3(1/2)/2)/2
    value, gradient, metrics = run_loss("gspo", HAND, Settings(beta=0.1))
    kl = (K3_OF_2 / 3 + K3_OF_HALF / 2) / 2
    assert value == pytest.approx(-(0.75 ** (1 / 3) - 1.6) / 2 + 0.1 * kl)
    # d(ratio)/d(log pi of a token) = ratio/|o|, the same for every token of the sequence.
    pull = -(0.75 ** (1 / 3)) / 3 / 2
    assert flat(gradient) == pytest.approx([pull, pull - 0.1 / 6, pull, 0, 0.05 / 4], abs=1e-14)
    assert metrics["clip_fraction_low"] == pytest.approx(2 / 5)
    assert metrics["ratio_mean"] == pytest.approx((3 * 0.75 ** (1 / 3) + 2 * 0.625**0.5) / 5)
    assert metrics["advantage_mean"] == pytest.approx(-0.5)


def test_what_one_token_of_a_long_and_of_a_short_completion_weighs():
    # On-policy with A = 1, a token's gradient is minus its weight. Lengths 1 and 3, at most 5 tokens.
    samples = [with_ratios(1.0, advantage=1.0), with_ratios(1.0, 1.0, 1.0, advantage=1.0)]
    weights = {
        name: [-row[0] for row in run_loss(name, samples, Settings(max_tokens=5))[1]]
        for name in ("r1", "grpo", "gspo", "dapo", "dr_grpo")
    }
    assert weights == {
        "r1": pytest.approx([1 / 2, 1 / 2]),  # a long completion pulls with all its tokens
        "grpo": pytest.approx([1 / 2, 1 / 6]),  # every completion pulls the same
        "gspo": pytest.approx([1 / 2, 1 / 6]),
        "dapo": pytest.approx([1 / 4, 1 / 4]),  # every token pulls the same; depends on the step's lengths
        "dr_grpo": pytest.approx([1 / 10, 1 / 10]),  # every token pulls the same; does not
    }


def test_only_dr_grpo_depends_on_the_token_limit():
    for name in ("r1", "grpo", "gspo", "dapo"):
        assert run_loss(name, HAND, Settings(beta=0.1, max_tokens=4)) == run_loss(
            name, HAND, Settings(beta=0.1, max_tokens=400)
        )
    short, long = (run_loss("dr_grpo", HAND, Settings(beta=0.1, max_tokens=n))[0] for n in (4, 400))
    assert short == pytest.approx(100 * long)


def test_length_weighted_objectives_do_not_start_at_zero():
    # The advantages 1 and -1 cancel, but the good completion has 3 tokens and the bad one 1:
    # dapo -(3 - 1)/4, dr_grpo -(3 - 1)/(2 * 5). grpo and gspo give each completion the same say: 0.
    samples = [with_ratios(1.0, 1.0, 1.0, advantage=1.0), with_ratios(1.0, advantage=-1.0)]
    values = {
        name: run_loss(name, samples, Settings(max_tokens=5))[0] for name in ("grpo", "gspo", "r1", "dapo", "dr_grpo")
    }
    assert values == pytest.approx({"grpo": 0.0, "gspo": 0.0, "r1": 0.0, "dapo": -0.5, "dr_grpo": -0.2}, abs=1e-15)

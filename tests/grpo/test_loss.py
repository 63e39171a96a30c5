"""The losses against hand-worked numbers, slow float64 loops, finite differences, and each other."""

import dataclasses
import doctest
import math
import re
from pathlib import Path

import pytest
import torch
from reference import grpo as reference
from reference.grpo import Sample, Settings
from reference.grpo_cases import eight_samples, run_loss

from r1kit.grpo.config import LOSS_NAMES
from r1kit.grpo.loss import LOSSES, Normalizer, grpo_loss, kl_k3, r1_loss

DOCS = Path(__file__).resolve().parents[2] / "docs"
LN = math.log
ALL = pytest.mark.parametrize("name", LOSS_NAMES)
BOTH_KL = pytest.mark.parametrize("beta", [0.0, 0.3])


def flat(rows):
    return [x for row in rows for x in row]


def from_ratios(ratios, advantage, reference_ratios):
    """A completion with the given pi_theta/pi_old and pi_ref/pi_theta a token; every pi_theta is 1/4."""
    policy = [LN(0.25)] * len(ratios)
    sampled = [LN(0.25) - LN(ratio) for ratio in ratios]
    return Sample(policy, sampled, [LN(0.25) + LN(ratio) for ratio in reference_ratios], advantage)


HAND = [
    from_ratios([1.5, 1.0, 0.5], 1.0, [1.0, 2.0, 1.0]),
    from_ratios([0.5, 1.25], -2.0, [1.0, 0.5]),  # the third position is padding
]
HAND_SETTINGS = Settings(low=0.2, high=0.2, beta=0.1, max_tokens=4)
K3_OF_2, K3_OF_HALF = 2 - LN(2) - 1, 0.5 + LN(2) - 1


def test_grpo_two_by_three_by_hand():
    # o_1, A = 1:  min(1.5, 1.2) = 1.2;  min(1, 1) = 1;  min(0.5, 0.8) = 0.5;  their mean is 2.7/3 = 0.9
    # o_2, A = -2: min(-1.0, -1.6) = -1.6 (clipped);  min(-2.5, -2.4) = -2.5;  their mean is -4.1/2 = -2.05
    # surrogate = (0.9 - 2.05)/2 = -0.575;  KL = (k3(2)/3 + k3(1/2)/2)/2
    value, gradient, metrics = run_loss("grpo", HAND, HAND_SETTINGS)
    kl = (K3_OF_2 / 3 + K3_OF_HALF / 2) / 2
    assert value == pytest.approx(0.575 + 0.1 * kl)
    # A token of the surrogate pulls with -rho A / (|o| B), or 0 where clipped; one of the KL with beta (1 - r)/(|o| B).
    #   o_1: 0, -1/6, -0.5/6    o_2: 0, 2.5/4        KL at r = 2: 0.1 (-1)/6     KL at r = 1/2: 0.1 (1/2)/4
    assert flat(gradient) == pytest.approx([0, -1 / 6 - 0.1 / 6, -0.5 / 6, 0, 2.5 / 4 + 0.05 / 4], abs=1e-14)
    assert metrics == pytest.approx(
        {
            "policy_gradient_loss": 0.575,
            "advantage_mean": (1 - 2) / 2,
            "clip_fraction_low": 1 / 5,  # the 0.5 of o_2; the 0.5 of o_1 has a positive advantage and is not clipped
            "clip_fraction_high": 1 / 5,  # the 1.5 of o_1; the 1.25 of o_2 is not clipped
            "ratio_mean": (1.5 + 1.0 + 0.5 + 0.5 + 1.25) / 5,
            "mean_abs_logprob_gap": (LN(1.5) + LN(2) + LN(2) + LN(1.25)) / 5,
            "kl_to_reference": kl,
        }
    )


def test_r1_two_by_three_by_hand():
    # o_1: ratio 1.5 * 1 * 0.5 = 0.75, A = 1:  min(0.75, 0.8) = 0.75
    # o_2: ratio 0.5 * 1.25 = 0.625,   A = -2: min(-1.25, -1.6) = -1.6 (clipped)
    # surrogate = (0.75 - 1.6)/2 = -0.425;  pi_ref/pi_theta is 2 and 1/2: KL = (k3(2) + k3(1/2))/2 = 1/4
    value, gradient, metrics = run_loss("r1", HAND, HAND_SETTINGS)
    assert value == pytest.approx(0.425 + 0.1 * 0.25)
    # Every token of a sequence has the same pull: o_1: -0.75/2 + 0.1 (1 - 2)/2    o_2: 0 + 0.1 (1 - 1/2)/2
    assert flat(gradient) == pytest.approx([-0.425] * 3 + [0.025] * 2)
    assert metrics == pytest.approx(
        {
            "policy_gradient_loss": 0.425,
            "advantage_mean": -0.5,
            "clip_fraction_low": 2 / 5,  # both tokens of o_2
            "clip_fraction_high": 0.0,
            "ratio_mean": (3 * 0.75 + 2 * 0.625) / 5,
            "mean_abs_logprob_gap": (LN(1.5) + LN(2) + LN(2) + LN(1.25)) / 5,
            "kl_to_reference": 0.25,
        }
    )


def test_the_names_of_the_config_are_the_names_of_the_losses():
    assert tuple(LOSSES) == LOSS_NAMES
    assert set(reference.LOSSES) == set(LOSS_NAMES)


@ALL
@BOTH_KL
@pytest.mark.parametrize("epsilons", [(0.2, 0.2), (0.2, 0.28), (0.0003, 0.0004)])
def test_matches_the_slow_reference(name, beta, epsilons):
    settings = Settings(low=epsilons[0], high=epsilons[1], beta=beta, max_tokens=9)
    samples = eight_samples(with_reference=beta > 0)
    value, _, metrics = run_loss(name, samples, settings)
    assert value == pytest.approx(reference.LOSSES[name](samples, settings), rel=1e-12)
    assert metrics == pytest.approx(reference.metrics(name, samples, settings), rel=1e-10)
    assert value == pytest.approx(metrics["policy_gradient_loss"] + beta * metrics.get("kl_to_reference", 0.0))


@ALL
@BOTH_KL
def test_gradient_matches_finite_differences_of_the_slow_reference(name, beta):
    settings = Settings(beta=beta)
    samples = eight_samples(with_reference=beta > 0)
    _, gradient, _ = run_loss(name, samples, settings)
    h = 1e-6
    for o, row in zip(samples, gradient, strict=True):
        for t, slope in enumerate(row):
            kept = o.policy[t]
            o.policy[t] = kept + h
            above = reference.LOSSES[name](samples, settings)
            o.policy[t] = kept - h
            below = reference.LOSSES[name](samples, settings)
            o.policy[t] = kept
            assert slope == pytest.approx((above - below) / (2 * h), abs=1e-9)


@ALL
def test_float32_agrees_with_float64(name):
    settings = Settings(beta=0.3)
    value, gradient, _ = run_loss(name, eight_samples(), settings, dtype=torch.float32)
    exact, exact_gradient, _ = run_loss(name, eight_samples(), settings)
    assert value == pytest.approx(exact, rel=1e-5)
    assert flat(gradient) == pytest.approx(flat(exact_gradient), rel=1e-4, abs=1e-6)


@ALL
@BOTH_KL
@pytest.mark.parametrize("micro_batch_size", [1, 2, 4])
def test_how_the_step_is_cut_into_micro_batches_does_not_matter(name, beta, micro_batch_size):
    settings = Settings(beta=beta)
    samples = eight_samples(with_reference=beta > 0)
    whole = run_loss(name, samples, settings)
    cut = run_loss(name, samples, settings, micro_batch_size=micro_batch_size)
    assert cut[0] == pytest.approx(whole[0], rel=1e-13)
    assert flat(cut[1]) == pytest.approx(flat(whole[1]), rel=1e-13)
    assert cut[2] == pytest.approx(whole[2], rel=1e-13)


@ALL
@pytest.mark.parametrize("padding", [0.0, -7.0, float("inf"), -float("inf")])
def test_what_the_padding_holds_does_not_matter(name, padding):
    with_nan = run_loss(name, eight_samples(), Settings(beta=0.3))
    assert not any(math.isnan(x) for x in [with_nan[0], *flat(with_nan[1]), *with_nan[2].values()])
    assert run_loss(name, eight_samples(), Settings(beta=0.3), padding=padding) == with_nan


def on_policy(samples):
    return [dataclasses.replace(o, sampled=o.policy) for o in samples]


def test_on_policy_gradient_of_grpo_is_reinforce():
    samples = on_policy(eight_samples(with_reference=False))
    _, gradient, _ = run_loss("grpo", samples, Settings())
    reinforce = [[-o.advantage / len(o.policy) / 8] * len(o.policy) for o in samples]  # of -1/B sum A/|o| sum log pi
    assert flat(gradient) == pytest.approx(flat(reinforce), rel=1e-14, abs=1e-16)


@ALL
def test_on_policy_value_is_minus_the_mean_advantage(name):
    _, _, metrics = run_loss(name, on_policy(eight_samples(with_reference=False)), Settings())
    assert metrics["policy_gradient_loss"] == -metrics["advantage_mean"]
    assert metrics["mean_abs_logprob_gap"] == 0.0
    assert metrics["ratio_mean"] == 1.0


@pytest.mark.parametrize("name", ["r1", "grpo", "gspo"])
def test_on_policy_value_is_zero_and_its_gradient_is_not(name):
    samples = on_policy(eight_samples(with_reference=False))
    scores = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    for o, advantage in zip(samples, reference.advantages(scores, by_std=True), strict=True):
        o.advantage = advantage
    value, gradient, _ = run_loss(name, samples, Settings())
    assert value == pytest.approx(0.0, abs=1e-15)
    assert math.hypot(*flat(gradient)) > 0.1


@ALL
@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"),
    [
        (1.5, 1.0, "high"),  # already raised enough
        (1.5, -1.0, None),  # raised though it should fall: pulled back
        (0.5, -1.0, "low"),  # already lowered enough
        (0.5, 1.0, None),  # lowered though it should rise: pulled back
        (1.25, 1.0, None),  # inside 1 - 0.2 .. 1 + 0.3
        (0.75, -1.0, "low"),
    ],
)
def test_the_clip_stops_only_what_went_too_far_the_right_way(name, ratio, advantage, clipped):
    samples = [Sample([LN(ratio) - 3.0], [-3.0], None, advantage)]
    value, gradient, metrics = run_loss(name, samples, Settings(low=0.2, high=0.3, max_tokens=1))
    bound = {"high": 1.3, "low": 0.8, None: ratio}[clipped]
    assert value == pytest.approx(-bound * advantage)
    assert flat(gradient) == pytest.approx([0.0 if clipped else -ratio * advantage])
    assert metrics["clip_fraction_high"] == (clipped == "high")
    assert metrics["clip_fraction_low"] == (clipped == "low")


@ALL
def test_raising_a_token_of_a_good_completion_lowers_the_loss(name):
    samples = on_policy(eight_samples(with_reference=False))
    before, gradient, _ = run_loss(name, samples, Settings())
    for o, row in zip(samples, gradient, strict=True):
        assert all(math.copysign(1, slope) == -math.copysign(1, o.advantage) for slope in row if o.advantage)
    samples[0] = dataclasses.replace(samples[0], policy=[x + 0.01 for x in samples[0].policy])  # its advantage is 1.4
    after, _, _ = run_loss(name, samples, Settings())
    assert after < before


@ALL
def test_the_kl_term_pulls_towards_the_reference(name):
    above = Sample([-1.0, -1.0], [-1.0, -1.0], [-1.5, -1.2], 0.0)
    below = Sample([-2.0, -2.0], [-2.0, -2.0], [-1.5, -1.2], 0.0)
    equal = Sample([-2.0, -2.0], [-2.0, -2.0], [-2.0, -2.0], 0.0)
    _, gradient, _ = run_loss(name, [above, below, equal], Settings(beta=1.0))
    assert all(slope > 0 for slope in gradient[0])  # descending lowers the log-probability
    assert all(slope < 0 for slope in gradient[1])
    assert gradient[2] == [0.0, 0.0]


@BOTH_KL
def test_one_token_completions_make_r1_grpo_and_gspo_one(beta):
    samples = [
        Sample(o.policy[:1], o.sampled[:1], o.reference and o.reference[:1], o.advantage)
        for o in eight_samples(with_reference=beta > 0)
    ]
    results = [run_loss(name, samples, Settings(beta=beta)) for name in ("r1", "grpo", "gspo")]
    for value, gradient, metrics in results[1:]:
        assert value == pytest.approx(results[0][0], rel=1e-13)
        assert flat(gradient) == pytest.approx(flat(results[0][1]), rel=1e-13)
        assert metrics == pytest.approx(results[0][2], rel=1e-13)


@ALL
@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("shift", [3.0, -3.0])
def test_no_overflow_over_a_long_completion(name, advantage, shift):
    # The log-ratios of the sequence are +-900; exp(900) is infinite even in float64.
    o = Sample([-4.0] * 300, [-4.0 - shift] * 300, [-4.0 - shift] * 300, advantage)
    value, gradient, metrics = run_loss(name, [o], Settings(beta=0.1), dtype=torch.float32)
    assert all(math.isfinite(x) for x in [value, *flat(gradient), *metrics.values()])


def test_a_policy_far_above_the_reference_is_still_pulled_back():
    # log(pi_ref/pi_theta) of the sequence is -900: the KL is 900 - 1 and its slope 1, not cut to 0.
    o = Sample([-1.0] * 300, [-1.0] * 300, [-4.0] * 300, 0.0)
    value, gradient, _ = run_loss("r1", [o], Settings(beta=1.0))
    assert value == pytest.approx(899.0)
    assert gradient[0] == pytest.approx([1.0] * 300)


def test_kl_k3_by_hand():
    # pi_theta = 1/2, pi_ref = 1/4: r = 1/2, k3 = 1/2 + ln 2 - 1
    assert kl_k3(torch.tensor([LN(0.5)]), torch.tensor([LN(0.25)])).item() == pytest.approx(0.5 + LN(2) - 1)
    assert kl_k3(torch.tensor([-1.3]), torch.tensor([-1.3])).item() == 0.0


def test_kl_k3_averages_to_the_kl_divergence():
    policy, ref = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)
    divergence = (policy * (policy / ref).log()).sum()
    assert (policy * kl_k3(policy.log(), ref.log())).sum().item() == pytest.approx(divergence.item())


def test_kl_k3_keeps_its_digits_near_zero():
    # exp(d) - d - 1 in float32 at d = 1e-4 has lost all digits; the true value is d^2/2.
    assert kl_k3(torch.tensor([0.0]), torch.tensor([1e-4])).item() == pytest.approx(5e-9, rel=0.05)


def good_arguments():
    zeros, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    return {
        "policy_logprobs_BT": zeros,
        "sampled_logprobs_BT": zeros,
        "reference_logprobs_BT": None,
        "advantages_B": torch.zeros(2),
        "completion_mask_BT": mask,
        "clip_epsilon_low": 0.2,
        "clip_epsilon_high": 0.2,
        "kl_coef": 0.0,
        "normalizer": Normalizer(num_sequences=2, num_tokens=6, max_completion_tokens=3),
    }


@ALL
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kl_coef": 0.1}, "reference_logprobs_BT is missing with kl_coef = 0.1"),
        ({"reference_logprobs_BT": torch.zeros(2, 3)}, "reference_logprobs_BT is given with kl_coef = 0.0"),
        ({"completion_mask_BT": torch.tensor([[True] * 3, [False] * 3])}, r"no token in rows \[1\]"),
        ({"completion_mask_BT": torch.ones(2, 3)}, "completion_mask_BT is torch.float32, not torch.bool"),
        ({"advantages_B": torch.zeros(2, 1)}, r"advantages_B has shape \(2, 1\), not \(2,\)"),
        ({"sampled_logprobs_BT": torch.zeros(2, 1)}, r"sampled_logprobs_BT has shape \(2, 1\)"),
        ({"policy_logprobs_BT": torch.zeros(6)}, r"policy_logprobs_BT has shape \(6,\), not \(B, T\)"),
        ({"policy_logprobs_BT": torch.zeros(2, 3, dtype=torch.bfloat16)}, "bfloat16, too coarse"),
    ],
)
def test_wrong_arguments_are_refused(name, change, message):
    LOSSES[name](**good_arguments())
    with pytest.raises(ValueError, match=message):
        LOSSES[name](**good_arguments() | change)


def test_a_step_without_tokens_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Normalizer(num_sequences=1, num_tokens=0, max_completion_tokens=3)


@pytest.mark.parametrize("loss", [r1_loss, grpo_loss])
def test_no_gradient_flows_into_the_old_policy_and_the_reference(loss):
    leaves = {key: torch.zeros(2, 3, requires_grad=True) for key in ("sampled_logprobs_BT", "reference_logprobs_BT")}
    policy_BT = torch.zeros(2, 3, requires_grad=True)
    arguments = good_arguments() | leaves | {"policy_logprobs_BT": policy_BT, "advantages_B": torch.ones(2)}
    loss(**arguments | {"kl_coef": 0.1}).value.backward()
    assert policy_BT.grad is not None
    assert all(leaf.grad is None for leaf in leaves.values())


@pytest.mark.parametrize("page", ["grpo.md", "why_the_loss_starts_at_zero.md"])
def test_the_examples_of_the_docs_run(page):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    assert len(example.examples) >= 3
    report: list[str] = []
    result = doctest.DocTestRunner().run(example, out=report.append)
    assert result.failed == 0, "".join(report)


def test_the_docs_explain_every_metric():
    page = (DOCS / "grpo.md").read_text(encoding="utf-8").split("## Explanation of the logged metrics")[1]
    explained = set(re.findall(r"^- `(\w+)`", page.split("\n## ")[0], flags=re.MULTILINE))
    _, _, metrics = run_loss("grpo", eight_samples(), Settings(beta=0.3))
    assert explained == set(metrics)

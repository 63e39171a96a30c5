"""The Bradley-Terry loss: by hand, against a slow twin, and its signs."""

import math
import random

import pytest
import torch

from r1kit.reward_model.loss import bradley_terry_loss


def slow_loss(chosen, rejected, center_coef):
    """One pair after another, in float64, from the definition: -log(1 / (1 + exp(-(r_c - r_r))))."""
    total = 0.0
    for c, r in zip(chosen, rejected, strict=True):
        total += -math.log(1 / (1 + math.exp(-(c - r)))) + center_coef * ((c + r) / 2) ** 2
    return total / len(chosen)


def test_two_pairs_by_hand():
    # margins 1 and -1: -log sigmoid(1) = 0.313262, -log sigmoid(-1) = 1.313262; mean 0.813262.
    # means of the pairs 1.5 and 0.5: squares 2.25 and 0.25, mean 1.25, times 0.1 = 0.125.
    loss = bradley_terry_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 1.0]), center_coef=0.1, num_pairs=2)
    assert loss.value.item() == pytest.approx(0.938262, abs=1e-6)
    metrics = {name: value.item() for name, value in loss.metrics.items()}
    assert metrics == pytest.approx({"accuracy": 0.5, "margin": 0.0, "score_mean": 1.0})


def test_a_tie_is_a_coin_and_costs_ln_2():
    loss = bradley_terry_loss(torch.zeros(3), torch.zeros(3), center_coef=0.0, num_pairs=3)
    assert loss.value.item() == pytest.approx(math.log(2))
    assert loss.metrics["accuracy"].item() == 0.5


@pytest.mark.parametrize("center_coef", [0.0, 0.01, 1.0])
def test_equals_the_slow_twin_and_shares_add_up(center_coef):
    draw = random.Random(0)
    chosen, rejected = ([draw.gauss(0, 3) for _ in range(12)] for _ in range(2))
    expected = slow_loss(chosen, rejected, center_coef)
    tensors = torch.tensor(chosen), torch.tensor(rejected)
    whole = bradley_terry_loss(*tensors, center_coef=center_coef, num_pairs=12)
    assert whole.value.item() == pytest.approx(expected, rel=1e-6)
    cuts = [slice(0, 5), slice(5, 6), slice(6, 12)]
    shares = [bradley_terry_loss(*(t[c] for t in tensors), center_coef=center_coef, num_pairs=12) for c in cuts]
    assert sum(share.value.item() for share in shares) == pytest.approx(expected, rel=1e-6)
    for name, value in whole.metrics.items():
        assert sum(share.metrics[name].item() for share in shares) == pytest.approx(value.item(), rel=1e-6)


def test_the_gradient_by_hand():
    # d loss / d chosen = -(1 - sigmoid(margin)), and the opposite for rejected: with margin 1, -0.268941.
    chosen, rejected = torch.tensor([1.0], requires_grad=True), torch.tensor([0.0], requires_grad=True)
    bradley_terry_loss(chosen, rejected, center_coef=0.0, num_pairs=1).value.backward()
    assert chosen.grad.item() == pytest.approx(-0.268941, abs=1e-6)
    assert rejected.grad.item() == pytest.approx(0.268941, abs=1e-6)


def test_only_the_centering_moves_both_scores_the_same_way():
    chosen, rejected = torch.tensor([3.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    bradley_terry_loss(chosen, rejected, center_coef=0.5, num_pairs=1).value.backward()
    # the preference pulls by -+0.5, the centering by 0.5 * 2 * 3 * 1/2 = 1.5 each
    assert (chosen.grad.item(), rejected.grad.item()) == pytest.approx((1.0, 2.0))


def test_far_scores_do_not_overflow():
    loss = bradley_terry_loss(torch.tensor([-500.0]), torch.tensor([500.0]), center_coef=0.0, num_pairs=1)
    assert loss.value.item() == 1000.0

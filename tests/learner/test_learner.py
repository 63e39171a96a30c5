"""One optimizer step: independence of the micro-batch split, the schedule, the first step of AdamW."""

import math

import pytest
import torch
from tiny import tiny_llama

from r1kit.errors import RunError
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.optimizer import learning_rate
from r1kit.learner.packing import TokenGroup
from r1kit.sft.loss import next_token_loss

GROUPS = [TokenGroup(prompt=[i, i + 1], completions=[[50 + i] * (i + 1), [60, 61 + i]]) for i in range(8)]
NUM_TOKENS = sum(len(c) for g in GROUPS for c in g.completions)


def build(micro_batch_tokens=16_384, **settings):
    config = LearnerConfig(micro_batch_tokens=micro_batch_tokens, dtype="float32", **settings)
    return Learner(tiny_llama(), config, num_steps=10, device=torch.device("cpu"), dtype=torch.float32)


def objective(indices, policy):
    return next_token_loss(policy.logprobs_BT, policy.mask_BT, num_tokens=NUM_TOKENS)


@pytest.mark.parametrize("micro_batch_tokens", [1, 25, 60])  # each completion alone, about 4 x 2, about 2 x 4 groups
def test_step_does_not_depend_on_the_micro_batch_split(micro_batch_tokens):
    whole, split = build(), build(micro_batch_tokens)
    stats, split_stats = whole.update(GROUPS, objective), split.update(GROUPS, objective)
    assert split_stats == pytest.approx(stats, rel=1e-5)
    for expected, actual in zip(whole.model.parameters(), split.model.parameters(), strict=True):
        torch.testing.assert_close(actual.grad, expected.grad, atol=1e-6, rtol=1e-4)


def test_gradient_checkpointing_changes_nothing():
    plain, saving = build(), build(gradient_checkpointing=True)
    assert saving.update(GROUPS, objective) == pytest.approx(plain.update(GROUPS, objective), rel=1e-5)


def test_a_gradient_that_is_not_finite_changes_nothing():
    learner = build()
    before = [parameter.clone() for parameter in learner.model.parameters()]

    def broken(indices, policy):
        loss = objective(indices, policy)
        return type(loss)(loss.value * math.nan, loss.metrics)

    with pytest.raises(RunError, match=r"^the gradient of optimizer step 1 is not finite; the weights are as before"):
        learner.update(GROUPS, broken)
    assert all(torch.equal(*pair) for pair in zip(before, learner.model.parameters(), strict=True))
    assert learner.num_updates == 0


def test_loss_falls():
    learner = build(learning_rate=1e-2)
    losses = [learner.update(GROUPS, objective)["loss"] for _ in range(10)]
    assert losses[-1] < losses[0] - 1


def test_end_token_is_trained():
    groups = [TokenGroup(prompt=[1], completions=[[257]])]  # the end token alone
    learner = build(learning_rate=1e-2)
    first = learner.update(groups, lambda i, p: next_token_loss(p.logprobs_BT, p.mask_BT, num_tokens=1))["loss"]
    second = learner.update(groups, lambda i, p: next_token_loss(p.logprobs_BT, p.mask_BT, num_tokens=1))["loss"]
    assert second < first


def test_score_is_in_the_order_given():
    learner = build(micro_batch_tokens=1)
    rows = learner.score(learner.model, GROUPS, temperature=1.0)
    assert [len(row) for row in rows] == [len(c) for g in GROUPS for c in g.completions]
    alone = learner.score(learner.model, [GROUPS[5]], temperature=1.0)
    assert rows[10] == pytest.approx(alone[0], abs=1e-5)


def test_resumed_learner_goes_on_bit_for_bit():
    straight = build()
    for _ in range(3):
        straight.update(GROUPS, objective)
    first = build()
    first.update(GROUPS, objective)
    resumed = build()
    resumed.load_state_dict(first.state_dict())
    for _ in range(2):
        resumed.update(GROUPS, objective)
    for expected, actual in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(actual, expected)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0]),
        # After a warm-up of 2 of 6 steps: progress 0, 1/4, 2/4, 3/4, with a floor of 0.2: 0.2 + 0.8 * remaining.
        ("linear", [0.5, 1.0, 1.0, 0.8, 0.6, 0.4]),
        # cos(0), cos(pi/4), cos(pi/2), cos(3 pi/4): remaining 1, 0.853553, 0.5, 0.146447
        ("cosine", [0.5, 1.0, 1.0, 0.8828427, 0.6, 0.3171573]),
    ],
)
def test_schedule_by_hand(schedule, expected):
    config = LearnerConfig(learning_rate=1.0, warmup_steps=2, schedule=schedule, min_learning_rate_ratio=0.2)
    assert [learning_rate(config, step, 6) for step in range(6)] == pytest.approx(expected)


def test_weight_decay_spares_norms():
    groups = build(weight_decay=0.1).optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert {p.ndim for p in groups[1]["params"]} == {1}

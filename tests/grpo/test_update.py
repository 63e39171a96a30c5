"""From scored rollouts to updates: what is trained, what is skipped, and that skipping changes nothing."""

import pytest
import torch
from tiny import EOS_ID, tiny_llama

from r1kit.grpo.advantage import group_advantages
from r1kit.grpo.config import GRPOConfig
from r1kit.grpo.update import update_policy
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup
from r1kit.types import Completion, Problem, Rollout, SamplingParams, Score, StopReason

G = 4
SAMPLING = SamplingParams(temperature=0.9, max_new_tokens=8)


def make_learner(**settings):
    config = LearnerConfig(learning_rate=1e-3, dtype="float32", max_grad_norm=1e6, **settings)
    return Learner(tiny_llama(), config, num_steps=10, device=torch.device("cpu"), dtype=torch.float32)


def make_rollouts(learner, num_groups=3):
    """Rollouts with made-up tokens and their true log-probabilities."""
    rollouts = []
    for p in range(num_groups):
        prompt = [10 + p, 20, 30 + p]
        completions = [[(7 * p + 11 * g + t) % 250 for t in range(1 + (g + p) % 4)] + [EOS_ID] for g in range(G)]
        rows = learner.score(
            learner.model, [TokenGroup(prompt=prompt, completions=completions)], temperature=SAMPLING.temperature
        )
        problem = Problem(id=str(p), prompt="q", answer="1", task="t")
        for tokens, logprobs in zip(completions, rows, strict=True):
            completion = Completion(
                tokens=tuple(tokens),
                logprobs=tuple(logprobs),
                text="",
                stop_reason=StopReason.END_TOKEN,
                policy_version=0,
            )
            rollouts.append(
                Rollout(problem=problem, prompt_text="q", prompt_tokens=tuple(prompt), completion=completion)
            )
    return rollouts


def update(learner, rollouts, values, reference=None, **settings):
    config = GRPOConfig(problems_per_step=len(rollouts) // G, group_size=G, **settings)
    scores = [Score(value=value, reason="") for value in values]
    advantages = group_advantages(values, group_size=G, normalization=config.advantage)
    return update_policy(learner, reference, rollouts, scores, advantages, config, SAMPLING, seed=0, step=0)


MIXED = [1.0, 0.0, 0.0, 1.0]
SAME = [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("loss", ["r1", "grpo", "dr_grpo", "dapo", "gspo"])
def test_every_loss_raises_what_was_right(loss):
    learner = make_learner()
    rollouts = make_rollouts(learner)
    stats = update(learner, rollouts, MIXED * 3, loss=loss)
    after = learner.score(
        learner.model,
        [TokenGroup(prompt=r.prompt_tokens, completions=[r.completion.tokens]) for r in rollouts],
        temperature=SAMPLING.temperature,
    )
    gained = [sum(row) - sum(r.completion.logprobs) for row, r in zip(after, rollouts, strict=True)]
    right = sum(gain for gain, value in zip(gained, MIXED * 3, strict=True) if value)
    wrong = sum(gain for gain, value in zip(gained, MIXED * 3, strict=True) if not value)
    assert right > 0 > wrong
    assert stats["ratio_mean"] == pytest.approx(1, abs=1e-4)
    assert stats["mean_abs_logprob_gap"] < 1e-4  # sampler and learner agree, at the sampler's temperature
    assert stats["kl_to_sampler"] == pytest.approx(0, abs=1e-6)


def test_loss_starts_at_zero_and_the_gradient_does_not():
    learner = make_learner()
    stats = update(learner, make_rollouts(learner), MIXED * 3, loss="grpo")
    assert stats["loss"] == pytest.approx(0, abs=1e-5)
    assert stats["grad_norm"] > 0.01


def test_groups_that_teach_nothing_are_not_run_but_still_counted():
    learner, alone = make_learner(), make_learner()
    rollouts = make_rollouts(learner)
    update(learner, rollouts, [*MIXED, *SAME, *SAME])
    with_zeros = [p.grad.clone() for p in learner.model.parameters()]
    update(alone, rollouts[:G], MIXED)
    # Eq. 1 averages over all rollouts: a third of the gradient of the one group that differs.
    for third, whole in zip(with_zeros, alone.model.parameters(), strict=True):
        torch.testing.assert_close(third * 3, whole.grad, atol=1e-6, rtol=1e-4)


def test_nothing_to_learn_leaves_the_weights_alone():
    learner = make_learner()
    before = [p.clone() for p in learner.model.parameters()]
    assert update(learner, make_rollouts(learner), SAME * 3) == {}
    assert all(torch.equal(a, b) for a, b in zip(before, learner.model.parameters(), strict=True))
    assert learner.num_updates == 0


def test_unjudged_rollouts_are_left_out():
    learner, without = make_learner(), make_learner()
    rollouts = make_rollouts(learner, num_groups=1)
    update(learner, rollouts, [1.0, 0.0, None, 1.0])
    gradient = [p.grad.clone() for p in learner.model.parameters()]
    kept = [rollouts[0], rollouts[1], rollouts[3]]
    config = GRPOConfig(problems_per_step=1, group_size=3)
    values = [1.0, 0.0, 1.0]
    update_policy(
        without, None, kept, [Score(value=v, reason="") for v in values],
        group_advantages(values, group_size=3, normalization="group_std"), config, SAMPLING, seed=0, step=0,
    )  # fmt: skip
    for a, b in zip(gradient, without.model.parameters(), strict=True):
        torch.testing.assert_close(a, b.grad, atol=1e-6, rtol=1e-4)


def test_kl_term_pulls_groups_without_variance_towards_the_reference():
    learner = make_learner()
    rollouts = make_rollouts(learner)
    reference = make_learner().model
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.mul_(0.9)
    stats = update(learner, rollouts, SAME * 3, reference=reference, kl_coef=0.1)
    assert stats["kl_to_reference"] > 0
    assert stats["grad_norm"] > 0
    assert stats["loss"] == pytest.approx(0.1 * stats["kl_to_reference"], rel=1e-4)


def test_several_updates_a_rollout_move_off_policy():
    learner = make_learner()
    rollouts = make_rollouts(learner)
    stats = update(learner, rollouts, MIXED * 3, num_epochs=2, num_minibatches=3)
    assert learner.num_updates == 6
    assert stats["kl_to_sampler"] > 1e-7

"""The loop: order of problems, versions, and that a step does not depend on how the run came to it."""

import pytest
import torch
from tiny import byte_tokenizer, tiny_llama

from r1kit.engines import ENGINES
from r1kit.grpo.config import GRPOConfig
from r1kit.grpo.train import Policy, frozen_copy, train
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.tasks.mix import ProblemPool
from r1kit.tasks.templates import Template
from r1kit.types import Problem, SamplingParams, Score

PROBLEMS = [Problem(id=str(i), prompt=chr(65 + i), answer="x", task="letters") for i in range(5)]
PLAIN = Template("plain", lambda problem, tokenizer: f"{problem.prompt}:")


class AsciiShare:
    """A reward that a random byte model can climb: the share of bytes below 128."""

    name = "ascii"

    def score(self, rollouts):
        shares = [sum(t < 128 for t in r.completion.tokens) / len(r.completion.tokens) for r in rollouts]
        return [Score(value=share, reason="") for share in shares]


def make_policy(config, learning_rate=1e-2):
    model = tiny_llama(initializer_range=0.05)
    learner = Learner(
        model,
        LearnerConfig(learning_rate=learning_rate, dtype="float32"),
        num_steps=config.num_steps,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    engine = ENGINES["native"](model, byte_tokenizer(), device="cpu", dtype=torch.float32)
    return Policy(learner=learner, reference=frozen_copy(learner.model) if config.kl_coef else None), engine


def run(config, policy, engine, first_step=0):
    return train(
        config,
        policy=policy,
        engine=engine,
        tokenizer=byte_tokenizer(),
        template=PLAIN,
        pools=[ProblemPool(name="letters", problems=PROBLEMS, share=1.0)],
        reward=AsciiShare(),
        sampling=SamplingParams(max_new_tokens=6),
        seed=3,
        first_step=first_step,
    )


@pytest.mark.parametrize("kl_coef", [0.0, 0.01])
def test_reward_goes_up(kl_coef):
    config = GRPOConfig(num_steps=12, problems_per_step=4, group_size=8, kl_coef=kl_coef)
    rewards = [step.advantages.stats.score_mean for step in run(config, *make_policy(config))]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.2


def test_rollouts_come_from_the_current_weights():
    config = GRPOConfig(num_steps=3, problems_per_step=2, group_size=4)
    for number, step in enumerate(run(config, *make_policy(config)), start=1):
        assert step.number == number
        assert {r.completion.policy_version for r in step.rollouts_B} == {number - 1}
        assert step.stats["mean_abs_logprob_gap"] < 1e-4


def test_a_step_continued_from_its_state_is_the_same_step():
    config = GRPOConfig(num_steps=4, problems_per_step=3, group_size=4, kl_coef=0.1, refresh_reference_every=2)
    straight, engine = make_policy(config)
    states = []
    for step in run(config, straight, engine):
        assert straight.reference is not None
        states.append((straight.learner.state_dict(), straight.reference.state_dict(), step))
        if step.number == 2:
            saved = [
                {k: v.clone() if torch.is_tensor(v) else v for k, v in straight.learner.model.state_dict().items()},
                {k: v.clone() for k, v in straight.reference.state_dict().items()},
            ]
            import copy

            saved_optimizer = copy.deepcopy(straight.learner.optimizer.state_dict())
    resumed, engine = make_policy(config)
    resumed.learner.load_state_dict({"model": saved[0], "optimizer": saved_optimizer, "num_updates": 2})
    assert resumed.reference is not None
    resumed.reference.load_state_dict(saved[1])
    steps = list(run(config, resumed, engine, first_step=2))
    assert [step.rollouts_B for step in steps] == [states[2][2].rollouts_B, states[3][2].rollouts_B]
    for a, b in zip(resumed.learner.model.parameters(), straight.learner.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_reference_is_refreshed_when_due():
    config = GRPOConfig(num_steps=3, problems_per_step=2, group_size=4, kl_coef=0.1, refresh_reference_every=2)
    policy, engine = make_policy(config)
    weights = []
    for _ in run(config, policy, engine):
        assert policy.reference is not None
        same = all(
            torch.equal(a, b)
            for a, b in zip(policy.reference.parameters(), policy.learner.model.parameters(), strict=True)
        )
        weights.append(same)
    assert weights == [False, True, False]

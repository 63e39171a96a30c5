"""GRPO with a reward of your own: teach the nano base to answer in few tokens. The loop is r1kit.grpo.train.

.venv/bin/python examples/own_reward.py
"""

from collections.abc import Sequence

import torch

from r1kit.engines.native import NativeEngine
from r1kit.grpo.config import GRPOConfig
from r1kit.grpo.train import Policy, train
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.models.load import load_model
from r1kit.tasks.mix import ProblemPool
from r1kit.tasks.nano import nano_task
from r1kit.tasks.templates import TEMPLATES
from r1kit.types import Rollout, SamplingParams, Score


class Brevity:
    """1 for a single token, 0 from LIMIT tokens on; a reward is any class with a name and `score`."""

    name = "brevity"
    LIMIT = 40

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One Score a rollout, in order."""
        lengths = [len(rollout.completion.tokens) for rollout in rollouts]
        return [Score(value=max(0.0, 1 - length / self.LIMIT), reason=f"{length} tokens") for length in lengths]


def main(num_steps: int = 8) -> list[float]:
    """Print the mean length of every step; returns them."""
    model, tokenizer = load_model("nano")
    config = GRPOConfig(num_steps=num_steps, problems_per_step=8, group_size=8)
    device = torch.device("cpu")
    learner = Learner(model, LearnerConfig(learning_rate=1e-3), num_steps=num_steps, device=device, dtype=torch.float32)
    engine = NativeEngine(model, tokenizer, device=device, dtype=torch.float32)
    lengths = []
    for step in train(
        config,
        policy=Policy(learner=learner, reference=None),
        engine=engine,
        tokenizer=tokenizer,
        template=TEMPLATES["r1_zero"],
        pools=[ProblemPool(name="nano:math", problems=nano_task("math").problems("train"), share=1.0)],
        reward=Brevity(),
        sampling=SamplingParams(max_new_tokens=80),
        seed=0,
    ):
        lengths.append(sum(len(r.completion.tokens) for r in step.rollouts_B) / len(step.rollouts_B))
        print(f"step {step.number}: {lengths[-1]:.1f} tokens, reward {step.advantages.stats.score_mean:.2f}")
    return lengths


if __name__ == "__main__":
    main()

"""Score completions with the rule-based rewards, without a model: verdicts come with their reasons.

.venv/bin/python examples/score_completions.py
"""

from r1kit.engines.fake import FakeEngine
from r1kit.engines.rollout import sample_rollouts
from r1kit.models.load import load_model
from r1kit.pipeline.config import RewardConfig
from r1kit.rewards.base import build_reward
from r1kit.rewards.pool import VerifierPool
from r1kit.tasks.templates import TEMPLATES
from r1kit.types import Problem, SamplingParams, Score

PROBLEM = Problem(id="sum", prompt="What is 1/2 + 1/4?", answer="3/4", task="example")
COMPLETIONS = [
    "<think> 2/4 + 1/4 = 3/4 </think> <answer> 3/4 </answer>",
    "<think> 0.5 + 0.25 </think> <answer> 0.75 </answer>",
    "<think> 1 + 1 over 2 + 4 </think> <answer> 2/6 </answer>",
    "<think> 3/4 </think> <answer> 3/4 </answer> Anything else?",
    "It is 3/4.",
]


def main() -> list[Score]:
    """Print a line a completion; returns the scores."""
    _, tokenizer = load_model("nano")
    engine = FakeEngine(tokenizer, [COMPLETIONS])  # says what it is told; a NativeEngine samples
    rollouts = sample_rollouts(
        engine,
        tokenizer,
        TEMPLATES["r1_zero"],
        [PROBLEM],
        num_samples=len(COMPLETIONS),
        params=SamplingParams(max_new_tokens=400),
        seed=0,
    )
    with VerifierPool(num_workers=1, timeout_s=5) as pool:
        scores = build_reward(RewardConfig(), "r1_zero", pool).score(rollouts)
    for completion, score in zip(COMPLETIONS, scores, strict=True):
        print(f"{score.value:.1f}  {score.reason:32} {completion}")
    return scores


if __name__ == "__main__":
    main()

"""The metrics of a step, from rewards written by hand."""

import pytest

from r1kit.grpo.advantage import group_advantages
from r1kit.grpo.train import Step
from r1kit.pipeline.report_rows import step_row
from r1kit.types import Completion, Problem, Rollout, Score, StopReason


def step(**accuracies):
    """A step of a group a problem; language consistency pays 1.0 beside each accuracy, alone where it is None."""
    rollouts, scores = [], []
    for name, values in accuracies.items():
        problem = Problem(id=name, prompt=name, answer="7", task="sums")
        for value in values:
            completion = Completion(
                tokens=(5, 2), logprobs=(0.0, 0.0), text="7", stop_reason=StopReason.END_TOKEN, policy_version=0
            )
            rollouts.append(Rollout(problem=problem, prompt_text=name, prompt_tokens=(1,), completion=completion))
            parts = {"language": 1.0} if value is None else {"accuracy": value, "language": 1.0}
            scores.append(Score(value=sum(parts.values()), reason="", parts=parts))
    advantages = group_advantages([score.value for score in scores], group_size=2, normalization="group_std")
    return Step(
        number=1,
        rollouts_B=rollouts,
        scores_B=scores,
        advantages=advantages,
        stats={},
        sample_s=1.0,
        score_s=1.0,
        update_s=2.0,
    )


def test_a_group_is_right_by_its_accuracy_whatever_else_is_rewarded():
    row = step_row(step(all=[1.0, 1.0], none=[0.0, 0.0], some=[1.0, 0.0], other=[0.0, 0.0], general=[None, None]))
    assert row["train/all_right_rate"] == pytest.approx(1 / 4)  # of the four with a verdict
    assert row["train/all_wrong_rate"] == pytest.approx(2 / 4)
    assert row["train/reward_mean"] == pytest.approx((2 + 2 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 1) / 10)


def test_without_verdicts_no_group_is_right_or_wrong():
    row = step_row(step(general=[None, None]))
    assert "train/all_right_rate" not in row
    assert "train/accuracy/sums" not in row

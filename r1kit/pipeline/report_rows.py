"""What a step and an evaluation leave in metrics.jsonl and transcripts.jsonl."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from r1kit.eval.evaluate import Evaluation, behaviour
from r1kit.grpo.train import Step
from r1kit.rewards.base import mean_value
from r1kit.types import Score


def step_row(step: Step) -> dict[str, float]:
    """The `train/`, `reward/` and `time/` metrics of a step (docs/metrics.md)."""
    values = [score.value for score in step.scores_B if score.value is not None]
    mean = math.fsum(values) / len(values) if values else math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values) if values else math.nan
    num_tokens = sum(len(rollout.completion.tokens) for rollout in step.rollouts_B)
    step_s = step.sample_s + step.score_s + step.update_s
    parts = sorted({name for score in step.scores_B for name in score.parts})
    return {
        "train/reward_mean": mean,
        "train/reward_std": math.sqrt(variance),
        "reward/unjudged_rate": step.advantages.stats.unjudged_rate,
        **{f"reward/{name}": _mean_part(step.scores_B, name) for name in parts},
        **_accuracy_by_family(step),
        "train/num_tokens": num_tokens,
        **{f"train/{name}": value for name, value in behaviour(step.rollouts_B).items()},
        **{f"train/{name}": value for name, value in step.stats.items()},
        "train/zero_variance_rate": step.advantages.stats.zero_variance_rate,
        **_group_rates(step),
        "time/sample_s": step.sample_s,
        "time/score_s": step.score_s,
        "time/update_s": step.update_s,
        "time/step_s": step_s,
        "time/completion_tokens_per_s": num_tokens / step_s,
    }


def transcripts(evaluation: Evaluation, step: int, num_problems: int, num_samples: int = 2) -> list[dict[str, Any]]:
    """The first samples of the first problems, as transcripts.jsonl keeps them."""
    records = []
    for b, (rollout, score) in enumerate(zip(evaluation.rollouts_B, evaluation.accuracy_B, strict=True)):
        if b // evaluation.k >= num_problems or b % evaluation.k >= num_samples:
            continue
        records.append(
            {
                "step": step,
                "problem_id": rollout.problem.id,
                "prompt": rollout.problem.prompt,
                "gold": rollout.problem.answer,
                "sample": b % evaluation.k,
                "text": rollout.completion.text,
                "value": score.value,
                "reason": score.reason,
                "parsed": score.parsed,
                "num_tokens": len(rollout.completion.tokens),
                "stop_reason": str(rollout.completion.stop_reason),
            }
        )
    return records


def _mean_part(scores_B: Sequence[Score], name: str) -> float:
    values = [score.parts[name] for score in scores_B if score.parts.get(name) is not None]
    return math.fsum(value or 0.0 for value in values) / len(values) if values else math.nan


def _group_rates(step: Step) -> dict[str, float]:
    """Groups that are right or wrong as a whole, by their accuracy: what else is rewarded makes no answer right.

    Of the groups with a verdict; nothing where there is none, as for general prompts.
    """
    by_problem: dict[str, list[float]] = {}
    for rollout, score in zip(step.rollouts_B, step.scores_B, strict=True):
        accuracy = score.parts.get("accuracy")
        if accuracy is not None:
            by_problem.setdefault(rollout.problem.id, []).append(accuracy)
    if not by_problem:
        return {}
    right = sum(min(values) >= 1.0 for values in by_problem.values())
    wrong = sum(max(values) < 1.0 for values in by_problem.values())
    return {"train/all_right_rate": right / len(by_problem), "train/all_wrong_rate": wrong / len(by_problem)}


def _accuracy_by_family(step: Step) -> dict[str, float]:
    families: dict[str, list[Score]] = {}
    for rollout, score in zip(step.rollouts_B, step.scores_B, strict=True):
        if "accuracy" in score.parts:
            accuracy = Score(value=score.parts["accuracy"], reason="")
            families.setdefault(rollout.problem.task, []).append(accuracy)
    means = {family: mean_value(scores) for family, scores in sorted(families.items())}
    return {f"train/accuracy/{family}": mean for family, mean in means.items() if mean is not None}

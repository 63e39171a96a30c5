"""Sample k completions of held-out problems, judge them, and say how good the policy is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.eval.metrics import cons_at_k, pass_at_1
from r1kit.rewards.base import Reward
from r1kit.rewards.behaviour import has_reflection
from r1kit.rewards.extract import chain_of_thought
from r1kit.rewards.language import is_mixed
from r1kit.tasks.templates import Template
from r1kit.types import Problem, Rollout, SamplingParams, Score, StopReason, groups

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The completions of an evaluation, problem-major, with the verdicts on them."""

    rollouts_B: list[Rollout]
    accuracy_B: list[Score]
    """Is the answer right, whatever the format."""
    format_B: list[Score]
    k: int

    def metrics(self) -> dict[str, float]:
        """The `eval/` metrics (docs/metrics.md)."""
        scores_P_k = groups(self.accuracy_B, self.k)
        right, majority = pass_at_1(scores_P_k), cons_at_k(scores_P_k)
        row = {
            "eval/pass_at_1": right.mean,
            "eval/pass_at_1_stderr": right.stderr,
            "eval/cons_at_k": majority.mean,
            "eval/cons_at_k_stderr": majority.stderr,
            "eval/k": self.k,
            "eval/num_problems": len(scores_P_k),
            "eval/format_rate": sum(score.value or 0.0 for score in self.format_B) / len(self.format_B),
        }
        families = [rollouts_k[0].problem.task for rollouts_k in groups(self.rollouts_B, self.k)]
        for family in sorted(set(families)):
            of_family = [scores for scores, name in zip(scores_P_k, families, strict=True) if name == family]
            row[f"eval/pass_at_1/{family}"] = pass_at_1(of_family).mean
        return row | {f"eval/{name}": value for name, value in behaviour(self.rollouts_B).items()}


def evaluate(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    problems: Sequence[Problem],
    *,
    num_samples: int,
    params: SamplingParams,
    accuracy: Reward,
    format: Reward,
    seed: int,
) -> Evaluation:
    """Sample and judge; the engine's weights are evaluated as they are."""
    rollouts_B = sample_rollouts(
        engine, tokenizer, template, problems, num_samples=num_samples, params=params, seed=seed
    )
    return Evaluation(rollouts_B, accuracy.score(rollouts_B), format.score(rollouts_B), num_samples)


def behaviour(rollouts_B: Sequence[Rollout]) -> dict[str, float]:
    """How the completions are written: mean length, and the rates of truncation, reflection, language mixing."""
    B = len(rollouts_B)
    texts = [rollout.completion.text for rollout in rollouts_B]
    thoughts = [chain_of_thought(text) or text for text in texts]
    mixed = [is_mixed(thought, r.problem.language) for thought, r in zip(thoughts, rollouts_B, strict=True)]
    return {
        "mean_length_tokens": sum(len(r.completion.tokens) for r in rollouts_B) / B,
        "truncated_rate": sum(r.completion.stop_reason is StopReason.LENGTH for r in rollouts_B) / B,
        "reflection_rate": sum(map(has_reflection, texts)) / B,
        "language_mixing_rate": sum(mixed) / B,
    }

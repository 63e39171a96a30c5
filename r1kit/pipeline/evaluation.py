"""One model on every task's held-out problems: a row of the pipeline's tables.

Accuracy is the mean over k samples of each problem (pass@1, section 3 of arXiv:2501.12948) and their majority; for
general prompts the rubric's value takes its place. How a response reads is told by the readable format, by language
consistency, and by the lengths of reasoning and summary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.eval.metrics import Estimate, cons_at_k, estimate, pass_at_1
from r1kit.pipeline.r1_config import EvaluationConfig
from r1kit.rewards.base import Reward
from r1kit.rewards.extract import after_thinking, chain_of_thought
from r1kit.rewards.format import FORMAT_PROBLEMS
from r1kit.rewards.language import language_consistency
from r1kit.rewards.readability import (
    find_faults,
    is_general,
    response_parts,
    response_problem,
    rules_for,
    think_parts,
)
from r1kit.rewards.rubric import REFUSALS, is_refusal
from r1kit.seeding import seed_for
from r1kit.tasks.templates import TEMPLATES
from r1kit.types import Problem, Rollout, Score, StopReason, groups

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Row = dict[str, float | None]


def evaluate_task(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    config: EvaluationConfig,
    *,
    accuracy: Reward,
    learned: Mapping[str, Reward],
    seed: int,
) -> tuple[dict[str, Row], list[dict[str, Any]]]:
    """Sample the problems of one task and judge them.

    Args:
        engine: The model.
        tokenizer: The engine's.
        problems: Held out, of one task.
        config: Template, k, sampling.
        accuracy: Judges answers, whatever their format; rubrics too.
        learned: Reward models by kind; each judges the problems that have a scenario.
        seed: Of the samples.

    Returns:
        A row for each family of problems, and one called "all"; and the completions of the first problems.
    """
    rollouts_B = sample_rollouts(
        engine,
        tokenizer,
        TEMPLATES[config.template],
        problems,
        num_samples=config.num_samples,
        params=config.sampling.params(),
        seed=seed_for(seed, "evaluation"),
    )
    scores_B = accuracy.score(rollouts_B)
    learned_B = {kind: _where_general(reward, rollouts_B) for kind, reward in learned.items()}
    k = config.num_samples
    families = [problem.task for problem in problems]
    rows: dict[str, Row] = {}
    for name in (*sorted(set(families)), "all"):
        chosen = [b for b in range(len(rollouts_B)) if name in ("all", families[b // k])]
        rows[name] = _row(
            [rollouts_B[b] for b in chosen],
            [scores_B[b] for b in chosen],
            {kind: [values[b] for b in chosen] for kind, values in learned_B.items()},
            tokenizer,
            config,
        )
    kept = min(config.num_transcripts * k, len(rollouts_B))
    return rows, [_transcript(rollouts_B[b], scores_B[b], b % k) for b in range(kept)]


def _row(
    rollouts_B: Sequence[Rollout],
    scores_B: Sequence[Score],
    learned_B: Mapping[str, Sequence[float | None]],
    tokenizer: PreTrainedTokenizerBase,
    config: EvaluationConfig,
) -> Row:
    scores_P_k = groups(scores_B, config.num_samples)
    right, majority = pass_at_1(scores_P_k), cons_at_k(scores_P_k)
    texts = [rollout.completion.text for rollout in rollouts_B]
    languages = [rollout.problem.language for rollout in rollouts_B]
    general_B = [is_general(rollout.problem) for rollout in rollouts_B]
    cut = response_parts if config.template == "readable" else think_parts
    parts_B = [cut(text) for text in texts]
    readable_B = [not find_faults(cut(r.completion.text), r.problem.language, rules_for(r.problem)) for r in rollouts_B]
    form_B = [
        response_problem(text) if general and config.template == "readable" else FORMAT_PROBLEMS[config.template](text)
        for text, general in zip(texts, general_B, strict=True)
    ]
    consistency = [
        None if general else language_consistency(chain_of_thought(text), language)
        for text, language, general in zip(texts, languages, general_B, strict=True)
    ]
    refusals = [
        float(is_refusal(after_thinking(text), language)) if general and language in REFUSALS else None
        for text, language, general in zip(texts, languages, general_B, strict=True)
    ]
    values_B: dict[str, Sequence[float | None]] = {
        "format_rate": [float(not problem) for problem in form_B],
        "readable_rate": [float(readable) for readable in readable_B],
        "language_consistency": consistency,
        "reasoning_tokens": [_num_tokens(parts.reasoning, tokenizer) for parts in parts_B],
        "summary_tokens": [_num_tokens(parts.summary, tokenizer) for parts in parts_B],
        "truncated_rate": [float(r.completion.stop_reason is StopReason.LENGTH) for r in rollouts_B],
        "refusal_rate": refusals,
        **{f"{kind}_reward": values for kind, values in learned_B.items()},
    }
    return {
        "num_problems": len(scores_P_k),
        "pass_at_1": right.mean,
        "pass_at_1_stderr": right.stderr,
        "cons_at_k": majority.mean,
        "cons_at_k_stderr": majority.stderr,
        "unjudged_rate": _over_problems([float(score.value is None) for score in scores_B], config.num_samples).mean,
        **_estimates(values_B, config.num_samples),
    }


def _estimates(values_B: Mapping[str, Sequence[float | None]], num_samples: int) -> Row:
    """Each value's mean and, under its name and _stderr, its standard error; None where no sample has it."""
    row: Row = {}
    for name, values in values_B.items():
        found = _over_problems(values, num_samples)
        row[name] = None if math.isnan(found.mean) else found.mean
        row[f"{name}_stderr"] = None if math.isnan(found.stderr) else found.stderr
    return row


def _over_problems(values_B: Sequence[float | None], num_samples: int) -> Estimate:
    """Over the means of each problem's samples, for samples of one problem are not independent."""
    found_P = [[v for v in values if v is not None] for values in groups(values_B, num_samples)]
    return estimate([math.fsum(values) / len(values) for values in found_P if values])


def _where_general(reward: Reward, rollouts_B: Sequence[Rollout]) -> list[float | None]:
    general = [b for b, rollout in enumerate(rollouts_B) if is_general(rollout.problem)]
    scores = dict(zip(general, reward.score([rollouts_B[b] for b in general]), strict=True))
    return [scores[b].value if b in scores else None for b in range(len(rollouts_B))]


def _num_tokens(text: str | None, tokenizer: PreTrainedTokenizerBase) -> float:
    return float(len(tokenizer.encode(text, add_special_tokens=False))) if text else 0.0


def _transcript(rollout: Rollout, score: Score, sample: int) -> dict[str, Any]:
    return {
        "problem_id": rollout.problem.id,
        "prompt": rollout.problem.prompt,
        "gold": rollout.problem.answer,
        "sample": sample,
        "text": rollout.completion.text,
        "value": score.value,
        "reason": score.reason,
    }

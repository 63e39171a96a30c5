"""Reinforcement learning from a config to a report: R1-Zero (section 2.2 of arXiv:2501.12948), stages 2 and 4 of R1.

R1-Zero is a base model, rules and GRPO, nothing else. Reasoning RL (2.3.2) is the same from another model, with
language consistency among the rewards and a rule to stop by; RL for all scenarios (2.3.4) has several tasks in fixed
shares, and reward models for general prompts.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from r1kit.engines import ENGINES, Engine
from r1kit.engines.rollout import check_prompts
from r1kit.errors import DataError, RewardError
from r1kit.eval.evaluate import Evaluation, evaluate
from r1kit.grpo.convergence import has_converged
from r1kit.grpo.train import Policy, Step, frozen_copy, train
from r1kit.learner.checkpoint import load_checkpoint, save_checkpoint
from r1kit.learner.learner import Learner
from r1kit.models.decoder import check_supported
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model, load_model_config, resolve_model, save_model
from r1kit.models.memory import MemoryPlan, check_memory
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.judging import code_verifier, load_rewards, preload
from r1kit.pipeline.report_rows import step_row, transcripts
from r1kit.pipeline.run import append_lines, check_config, drop_lines_after, locked, write_config
from r1kit.report.hardware import describe_hardware
from r1kit.report.html import build_report
from r1kit.report.metrics import MetricsWriter, read_metrics, series
from r1kit.report.progress import Progress
from r1kit.report.sinks import open_sinks
from r1kit.report.summary import build_summary, write_summary
from r1kit.rewards.accuracy import AccuracyReward
from r1kit.rewards.base import Reward, build_reward, check_unjudged
from r1kit.rewards.code import CodeVerifier
from r1kit.rewards.format import ANSWER_POLICIES, FORMAT_PROBLEMS, FormatReward
from r1kit.rewards.learned import ScenarioReward
from r1kit.rewards.pool import VerifierPool
from r1kit.seeding import seed_for
from r1kit.tasks.mix import ProblemPool, counts_of_step, in_turns
from r1kit.tasks.registry import build_task
from r1kit.tasks.templates import TEMPLATES, Template
from r1kit.types import Problem

logger = logging.getLogger(__name__)


def run_rl(config: RLConfig, out: Path, *, device: str = "auto", sinks: Sequence[str] = ()) -> dict[str, Any]:
    """Train in the folder `out`, or go on there; returns what summary.json holds.

    Args:
        config: what to compute.
        out: the run folder; a finished run is not run again, only its report is.
        device: auto, cpu, cuda or mps.
        sinks: names in r1kit.report.sinks.SINKS that take the metrics too.

    Raises:
        R1KitError: see r1kit.errors; everything written so far is kept, and the same command goes on.
    """
    with locked(out):
        check_config(out, config)
        with VerifierPool(config.reward.num_workers, config.reward.timeout_s, preload=preload(config.tasks)) as pool:
            setup = _set_up(config, device, pool)
            write_config(out, config)  # not before: a run that cannot be set up leaves the folder free for another
            state = load_checkpoint(out / "checkpoint.pt")
            first_step, wall_s = _restore(setup.policy, state)
            drop_lines_after(out / "transcripts.jsonl", first_step if state else -1)
            with (
                MetricsWriter(
                    out / "metrics.jsonl", open_sinks(sinks, out, config.model_dump(mode="json"), first_step=first_step)
                ) as metrics,
                Progress(config.grpo.num_steps) as progress,
            ):
                metrics.truncate_after(first_step if state else -1)
                recorder = _Recorder(config, out, setup, metrics, progress, wall_before=wall_s)
                if state is None:
                    recorder.evaluate(0, config.eval.num_problems)
                    recorder.checkpoint(0)
                for step in () if recorder.is_over(first_step) else _steps(config, setup, first_step):
                    if recorder.after_step(step):
                        break
        save_model(setup.policy.learner.model, setup.tokenizer, out / "model", card=_model_card(config))
        summary = build_summary(
            read_metrics(out / "metrics.jsonl"),
            wall_s=recorder.wall_s(),
            seed=config.seed,
            hardware=describe_hardware(),
        )
        write_summary(out, summary)
        build_report(out)
    return summary


def _steps(config: RLConfig, setup: _SetUp, first_step: int) -> Iterator[Step]:
    return train(
        config.grpo,
        policy=setup.policy,
        engine=setup.engine,
        tokenizer=setup.tokenizer,
        template=setup.template,
        pools=setup.pools,
        reward=setup.reward,
        sampling=config.sampling.params(),
        seed=config.seed,
        first_step=first_step,
    )


@dataclass(kw_only=True)
class _SetUp:
    """Everything a run needs, made from its config."""

    tokenizer: PreTrainedTokenizerBase
    policy: Policy
    engine: Engine
    pools: Sequence[ProblemPool]
    eval_problems: Sequence[Problem]
    reward: Reward
    accuracy: AccuracyReward
    format: FormatReward
    template: Template


def _set_up(config: RLConfig, device_name: str, pool: VerifierPool) -> _SetUp:
    device = resolve_device(device_name)
    dtype = resolve_dtype(config.learner.dtype, device)
    template = TEMPLATES[config.template]
    pools, eval_problems = _problems(config)
    all_problems = [problem for pool in pools for problem in pool.problems] + eval_problems
    source = resolve_model(config.model)
    model_config = load_model_config(source)
    check_supported(model_config)
    check_memory(config.model, model_config, device, _memory_plan(config, dtype))
    model, tokenizer = load_model(config.model)
    check_prompts(
        all_problems,
        tokenizer,
        template,
        max_prompt_tokens=config.max_prompt_tokens,
        max_new_tokens=max(config.sampling.max_new_tokens, config.eval.sampling.max_new_tokens),
        context=model_config.max_position_embeddings,
    )
    code = code_verifier(config.reward, all_problems)
    num_updates = config.grpo.num_steps * config.grpo.num_epochs * config.grpo.num_minibatches
    engine = ENGINES[config.engine](model, tokenizer, device=device, dtype=dtype, max_batch_size=config.max_batch_size)
    learner = Learner(model, config.learner, num_steps=num_updates, device=device, dtype=dtype)
    return _SetUp(
        tokenizer=tokenizer,
        policy=Policy(learner=learner, reference=frozen_copy(learner.model) if config.grpo.kl_coef > 0 else None),
        engine=engine,
        pools=pools,
        eval_problems=eval_problems,
        reward=_reward(config, pool, code, all_problems, device),
        accuracy=AccuracyReward(pool, ANSWER_POLICIES[config.template], code=code),
        format=FormatReward(FORMAT_PROBLEMS[config.template]),
        template=template,
    )


def _problems(config: RLConfig) -> tuple[list[ProblemPool], list[Problem]]:
    """The training problems of each task, and the held-out ones of all tasks in turns."""
    pools: list[ProblemPool] = []
    held_out: list[Sequence[Problem]] = []
    for name, share in config.tasks.items():
        task = build_task(name, seed=config.seed)
        splits = {split: task.problems(split) for split in ("train", "eval")}
        for split, problems in splits.items():
            if not problems:
                raise DataError(f"task {name!r} has no problem in its {split} split; give it more rows")
        pools.append(ProblemPool(name=name, problems=splits["train"], share=share))
        held_out.append(splits["eval"])
    counts_of_step(config.tasks, config.grpo.problems_per_step)  # shares that cannot be had are refused now
    eval_problems = in_turns(held_out)
    if len(eval_problems) < config.eval.num_problems:
        logger.warning(
            "eval.num_problems is %d and %s has %d held-out problems: all of them are used",
            config.eval.num_problems, " + ".join(config.tasks), len(eval_problems),
        )  # fmt: skip
    return pools, eval_problems[: config.eval.num_problems]


def _reward(
    config: RLConfig, pool: VerifierPool, code: CodeVerifier | None, problems: Sequence[Problem], device: torch.device
) -> Reward:
    """Rules; beside them reward models for general prompts, where the config names any (section 2.3.4)."""
    rules = build_reward(config.reward, config.template, pool, max_new_tokens=config.sampling.max_new_tokens, code=code)
    named = {"helpful": config.reward.helpful_model, "harmless": config.reward.harmless_model}
    folders = {kind: Path(folder) for kind, folder in named.items() if folder}
    if not folders:
        return rules
    reward = ScenarioReward(rules, load_rewards(folders, str(device)), config.reward.scenarios)
    reward.check(problems)
    return reward


class _Recorder:
    """Writes down what happens: metrics, evaluations, transcripts, checkpoints."""

    def __init__(
        self,
        config: RLConfig,
        out: Path,
        setup: _SetUp,
        metrics: MetricsWriter,
        progress: Progress,
        *,
        wall_before: float,
    ) -> None:
        self.config = config
        self.out = out
        self.setup = setup
        self.metrics = metrics
        self.progress = progress
        self._wall_before = wall_before
        self._started = time.monotonic()

    def wall_s(self) -> float:
        """Seconds of this run so far, those before an interruption included."""
        return self._wall_before + time.monotonic() - self._started

    def is_over(self, step: int) -> bool:
        """Whether nothing is left to train after `step` steps: all are done, or the reward has converged."""
        config = self.config.grpo
        if step == config.num_steps or not config.convergence_window:
            return step == config.num_steps
        _, rewards = series(read_metrics(self.out / "metrics.jsonl"), "train/reward_mean")
        return has_converged(rewards, window=config.convergence_window, min_gain=config.convergence_min_gain)

    def after_step(self, step: Step) -> bool:
        """Log the step, evaluate and write a checkpoint where they are due; whether it was the last one.

        Raises:
            RewardError: too much of the step could not be judged.
        """
        row = step_row(step)
        self.metrics.log(step.number, row)
        self.progress.step({"step": step.number, **row})
        try:
            check_unjudged(step.scores_B, self.config.reward.max_unjudged_rate)
        except RewardError as error:
            raise RewardError(f"step {step.number}: {error}") from None
        last = self.is_over(step.number)
        every = self.config.eval.every
        if last or (every and step.number % every == 0):
            self.setup.engine.load_weights(self.setup.policy.learner.model, version=step.number)
            self.evaluate(step.number, self.config.eval.num_problems if last else self.config.eval.num_problems_between)
        if last or step.number % self.config.checkpoint_every == 0:
            self.checkpoint(step.number)
        return last

    def evaluate(self, step: int, num_problems: int) -> Evaluation:
        """Evaluate on the first `num_problems` held-out problems; the samples do not depend on the run's past."""
        evaluation = evaluate(
            self.setup.engine,
            self.setup.tokenizer,
            self.setup.template,
            self.setup.eval_problems[:num_problems],
            num_samples=self.config.eval.num_samples,
            params=self.config.eval.sampling.params(),
            accuracy=self.setup.accuracy,
            format=self.setup.format,
            seed=seed_for(self.config.seed, "eval", step),
        )
        row = evaluation.metrics()
        self.metrics.log(step, row)
        self.progress.step({"step": step, **row})
        append_lines(self.out / "transcripts.jsonl", transcripts(evaluation, step, self.config.num_transcripts))
        return evaluation

    def checkpoint(self, step: int) -> None:
        """Write everything that going on after `step` needs."""
        reference = self.setup.policy.reference
        save_checkpoint(
            self.out / "checkpoint.pt",
            {
                "step": step,
                "wall_s": self.wall_s(),
                "learner": self.setup.policy.learner.state_dict(),
                "reference": reference.state_dict() if reference is not None else None,
            },
        )


def _restore(policy: Policy, state: dict[str, Any] | None) -> tuple[int, float]:
    """Put a checkpoint back; returns the steps done and the seconds they took."""
    if state is None:
        return 0, 0.0
    policy.learner.load_state_dict(state["learner"])
    if policy.reference is not None:
        policy.reference.load_state_dict(state["reference"])
    return state["step"], state["wall_s"]


def _memory_plan(config: RLConfig, dtype: torch.dtype) -> MemoryPlan:
    return MemoryPlan(
        dtype=dtype,
        has_reference=config.grpo.kl_coef > 0,
        micro_batch_tokens=config.learner.micro_batch_tokens,
        gradient_checkpointing=config.learner.gradient_checkpointing,
        group_size=config.grpo.group_size,
        prompt_tokens=256,
        completion_tokens=config.sampling.max_new_tokens,
        num_slots=min(config.max_batch_size, config.grpo.problems_per_step * config.grpo.group_size),
    )


def _model_card(config: RLConfig) -> str:
    return f"""---
base_model: {config.model}
tags: [r1kit, grpo, reasoning]
---
# R1-Zero of {config.model}

Trained by r1kit with GRPO on the task `{config.task}`: {config.grpo.num_steps} steps of
{config.grpo.problems_per_step} problems by {config.grpo.group_size} completions, template `{config.template}`,
seed {config.seed}. The resolved config is `config.json` of the run folder, its numbers are in `summary.json`.
"""

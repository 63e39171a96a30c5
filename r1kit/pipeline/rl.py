"""Reinforcement learning from a config to a report: R1-Zero (section 2.2 of arXiv:2501.12948), stages 2 and 4 of R1.

R1-Zero is a base model, rules and GRPO, nothing else. Reasoning RL (2.3.2) is the same from another model, with
language consistency among the rewards and a rule to stop by; RL for all scenarios (2.3.4) has several tasks in fixed
shares, and reward models for general prompts.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

import r1kit
from r1kit.engines import ENGINES, Engine
from r1kit.engines.rollout import check_prompts
from r1kit.errors import DataError, RewardError
from r1kit.eval.evaluate import evaluate
from r1kit.grpo.convergence import has_converged
from r1kit.grpo.train import Policy, Step, frozen_copy, train
from r1kit.learner.learner import Learner
from r1kit.models.decoder import check_supported
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model, load_model_config, model_label, resolve_model, save_model
from r1kit.models.memory import MemoryPlan, check_memory
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.judging import code_verifier, load_rewards, preload
from r1kit.pipeline.report_rows import step_row, transcripts
from r1kit.pipeline.run import append_lines, check_config, locked
from r1kit.pipeline.training_run import TrainingRun, check_same_data, training_run
from r1kit.report.hardware import describe_hardware
from r1kit.report.html import build_report
from r1kit.report.metrics import read_metrics, series
from r1kit.report.summary import build_summary, write_summary
from r1kit.reward_model.model import reward_model_parameters
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
            with training_run(
                out,
                config,
                setup,
                num_steps=config.grpo.num_steps,
                checkpoint_every=config.checkpoint_every,
                sinks=sinks,
            ) as run:
                if run.is_new:
                    _evaluate(config, setup, run, step=0, num_problems=config.eval.num_problems)
                    run.checkpoint(0)
                steps = _steps(config, setup, run.first_step)
                is_over = _is_over(config, run, run.first_step)
                while not is_over:
                    is_over = _after_step(config, setup, run, next(steps))
        summary = build_summary(
            read_metrics(out / "metrics.jsonl"), wall_s=run.wall_s(), seed=config.seed, hardware=describe_hardware()
        )
        card = _model_card(config, num_steps=summary["train_steps"])
        save_model(setup.policy.learner.model, setup.tokenizer, out / "model", card=card)
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
    data_sha256: str
    """Of the problems to train and to evaluate on."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: the policy, and what it was trained on."""
        reference = self.policy.reference
        return {
            "data_sha256": self.data_sha256,
            "learner": self.policy.learner.state_dict(),
            "reference": reference.state_dict() if reference is not None else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the policy back; RunError if the problems are not what they were."""
        check_same_data(state, self.data_sha256, "the set of problems")
        self.policy.learner.load_state_dict(state["learner"])
        if self.policy.reference is not None:
            self.policy.reference.load_state_dict(state["reference"])


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
        data_sha256=_hash(all_problems),
    )


def _hash(problems: Sequence[Problem]) -> str:
    """SHA-256 of what decides completions and verdicts."""
    rows = [[p.id, p.prompt, p.answer, p.verifier, p.language, p.info] for p in problems]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, default=str).encode()).hexdigest()


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
    folders = _reward_models(config)
    if not folders:
        return rules
    reward = ScenarioReward(rules, load_rewards(folders, str(device)), config.reward.scenarios)
    reward.check(problems)
    return reward


def _reward_models(config: RLConfig) -> dict[str, Path]:
    named = {"helpful": config.reward.helpful_model, "harmless": config.reward.harmless_model}
    return {kind: Path(folder) for kind, folder in named.items() if folder}


def _is_over(config: RLConfig, run: TrainingRun, step: int) -> bool:
    """Whether nothing is left to train after `step` steps: all are done, or the reward has converged."""
    grpo = config.grpo
    if step == grpo.num_steps or not grpo.convergence_window:
        return step == grpo.num_steps
    _, rewards = series(read_metrics(run.out / "metrics.jsonl"), "train/reward_mean")
    return has_converged(rewards, window=grpo.convergence_window, min_gain=grpo.convergence_min_gain)


def _after_step(config: RLConfig, setup: _SetUp, run: TrainingRun, step: Step) -> bool:
    """Log the step, evaluate and write a checkpoint where they are due; whether it was the last one.

    Raises:
        RewardError: too much of the step could not be judged.
    """
    run.log(step.number, step_row(step))
    try:
        check_unjudged(step.scores_B, config.reward.max_unjudged_rate)
    except RewardError as error:
        raise RewardError(f"step {step.number}: {error}") from None
    is_last = _is_over(config, run, step.number)
    every = config.eval.every
    if is_last or (every and step.number % every == 0):
        setup.engine.load_weights(setup.policy.learner.model, version=step.number)
        num_problems = config.eval.num_problems if is_last else config.eval.num_problems_between
        _evaluate(config, setup, run, step=step.number, num_problems=num_problems)
    run.end_step(step.number, is_last=is_last)
    return is_last


def _evaluate(config: RLConfig, setup: _SetUp, run: TrainingRun, *, step: int, num_problems: int) -> None:
    """Evaluate on the first `num_problems` held-out problems; the samples do not depend on the run's past."""
    evaluation = evaluate(
        setup.engine,
        setup.tokenizer,
        setup.template,
        setup.eval_problems[:num_problems],
        num_samples=config.eval.num_samples,
        params=config.eval.sampling.params(),
        accuracy=setup.accuracy,
        format=setup.format,
        seed=seed_for(config.seed, "eval", step),
    )
    run.log(step, evaluation.metrics())
    append_lines(run.out / "transcripts.jsonl", transcripts(evaluation, step, config.num_transcripts))


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
        reward_model_parameters=sum(reward_model_parameters(folder) for folder in _reward_models(config).values()),
    )


def _model_card(config: RLConfig, num_steps: int) -> str:
    """What was done, and not which model of the paper it stands for: that is up to the model it began with too."""
    tasks, rules = (
        ", ".join(f"`{name}` {share:g}" for name, share in table.items())
        for table in (config.tasks, config.reward.weights)
    )
    learned = [f"{kind} `{folder}`" for kind, folder in _reward_models(config).items()]
    return f"""---
base_model: {model_label(config.model)}
library_name: transformers
pipeline_tag: text-generation
tags: [r1kit, grpo, reasoning]
---
# {model_label(config.model)}, trained by GRPO

Reinforcement learning by r1kit {r1kit.__version__} with GRPO and the prompt template `{config.template}`.

- Started from: `{config.model}`.
- Tasks, with their shares of a step: {tasks}.
- Rules, with their weights: {rules}.
- Reward models for general prompts: {", ".join(learned) or "none"}.
- Training: {num_steps} steps of {config.grpo.problems_per_step} problems by {config.grpo.group_size} completions, seed
  {config.seed}.

The resolved config is `config.json` of the run folder, its numbers are in `summary.json`.
"""

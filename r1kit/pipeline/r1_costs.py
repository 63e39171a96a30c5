"""What each stage of `r1kit r1` is expected to take, from its config and a measured model of the machine.

A completion is taken to be half as long as it may be, a prompt PROMPT_TOKENS; RL is one pass of sampling and one of
training a step. Evaluations inside RL runs are counted, verdicts and start-up are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from r1kit.models.load import load_model_config, resolve_model
from r1kit.models.memory import MemoryPlan, ModelSize, model_size
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.estimate import Estimate, Machine, expected_memory_gb
from r1kit.pipeline.r1_config import R1Config
from r1kit.reward_model.config import RewardModelConfig
from r1kit.sft.config import SFTConfig

Cost = Callable[[Machine], Estimate]

PROMPT_TOKENS = 64
NUM_NANO_PAIRS = 2000
KEPT_SHARE = 0.5
"""Of samples, by the filters: a guess, for data sets that do not exist yet."""


class Costs:
    """Estimates for the stages of one config."""

    def __init__(self, config: R1Config) -> None:
        self._config = config

    @cached_property
    def _base(self) -> ModelSize:
        return _size(self._config.base)

    @property
    def num_cold_start(self) -> int:
        """Examples that the collectors may find."""
        data = self._config.cold_start_data
        return round(KEPT_SHARE * (data.few_shot_problems + data.direct_problems + data.zero_problems))

    @property
    def num_curated(self) -> int:
        """Examples of the curated set."""
        data = self._config.rejection_data
        kept = min(KEPT_SHARE * data.reject.num_samples, data.reject.choice.max_per_problem) * data.num_problems
        return round(kept * (1 + self._config.mix.non_reasoning / self._config.mix.reasoning))

    def rl(self, config: RLConfig, *, model: str | None = None, num_reward_models: int = 0) -> Cost:
        """GRPO: sampling, training, and the evaluations; reward models are as large as the base that they are of."""
        rollouts = config.grpo.problems_per_step * config.grpo.group_size
        length = config.sampling.max_new_tokens / 2
        steps = config.grpo.num_steps
        held_out = 2 * config.eval.num_problems
        if config.eval.every:
            held_out += steps // config.eval.every * config.eval.num_problems_between
        samples = steps * rollouts + held_out * config.eval.num_samples
        trained = steps * (rollouts * length + config.grpo.problems_per_step * PROMPT_TOKENS)

        def cost(machine: Machine) -> Estimate:
            size = _size(model) if model else self._base
            batch = min(config.max_batch_size, rollouts)
            seconds = machine.sampling_seconds(size.num_parameters, round(samples * length), batch)
            seconds += machine.training_seconds(size.num_parameters, round(trained))
            plan = _plan(
                config.learner.micro_batch_tokens, config.grpo.group_size, config.sampling.max_new_tokens, batch
            )
            plan = replace(
                plan,
                has_reference=config.grpo.kl_coef > 0,
                reward_model_parameters=num_reward_models * self._base.num_parameters,
            )
            return Estimate(minutes=seconds / 60, memory_gb=expected_memory_gb(size, plan, "rl"))

        return cost

    def sft(self, config: SFTConfig, num_examples: int, *, model: str | None = None) -> Cost:
        """Fine-tuning on so many examples."""
        length = self._config.rejection_data.reject.draw.max_new_tokens / 2 + PROMPT_TOKENS

        def cost(machine: Machine) -> Estimate:
            size = _size(model) if model else self._base
            seconds = machine.training_seconds(size.num_parameters, round(num_examples * config.num_epochs * length))
            plan = _plan(config.learner.micro_batch_tokens, 1, round(length), 1)
            return Estimate(minutes=seconds / 60, memory_gb=expected_memory_gb(size, plan, "sft"))

        return cost

    def reward_model(self, config: RewardModelConfig) -> Cost:
        """Training on pairs; a file of them is taken to be as large as the scale model's own."""

        def cost(machine: Machine) -> Estimate:
            tokens = NUM_NANO_PAIRS * config.num_epochs * 2 * PROMPT_TOKENS
            seconds = machine.training_seconds(self._base.num_parameters, tokens)
            plan = _plan(config.learner.micro_batch_tokens, 2, PROMPT_TOKENS, 1)
            return Estimate(minutes=seconds / 60, memory_gb=expected_memory_gb(self._base, plan, "sft"))

        return cost

    def cold_start_data(self) -> Cost:
        """All collectors."""
        data = self._config.cold_start_data
        collectors = (
            (data.few_shot_problems, data.few_shot),
            (data.direct_problems, data.direct),
            (data.zero_problems, data.zero),
        )
        tokens = sum(count * each.num_samples * each.draw.max_new_tokens / 2 for count, each in collectors)
        longest = max((each.draw.max_new_tokens for count, each in collectors if count), default=1)
        return self._sampling(tokens, data.max_batch_size, longest)

    def rejection_data(self) -> Cost:
        """Several samples a prompt."""
        data = self._config.rejection_data
        longest = data.reject.draw.max_new_tokens
        return self._sampling(data.num_problems * data.reject.num_samples * longest / 2, data.max_batch_size, longest)

    def non_reasoning_data(self) -> Cost:
        """The thoughts before given answers, as if all prompts had one."""
        data = self._config.non_reasoning_data
        longest = data.collect.draw.max_new_tokens
        return self._sampling(data.num_problems * data.collect.num_samples * longest / 2, data.max_batch_size, longest)

    def evaluation(self, num_tasks: int, *, model: str | None = None) -> Cost:
        """Samples of every task's problems."""
        config = self._config.evaluation
        longest = config.sampling.max_new_tokens
        tokens = num_tasks * config.num_problems * config.num_samples * longest / 2
        return self._sampling(tokens, config.max_batch_size, longest, model=model)

    def _sampling(self, num_tokens: float, batch: int, longest: int, *, model: str | None = None) -> Cost:
        def cost(machine: Machine) -> Estimate:
            size = _size(model) if model else self._base
            seconds = machine.sampling_seconds(size.num_parameters, round(num_tokens), batch)
            plan = _plan(1, 1, longest, batch)
            return Estimate(minutes=seconds / 60, memory_gb=expected_memory_gb(size, plan, "sampling"))

        return cost


def _size(model: str) -> ModelSize:
    return model_size(load_model_config(resolve_model(model)))


def _plan(micro_batch_tokens: int, group_size: int, completion_tokens: int, num_slots: int) -> MemoryPlan:
    import torch

    return MemoryPlan(
        dtype=torch.bfloat16,
        has_reference=False,
        micro_batch_tokens=micro_batch_tokens,
        gradient_checkpointing=False,
        group_size=group_size,
        prompt_tokens=PROMPT_TOKENS,
        completion_tokens=completion_tokens,
        num_slots=num_slots,
    )

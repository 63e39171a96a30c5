"""The config of `r1kit zero`: everything that decides what a run computes, and nothing about where it is written."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from r1kit.config import Config
from r1kit.grpo.config import GRPOConfig
from r1kit.learner.config import LearnerConfig
from r1kit.tasks.templates import TemplateName
from r1kit.types import SamplingParams


class SamplingConfig(Config):
    """How training rollouts are drawn."""

    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0)
    max_new_tokens: int = Field(default=256, ge=1)

    def params(self, stop: tuple[str, ...] = ()) -> SamplingParams:
        """The same as the engine's record."""
        return SamplingParams(**self.model_dump(), stop=stop)


class EvalSamplingConfig(SamplingConfig):
    """The paper's generation setup (section 3): temperature 0.6, top-p 0.95."""

    temperature: float = Field(default=0.6, ge=0)
    top_p: float = Field(default=0.95, gt=0, le=1)


class RewardConfig(Config):
    """Weights of the rule-based rewards (section 2.2.2) and the limits of judging."""

    weights: dict[str, float] = Field(default={"accuracy": 1.0, "format": 0.1})
    """Name in r1kit.rewards.REWARDS to weight; the reward is the weighted sum."""
    accuracy_needs_format: bool = True
    """Count the accuracy only inside a valid format, so that a broken format never pays."""
    timeout_s: float = Field(default=5.0, gt=0)
    """Wall clock for one verdict; past it the verifying process is killed and the verdict is None."""
    num_workers: int = Field(default=2, ge=1)
    max_unjudged_rate: float = Field(default=0.1, ge=0, le=1)
    """A step with a larger share of None verdicts stops the run; in a pipeline an evaluation and the collecting of data
    too, where one verifier has a larger share."""
    sandbox: Literal["auto", "bwrap", "namespaces", "plain"] = "auto"
    """Where programs run, if a problem is judged by running code; auto is the best that works here."""
    allow_unsafe_sandbox: bool = False
    """Lets programs of the model run without a sandbox (plain) where no other works."""
    partial_credit: bool = False
    """Give the share of a program's tests that pass, instead of all or nothing."""
    languages: list[str] = Field(default=["en", "zh"])
    """What the reward `language` expects to be mixed, beside a problem's own; see r1kit.rewards.language."""
    overlong_buffer: int = Field(default=64, ge=1)
    """The last so many tokens of sampling.max_new_tokens that the reward `overlong` punishes."""
    repetition_ngram_size: int = Field(default=20, ge=1)
    """Tokens of the n-grams that the reward `repetition` counts."""
    helpful_model: str | None = None
    """Folder of the reward model for prompts of the scenario `helpful`; without any such model rules judge all."""
    harmless_model: str | None = None
    """Folder of the reward model for prompts of the scenario `harmless`."""
    scenarios: dict[str, dict[str, float]] = Field(default={"helpful": {"helpful": 1.0}, "harmless": {"harmless": 1.0}})
    """Scenario of a prompt to the learned rewards that are summed there, with their weights (section 2.3.4)."""


class EvalConfig(Config):
    """Held-out evaluation: pass@1 as the mean of k samples, cons@k as their majority."""

    every: int = Field(default=10, ge=0)
    """Evaluate after every so many steps, besides the start and the end; 0 is never in between."""
    num_problems: int = Field(default=128, ge=1)
    """Of the held-out split, at the start and at the end."""
    num_problems_between: int = Field(default=64, ge=1)
    """The first so many of them for the evaluations in between."""
    num_samples: int = Field(default=16, ge=1)
    """k."""
    sampling: EvalSamplingConfig = EvalSamplingConfig()


class RLConfig(Config):
    """Reinforcement learning of a model by GRPO: R1-Zero (section 2.2), and stages 2 and 4 of R1 (2.3.2, 2.3.4)."""

    model: str = "nano"
    """A Hugging Face folder, a hub name, or `nano` for the shipped base model."""
    task: str | dict[str, float] = "nano:math"
    """A name in r1kit.tasks.TASKS, or a .jsonl or .parquet file with `prompt` and `answer`; or a table of several with
    their shares of a step's problems."""
    template: TemplateName = "r1_zero"
    """Table 1; the boxed directive; the model's own chat template with Table 1's instruction; the question alone; the
    question for a model that was fine-tuned on the readable format."""
    seed: int = Field(default=0, ge=0)
    engine: Literal["native"] = "native"
    max_batch_size: int = Field(default=256, ge=1)
    """Completions that the engine decodes at once; memory grows with it."""
    max_prompt_tokens: int = Field(default=1024, ge=1)
    """A longer prompt is an error, not a silent cut."""
    grpo: GRPOConfig = GRPOConfig()
    learner: LearnerConfig = LearnerConfig()
    sampling: SamplingConfig = SamplingConfig()
    reward: RewardConfig = RewardConfig()
    eval: EvalConfig = EvalConfig()
    checkpoint_every: int = Field(default=10, ge=1)
    """Steps between checkpoints; a killed run goes on from the last one."""
    num_transcripts: int = Field(default=4, ge=0)
    """Held-out problems whose completions are kept at every evaluation, for the report."""

    @model_validator(mode="after")
    def _check(self) -> RLConfig:
        if self.eval.num_problems_between > self.eval.num_problems:
            raise ValueError("eval.num_problems_between exceeds eval.num_problems; it is a subset of them")
        if not self.task:
            raise ValueError("task names no task; give one, or a table of tasks with their shares")
        return self

    @property
    def tasks(self) -> dict[str, float]:
        """Each task with its share of a step's problems."""
        return {self.task: 1.0} if isinstance(self.task, str) else self.task

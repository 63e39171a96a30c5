"""The config of `r1kit r1`: the whole of DeepSeek-R1, a section a stage (sections 2.3 and 2.4 of arXiv:2501.12948).

What a stage reads from another one (the model it starts from, its data, reward models) is filled in by the pipeline;
setting it in a section is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, model_validator

from r1kit.config import Config
from r1kit.curate.config import (
    DirectConfig,
    FewShotConfig,
    FilterConfig,
    MixConfig,
    NonReasoningConfig,
    RejectConfig,
    ZeroOutputsConfig,
)
from r1kit.errors import suggest
from r1kit.pipeline.config import EvalSamplingConfig, RewardConfig, RLConfig
from r1kit.pipeline.teach import TeachConfig
from r1kit.reward_model.config import RewardModelConfig
from r1kit.sft.config import SFTConfig
from r1kit.tasks.templates import TemplateName

Label = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
"""A part of a stage's name."""


class SourcesConfig(Config):
    """Where problems and given data come from; `nano` is the scale model's own."""

    reasoning: dict[str, float] = Field(default={})
    """Tasks with checkable answers and their shares (maths, code, science, logic); required."""
    general: dict[str, float] = Field(default={})
    """Tasks of general prompts and their shares; their problems carry info["scenario"]."""
    judged: dict[str, float] = Field(default={})
    """Reasoning tasks for rejection sampling alone whose problems name verifier "judge": no rule can check them, and
    the judge of the section `rejection_data` compares the answers with the gold ones (2.3.3)."""
    shots: str = "nano"
    """Worked examples for few-shot prompting: `nano`, or a .jsonl of examples as r1kit.sft.data has them, in the
    readable format and with the bare answer as the summary."""
    answers: str = "nano"
    """Answers to the general prompts, "portions of the SFT dataset" (2.3.3): `nano`, or a file of examples."""
    pairs: str = "nano"
    """Preference pairs for the reward models: `nano`, or a file; see r1kit.reward_model.pairs."""
    traces: str | None = None
    """A file of a teacher's traces that students learn from instead of the curated set; see r1kit.curate.traces."""


class ColdStartDataConfig(Config):
    """Cold-start data (2.3.1): which collectors run, and on how many problems each."""

    few_shot_problems: int = Field(default=0, ge=0)
    """Training problems for few-shot prompting of the base; 0 leaves a collector out."""
    direct_problems: int = Field(default=0, ge=0)
    zero_problems: int = Field(default=0, ge=0)
    """For R1-Zero, whose outputs are rewritten."""
    human: str | None = None
    """What `r1kit review import` wrote, the file or its folder: it takes the place of what is collected under the same
    ids, and what the reviewer dropped stays out."""
    few_shot: FewShotConfig = FewShotConfig()
    direct: DirectConfig = DirectConfig()
    zero: ZeroOutputsConfig = ZeroOutputsConfig()
    max_batch_size: int = Field(default=256, ge=1)

    @model_validator(mode="after")
    def _check(self) -> ColdStartDataConfig:
        if not (self.few_shot_problems or self.direct_problems or self.zero_problems or self.human):
            raise ValueError("cold_start_data collects nothing; give few_shot_problems, direct_problems, ... or human")
        return self


class JudgeConfig(Config):
    """The generative judge of problems that no rule can check; the paper's was DeepSeek-V3 (2.3.3)."""

    model: str = Field(default="", min_length=1)
    """A folder or a hub name of a model with a chat template; required."""
    num_votes: int = Field(default=1, ge=1)
    """Completions for an answer; more than one needs a temperature."""
    temperature: float = Field(default=0.0, ge=0)
    max_new_tokens: int = Field(default=1024, ge=1)


class RejectionDataConfig(Config):
    """Rejection sampling of reasoning data from the RL checkpoint (2.3.3)."""

    num_problems: int = Field(default=1024, ge=1)
    judge: JudgeConfig | None = None
    """For the tasks of sources.judged."""
    reject: RejectConfig = RejectConfig()
    max_batch_size: int = Field(default=256, ge=1)


class NonReasoningDataConfig(Config):
    """Non-reasoning data (2.3.3)."""

    num_problems: int = Field(default=512, ge=1)
    collect: NonReasoningConfig = NonReasoningConfig()
    max_batch_size: int = Field(default=256, ge=1)


class MixStageConfig(Config):
    """The curated data set (2.3.3)."""

    mix: MixConfig = MixConfig()
    seed: int = Field(default=0, ge=0)


class TracesConfig(Config):
    """A teacher's traces, ready or asked for (2.4): nothing judges them, the filters that need no verdict do."""

    filters: FilterConfig = FilterConfig()


class EvaluationConfig(Config):
    """Every model on every task's held-out problems."""

    num_problems: int = Field(default=64, ge=1)
    """Of each task."""
    num_samples: int = Field(default=8, ge=1)
    """k."""
    template: TemplateName = "readable"
    """For models that were fine-tuned; bases and models of RL alone are asked in the template of their section."""
    general_template: TemplateName = "readable"
    """For general prompts, whatever the model: to a base a plain conversation, "User: ..."."""
    sampling: EvalSamplingConfig = EvalSamplingConfig()
    max_batch_size: int = Field(default=256, ge=1)
    num_transcripts: int = Field(default=2, ge=0)
    """Problems of each task whose completions are kept."""


class AblationsConfig(Config):
    """Further runs that the report compares stages with; none of them feeds another stage."""

    no_language_reward: bool = False
    """reasoning_rl_no_language: reasoning RL by accuracy alone (2.3.2, "a slight degradation")."""
    zero_language_reward: bool = False
    """zero_language: R1-Zero with the language reward of reasoning RL, from a base that mixes languages (2.3.2)."""
    sft_from_rl: bool = False
    """sft_from_rl: the curated data on the checkpoint of reasoning RL instead of the base (2.3.3)."""
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default=[])
    """Further seeds of what the language reward is measured on, each with and without it, and of the students."""


_SUMMED = RewardConfig(weights={"accuracy": 1.0, "language": 1.0})
"""Accuracy and language consistency, "directly summing" (2.3.2)."""


class R1Config(Config):
    """DeepSeek-R1 from a base model, and small models distilled from it."""

    base: str = "nano"
    """A Hugging Face folder, a hub name, or `nano`."""
    students: dict[Label, str] = Field(default={})
    """Label to base model of each distilled model (2.4); without one nothing is distilled."""
    rl_students: list[str] | None = None
    """Labels of the students that get RL alone, and RL on top of distillation, to compare with; null: all of them."""
    seed: int = Field(default=0, ge=0)
    """Of everything: of data and evaluations, and of every section that has no seed of its own."""
    sources: SourcesConfig = SourcesConfig()
    zero: RLConfig = RLConfig()
    cold_start_data: ColdStartDataConfig = ColdStartDataConfig(zero_problems=512)
    cold_start: SFTConfig = SFTConfig()
    reasoning_rl: RLConfig = RLConfig(template="readable", reward=_SUMMED)
    rejection_data: RejectionDataConfig = RejectionDataConfig()
    non_reasoning_data: NonReasoningDataConfig = NonReasoningDataConfig()
    mix: MixConfig = MixConfig()
    sft: SFTConfig = SFTConfig()
    helpful: RewardModelConfig = RewardModelConfig(kind="helpful")
    harmless: RewardModelConfig = RewardModelConfig(kind="harmless")
    r1: RLConfig = RLConfig(template="readable", reward=_SUMMED)
    distilled: SFTConfig = SFTConfig()
    student_rl: RLConfig = RLConfig()
    distilled_rl: RLConfig = RLConfig(template="readable", reward=_SUMMED)
    traces: TracesConfig = TracesConfig()
    """What of a teacher's traces students learn from; of sources.traces and of teacher alike."""
    teacher: TeachConfig | None = None
    """An endpoint whose responses students learn from instead of the curated set; the keys of `r1kit teach`. Without
    a task it is asked the training problems of sources.reasoning and sources.general."""
    ablations: AblationsConfig = AblationsConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @model_validator(mode="before")
    @classmethod
    def _seed_sections(cls, values: Any) -> Any:
        """One seed for the whole: a section that names none of its own has the pipeline's."""
        if not isinstance(values, Mapping) or "seed" not in values:
            return values
        seeded = {name: values.get(name, {}) for name in _MODELS}
        return {
            **values,
            **{
                name: {"seed": values["seed"], **section} if isinstance(section, Mapping) else section
                for name, section in seeded.items()
            },
        }

    @model_validator(mode="after")
    def _check(self) -> R1Config:
        for section in _MODELS:
            if "model" in getattr(self, section).model_fields_set:
                raise ValueError(
                    f"{section}.model is filled in by the pipeline; leave it out, and set base or students"
                )
        for section in ("cold_start", "sft", "distilled"):
            if "data" in getattr(self, section).model_fields_set:
                raise ValueError(f"{section}.data is filled in by the pipeline; leave it out")
        for section in ("zero", "reasoning_rl", "r1", "student_rl", "distilled_rl"):
            if "task" in getattr(self, section).model_fields_set:
                raise ValueError(f"{section}.task is filled in from sources; leave it out")
        for kind in ("helpful", "harmless"):
            if "pairs" in getattr(self, kind).model_fields_set:
                raise ValueError(f"{kind}.pairs is filled in by the pipeline; set sources.pairs")
            if getattr(self, kind).eval_pairs and self.sources.pairs == "nano":
                raise ValueError(f"{kind}.eval_pairs: the scale model's pairs have held-out ones; leave it out")
            if getattr(self, kind).kind != kind:
                raise ValueError(
                    f"{kind}.kind is {getattr(self, kind).kind!r}; the section makes the model of its name"
                )
        return self

    @model_validator(mode="after")
    def _check_sources(self) -> R1Config:
        for label in self.students:
            if re.search(r"^rl_|_seed\d+$", label):
                raise ValueError(
                    f"students: {label!r} reads as the name of another stage; do not begin it with rl_ "
                    "or end it with _seed and a number"
                )
        for label in self.rl_students or ():
            if label not in self.students:
                raise ValueError(f"rl_students: no student is called {label!r}; {suggest(label, self.students)}")
        for section in _READABLE:
            if (template := getattr(self, section).template) != "readable":
                raise ValueError(
                    f"{section}.template is {template!r}; the pipeline's data are in the readable format (2.3.1), "
                    "and a model is asked as it was taught: leave it out"
                )
        for seed in (seeds := self.ablations.seeds):
            own = [name for name in _SEEDED if getattr(self, name).seed == seed]
            if own or seeds.count(seed) > 1:
                whose = f"that of {own[0]} already" if own else "there twice"
                raise ValueError(f"ablations.seeds: {seed} is {whose}; give further seeds")
        if self.sources.judged and self.rejection_data.judge is None:
            raise ValueError("sources.judged needs a judge; set rejection_data.judge.model")
        if self.teacher and self.sources.traces:
            raise ValueError("teacher and sources.traces are two sources of one data set; leave one out")
        if self.teacher and not self.teacher.teacher.model:
            raise ValueError("teacher.teacher.model: no teacher is named; give the name that its endpoint knows it by")
        if self.teacher and self.teacher.split != "train":
            raise ValueError('teacher.split is "eval"; a student that was taught what is held out cannot be evaluated')
        if not self.students and (self.teacher or self.sources.traces):
            raise ValueError("a teacher's traces are for students; name one under [students]")
        return self


_READABLE = ("cold_start", "reasoning_rl", "sft", "r1", "distilled", "distilled_rl", "evaluation")
"""Sections whose models are taught the readable format, or asked in it."""

_SEEDED = ("zero", "reasoning_rl", "distilled", "student_rl", "distilled_rl")
"""Sections that ablations.seeds repeats."""

_MODELS = (
    *("zero", "cold_start", "reasoning_rl", "sft", "helpful", "harmless", "r1", "distilled", "student_rl"),
    "distilled_rl",
)


C = TypeVar("C", RLConfig, SFTConfig)


def seeded(config: C, seed: int | None) -> C:
    """A section with another seed; as it is without one."""
    return config if seed is None else config.model_copy(update={"seed": seed})

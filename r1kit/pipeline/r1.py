"""DeepSeek-R1 as a graph of stages (sections 2.3 and 2.4 of arXiv:2501.12948)..

    r1kit r1 configs/nano/r1.toml --out runs/r1

    zero               R1-Zero: GRPO on the base, rules alone                                     2.2
    cold_start_data    long chains of thought in the readable format                              2.3.1
    cold_start         the base, fine-tuned on them                                               2.3.1
    reasoning_rl       GRPO with accuracy and language consistency, summed, until it converges    2.3.2
    rejection_data     correct and readable samples of that checkpoint                            2.3.3
    non_reasoning_data given answers, some with a potential chain of thought                      2.3.3
    sft_data           both, near 600:200                                                         2.3.3
    sft                the BASE, fine-tuned on them for two epochs                                2.3.3
    helpful, harmless  reward models of preference pairs                                          2.3.4
    r1                 GRPO for all scenarios: rules for reasoning, reward models for the rest    2.3.4
    distilled          a smaller base, fine-tuned on sft_data, no RL                              2.4
    student_rl         the same small base by RL alone, to compare with                           4.1, Table 6
    distilled_rl       RL on top of the distilled one, which the paper leaves to others           2.4

and an evaluation of every model, eval_<name>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1kit.errors import ConfigError
from r1kit.models.load import resolve_model
from r1kit.pipeline import r1_stages as do
from r1kit.pipeline.execute import Note, execute
from r1kit.pipeline.r1_config import EvaluationConfig, MixStageConfig, R1Config
from r1kit.pipeline.r1_costs import Costs
from r1kit.pipeline.r1_stages import ModelSource
from r1kit.pipeline.stage import Stage

REWARD_MODELS = {"helpful": "helpful", "harmless": "harmless"}
"""Kind to the stage that makes the model."""


def run_r1(
    config: R1Config, out: Path, *, device: str = "auto", only: str | None = None, note: Note
) -> Mapping[str, Path]:
    """Run the pipeline in the folder `out`, or go on there; returns the artifact folder of each stage.

    Raises:
        R1KitError: see r1kit.errors; every finished artifact is kept, and the same command goes on.
    """
    return execute(r1_stages(config), out, device, only=only, note=note)


def r1_stages(config: R1Config) -> list[Stage[Any]]:
    """The graph that a config describes: without general tasks nothing after `sft`, without a student no distillation.

    Raises:
        ConfigError: no reasoning tasks.
        ModelError: the base or the student is not there.
    """
    if not config.sources.reasoning:
        raise ConfigError("sources.reasoning names no task; give a table of tasks with their shares")
    base = ModelSource(name=config.base)
    costs = Costs(config)
    stages = [*_reasoning(config, base, costs), *_curated(config, base, costs)]
    if config.sources.general:
        stages += _all_scenarios(config, base, costs)
    if config.student:
        stages += _students(config, ModelSource(name=config.student), costs)
    return stages + _evaluations(config, base, [stage.name for stage in stages if stage.kind == "model"], costs)


def _reasoning(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """R1-Zero, and stages 1 and 2 of R1."""
    sources, tasks, seed = config.sources, config.sources.reasoning, config.seed
    return [
        Stage(
            name="zero",
            kind="model",
            config=config.zero,
            reads=(*_weights(config.base), *_files(*tasks)),
            run=do.reinforce(base, tasks, {}),
            cost=costs.rl(config.zero),
        ),
        Stage(
            name="cold_start_data",
            kind="dataset",
            inputs=("zero",),
            config=config.cold_start_data,
            reads=(*_weights(config.base), *_files(*tasks, sources.shots)),
            run=do.collect_cold_start(base, ModelSource("zero"), tasks, sources.shots, seed=seed),
            cost=costs.cold_start_data(),
        ),
        Stage(
            name="cold_start",
            kind="model",
            inputs=("cold_start_data",),
            config=config.cold_start,
            reads=_weights(config.base),
            run=do.fine_tune(base, "cold_start_data"),
            cost=costs.sft(config.cold_start, costs.num_cold_start),
        ),
        Stage(
            name="reasoning_rl",
            kind="model",
            inputs=("cold_start",),
            config=config.reasoning_rl,
            reads=_files(*tasks),
            run=do.reinforce(ModelSource("cold_start"), tasks, {}),
            cost=costs.rl(config.reasoning_rl),
        ),
    ]


def _curated(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """Stage 3: rejection sampling, data of other domains, fine-tuning of the base."""
    sources, seed = config.sources, config.seed
    data = "sft_data" if sources.general else "rejection_data"
    stages: list[Stage[Any]] = [
        Stage(
            name="rejection_data",
            kind="dataset",
            inputs=("reasoning_rl",),
            config=config.rejection_data,
            reads=_files(*sources.reasoning),
            run=do.sample_reasoning(ModelSource("reasoning_rl"), sources.reasoning, seed=seed),
            cost=costs.rejection_data(),
        )
    ]
    if sources.general:
        stages += [
            Stage(
                name="non_reasoning_data",
                kind="dataset",
                config=config.non_reasoning_data,
                reads=(*_weights(config.base), *_files(*sources.general, sources.answers)),
                run=do.sample_non_reasoning(base, sources.general, sources.answers, seed=seed),
                cost=costs.non_reasoning_data(),
            ),
            Stage(
                name="sft_data",
                kind="dataset",
                inputs=("rejection_data", "non_reasoning_data"),
                config=MixStageConfig(mix=config.mix, seed=seed),
                run=do.mix_data("rejection_data", "non_reasoning_data"),
            ),
        ]
    stages.append(
        Stage(
            name="sft",
            kind="model",
            inputs=(data,),
            config=config.sft,
            reads=_weights(config.base),
            run=do.fine_tune(base, data),
            cost=costs.sft(config.sft, costs.num_curated),
        )
    )
    return stages


def _all_scenarios(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """Stage 4: reward models, and RL that mixes reasoning with general prompts."""
    sources = config.sources
    tasks = {**sources.reasoning, **sources.general}
    stages: list[Stage[Any]] = [
        Stage(
            name=stage,
            kind="model",
            config=getattr(config, kind),
            reads=(*_weights(config.base), *_files(sources.pairs)),
            run=do.train_reward_model(base, sources.pairs),
            cost=costs.reward_model(getattr(config, kind)),
        )
        for kind, stage in REWARD_MODELS.items()
    ]
    stages.append(
        Stage(
            name="r1",
            kind="model",
            inputs=("sft", *REWARD_MODELS.values()),
            config=config.r1,
            reads=_files(*tasks),
            run=do.reinforce(ModelSource("sft"), tasks, REWARD_MODELS),
            cost=costs.rl(config.r1),
        )
    )
    return stages


def _students(config: R1Config, student: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """Distillation by SFT alone; and what it is compared with: RL alone, and RL on top."""
    tasks = config.sources.reasoning
    data = "sft_data" if config.sources.general else "rejection_data"
    return [
        Stage(
            name="distilled",
            kind="model",
            inputs=(data,),
            config=config.distilled,
            reads=_weights(student.name),
            run=do.fine_tune(student, data),
            cost=costs.sft(config.distilled, costs.num_curated, model=student.name),
        ),
        Stage(
            name="student_rl",
            kind="model",
            config=config.student_rl,
            reads=(*_weights(student.name), *_files(*tasks)),
            run=do.reinforce(student, tasks, {}),
            cost=costs.rl(config.student_rl, model=student.name),
        ),
        Stage(
            name="distilled_rl",
            kind="model",
            inputs=("distilled",),
            config=config.distilled_rl,
            reads=_files(*tasks),
            run=do.reinforce(ModelSource("distilled"), tasks, {}),
            cost=costs.rl(config.distilled_rl, model=student.name),
        ),
    ]


def _evaluations(config: R1Config, base: ModelSource, models: Sequence[str], costs: Costs) -> list[Stage[Any]]:
    """Every model, and the base, on every task; reward models judge general prompts where there are any."""
    tasks = [*config.sources.reasoning, *config.sources.general]
    judges = REWARD_MODELS if config.sources.general else {}
    evaluated = {"base": base, **{name: ModelSource(name) for name in models if name not in judges.values()}}
    stages: list[Stage[Any]] = []
    for name, source in evaluated.items():
        asked_as = {
            "base": config.zero.template,
            "zero": config.zero.template,
            "student_rl": config.student_rl.template,
        }
        template = asked_as.get(name, config.evaluation.template)
        of_student = name in ("distilled", "student_rl", "distilled_rl")
        stages.append(
            Stage(
                name=f"eval_{name}",
                kind="evaluation",
                inputs=((source.stage,) if source.stage else ()) + tuple(judges.values()),
                config=EvaluationConfig(**{**dict(config.evaluation), "template": template}),
                reads=(*(_weights(source.name) if source.name else ()), *_files(*tasks)),
                run=do.evaluate_model(source, tasks, judges, seed=config.seed),
                cost=costs.evaluation(len(tasks), model=config.student if of_student else None),
            )
        )
    return stages


def _files(*names: str) -> tuple[Path, ...]:
    """Those of the names that are files or folders here: what they hold counts as a stage's input."""
    return tuple(path for name in names if (path := Path(name).expanduser()).exists())


def _weights(model: str) -> tuple[Path, ...]:
    """The folder of a local model; one on a hub counts by its name."""
    return _files(resolve_model(model))

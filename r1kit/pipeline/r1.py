"""DeepSeek-R1 as a graph of stages (sections 2.3 and 2.4 of arXiv:2501.12948).

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
    distilled_X        the small base called X, fine-tuned on sft_data, no RL                     2.4
    student_rl_X       the same small base by RL alone, to compare with                           4.1, Table 6
    distilled_rl_X     RL on top of the distilled one, which the paper leaves to others           2.4

and an evaluation of every model, eval_<name>. A teacher's traces (teacher_data, traces_data) may take the place of
sft_data for students. The section `ablations` adds what stages are compared with: reasoning_rl_no_language and
zero_language (2.3.2), sft_from_rl (2.3.3), and further seeds, <name>_seed<n>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1kit.errors import ConfigError
from r1kit.pipeline import r1_reads as reads
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.execute import Note, execute
from r1kit.pipeline.r1_checks import check_sources
from r1kit.pipeline.r1_config import MixStageConfig, R1Config, seeded
from r1kit.pipeline.r1_costs import Costs
from r1kit.pipeline.r1_data import collect_cold_start, mix_data, sample_non_reasoning, sample_reasoning
from r1kit.pipeline.r1_results import seed_name
from r1kit.pipeline.r1_stages import ModelSource, evaluate_model, fine_tune, reinforce, train_reward_model
from r1kit.pipeline.r1_students import curated_data, student_stages, trace_stages
from r1kit.pipeline.stage import Stage
from r1kit.sft.config import SFTConfig

REWARD_MODELS = {"helpful": "helpful", "harmless": "harmless"}
"""Kind to the stage that makes the model."""


def run_r1(
    config: R1Config, out: Path, *, device: str = "auto", only: str | None = None, note: Note
) -> Mapping[str, Path]:
    """Run the pipeline in the folder `out`, or go on there; returns the artifact folder of each stage.

    Raises:
        R1KitError: see r1kit.errors; every finished artifact is kept, and the same command goes on.
    """
    return execute(checked_stages(config), out, device, only=only, note=note)


def checked_stages(config: R1Config) -> list[Stage[Any]]:
    """The graph of a config whose sources have what the stages want.

    Raises:
        ConfigError, DataError, ModelError: as `r1_stages` and `check_sources`.
    """
    stages = r1_stages(config)
    check_sources(config)
    return stages


def r1_stages(config: R1Config) -> list[Stage[Any]]:
    """The graph that a config describes: without general tasks nothing after `sft`, without a student no distillation.

    Raises:
        ConfigError: no reasoning tasks.
        ModelError: the base or a student is not there.
    """
    if not config.sources.reasoning:
        raise ConfigError("sources.reasoning names no task; give a table of tasks with their shares")
    base = ModelSource(name=config.base)
    costs = Costs(config)
    stages = [*trace_stages(config), *_reasoning(config, base, costs), *_curated(config, base, costs)]
    if config.sources.general:
        stages += _all_scenarios(config, base, costs)
    stages += [*student_stages(config, costs), *_ablations(config, costs)]
    return stages + _evaluations(config, [stage.name for stage in stages if stage.kind == "model"], costs)


def _reasoning(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """R1-Zero, and stages 1 and 2 of R1."""
    sources, tasks, seed = config.sources, config.sources.reasoning, config.seed
    return [
        _zero(config, base, costs),
        Stage(
            name="cold_start_data",
            kind="dataset",
            inputs=("zero",),
            config=config.cold_start_data,
            given={
                "base": reads.on_hub(config.base),
                "tasks": tasks,
                "shots": sources.shots,
                **reads.judged_by(config),
            },
            reads=(
                *reads.weights(config.base),
                *reads.files(*tasks, sources.shots),
                *reads.reviews(config.cold_start_data.human),
            ),
            run=collect_cold_start(
                base,
                ModelSource("zero"),
                tasks,
                sources.shots,
                zero_template=config.zero.template,
                rules=config.reasoning_rl.reward,
                seed=seed,
            ),
            cost=costs.cold_start_data(),
        ),
        Stage(
            name="cold_start",
            kind="model",
            inputs=("cold_start_data",),
            config=config.cold_start,
            given={"base": reads.on_hub(config.base)},
            reads=reads.weights(config.base),
            run=fine_tune(base, "cold_start_data"),
            cost=costs.sft(config.cold_start, costs.num_cold_start),
        ),
        _reasoning_rl(config, costs),
    ]


def _zero(
    config: R1Config, base: ModelSource, costs: Costs, *, with_language: bool = False, seed: int | None = None
) -> Stage[RLConfig]:
    """R1-Zero; as an ablation with the language reward of reasoning RL, or with another seed."""
    rl = seeded(config.zero, seed)
    if with_language:
        rl = _weighed(rl, {**rl.reward.weights, "language": config.reasoning_rl.reward.weights.get("language", 1.0)})
    return Stage(
        name=seed_name("zero_language" if with_language else "zero", seed),
        kind="model",
        config=rl,
        given={"base": reads.on_hub(config.base), "tasks": config.sources.reasoning},
        reads=(*reads.weights(config.base), *reads.files(*config.sources.reasoning)),
        run=reinforce(base, config.sources.reasoning, {}),
        cost=costs.rl(rl),
    )


def _reasoning_rl(
    config: R1Config, costs: Costs, *, with_language: bool = True, seed: int | None = None
) -> Stage[RLConfig]:
    """Stage 2 of R1; as an ablation without its language reward, or with another seed."""
    rl = seeded(config.reasoning_rl, seed)
    if not with_language:
        rl = _weighed(rl, {name: weight for name, weight in rl.reward.weights.items() if name != "language"})
    return Stage(
        name=seed_name("reasoning_rl" if with_language else "reasoning_rl_no_language", seed),
        kind="model",
        inputs=("cold_start",),
        config=rl,
        given={"tasks": config.sources.reasoning},
        reads=reads.files(*config.sources.reasoning),
        run=reinforce(ModelSource("cold_start"), config.sources.reasoning, {}),
        cost=costs.rl(rl),
    )


def _curated(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """Stage 3: rejection sampling, data of other domains, fine-tuning of the base."""
    sources, seed = config.sources, config.seed
    tasks, judge = {**sources.reasoning, **sources.judged}, config.rejection_data.judge
    stages: list[Stage[Any]] = [
        Stage(
            name="rejection_data",
            kind="dataset",
            inputs=("reasoning_rl",),
            config=config.rejection_data,
            given={"tasks": tasks, "judge": reads.on_hub(judge.model) if judge else "", **reads.judged_by(config)},
            reads=(*reads.files(*tasks), *(reads.weights(judge.model) if judge else ())),
            run=sample_reasoning(
                ModelSource("reasoning_rl"), tasks, sources.reasoning, rules=config.reasoning_rl.reward, seed=seed
            ),
            cost=costs.rejection_data(),
        )
    ]
    if sources.general:
        stages += [
            Stage(
                name="non_reasoning_data",
                kind="dataset",
                config=config.non_reasoning_data,
                given={
                    **{"base": reads.on_hub(config.base), "tasks": sources.general, "answers": sources.answers},
                    "seed": seed,
                },
                reads=(*reads.weights(config.base), *reads.files(*sources.general, sources.answers)),
                run=sample_non_reasoning(base, sources.general, sources.answers, seed=seed),
                cost=costs.non_reasoning_data(),
            ),
            Stage(
                name="sft_data",
                kind="dataset",
                inputs=("rejection_data", "non_reasoning_data"),
                config=MixStageConfig(mix=config.mix, seed=seed),
                run=mix_data("rejection_data", "non_reasoning_data"),
            ),
        ]
    stages.append(_sft(config, base, costs))
    return stages


def _sft(config: R1Config, start: ModelSource, costs: Costs) -> Stage[SFTConfig]:
    """Stage 3 fine-tunes the base; the ablation of it the checkpoint of reasoning RL."""
    data = curated_data(config)
    return Stage(
        name="sft_from_rl" if start.stage else "sft",
        kind="model",
        inputs=(data,) if start.stage is None else (start.stage, data),
        config=config.sft,
        given={} if start.stage else {"base": reads.on_hub(config.base)},
        reads=() if start.stage else reads.weights(config.base),
        run=fine_tune(start, data),
        cost=costs.sft(config.sft, costs.num_curated),
    )


def _all_scenarios(config: R1Config, base: ModelSource, costs: Costs) -> list[Stage[Any]]:
    """Stage 4: reward models, and RL that mixes reasoning with general prompts."""
    sources = config.sources
    tasks = {**sources.reasoning, **sources.general}
    stages: list[Stage[Any]] = [
        Stage(
            name=stage,
            kind="model",
            config=getattr(config, kind),
            given={"base": reads.on_hub(config.base), "pairs": sources.pairs},
            reads=(*reads.weights(config.base), *reads.files(sources.pairs, *reads.held_out_pairs(config, kind))),
            run=train_reward_model(base, sources.pairs),
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
            given={"tasks": tasks},
            reads=reads.files(*tasks),
            run=reinforce(ModelSource("sft"), tasks, REWARD_MODELS),
            cost=costs.rl(config.r1, num_reward_models=len(REWARD_MODELS)),
        )
    )
    return stages


def _ablations(config: R1Config, costs: Costs) -> list[Stage[Any]]:
    """What nothing else reads: stages that the report compares others with."""
    wanted = config.ablations
    base = ModelSource(name=config.base)
    stages: list[Stage[Any]] = []
    if wanted.no_language_reward:
        stages.append(_reasoning_rl(config, costs, with_language=False))
    if wanted.zero_language_reward:
        stages.append(_zero(config, base, costs, with_language=True))
    if wanted.sft_from_rl:
        stages.append(_sft(config, ModelSource("reasoning_rl"), costs))
    for seed in wanted.seeds:
        if wanted.no_language_reward:
            stages += [_reasoning_rl(config, costs, with_language=each, seed=seed) for each in (True, False)]
        if wanted.zero_language_reward:
            stages += [_zero(config, base, costs, with_language=each, seed=seed) for each in (True, False)]
        stages += student_stages(config, costs, seed=seed)
    return stages


def _evaluations(config: R1Config, models: Sequence[str], costs: Costs) -> list[Stage[Any]]:
    """Every model, and the bases, on every task; reward models judge general prompts where there are any."""
    judges = REWARD_MODELS if config.sources.general else {}
    bases = {"base": config.base, **{f"student_{label}": model for label, model in config.students.items()}}
    made = [name for name in models if name not in judges.values()]
    sources = {name: ModelSource(name=model) for name, model in bases.items()} | {n: ModelSource(n) for n in made}
    tasks = [*config.sources.reasoning, *config.sources.general]
    stages: list[Stage[Any]] = []
    for name, source in sources.items():
        stages.append(
            Stage(
                name=f"eval_{name}",
                kind="evaluation",
                inputs=((source.stage,) if source.stage else ()) + tuple(judges.values()),
                config=config.evaluation.model_copy(update={"template": reads.template_of(config, name)}),
                given={
                    **{
                        "model": reads.on_hub(source.name) if source.name else "",
                        "reasoning": list(config.sources.reasoning),
                    },
                    **{"general": list(config.sources.general), **reads.judged_by(config)},
                },
                reads=(*(reads.weights(source.name) if source.name else ()), *reads.files(*tasks)),
                run=evaluate_model(
                    source,
                    list(config.sources.reasoning),
                    list(config.sources.general),
                    judges,
                    rules=config.reasoning_rl.reward,
                    seed=config.seed,
                ),
                version=2,
                cost=costs.evaluation(len(tasks), model=reads.student_base(config, name)),
            )
        )
    return stages


def _weighed(config: RLConfig, weights: Mapping[str, float]) -> RLConfig:
    return config.model_copy(update={"reward": config.reward.model_copy(update={"weights": dict(weights)})})

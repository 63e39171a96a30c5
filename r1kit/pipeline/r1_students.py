"""The stages of `r1kit r1` for small models: a teacher's traces, distillation, and RL to compare it with (2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from r1kit.pipeline import r1_reads as reads
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.r1_config import R1Config, seeded
from r1kit.pipeline.r1_costs import Costs
from r1kit.pipeline.r1_data import ask_teacher, take_traces
from r1kit.pipeline.r1_results import seed_name
from r1kit.pipeline.r1_stages import ModelSource, fine_tune, reinforce
from r1kit.pipeline.stage import Stage


def trace_stages(config: R1Config) -> list[Stage[Any]]:
    """What students learn from instead of the curated set: a teacher's responses, asked for or ready in a file."""
    filters, seed = config.traces.filters, config.seed
    tasks = {**config.sources.reasoning, **config.sources.general}
    if config.teacher:
        return [
            Stage(
                name="teacher_data",
                kind="dataset",
                config=config.teacher.data(),
                given={"filters": filters.model_dump(mode="json"), "tasks": tasks, "seed": seed},
                reads=reads.files(config.teacher.task, *tasks),
                run=ask_teacher(config.teacher, filters, tasks, seed=seed),
            )
        ]
    if config.sources.traces:
        file = Path(config.sources.traces)
        return [
            Stage(
                name="traces_data",
                kind="dataset",
                config=config.traces,
                given={"tasks": tasks, "seed": seed},
                reads=reads.files(str(file), *tasks),
                run=take_traces(file, tasks, seed=seed),
            )
        ]
    return []


def student_stages(config: R1Config, costs: Costs, *, seed: int | None = None) -> list[Stage[Any]]:
    """Distillation by SFT alone; and what it is compared with: RL alone, and RL on top."""
    data = "teacher_data" if config.teacher else "traces_data" if config.sources.traces else curated_data(config)
    with_rl = config.students if config.rl_students is None else config.rl_students
    stages: list[Stage[Any]] = []
    for label, model in config.students.items():
        if seed is not None and label not in with_rl:
            continue
        sft = seeded(config.distilled, seed)
        distilled = seed_name(f"distilled_{label}", seed)
        stages.append(
            Stage(
                name=distilled,
                kind="model",
                inputs=(data,),
                config=sft,
                given={"base": reads.on_hub(model)},
                reads=reads.weights(model),
                run=fine_tune(ModelSource(name=model), data),
                cost=costs.sft(sft, costs.num_curated, model=model),
            )
        )
        if label in with_rl:
            alone, on_top = ModelSource(name=model), ModelSource(distilled)
            stages += [
                _student_rl(config, f"student_rl_{label}", alone, config.student_rl, costs, model, seed),
                _student_rl(config, f"distilled_rl_{label}", on_top, config.distilled_rl, costs, model, seed),
            ]
    return stages


def _student_rl(
    config: R1Config, name: str, start: ModelSource, rl: RLConfig, costs: Costs, model: str, seed: int | None
) -> Stage[RLConfig]:
    tasks = config.sources.reasoning
    return Stage(
        name=seed_name(name, seed),
        kind="model",
        inputs=(start.stage,) if start.stage else (),
        config=seeded(rl, seed),
        given={"base": "" if start.stage else reads.on_hub(model), "tasks": tasks},
        reads=(*(() if start.stage else reads.weights(model)), *reads.files(*tasks)),
        run=reinforce(start, tasks, {}),
        cost=costs.rl(rl, model=model),
    )


def curated_data(config: R1Config) -> str:
    """The stage that makes what stage 3 and students learn from."""
    return "sft_data" if config.sources.general else "rejection_data"

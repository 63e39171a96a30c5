"""RUN/report.html of a pipeline: every model on every task, what one choice changes, where the data went.

The main table is laid out as the paper's Table 4: rows are tasks and qualities, columns models in the order of the
stages. Ablations and further seeds stand in the comparisons below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import r1kit
from r1kit.curate.counts import SAMPLES
from r1kit.pipeline.artifact import MANIFEST
from r1kit.pipeline.r1_comparisons import Comparison, comparisons, over_seeds
from r1kit.pipeline.r1_expectations import expectations
from r1kit.pipeline.r1_results import (
    EVALUATION,
    NO_NUMBER,
    Results,
    Row,
    cell,
    how_many,
    is_general,
    label_of,
    main_models,
    number_of,
    reasoning_tasks,
    task_label,
    tasks_of,
)
from r1kit.pipeline.status import StageStatus, read_status
from r1kit.report.files import read_json, write_text_atomic
from r1kit.report.flow import Flow, draw_flows
from r1kit.report.metrics import read_metrics
from r1kit.report.progress import format_duration

TEMPLATES = Path(r1kit.__file__).parent / "report"

QUALITIES = (
    ("in the asked-for format", "format_rate"),
    ("readable", "readable_rate"),
    ("language consistency", "language_consistency"),
    ("reasoning, tokens", "reasoning_tokens"),
    ("summary, tokens", "summary_tokens"),
    ("truncated", "truncated_rate"),
    ("could not be judged", "unjudged_rate"),
    ("helpful reward", "helpful_reward"),
    ("harmless reward", "harmless_reward"),
    ("refuses", "refusal_rate"),
)
"""Label and key of a row of evaluation.json."""

REFUSALS = {"harm": "refuses what is harmful", "benign": "refuses what is harmless (over-refusal)"}
"""Families of a task of safety, and what a refusal is there."""

STEPS = {
    **{"few_shot": "few-shot prompting", "direct": "direct prompting", "zero": "outputs of R1-Zero"},
    **{"human": "written by people", "teacher": "a teacher's responses", "traces": "a teacher's traces"},
    **{"rejection": "rejection sampling", "non_reasoning": "general prompts", "thoughts": "thoughts sampled"},
    **{
        "thoughts_used": "thoughts used",
        "cold_start_data": "collected",
        "examples": "cold-start data",
        "sft_data": "curated data",
    },
    **{"mix_reasoning": "reasoning", "mix_non_reasoning": "non-reasoning", "distillation_data": "traces for students"},
    **dict.fromkeys(
        ("few_shot_chosen", "direct_chosen", "zero_chosen", "rejection_chosen", "thoughts_chosen"), "pass the filters"
    ),
}
"""Steps of drops.json in words."""


def build_pipeline_report(run: Path) -> Path:
    """Write RUN/report.html from the artifacts that are there; what is missing is said on top.

    Raises:
        RunError: `run` holds no run of stages, or a file in it is damaged.
    """
    stages = read_status(run).stages
    folders = finished_artifacts(stages)
    results = read_results(folders)
    main = {name: results[name] for name in main_models(results)}
    drops = {
        stage.name: read_json(folders[stage.name] / "drops.json")["stages"]
        for stage in stages
        if stage.kind == "dataset" and stage.name in folders
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("pipeline.html").render(
        name=run.resolve().name,
        version=r1kit.__version__,
        missing=[stage.name for stage in stages if stage.name not in folders],
        columns=[{"label": label_of(name)} for name in main],
        groups=groups(main),
        note=note(main),
        comparisons=compared(stages, folders, results),
        flow=data_flow(drops),
        drops=[row for name, steps in drops.items() for row in drop_rows(name, steps)],
        stages=[_stage_row(stage, run) for stage in stages],
    )
    return write_text_atomic(run / "report.html", page)


def compared(stages: Sequence[StageStatus], folders: Mapping[str, Path], results: Results) -> list[Comparison]:
    """What was expected of the models, and what one choice changes.

    Args:
        stages: All of the run.
        folders: As `finished_artifacts`.
        results: As `read_results`.
    """
    evaluated = [stage.name.removeprefix(EVALUATION) for stage in stages if stage.kind == "evaluation"]
    trained = {name: folders[name] for name in ("zero", "reasoning_rl") if name in folders}
    training = {name: read_metrics(folder / "metrics.jsonl") for name, folder in trained.items()}
    reward_models = {name: folders[name] for name in ("helpful", "harmless") if name in folders}
    held_out = {name: read_json(folder / "summary.json")["held_out"] for name, folder in reward_models.items()}
    expected = expectations(results)
    return [*([expected] if expected else []), *comparisons(evaluated, results, training, held_out)]


def finished_artifacts(stages: Sequence[StageStatus]) -> dict[str, Path]:
    """Stage to the folder of its artifact, of those that are whole."""
    return {stage.name: folder for stage in stages if (folder := _finished(stage)) is not None}


def read_results(folders: Mapping[str, Path]) -> dict[str, Any]:
    """Model to the content of its evaluation.json, from the artifacts of a run."""
    return {
        name.removeprefix(EVALUATION): read_json(folder / "evaluation.json")
        for name, folder in folders.items()
        if name.startswith(EVALUATION)
    }


def groups(results: Results) -> list[dict[str, Any]]:
    """The sections of the table: the mean of the reasoning tasks, where there are several; then each task."""
    reasoning = reasoning_tasks(results)
    sections: list[dict[str, Any]] = []
    if len(reasoning) > 1:
        sections.append({"title": f"mean of {len(reasoning)} reasoning tasks", "rows": _mean_rows(results, reasoning)})
    sections += [{"title": task_label(task), "rows": _task_rows(results, task)} for task in tasks_of(results)]
    return sections


def _mean_rows(results: Results, tasks: Sequence[str]) -> list[Row]:
    """Every quality over all of the tasks; that of a model which lacks one of them is not given."""
    rows = []
    for label, key in (("pass@1", "pass_at_1"), ("majority", "cons_at_k"), *QUALITIES):
        means = [over_seeds({model: result}, model, tasks, key) for model, result in results.items()]
        rows.append(Row(label=label, cells=tuple(cell(mean.value, mean.error, key) for mean in means)))
    return [row for row in rows if _has_number(row)]


def _task_rows(results: Results, task: str) -> list[Row]:
    """pass@1 of every family, the majority, then the qualities; general prompts have a score and no majority."""
    general = is_general(results, task)
    families = list(dict.fromkeys(name for result in results.values() for name in result["tasks"].get(task, {})))
    families.sort(key=lambda name: name == "all")
    rows = [_row(results, f"{name}, {'score' if general else 'pass@1'}", task, name, "pass_at_1") for name in families]
    if not general:
        rows.append(_row(results, "all, majority", task, "all", "cons_at_k"))
    safety = [family for family in REFUSALS if family in families]
    labels = [(label, key) for label, key in QUALITIES if not (safety and key == "refusal_rate")]
    qualities = [_row(results, label, task, "all", key) for label, key in labels]
    qualities += [_row(results, REFUSALS[family], task, family, "refusal_rate") for family in safety]
    return rows + [row for row in qualities if _has_number(row)]


def _row(results: Results, label: str, task: str, family: str, key: str) -> Row:
    cells = tuple(cell(*number_of(result, task, family, key), key) for result in results.values())
    return Row(label=label, cells=cells)


def _has_number(row: Row) -> bool:
    return any(each.value != NO_NUMBER for each in row["cells"])


def note(results: Results) -> str:
    """How the numbers were made, in a few sentences."""
    if not results:
        return ""
    result = next(iter(results.values()))
    tasks = tasks_of(results)
    asked: dict[str, list[str]] = {}
    for name, each in results.items():
        asked.setdefault(each["template"], []).append(label_of(name))
    safety = [
        f"{how_many(results, [task], family)} of the {family} family"
        for task in tasks
        for family in REFUSALS
        if how_many(results, [task], family)
    ]
    parts = [
        f"{how_many(results, tasks)} problems of each task, {result['k']} samples each at temperature "
        f"{result['temperature']}; the majority is cons@{result['k']}; ± one standard error over problems.",
        f"Refusals: {', '.join(safety)}." if safety else "",
        "The score of general prompts is their rubric's." if any(is_general(results, task) for task in tasks) else "",
        *(f"Reasoning prompts in template {template}: {'; '.join(names)}." for template, names in asked.items()),
    ]
    return " ".join(part for part in parts if part)


def data_flow(drops: Mapping[str, Sequence[Mapping[str, Any]]]) -> str | None:
    """The samples of all data sets from their sources to what is trained on, as one drawing; a colour a data set.

    Args:
        drops: Data set to the steps of its drops.json.
    """
    flows: list[Flow] = []
    for index, steps in enumerate(drops.values()):
        tone = index % 6 + 1
        for stage in steps:
            if stage["unit"] != SAMPLES:
                continue
            name = stage["name"]
            flows.append(Flow(source=name, target=stage["goes_to"], count=stage["kept"], tone=tone))
            flows += [
                Flow(source=name, target="", count=count, reason=reason.replace("_", " "), tone=tone)
                for reason, count in stage["dropped"].items()
            ]
    return draw_flows(flows, labels=STEPS, unit=SAMPLES, title="Samples from their sources to the data sets")


def drop_rows(dataset: str, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each step of a data set's filters, as drops.json has them."""
    return [
        {
            "dataset": dataset,
            "step": stage["name"],
            "unit": stage["unit"],
            "num_in": f"{stage['in']:,}",
            "kept": f"{stage['kept']:,}",
            "dropped": ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in stage["dropped"].items()),
        }
        for stage in steps
    ]


def _finished(stage: StageStatus) -> Path | None:
    """The stage's artifact; None for one that is not whole."""
    return stage.folder if stage.folder is not None and (stage.folder / MANIFEST).exists() else None


def _stage_row(stage: StageStatus, run: Path) -> dict[str, str]:
    folder = _finished(stage)
    manifest: Mapping[str, Any] = read_json(folder / MANIFEST) if folder else {}
    seconds = manifest.get("seconds", stage.seconds)
    memory = manifest.get("peak_memory_gb")
    return {
        "name": stage.name,
        "inputs": ", ".join(stage.inputs) or "–",
        "state": stage.state,
        "time": "–" if seconds is None else format_duration(seconds),
        "memory": "–" if memory is None else f"{memory:.1f}",
        "folder": "–" if stage.folder is None else _relative(stage.folder, run),
    }


def _relative(folder: Path, run: Path) -> str:
    return folder.relative_to(run).as_posix() if folder.is_relative_to(run) else folder.as_posix()


def is_pipeline(run: Path) -> bool:
    """Whether a folder holds a run of stages."""
    return (run / "artifacts").is_dir()

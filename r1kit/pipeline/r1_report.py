"""RUN/report.html of a pipeline: every model on every task, what each filter dropped, what each stage took.

The table is laid out as the paper's Table 4: rows are tasks and qualities, columns models in the order of the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import r1kit
from r1kit.pipeline.artifact import MANIFEST
from r1kit.pipeline.status import StageStatus, read_status
from r1kit.report.files import read_json, write_text_atomic
from r1kit.report.progress import format_duration

TEMPLATES = Path(r1kit.__file__).parent / "report"
EVALUATION = "eval_"
"""What the names of evaluation stages begin with; the model's name follows."""

LABELS = {
    **{"base": "base", "zero": "Zero", "cold_start": "cold start", "reasoning_rl": "reasoning RL", "sft": "SFT"},
    **{"r1": "R1", "distilled": "distilled", "student_rl": "student, RL only", "distilled_rl": "distilled, then RL"},
}

QUALITIES = (
    ("in the asked-for format", "format_rate"),
    ("readable", "readable_rate"),
    ("language consistency", "language_consistency"),
    ("reasoning, tokens", "reasoning_tokens"),
    ("summary, tokens", "summary_tokens"),
    ("truncated", "truncated_rate"),
    ("helpful reward", "helpful_reward"),
    ("harmless reward", "harmless_reward"),
    ("refuses", "refusal_rate"),
)
"""Label and key of a row of evaluation.json."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is printed, and its standard error."""

    value: str
    error: str = ""


Results = Mapping[str, Mapping[str, Any]]
"""Model to the content of its evaluation.json."""


def build_pipeline_report(run: Path) -> Path:
    """Write RUN/report.html from the artifacts that are there; what is missing is said on top.

    Raises:
        RunError: `run` holds no run of stages, or a file in it is damaged.
    """
    stages = read_status(run).stages
    finished = [stage for stage in stages if stage.folder is not None and (stage.folder / MANIFEST).exists()]
    results = {
        stage.name.removeprefix(EVALUATION): read_json(_folder(stage) / "evaluation.json")
        for stage in finished
        if stage.kind == "evaluation"
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
        missing=[stage.name for stage in stages if stage not in finished],
        columns=[{"label": LABELS.get(name, name)} for name in results],
        groups=groups(results),
        note=note(results),
        drops=[row for stage in finished if stage.kind == "dataset" for row in drop_rows(stage.name, _folder(stage))],
        stages=[_stage_row(stage, run) for stage in stages],
    )
    return write_text_atomic(run / "report.html", page)


def groups(results: Results) -> list[dict[str, Any]]:
    """The sections of the table: pass@1 of every family, the majority, then the qualities of each task."""
    tasks = list(dict.fromkeys(task for result in results.values() for task in result["tasks"]))
    sections: list[dict[str, Any]] = []
    for task in tasks:
        families = list(dict.fromkeys(name for result in results.values() for name in result["tasks"].get(task, {})))
        rows = [
            {
                "label": f"{'all' if family == 'all' else family}, pass@1",
                "cells": [_cell(result, task, family, "pass_at_1") for result in results.values()],
            }
            for family in sorted(families, key=lambda name: name == "all")
        ]
        rows.append({"label": "all, majority", "cells": [_cell(r, task, "all", "cons_at_k") for r in results.values()]})
        for label, key in QUALITIES:
            cells = [_cell(result, task, "all", key) for result in results.values()]
            if any(cell.value != "–" for cell in cells):
                rows.append({"label": label, "cells": cells})
        sections.append({"title": task, "rows": rows})
    return sections


def note(results: Results) -> str:
    """How the numbers were made, in a sentence or two."""
    if not results:
        return ""
    result = next(iter(results.values()))
    counts = {row["all"]["num_problems"] for each in results.values() for row in each["tasks"].values()}
    low, high = min(counts), max(counts)
    asked = ", ".join(f"{LABELS.get(name, name)} in {each['template']}" for name, each in results.items())
    count = str(low) if low == high else f"{low} to {high}"
    return (
        f"{count} problems of each task, {result['k']} samples each at temperature "
        f"{result['temperature']}; ± one standard error over problems. Of general prompts pass@1 is the rubric's "
        f"value, and refusing is right for the family harm only. Templates: {asked}."
    )


def drop_rows(dataset: str, folder: Path) -> list[dict[str, Any]]:
    """A row for each step of a data set's filters."""
    return [
        {
            "dataset": dataset,
            "step": stage["name"],
            "unit": stage["unit"],
            "num_in": f"{stage['in']:,}",
            "kept": f"{stage['kept']:,}",
            "dropped": ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in stage["dropped"].items()),
        }
        for stage in read_json(folder / "drops.json")["stages"]
    ]


def _cell(result: Mapping[str, Any], task: str, family: str, key: str) -> Cell:
    row = result["tasks"].get(task, {}).get(family, {})
    value, error = row.get(key), row.get(f"{key}_stderr")
    if value is None:
        return Cell("–")
    text = f"{value:.1f}" if key.endswith("_tokens") else f"{value:.3f}"
    return Cell(text, "" if error is None else f"±{error:.3f}")


def _stage_row(stage: StageStatus, run: Path) -> dict[str, str]:
    manifest: Mapping[str, Any] = {}
    if stage.folder is not None and (stage.folder / MANIFEST).exists():
        manifest = read_json(stage.folder / MANIFEST)
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


def _folder(stage: StageStatus) -> Path:
    assert stage.folder is not None
    return stage.folder


def is_pipeline(run: Path) -> bool:
    """Whether a folder holds a run of stages."""
    return (run / "artifacts").is_dir()

"""What the evaluations of a pipeline say: the models' names in words, and the numbers of evaluation.json as printed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from r1kit.tasks.files import task_name
from r1kit.tasks.rows import suffix_of

EVALUATION = "eval_"
"""What the names of evaluation stages begin with; the model's name follows."""

LABELS = {
    **{"base": "base", "zero": "Zero", "cold_start": "cold start", "reasoning_rl": "reasoning RL", "sft": "SFT"},
    "r1": "R1",
}
STUDENTS = {
    "distilled_rl_": "{}, distilled, then RL",
    "student_rl_": "{}, RL only",
    "distilled_": "distilled {}",
    "student_": "{}, base",
}
"""How the names of students begin, and the label of the student of that name; longer beginnings before shorter."""

STUDENT_ORDER = ("student_", "distilled_", "student_rl_", "distilled_rl_")
"""Of a student's columns."""
ABLATIONS = ("reasoning_rl_no_language", "zero_language", "sft_from_rl")
"""Models that others are compared with, and nothing else."""
NO_NUMBER = "–"

_SEED = re.compile(r"(?P<stage>.+)_seed\d+")

Results = Mapping[str, Mapping[str, Any]]
"""Model to the content of its evaluation.json."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is printed, and its standard error."""

    value: str
    error: str = ""
    is_count: bool = False
    """A count has no error, and its column no room for one."""


class Row(TypedDict):
    """A line of a table."""

    label: str
    cells: tuple[Cell, ...]


def label_of(model: str) -> str:
    """A model's name in words.

    >>> [label_of(name) for name in ("zero", "student_small", "student_rl_small")]
    ['Zero', 'small, base', 'small, RL only']
    """
    student = student_of(model)
    if student is None:
        return LABELS.get(model, model)
    beginning, name = student
    return STUDENTS[beginning].format(name.replace("_", " "))


def stage_of(model: str) -> str:
    """The stage that a model is a further seed of; the model itself if it is none.

    >>> stage_of("student_rl_small_seed12"), stage_of("zero")
    ('student_rl_small', 'zero')
    """
    match = _SEED.fullmatch(model)
    return match["stage"] if match else model


def seed_name(stage: str, seed: int | None) -> str:
    """What a further seed of a stage is called, see `stage_of`; the stage itself without one."""
    return stage if seed is None else f"{stage}_seed{seed}"


def student_of(stage: str) -> tuple[str, str] | None:
    """How the name begins (a key of STUDENTS) and the student's label; None for the models of the base.

    >>> student_of("distilled_rl_small"), student_of("sft")
    (('distilled_rl_', 'small'), None)
    """
    return next(((start, stage.removeprefix(start)) for start in STUDENTS if stage.startswith(start)), None)


def main_models(models: Iterable[str]) -> list[str]:
    """The models of the main table in its order: those of the base as they come, then each student's.

    Ablations and further seeds are compared elsewhere.
    """
    shown = [model for model in models if stage_of(model) == model and model not in ABLATIONS]
    labels = list(dict.fromkeys(student[1] for model in shown if (student := student_of(model))))

    def place(model: str) -> tuple[int, int]:
        student = student_of(model)
        return (labels.index(student[1]) + 1, STUDENT_ORDER.index(student[0])) if student else (0, 0)

    return sorted(shown, key=place)


def tasks_of(results: Results) -> list[str]:
    """Every task that was evaluated, in order."""
    return list(dict.fromkeys(task for result in results.values() for task in result["tasks"]))


def reasoning_tasks(results: Results) -> list[str]:
    """The tasks whose answers are right or wrong; general prompts are told by what is measured on them alone."""
    return [task for task in tasks_of(results) if not is_general(results, task)]


def is_general(results: Results, task: str) -> bool:
    """Whether a task's prompts are general: reward models and refusals are looked at for these alone."""
    rows = [result["tasks"][task]["all"] for result in results.values() if task in result["tasks"]]
    keys = ("refusal_rate", "helpful_reward", "harmless_reward")
    return any(row.get(key) is not None for row in rows for key in keys)


def task_label(task: str) -> str:
    """A task's name, without the path of what it is read from.

    >>> task_label("data/my_logic.jsonl"), task_label("nano:math"), task_label("gsm8k:data/gsm8k")
    ('my_logic', 'nano:math', 'gsm8k')
    """
    if suffix_of(Path(task)):
        return task_name(Path(task))
    name, _, argument = task.partition(":")
    return name if "/" in argument else task


def number_of(result: Mapping[str, Any], task: str, family: str, key: str) -> tuple[float | None, float | None]:
    """A value of evaluation.json and its standard error; None for what is not there."""
    row = result["tasks"].get(task, {}).get(family, {})
    return row.get(key), row.get(f"{key}_stderr")


def cell(value: float | None, error: float | None, key: str, *, signed: bool = False) -> Cell:
    """A number as it is printed: tokens with one digit after the point, everything else with three."""
    if value is None:
        return Cell(NO_NUMBER)
    digits = 1 if key.endswith("_tokens") else 3
    rounded = round(value, digits) + 0.0  # no minus before a zero
    text = f"{rounded:{'+' if signed else ''}.{digits}f}".replace("-", "−")
    return Cell(text, "" if error is None else f"±{error:.{digits}f}")


def how_many(results: Results, tasks: Iterable[str], family: str = "all") -> str:
    """The number of problems a task: "64", or "48 to 64"; empty for none."""
    rows = [result["tasks"].get(task, {}).get(family) for result in results.values() for task in tasks]
    counts = [row["num_problems"] for row in rows if row]
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"

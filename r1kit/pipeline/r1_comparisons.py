"""What the paper says one choice does, measured: pairs of stages that differ in it, as small tables.

The language reward (2.3.2), fine-tuning the base or the RL checkpoint (2.3.3), distillation against RL on a small model
(2.4, 4.1), and a cold start against none at equal RL steps (2.3.1). And how well the reward models judge (2.3.4).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r1kit.pipeline.r1_results import (
    STUDENT_ORDER,
    Cell,
    Results,
    Row,
    cell,
    how_many,
    number_of,
    reasoning_tasks,
    stage_of,
    student_of,
    task_label,
    tasks_of,
)
from r1kit.report.metrics import series
from r1kit.report.plot import Line, draw
from r1kit.report.summary import evaluation_rows

TrainingRows = Sequence[Mapping[str, float]]
"""Of a metrics.jsonl."""

STUDENT_COLUMNS = {
    "student_": "base",
    "distilled_": "distilled",
    "student_rl_": "RL only",
    "distilled_rl_": "distilled, then RL",
}
"""How the name begins, and the column in a table of one student."""
CORNER = "pass@1 on held-out problems"
READING = (
    ("language consistency", "language_consistency"),
    ("readable", "readable_rate"),
    ("reasoning, tokens", "reasoning_tokens"),
)
"""Label and key of what a language reward changes beside accuracy."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its standard error; None for what is not there."""

    value: float | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A table, and a figure where there is one."""

    title: str
    text: str
    """What is compared, in a sentence."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str
    """Numbers of problems, samples and seeds, and what ± is."""
    corner: str = CORNER
    """What the rows are, over their labels."""
    svg: str = ""


def comparisons(
    stages: Sequence[str],
    results: Results,
    training: Mapping[str, TrainingRows] | None = None,
    held_out: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Comparison]:
    """Those whose stages are in the graph and of which anything has been measured.

    Args:
        stages: The names of all models that are to be evaluated, whether they have been or not.
        results: Of those that have.
        training: Stage to what its training measured, of finished stages; for cold start against Zero.
        held_out: Reward model to what its summary.json says of held-out pairs.
    """
    training = training or {}
    labels = list(dict.fromkeys(student[1] for name in stages if (student := student_of(stage_of(name)))))
    made = [
        language_reward(stages, results),
        language_reward_from_base(stages, results),
        sft_start(stages, results),
        *(students(label, stages, results) for label in labels),
        equal_steps(training.get("zero", ()), training.get("reasoning_rl", ())),
        reward_models(held_out or {}),
    ]
    return [comparison for comparison in made if comparison is not None]


def language_reward(stages: Sequence[str], results: Results) -> Comparison | None:
    """Reasoning RL with and without the language consistency reward: what it costs in accuracy."""
    return _language_reward(
        "The language consistency reward",
        "Reasoning RL from one cold start, by accuracy alone and with the reward. The paper reports a slight "
        "degradation of accuracy for a more readable chain of thought (2.3.2).",
        ("reasoning_rl_no_language", "reasoning_rl"), stages, results,
    )  # fmt: skip


def language_reward_from_base(stages: Sequence[str], results: Results) -> Comparison | None:
    """R1-Zero without and with the reward: what it does where nothing was filtered before."""
    return _language_reward(
        "The language consistency reward without a cold start",
        "R1-Zero's RL from the base, as it is and with the reward added. A cold start leaves little mixing to punish, "
        "because its data were filtered; the base mixes languages, and R1-Zero goes on to (2.2.4).",
        ("zero", "zero_language"), stages, results,
    )  # fmt: skip


def _language_reward(
    title: str, text: str, models: tuple[str, str], stages: Sequence[str], results: Results
) -> Comparison | None:
    tasks = reasoning_tasks(results)
    lines = [("accuracy (pass@1)", tasks, "pass_at_1"), *((label, tasks, key) for label, key in READING)]
    columns = dict(zip(models, ("without the reward", "with it"), strict=True))
    return _compared(title, text, columns, lines, stages, results, corner=f"mean of {_tasks(len(tasks))}")


def sft_start(stages: Sequence[str], results: Results) -> Comparison | None:
    """Fine-tuning on the curated data from the base, as the paper does, and from the checkpoint of reasoning RL."""
    columns = {"sft": "from the base", "sft_from_rl": "from the RL checkpoint"}
    return _compared(
        "Where fine-tuning starts",
        "The curated data on the base, as in the paper, and on the checkpoint of reasoning RL that its reasoning was "
        "sampled from (2.3.3).",
        columns, _by_task(results, tasks_of(results)), stages, results,
    )  # fmt: skip


def students(label: str, stages: Sequence[str], results: Results) -> Comparison | None:
    """One small model: as it is, distilled, by RL alone, and by RL on top of distillation."""
    names = {start: f"{start}{label}" for start in STUDENT_ORDER if f"{start}{label}" in stages}
    has_rl = "student_rl_" in names
    further = (
        ", trained by RL alone (4.1), and RL on top of distillation, which the paper leaves open" if has_rl else ""
    )
    return _compared(
        f"Distillation{' against RL' if has_rl else ''}: {label.replace('_', ' ')}",
        f"One small base fine-tuned on the larger model's data{further} (2.4).",
        {name: STUDENT_COLUMNS[start] for start, name in names.items()},
        _by_task(results, reasoning_tasks(results)), stages, results,
    )  # fmt: skip


def equal_steps(zero: TrainingRows, reasoning: TrainingRows) -> Comparison | None:
    """Held-out accuracy while RL goes on, from the base (Zero) and from the cold start."""
    sides = [{int(row["step"]): row for row in evaluation_rows(rows)} for rows in (zero, reasoning)]
    if not all(sides):
        return None
    names = ("Zero, from the base", "from the cold start")
    steps = [step for step in sides[0] if step in sides[1]]
    lines = [_line(name, list(side.values())) for name, side in zip(names, sides, strict=True)]
    counts = [sorted({int(side[step]["eval/num_problems"]) for side in sides}) for step in steps]
    k = " or ".join(map(str, sorted({int(row["eval/k"]) for side in sides for row in side.values()})))
    rows = []
    for step, count in zip(steps, counts, strict=True):
        estimates = [_of_training(side[step]) for side in sides]
        problems = Cell(" and ".join(map(str, count)), is_count=True)
        rows.append(Row(label=f"{step:,}", cells=(problems, *_cells(estimates, "pass_at_1", with_change=True))))
    return Comparison(
        title="Cold start against Zero at equal RL steps",
        text="Each run's own evaluations while it was trained; at step 0 no RL has been done. Each is asked in the "
        "template that it is trained in (2.3.1).",
        columns=("problems", *names, "change"),
        rows=tuple(rows),
        note=f"pass@1, the mean over {k} samples a problem; ± and bands are one standard error over problems. The "
        "error of a change takes the two as independent, which errs on the wide side.",
        corner="RL steps",
        svg=draw("equal-steps", lines, ylabel="pass@1 on held-out problems", share=False) or "",
    )


def reward_models(held_out: Mapping[str, Mapping[str, Any]]) -> Comparison | None:
    """How well each tells the better response of held-out pairs, also where length speaks for the other one."""
    rows = []
    for name, seen in held_out.items():
        length = seen["length_bias"]
        cells = (
            Cell(f"{seen['num_pairs']:,}", is_count=True),
            cell(seen["accuracy"], seen["accuracy_stderr"], "accuracy"),
            cell(length["accuracy_chosen_longer"], None, "accuracy"),
            cell(length["accuracy_chosen_shorter"], None, "accuracy"),
            cell(length["score_length_correlation"], None, "correlation"),
        )
        rows.append(Row(label=name, cells=cells))
    if not rows:
        return None
    return Comparison(
        title="Reward models",
        text="The share of held-out preference pairs whose better response gets the higher score (2.3.4).",
        columns=("pairs", "accuracy", "where the better is longer", "where it is shorter", "score and length, r"),
        rows=tuple(rows),
        note="± one standard error, clustered by question; r is Pearson's correlation over all responses. A model that "
        "goes by length alone is right in one of the two columns and wrong in the other. Each response is scored by "
        "itself, so its place in a pair changes nothing.",
        corner="held-out pairs",
    )


def over_seeds(results: Results, model: str, tasks: Sequence[str], key: str) -> Estimate:
    """The mean of a value over tasks and seeds.

    Its error is that over seeds, sqrt(variance / number of seeds) with the variance's ddof 1; of a single seed that
    over problems, where it is known of every task.
    """
    runs = [[number_of(each, task, "all", key) for task in tasks] for each in _seeds(results, model).values()]
    whole = [run for run in runs if run and all(value is not None for value, _ in run)]
    means = [math.fsum(value or 0.0 for value, _ in run) / len(run) for run in whole]
    if not means:
        return Estimate()
    if len(means) > 1:
        return Estimate(statistics.fmean(means), statistics.stdev(means) / math.sqrt(len(means)))
    errors = [error for _, error in whole[0] if error is not None]
    return Estimate(means[0], math.hypot(*errors) / len(errors) if len(errors) == len(tasks) else None)


Lines = Sequence[tuple[str, Sequence[str], str]]
"""The label of each row, the tasks that it is the mean of, and the key in evaluation.json."""


def _compared(
    title: str,
    text: str,
    columns: Mapping[str, str],
    lines: Lines,
    stages: Sequence[str],
    results: Results,
    *,
    corner: str = CORNER,
) -> Comparison | None:
    """Models side by side; None if one of them, or any to compare it with, is not in the graph or nothing is there."""
    seeds = {model: len(_seeds(results, model)) for model in columns}
    if len(columns) < 2 or not set(columns) <= set(stages) or not any(seeds.values()):
        return None
    with_change = len(columns) == 2
    rows = []
    for label, tasks, key in lines:
        common = [task for task in tasks if all(_has(results, model, task, key) for model in columns if seeds[model])]
        estimates = [over_seeds(results, model, common, key) for model in columns]
        rows.append(Row(label=label, cells=_cells(estimates, key, with_change=with_change)))
    named = [name + (f" ({seeds[model]}\u00a0seeds)" if seeds[model] > 1 else "") for model, name in columns.items()]
    return Comparison(
        title=title,
        text=text,
        columns=(*named, "change") if with_change else tuple(named),
        rows=tuple(rows),
        note=_note(results, columns, [task for _, tasks, _ in lines for task in tasks], seeds),
        corner=corner,
    )


def _by_task(results: Results, tasks: Sequence[str]) -> Lines:
    """A row a task, and above them the mean of those with right and wrong answers, where there are several.

    The value of general prompts is their rubric's.
    """
    reasoning = [task for task in reasoning_tasks(results) if task in tasks]
    lines = [(task_label(task) + ("" if task in reasoning else ", score"), [task], "pass_at_1") for task in tasks]
    return [(f"mean of {_tasks(len(reasoning))}", reasoning, "pass_at_1"), *lines] if len(reasoning) > 1 else lines


def _tasks(count: int) -> str:
    return "the reasoning task" if count == 1 else f"{count} reasoning tasks"


def _seeds(results: Results, model: str) -> Results:
    """The evaluations of a model and of its further seeds."""
    return {name: result for name, result in results.items() if stage_of(name) == model}


def _has(results: Results, model: str, task: str, key: str) -> bool:
    """Whether every seed of a model has a value: means of different tasks are not compared."""
    return all(number_of(each, task, "all", key)[0] is not None for each in _seeds(results, model).values())


def _cells(estimates: Sequence[Estimate], key: str, *, with_change: bool) -> tuple[Cell, ...]:
    cells = [cell(estimate.value, estimate.error, key) for estimate in estimates]
    if with_change:
        change = _change(*estimates)
        cells.append(cell(change.value, change.error, key, signed=True))
    return tuple(cells)


def _change(before: Estimate, after: Estimate) -> Estimate:
    """From the first to the second, the two taken as independent."""
    if before.value is None or after.value is None:
        return Estimate()
    known = before.error is not None and after.error is not None
    error = math.hypot(before.error or 0.0, after.error or 0.0) if known else None
    return Estimate(after.value - before.value, error)


def _note(results: Results, models: Mapping[str, str], tasks: Sequence[str], seeds: Mapping[str, int]) -> str:
    compared = {name: result for name, result in results.items() if stage_of(name) in models}
    samples = " or ".join(map(str, sorted({result["k"] for result in compared.values()})))
    counts = f"{how_many(compared, dict.fromkeys(tasks))} problems of each task, {samples} samples each"
    several = [count for count in seeds.values() if count > 1]
    over = "± one standard error over problems"
    if several:
        over = "mean over seeds, ± one standard error over seeds"
        over += "; of a single seed, over problems" if 1 in seeds.values() else ""
    change = " The error of the change takes the two as independent." if len(models) == 2 else ""
    return f"{counts}; {over}.{change}"


def _of_training(row: Mapping[str, float]) -> Estimate:
    values = (row.get(key, math.nan) for key in ("eval/pass_at_1", "eval/pass_at_1_stderr"))
    return Estimate(*(value if math.isfinite(value) else None for value in values))


def _line(name: str, rows: TrainingRows) -> Line:
    steps, values = series(rows, "eval/pass_at_1")
    _, errors = series(rows, "eval/pass_at_1_stderr")
    return Line(label=name, steps=steps, values=values, errors=errors if len(errors) == len(values) else ())

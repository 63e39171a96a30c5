"""What each part of the pipeline is for, as numbers that a run reaches or misses.

The paper says in words what R1 is to be beside R1-Zero (readable, in one language, as good at reasoning, and good at
the rest: 2.3), and what distillation is to be beside RL on a small model (4.1). The bounds are r1kit's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from r1kit.pipeline.r1_comparisons import Comparison, over_seeds
from r1kit.pipeline.r1_results import (
    LABELS,
    Cell,
    Results,
    Row,
    cell,
    is_general,
    reasoning_tasks,
    stage_of,
    student_of,
    task_label,
    tasks_of,
)

MAX_LOSS = 0.02
"""Of accuracy, from R1-Zero to R1."""
MIN_CONSISTENCY = 0.95
MIN_READABLE = 0.95
MIN_GAIN = 2.0
"""The score of general prompts of R1 over that of reasoning RL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One row: a value of one model, held against that of another or a bound."""

    label: str
    key: str
    """Of evaluation.json."""
    tasks: Sequence[str]
    before: str
    """The model that it is held against."""
    after: str
    bound: Callable[[float], float]
    """From the value before to the least that is expected after."""
    is_strict: bool = False
    """More than the bound, not just as much."""


def expectations(results: Results) -> Comparison | None:
    """Every expectation whose two models have been evaluated; None if there is none."""
    rows = [row for each in _expected(results) if (row := _row(each, results)) is not None]
    if not rows:
        return None
    return Comparison(
        title="What was expected",
        text="R1 should reason as well as Zero, in one language and readably, and be better at general prompts than "
        "the checkpoint of reasoning RL (2.3); a student should learn more from R1's data than from RL alone (4.1).",
        columns=("held against", "measured", "bound", "reached"),
        rows=tuple(rows),
        note=f"The paper gives no bounds; these are r1kit's: an accuracy at most {MAX_LOSS} below Zero's; "
        f"{MIN_CONSISTENCY} for language consistency, {MIN_READABLE} for readable responses; more than {MIN_GAIN:g} "
        "times the score of general prompts, or than halfway from there to 1 if that is less; more than RL alone. ± is "
        "one standard error, over problems or, of several seeds, over seeds; whether a bound is reached is told by the "
        "value alone.",
        corner="value of one model beside that of another",
    )


def _expected(results: Results) -> Iterator[Expectation]:
    reasoning = reasoning_tasks(results)
    means = [(f"mean of {len(reasoning)} tasks", reasoning)] if len(reasoning) > 1 else []
    each = [(task_label(task), [task]) for task in reasoning]
    r1, zero, rl = (LABELS[model] for model in ("r1", "zero", "reasoning_rl"))
    for name, tasks in means + each:
        yield Expectation(
            label=f"{name}: accuracy, {r1} beside {zero}",
            key="pass_at_1", tasks=tasks, before="zero", after="r1", bound=lambda value: value - MAX_LOSS,
        )  # fmt: skip
    for name, tasks in means or each:
        for quality, key, least in (
            ("language consistency", "language_consistency", MIN_CONSISTENCY),
            ("readable", "readable_rate", MIN_READABLE),
        ):
            yield Expectation(
                label=f"{name}: {quality}, {r1} beside {zero}",
                key=key, tasks=tasks, before="zero", after="r1", bound=lambda _, least=least: least,
            )  # fmt: skip
    for task in tasks_of(results):
        if is_general(results, task):
            yield Expectation(
                label=f"{task_label(task)}: score, {r1} beside {rl}",
                key="pass_at_1", tasks=[task], before="reasoning_rl", after="r1",
                bound=lambda value: min(value * MIN_GAIN, (value + 1) / 2), is_strict=True,
            )  # fmt: skip
    for student in _students_of_rl(results):
        for name, tasks in means + each:
            yield Expectation(
                label=f"{name}: accuracy, {student.replace('_', ' ')} distilled beside RL only",
                key="pass_at_1", tasks=tasks, before=f"student_rl_{student}", after=f"distilled_{student}",
                bound=lambda value: value, is_strict=True,
            )  # fmt: skip


def _students_of_rl(results: Results) -> list[str]:
    found = [student_of(model) for model in results if stage_of(model) == model]
    return [student[1] for student in found if student is not None and student[0] == "student_rl_"]


def _row(expected: Expectation, results: Results) -> Row | None:
    """None where one of the two values is missing. Of several seeds those that both models have."""
    models = (expected.before, expected.after)
    of_seeds = [name.removeprefix(expected.before) for name in results if stage_of(name) == expected.before]
    common = [each for each in of_seeds if expected.after + each in results]
    paired = {model + each: results[model + each] for each in common for model in models}
    before, after = (over_seeds(paired, model, expected.tasks, expected.key) for model in models)
    if before.value is None or after.value is None:
        return None
    least = expected.bound(before.value)
    reached = after.value > least if expected.is_strict else after.value >= least
    numbers = [cell(each.value, each.error, expected.key) for each in (before, after)]
    bound, verdict = cell(least, None, expected.key).value, "yes" if reached else "no"
    return Row(label=expected.label, cells=(*numbers, Cell(bound, is_count=True), Cell(verdict, is_count=True)))

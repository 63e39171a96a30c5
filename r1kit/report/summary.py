"""summary.json: the run in numbers, made from the rows of metrics.jsonl so that it can be made again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import r1kit
from r1kit.report.files import write_text_atomic

FAMILY_PREFIX = "eval/pass_at_1/"
SIDE_KEYS = (
    "pass_at_1",
    "stderr",
    "cons_at_k",
    "cons_at_k_stderr",
    "k",
    "num_problems",
    "mean_length_tokens",
    "format_rate",
    "reflection_rate",
    "language_mixing_rate",
    "truncated_rate",
)
"""What each side of a summary has: `eval/<name>` metrics, `stderr` that of pass@1; null where there is none."""


def build_summary(
    rows: Sequence[Mapping[str, float]], *, wall_s: float | None, seed: int | None, hardware: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The first evaluation (`base`) against the last (`final`), and what the training took.

    Args:
        rows: as `read_metrics` returns them; a row is an evaluation if it has `eval/pass_at_1`.
        wall_s: seconds of the whole run, evaluations included; None where nobody measured it.
        seed: of the run's config.
        hardware: from `describe_hardware`.

    Returns:
        JSON values. `base` and `final` are null without an evaluation, and equal after only one.
        `completion_tokens_per_s` is all completion tokens over all steps' time, null without a training step.
    """
    evaluations = evaluation_rows(rows)
    training = [row for row in rows if "train/num_tokens" in row and "time/step_s" in row]
    step_s = sum(row["time/step_s"] for row in training)
    return {
        "base": _side(evaluations[0]) if evaluations else None,
        "final": _side(evaluations[-1]) if evaluations else None,
        "train_steps": max((int(row["step"]) for row in training), default=0),
        "wall_s": wall_s,
        "completion_tokens_per_s": sum(row["train/num_tokens"] for row in training) / step_s if step_s else None,
        "seed": seed,
        "hardware": dict(hardware) if hardware is not None else None,
        "version": r1kit.__version__,
    }


def evaluation_rows(rows: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """The rows of held-out evaluations, by step."""
    return sorted((row for row in rows if "eval/pass_at_1" in row), key=lambda row: row["step"])


def write_summary(run: Path, summary: Mapping[str, Any]) -> Path:
    """Write RUN/summary.json as a whole or not at all.

    Raises:
        RunError: the folder cannot be written.
    """
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return write_text_atomic(run / "summary.json", text)


def _side(row: Mapping[str, float]) -> dict[str, Any]:
    side: dict[str, Any] = {"step": int(row["step"])}
    for name in SIDE_KEYS:
        side[name] = _finite(row.get(f"eval/{'pass_at_1_stderr' if name == 'stderr' else name}"))
    side["by_family"] = {
        key.removeprefix(FAMILY_PREFIX): _finite(value) for key, value in row.items() if key.startswith(FAMILY_PREFIX)
    }
    return side


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

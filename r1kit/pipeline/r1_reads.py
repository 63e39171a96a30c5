"""What decides a stage of `r1kit r1` beside its section and its inputs: files from outside, names, seeds, rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from r1kit.curate.review import dropped_file
from r1kit.models.load import resolve_model
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.r1_results import stage_of
from r1kit.sft.data import data_file
from r1kit.tasks.registry import files_of
from r1kit.tasks.templates import TemplateName


def judged_by(config: R1Config) -> dict[str, Any]:
    """What decides samples and verdicts of the stages that have no section of RL."""
    return {"rules": config.reasoning_rl.reward.model_dump(mode="json"), "seed": config.seed}


def held_out_pairs(config: R1Config, kind: str) -> tuple[str, ...]:
    """The file of a reward model's section, if it names one."""
    pairs = getattr(config, kind).eval_pairs
    return (pairs,) if pairs else ()


def reviews(human: str | None) -> tuple[Path, ...]:
    """The files of a review of cold-start data: what was kept, and what was dropped."""
    file = data_file(Path(human).expanduser()) if human else None
    return tuple(path for path in (file, dropped_file(file)) if path.exists()) if file else ()


def on_hub(model: str) -> str:
    """The name of a model on a hub; empty for a local one, which counts by what its files hold."""
    return "" if weights(model) else model


def weights(model: str) -> tuple[Path, ...]:
    """The files of a local model that decide what it computes, not card or logs; one on a hub counts by its name."""
    folder = Path(resolve_model(model))
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return tuple(path for path in files if path.is_file() and path.suffix not in (".md", ".jsonl"))


def files(*names: str) -> tuple[Path, ...]:
    """The files and folders here that tasks, or sources of data, are read from: they count as a stage's input."""
    return tuple(path for name in names for path in files_of(name))


def template_of(config: R1Config, model: str) -> TemplateName:
    """What a model is asked reasoning problems in: fine-tuned ones as they were taught, others as in their RL."""
    if stage_of(model) in ("base", "zero", "zero_language"):
        return config.zero.template
    return config.student_rl.template if model.startswith("student_") else config.evaluation.template


def student_base(config: R1Config, model: str) -> str | None:
    """The small base that a model was made of; None for those made of the large one."""
    stem = stage_of(model)
    prefixes = ("student_", "student_rl_", "distilled_", "distilled_rl_")
    found = [base for label, base in config.students.items() if stem in [prefix + label for prefix in prefixes]]
    return found[0] if found else None

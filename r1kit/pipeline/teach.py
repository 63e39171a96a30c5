"""A teacher's responses as a data set in a folder (section 2.4 of arXiv:2501.12948)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from r1kit.config import Config
from r1kit.curate.teacher import RESPONSES_FILE, TeacherConfig, teach
from r1kit.curate.teacher_client import EndpointConfig
from r1kit.errors import DataError
from r1kit.pipeline.run import check_config, locked, write_config
from r1kit.sft.data import DATA_FILE, DatasetCard, write_card, write_examples
from r1kit.tasks.registry import build_task
from r1kit.types import Problem, Split


class TaughtDataConfig(Config):
    """What decides the data: which problems, and what the teacher is asked."""

    task: str = ""
    """A task's name, or a .jsonl or .parquet file; required. In a pipeline empty means its own training problems."""
    split: Split = "train"
    num_problems: int | None = Field(default=None, ge=1)
    """The first so many problems of the split; without it all."""
    seed: int = 0
    """Of tasks that generate their problems."""
    teacher: TeacherConfig = TeacherConfig()


class TeachConfig(TaughtDataConfig):
    """Responses of a teacher to the problems of a task.

    The section `endpoint` says how the teacher is reached. It may change between two runs in one folder; the other keys
    decide the data and may not.
    """

    endpoint: EndpointConfig = EndpointConfig()

    def data(self) -> TaughtDataConfig:
        """The part that decides the data."""
        return TaughtDataConfig(**{name: getattr(self, name) for name in TaughtDataConfig.model_fields})


def run_teach(
    config: TeachConfig,
    out: Path,
    *,
    problems: Sequence[Problem] | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Ask the teacher for what the folder `out` lacks, and write data.jsonl and its card; returns the facts.

    The examples are neither judged nor filtered. The same command asks only for what is missing.

    Args:
        config: What is asked of whom.
        out: The data set's folder.
        problems: What is asked in the place of the task's problems.
        note: Takes lines of progress.

    Raises:
        R1KitError: as `teach`; the task cannot be built; the folder is in use or of another config.
    """
    with locked(out):
        if (out / RESPONSES_FILE).exists():  # a run that the endpoint refused leaves the folder free for another
            check_config(out, config.data())
        if problems is None:
            problems = build_task(config.task, seed=config.seed).problems(config.split)
        num_problems = config.num_problems or len(problems)
        if len(problems) < num_problems:
            raise DataError(
                f"{f'task {config.task!r}' if config.task else 'the pipeline'} has {len(problems)} problems in its "
                f"{config.split} split, fewer than num_problems ({num_problems}); lower it or leave it out"
            )
        write_config(out, config.data())
        taught = teach(config.teacher, config.endpoint, problems[:num_problems], out, note=note)
        write_examples(out / DATA_FILE, taught.examples)
        write_card(out, teacher_card(config.task, taught.facts), taught.examples)
    return taught.facts


def teacher_card(
    task: str, facts: dict[str, Any], handling: str = "They are neither judged nor filtered."
) -> DatasetCard:
    """The card of a teacher's data set, from the facts of `teach`."""
    asked = facts["asked"]
    models = ", ".join(f"{model} ({count})" for model, count in facts["models"].items())
    prints = ", ".join(f"{name} ({count})" for name, count in facts["system_fingerprints"].items())
    sampling = {name: asked[name] for name in ("num_samples", "temperature", "top_p", "max_tokens", "seed")}
    dropped = {**facts["dropped"], "unanswered": facts["num_unanswered"]}
    return DatasetCard(
        title=f"Responses of {asked['model']} to {task or 'training problems'}",
        source=(
            f"Asked by r1kit over {facts['endpoint']}: {facts['num_requests']} responses, of which "
            f"{facts['num_whole']} came whole. {handling} The endpoint called itself "
            f"{models}; system fingerprints: {prints}. Sampling: `{json.dumps(sampling | asked['extra_body'])}`. "
            f"Tokens: `{json.dumps(facts['usage'])}`. The replies as received are in responses.jsonl."
        ),
        prompting="\n\n".join(filter(None, [asked["system"], asked["prompt"]])),
        model=asked["model"],
        dropped={reason: count for reason, count in dropped.items() if count},
    )

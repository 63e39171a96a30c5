"""What the stages of `r1kit r1` do that train models and evaluate them; those that make data are in r1_data.py.

Each reads its inputs, writes its artifact, and leaves the rest to the graph. A model artifact is a run folder with
`model/` in it. An evaluation artifact has evaluation.json and transcripts.jsonl.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from r1kit.engines import ENGINES
from r1kit.engines.base import Engine
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model
from r1kit.pipeline.config import RewardConfig, RLConfig
from r1kit.pipeline.evaluation import evaluate_task
from r1kit.pipeline.judging import accuracy_of, load_rewards
from r1kit.pipeline.r1_config import EvaluationConfig
from r1kit.pipeline.reward_model import run_reward_model
from r1kit.pipeline.rl import run_rl
from r1kit.pipeline.run import append_lines
from r1kit.pipeline.sft import run_sft
from r1kit.pipeline.sources import pairs_of
from r1kit.pipeline.stage import StageContext
from r1kit.report.files import write_text_atomic
from r1kit.reward_model.config import RewardModelConfig
from r1kit.reward_model.pairs import write_pairs
from r1kit.sft.config import SFTConfig
from r1kit.sft.data import DATA_FILE
from r1kit.tasks.registry import build_task
from r1kit.types import Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a stage's model is: the artifact of an earlier stage, or what the config names."""

    stage: str | None = None
    name: str = ""

    def path(self, context: StageContext[Any]) -> str:
        """A folder or a hub name."""
        return str(context.file(self.stage, "model")) if self.stage else self.name


def reinforce(
    start: ModelSource, tasks: Mapping[str, float], reward_models: Mapping[str, str]
) -> Callable[[StageContext[RLConfig]], None]:
    """GRPO from a model; `reward_models` names the stage of each learned reward."""

    def run(context: StageContext[RLConfig]) -> None:
        folders = {f"{kind}_model": str(context.file(stage, "model")) for kind, stage in reward_models.items()}
        reward = context.config.reward.model_copy(update=folders)
        filled = {"model": start.path(context), "task": dict(tasks), "reward": reward}
        run_rl(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


def fine_tune(start: ModelSource, data: str) -> Callable[[StageContext[SFTConfig]], None]:
    """SFT of a model on the data set of a stage."""

    def run(context: StageContext[SFTConfig]) -> None:
        filled = {"model": start.path(context), "data": str(context.file(data, DATA_FILE))}
        run_sft(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


def train_reward_model(start: ModelSource, pairs: str) -> Callable[[StageContext[RewardModelConfig]], None]:
    """Bradley-Terry on preference pairs (2.3.4)."""

    def run(context: StageContext[RewardModelConfig]) -> None:
        files = {"train": context.out / "pairs.jsonl", "eval": context.out / "eval_pairs.jsonl"}
        splits: tuple[Split, ...] = ("train", "eval") if pairs == "nano" else ("train",)
        for split in splits:
            write_pairs(files[split], pairs_of(pairs, split, seed=context.config.seed))
        held_out = str(files["eval"]) if "eval" in splits else context.config.eval_pairs
        filled = {"model": start.path(context), "pairs": str(files["train"]), "eval_pairs": held_out}
        run_reward_model(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


def evaluate_model(
    model: ModelSource,
    reasoning: Sequence[str],
    general: Sequence[str],
    reward_models: Mapping[str, str],
    *,
    rules: RewardConfig,
    seed: int,
) -> Callable[[StageContext[EvaluationConfig]], None]:
    """Every task's held-out problems; a row a family, see r1kit.pipeline.evaluation."""

    def run(context: StageContext[EvaluationConfig]) -> None:
        config = context.config
        learned = load_rewards({kind: context.file(s, "model") for kind, s in reward_models.items()}, context.device)
        results: dict[str, Any] = {}
        write_text_atomic(context.out / "transcripts.jsonl", "")
        engine, tokenizer = open_engine(model.path(context), context.device, config.max_batch_size)
        for task in (*reasoning, *general):
            problems = list(build_task(task, seed=seed).problems("eval"))[: config.num_problems]
            asked = config.model_copy(update={"template": config.general_template}) if task in general else config
            with accuracy_of(asked.template, [task], problems, rules) as accuracy:
                rows, transcripts = evaluate_task(
                    engine, tokenizer, problems, asked, accuracy=accuracy, learned=learned, seed=seed
                )
            results[task] = {name: {key: _finite(value) for key, value in row.items()} for name, row in rows.items()}
            append_lines(context.out / "transcripts.jsonl", [{"task": task, **record} for record in transcripts])
        facts = {"template": config.template, "k": config.num_samples, "temperature": config.sampling.temperature}
        text = json.dumps({**facts, "tasks": results}, indent=2, ensure_ascii=False) + "\n"
        write_text_atomic(context.out / "evaluation.json", text)

    return run


def open_engine(model: str, device: str, max_batch_size: int) -> tuple[Engine, PreTrainedTokenizerBase]:
    """An engine over a model, and its tokenizer."""
    loaded, tokenizer = load_model(model)
    where = resolve_device(device)
    dtype = resolve_dtype("auto", where)
    return ENGINES["native"](loaded, tokenizer, device=where, dtype=dtype, max_batch_size=max_batch_size), tokenizer


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None

"""Supervised fine-tuning from a config to a model (sections 2.3.1, 2.3.3 and 2.4 of arXiv:2501.12948)."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

import r1kit
from r1kit.config import dump_config
from r1kit.errors import ConfigError
from r1kit.learner.learner import Learner
from r1kit.models.decoder import check_supported
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model, load_model_config, model_label, resolve_model, save_model
from r1kit.models.memory import MemoryPlan, check_memory
from r1kit.pipeline.artifact import digest
from r1kit.pipeline.run import check_config, locked
from r1kit.pipeline.training_run import TrainingRun, check_same_data, training_run
from r1kit.report.files import file_hash
from r1kit.report.hardware import describe_hardware
from r1kit.report.metrics import Row, read_metrics, series
from r1kit.report.summary import write_summary
from r1kit.sft.batches import Batches, Tokenized, TokenizedExample, held_out_ids, tokenize
from r1kit.sft.config import SFTConfig
from r1kit.sft.data import data_file, read_examples
from r1kit.sft.train import Step, train, validation_loss
from r1kit.tasks.templates import TEMPLATES

logger = logging.getLogger(__name__)


def run_sft(config: SFTConfig, out: Path, *, device: str = "auto") -> dict[str, Any]:
    """Fine-tune in the folder `out`, or go on there; returns what summary.json holds.

    Args:
        config: what to compute.
        out: the run folder: config.json, metrics.jsonl, checkpoint.pt, model/ and summary.json.
        device: auto, cpu, cuda or mps.

    Raises:
        R1KitError: see r1kit.errors; everything written so far is kept, and the same command goes on.
    """
    with locked(out):
        check_config(out, config)
        setup = _set_up(config, device)
        num_steps = setup.learner.num_steps
        with training_run(out, config, setup, num_steps=num_steps, checkpoint_every=config.checkpoint_every) as run:
            if run.is_new:
                _validate(run, setup, 0)
                run.checkpoint(0)
            for step in train(setup.learner, setup.batches, num_epochs=config.num_epochs, first_step=run.first_step):
                run.log(step.number, _row(step))
                if step.ends_epoch:
                    _validate(run, setup, step.number)
                run.end_step(step.number, is_last=step.number == num_steps)
        summary = _summary(config, setup, read_metrics(out / "metrics.jsonl"), wall_s=run.wall_s())
        save_model(setup.learner.model, setup.tokenizer, out / "model", card=_model_card(config, setup, summary))
        write_summary(out, summary)
    return summary


@dataclass(kw_only=True)
class _SetUp:
    """Everything a run needs, made from its config."""

    tokenizer: PreTrainedTokenizerBase
    learner: Learner
    batches: Batches
    held_out: list[TokenizedExample]
    counts: dict[str, int]
    """Of examples: read, trained on, held out, dropped; and of distinct prompts."""
    model_sha256: str | None
    """Of the folder, as `digest` reads it; None for a model of the hub."""
    data_sha256: str

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: the learner, and which data it has learned from."""
        return {"data_sha256": self.data_sha256, "learner": self.learner.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the learner back; RunError if the data is not what it was."""
        check_same_data(state, self.data_sha256, "the data file")
        self.learner.load_state_dict(state["learner"])


def _set_up(config: SFTConfig, device_name: str) -> _SetUp:
    if not config.data:
        raise ConfigError("nothing to learn from: data is empty; give a folder with data.jsonl, a .jsonl or a .parquet")
    device = resolve_device(device_name)
    dtype = resolve_dtype(config.learner.dtype, device)
    path = data_file(Path(config.data))
    examples = read_examples(path)
    source = resolve_model(config.model)
    model_config = load_model_config(source)
    check_supported(model_config)
    context = model_config.max_position_embeddings
    max_tokens = config.max_tokens or context
    if max_tokens > context:
        raise ConfigError(f"max_tokens is {max_tokens}, more than the context of {config.model}; at most {context}")
    check_memory(config.model, model_config, device, _memory_plan(config, dtype, max_tokens))
    model, tokenizer = load_model(config.model)
    tokenized = tokenize(
        examples,
        tokenizer,
        TEMPLATES[config.template],
        max_tokens=max_tokens,
        too_long=config.too_long,
        where=str(path),
    )
    if tokenized.num_dropped:
        logger.warning(
            "%s: left out %d of %d examples, which have more than %d tokens",
            path, tokenized.num_dropped, len(examples), max_tokens,
        )  # fmt: skip
    kept = {example.id for example in tokenized.examples}
    held_out = held_out_ids([e for e in examples if e.id in kept], config.held_out_fraction, where=str(path))
    trained = [example for example in tokenized.examples if example.id not in held_out]
    batches = Batches(trained, batch_size=config.batch_size, seed=config.seed)
    num_steps = config.num_epochs * batches.steps_per_epoch
    return _SetUp(
        tokenizer=tokenizer,
        learner=Learner(model, config.learner, num_steps=num_steps, device=device, dtype=dtype),
        batches=batches,
        held_out=[example for example in tokenized.examples if example.id in held_out],
        counts=_counts(tokenized, trained),
        model_sha256=digest(Path(source)) if Path(source).is_dir() else None,
        data_sha256=file_hash(path),
    )


def _counts(tokenized: Tokenized, trained: Sequence[TokenizedExample]) -> dict[str, int]:
    num_kept = len(tokenized.examples)
    return {
        "num_examples": num_kept + tokenized.num_dropped,
        "num_dropped": tokenized.num_dropped,
        "num_held_out": num_kept - len(trained),
        "num_trained": len(trained),
        "num_prompts": len({example.prompt for example in trained}),
    }


def _row(step: Step) -> Row:
    return {
        "sft/loss": step.stats["loss"],
        "train/grad_norm": step.stats["grad_norm"],
        "train/learning_rate": step.stats["learning_rate"],
        "sft/num_tokens": step.num_tokens,
        "sft/num_completion_tokens": step.num_completion_tokens,
        "time/step_s": step.seconds,
    }


def _validate(run: TrainingRun, setup: _SetUp, step: int) -> None:
    """Log the loss on the held-out examples, if there are any."""
    if setup.held_out:
        run.log(step, {"sft/validation_loss": validation_loss(setup.learner, setup.held_out)})


def _memory_plan(config: SFTConfig, dtype: torch.dtype, max_tokens: int) -> MemoryPlan:
    """One long example a group, and nothing sampled."""
    return MemoryPlan(
        dtype=dtype,
        has_reference=False,
        micro_batch_tokens=config.learner.micro_batch_tokens,
        gradient_checkpointing=config.learner.gradient_checkpointing,
        group_size=1,
        prompt_tokens=min(256, max_tokens // 4),
        completion_tokens=max_tokens - min(256, max_tokens // 4),
        num_slots=0,
    )


def _summary(config: SFTConfig, setup: _SetUp, rows: Sequence[Row], *, wall_s: float) -> dict[str, Any]:
    losses = series(rows, "sft/loss")[1]
    validation = series(rows, "sft/validation_loss")[1]
    num_tokens = sum(series(rows, "sft/num_tokens")[1])
    return {
        "model": config.model,
        "model_sha256": setup.model_sha256,
        "data": config.data,
        "data_sha256": setup.data_sha256,
        **setup.counts,
        "num_epochs": config.num_epochs,
        "train_steps": len(losses),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "first_validation_loss": validation[0] if validation else None,
        "last_validation_loss": validation[-1] if validation else None,
        "num_tokens": int(num_tokens),
        "tokens_per_s": num_tokens / math.fsum(series(rows, "time/step_s")[1]),
        "wall_s": wall_s,
        "seed": config.seed,
        "hardware": describe_hardware(),
        "version": r1kit.__version__,
    }


def _model_card(config: SFTConfig, setup: _SetUp, summary: dict[str, Any]) -> str:
    hashed = f", `r1kit.pipeline.artifact.digest` of its folder `{setup.model_sha256}`" if setup.model_sha256 else ""
    held_out = summary["last_validation_loss"]
    validation = "" if held_out is None else f"; on the held-out ones it is {held_out:.4f}"
    return f"""---
base_model: {model_label(config.model)}
library_name: transformers
pipeline_tag: text-generation
tags: [r1kit, sft, reasoning]
---
# {model_label(config.model)}, fine-tuned

Supervised fine-tuning by r1kit {r1kit.__version__} with the prompt template `{config.template}`.

- Base model: `{config.model}`{hashed}.
- Data: `{config.data}`, SHA-256 `{setup.data_sha256}`.
- Examples: {summary["num_trained"]} trained on ({summary["num_prompts"]} distinct prompts),
  {summary["num_held_out"]} held out, {summary["num_dropped"]} too long and left out.
- Training: {config.num_epochs} epochs, {summary["train_steps"]} steps of {config.batch_size} examples, seed
  {config.seed}; loss on response tokens only, {summary["first_loss"]:.4f} in the first step and
  {summary["last_loss"]:.4f} in the last{validation}.

```json
{dump_config(config).rstrip()}
```
"""

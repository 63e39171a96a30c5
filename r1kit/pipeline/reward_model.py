"""A reward model from a config to a folder that scores (section 2.3.4 of arXiv:2501.12948)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import r1kit
from r1kit.config import dump_config
from r1kit.errors import DataError
from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model_config, model_label, resolve_model, save_model
from r1kit.models.memory import MemoryPlan, check_memory
from r1kit.pipeline.run import check_config, locked
from r1kit.pipeline.training_run import TrainingRun, check_same_data, training_run
from r1kit.report.files import file_hash
from r1kit.report.hardware import describe_hardware
from r1kit.report.metrics import Row, read_metrics, series
from r1kit.report.summary import write_summary
from r1kit.reward_model.config import RewardModelConfig
from r1kit.reward_model.evaluation import ScoredPair, check_useful, describe, position_bias, scale_of, score_pairs
from r1kit.reward_model.layout import Layout
from r1kit.reward_model.model import make_reward_model
from r1kit.reward_model.pairs import Pair, read_pairs
from r1kit.reward_model.scorer import write_card
from r1kit.reward_model.train import Step, num_steps, train
from r1kit.tasks.splits import split_by_hash, without_repeats
from r1kit.types import Problem

logger = logging.getLogger(__name__)

_POSITION_PAIRS = 32
"""Held-out pairs that are scored in both orders."""


def run_reward_model(config: RewardModelConfig, out: Path, *, device: str = "auto") -> dict[str, Any]:
    """Train a reward model in the folder `out`, or go on there; returns what summary.json holds.

    Args:
        config: what to compute.
        out: the run folder: config.json, metrics.jsonl, checkpoint.pt, model/ and summary.json.
        device: auto, cpu, cuda or mps.

    Raises:
        RewardError: the model separates nothing; its folder and the summary are written all the same.
        R1KitError: see r1kit.errors; everything written so far is kept, and the same command goes on.
    """
    with locked(out):
        check_config(out, config)
        setup = _set_up(config, device)
        num_steps = setup.learner.num_steps
        with training_run(out, config, setup, num_steps=num_steps, checkpoint_every=config.checkpoint_every) as run:
            if run.is_new:
                _evaluate(run, setup, 0)
                run.checkpoint(0)
            for step in train(config, setup.learner, setup.train_groups, first_step=run.first_step):
                run.log(step.number, _row(step))
                if step.ends_epoch:
                    _evaluate(run, setup, step.number)
                run.end_step(step.number, is_last=step.number == num_steps)
        scored = setup.scored()
        summary = {
            **_inputs(config, setup),
            "held_out": {
                **describe(scored),
                "position_bias": position_bias(setup.learner.decoder, setup.eval_groups[:_POSITION_PAIRS]),
            },
            "train": _training(out),
            "wall_s": run.wall_s(),
            "seed": config.seed,
            "hardware": describe_hardware(),
            "version": r1kit.__version__,
        }
        save_model(setup.learner.model, setup.layout.tokenizer, out / "model", card=_model_card(config, summary))
        write_card(out / "model", setup.layout, scale_of(scored))
        write_summary(out, summary)
        if not config.allow_useless:
            check_useful(scored, name=f"the {config.kind} reward model in {out}")
    return summary


@dataclass(kw_only=True)
class _SetUp:
    """Everything a run needs, made from its config."""

    learner: Learner
    layout: Layout
    train_groups: list[TokenGroup]
    eval_pairs: Sequence[Pair]
    eval_groups: list[TokenGroup]
    data_sha256: list[str]
    """Of the files of pairs."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds: the learner, and which pairs it has learned from."""
        return {"data_sha256": self.data_sha256, "learner": self.learner.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put the learner back; RunError if the pairs are not what they were."""
        check_same_data(state, self.data_sha256, "the file of pairs")
        self.learner.load_state_dict(state["learner"])

    def scored(self) -> list[ScoredPair]:
        """The held-out pairs, scored with the weights as they are."""
        prompts = [pair.prompt for pair in self.eval_pairs]
        max_tokens = self.learner.config.micro_batch_tokens
        return score_pairs(self.learner.decoder, prompts, self.eval_groups, max_tokens=max_tokens)


def _set_up(config: RewardModelConfig, device_name: str) -> _SetUp:
    device = resolve_device(device_name)
    dtype = resolve_dtype(config.learner.dtype, device)
    train_pairs, eval_pairs = split_pairs(config)
    source = resolve_model(config.model)
    model_config = load_model_config(source)
    check_memory(config.model, model_config, device, _memory_plan(config, dtype))
    model, tokenizer = make_reward_model(config.model, seed=config.seed)
    layout = Layout(kind=config.kind, template=config.template, tokenizer=tokenizer)
    context = model_config.max_position_embeddings
    train_groups, eval_groups = (_groups(pairs, layout, context) for pairs in (train_pairs, eval_pairs))
    steps = num_steps(config, len(train_groups))
    return _SetUp(
        learner=Learner(model, config.learner, num_steps=steps, device=device, dtype=dtype),
        layout=layout,
        train_groups=train_groups,
        eval_pairs=eval_pairs,
        eval_groups=eval_groups,
        data_sha256=[file_hash(Path(path)) for path in (config.pairs, config.eval_pairs) if path],
    )


def split_pairs(config: RewardModelConfig) -> tuple[list[Pair], list[Pair]]:
    """Training and held-out pairs of the config's kind; a question is never in both.

    Raises:
        DataError: a file cannot be read, or has no pair of that kind.
    """
    pairs = _of_kind(config.pairs, config)
    questions = [_question(pair) for pair in pairs]
    if config.eval_pairs is None:
        trained, held_out = split_by_hash(questions, config.eval_share, purpose="reward model")
        eval_pairs = pairs
    else:
        eval_pairs = _of_kind(config.eval_pairs, config)
        held_out = [_question(pair) for pair in eval_pairs]
        trained = without_repeats(questions, held_out)
        if not trained:
            raise DataError(f"{config.pairs}: every question is held out by {config.eval_pairs} too; give it others")
    train_ids, eval_ids = ({question.id for question in side} for side in (trained, held_out))
    return [pair for pair in pairs if pair.id in train_ids], [pair for pair in eval_pairs if pair.id in eval_ids]


def _of_kind(path: str, config: RewardModelConfig) -> list[Pair]:
    pairs = [pair for pair in read_pairs(Path(path)) if pair.kind == config.kind]
    if not pairs:
        raise DataError(f"{path} has no pair of the kind {config.kind!r}; give another file, or another kind")
    return pairs


def _question(pair: Pair) -> Problem:
    """What the functions of r1kit.tasks.splits read."""
    return Problem(id=pair.id, prompt=pair.prompt, answer=pair.chosen, task="pairs")


def _groups(pairs: Sequence[Pair], layout: Layout, context: int) -> list[TokenGroup]:
    groups: list[TokenGroup] = []
    for pair in pairs:
        group = layout.group(pair.prompt, [pair.chosen, pair.rejected])
        longest = len(group.prompt) + max(map(len, group.completions))
        if longest > context:
            raise DataError(f"pair {pair.id!r} has {longest} tokens, the model's context is {context}; remove the pair")
        groups.append(group)
    return groups


def _row(step: Step) -> Row:
    row = {f"reward_model/{name}": step.stats[name] for name in ("loss", "accuracy", "margin", "score_mean")}
    row |= {f"train/{name}": step.stats[name] for name in ("grad_norm", "learning_rate")}
    return {**row, "time/step_s": step.seconds}


def _evaluate(run: TrainingRun, setup: _SetUp, step: int) -> None:
    """Log how well the held-out pairs are told apart."""
    seen = describe(setup.scored())
    run.log(step, {"reward_model/eval_accuracy": seen["accuracy"], "reward_model/eval_margin": seen["mean_margin"]})


def _memory_plan(config: RewardModelConfig, dtype: torch.dtype) -> MemoryPlan:
    """Pairs of ordinary length, and nothing sampled."""
    return MemoryPlan(
        dtype=dtype,
        has_reference=False,
        micro_batch_tokens=config.learner.micro_batch_tokens,
        gradient_checkpointing=config.learner.gradient_checkpointing,
        group_size=2,
        prompt_tokens=64,
        completion_tokens=256,
        num_slots=0,
    )


def _inputs(config: RewardModelConfig, setup: _SetUp) -> dict[str, Any]:
    return {
        "kind": config.kind,
        "model": config.model,
        "pairs": config.pairs,
        "eval_pairs": config.eval_pairs,
        "data_sha256": setup.data_sha256,
        "num_train_pairs": len(setup.train_groups),
    }


def _training(out: Path) -> dict[str, Any]:
    rows = read_metrics(out / "metrics.jsonl")
    losses = series(rows, "reward_model/loss")[1]
    return {"num_steps": len(losses), "first_loss": losses[0], "last_loss": losses[-1]}


def _model_card(config: RewardModelConfig, summary: dict[str, Any]) -> str:
    held_out = summary["held_out"]
    stderr = held_out["accuracy_stderr"]
    error = "" if stderr is None else f" (standard error {stderr:.3f})"
    reads = "the summary of a response only" if config.kind == "helpful" else "the whole response"
    return f"""---
base_model: {model_label(config.model)}
library_name: transformers
pipeline_tag: text-classification
tags: [r1kit, reward-model]
---
# Reward model: {config.kind}

Trained by r1kit {r1kit.__version__} on preference pairs with the Bradley-Terry loss. It opens with
`AutoModelForSequenceClassification`; its one logit is the score, read at the end token. It reads {reads}, after the
question in the prompt template `{config.template}`.

- Made from: `{config.model}`, with a new head (seed {config.seed}).
- Pairs: `{config.pairs}`, SHA-256 `{summary["data_sha256"][0]}`; {summary["num_train_pairs"]} trained on,
  {held_out["num_pairs"]} held out, of {held_out["num_prompts"]} questions.
- Held-out accuracy: {held_out["accuracy"]:.3f}{error}, mean margin {held_out["mean_margin"]:.3f}.
- Where the better response is longer: {_share(held_out["length_bias"]["accuracy_chosen_longer"])}; where it is
  shorter: {_share(held_out["length_bias"]["accuracy_chosen_shorter"])}.

`reward_model.json` says where its scores on held-out pairs lie. Scores of other templates or of texts unlike the pairs
mean little.

```json
{dump_config(config).rstrip()}
```
"""


def _share(value: float | None) -> str:
    return "no such pair" if value is None else f"accuracy {value:.3f}"

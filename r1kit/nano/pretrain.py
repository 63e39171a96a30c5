"""Pretrain the nano base on its corpus: the recipe of the shipped checkpoint.

    r1kit nano pretrain --out runs/nano          # two cores: see docs/nano.md for time and log

The folder gets `log.jsonl`, a checkpoint and, at the end, `model/`, a plain Hugging Face folder in bfloat16. Killed
and started again with the same command it goes on; document number i depends on (seed, i) only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from r1kit.config import Config
from r1kit.learner.checkpoint import load_checkpoint, save_checkpoint
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.logprobs import TokenLogprobs
from r1kit.learner.packing import TokenGroup
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import save_model
from r1kit.nano.corpus import document, documents
from r1kit.nano.tokenizer import train_tokenizer
from r1kit.seeding import seed_for
from r1kit.sft.loss import NextTokenLoss, next_token_loss


class PretrainConfig(Config):
    """Size, data and schedule of the nano base."""

    seed: int = Field(default=0, ge=0)
    num_steps: int = Field(default=2400, ge=1)
    num_final_steps: int = Field(default=300, ge=0)
    """Steps after num_steps, at the lowest learning rate, on the corpus's final mix (fewer responses reason)."""
    documents_per_step: int = Field(default=128, ge=1)
    tokenizer_documents: int = Field(default=20_000, ge=1)
    vocab_size: int = Field(default=2048, ge=320)
    hidden_size: int = Field(default=160, ge=32)
    num_layers: int = Field(default=4, ge=1)
    num_heads: int = Field(default=4, ge=1)
    num_kv_heads: int = Field(default=2, ge=1)
    mlp_size: int = Field(default=448, ge=32)
    context: int = Field(default=768, ge=64)
    checkpoint_every: int = Field(default=200, ge=1)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    learner: LearnerConfig = LearnerConfig(
        optimizer="muon",
        learning_rate=3e-3,
        warmup_steps=50,
        schedule="cosine",
        min_learning_rate_ratio=0.05,
        weight_decay=0.1,
        micro_batch_tokens=4096,
    )


def pretrain(config: PretrainConfig, out: Path, *, note: Callable[[str], None] = lambda text: None) -> Path:
    """Pretrain into `out`, or go on there; returns the model's folder."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(config)
    device = resolve_device(config.device)
    learner = Learner(
        build_model(config, tokenizer),
        config.learner,
        num_steps=config.num_steps,
        device=device,
        dtype=resolve_dtype(config.learner.dtype, device),
    )
    checkpoint = out / "checkpoint.pt"
    log = out / "log.jsonl"
    state = load_checkpoint(checkpoint)
    if state is not None:
        learner.load_state_dict(state)
        kept = log.read_text().splitlines()[: learner.num_updates]
        log.write_text("".join(line + "\n" for line in kept))
    with log.open("a") as file:
        num_steps = config.num_steps + config.num_final_steps
        for step in range(learner.num_updates, num_steps):
            started = time.monotonic()
            groups = training_groups(config, tokenizer, step)
            stats = learner.update(groups, _objective(groups))
            num_tokens = sum(group.num_tokens for group in groups)
            rate = num_tokens / (time.monotonic() - started)
            row = {"step": step + 1, "loss": stats["loss"], "grad_norm": stats["grad_norm"], "num_tokens": num_tokens}
            file.write(json.dumps({**row, "tokens_per_s": round(rate)}) + "\n")
            file.flush()
            if (step + 1) % 20 == 0:
                note(f"step {step + 1}/{num_steps}  loss {stats['loss']:.4f}  {rate:,.0f} tokens/s")
            if (step + 1) % config.checkpoint_every == 0 or step + 1 == num_steps:
                save_checkpoint(checkpoint, learner.state_dict())
    save_model(learner.model, tokenizer, out / "model", dtype=torch.bfloat16, card=model_card(config, learner.model))
    return out / "model"


def build_tokenizer(config: PretrainConfig) -> PreTrainedTokenizerFast:
    """Train the tokenizer on the first documents of a corpus of its own seed."""
    texts = islice(documents(seed_for(config.seed, "tokenizer")), config.tokenizer_documents)
    return train_tokenizer(texts, vocab_size=config.vocab_size)


def build_model(config: PretrainConfig, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama with random weights that depend on the seed only."""
    special: dict[str, Any] = {
        name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(config.seed, "weights"))
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=config.hidden_size,
                intermediate_size=config.mlp_size,
                num_hidden_layers=config.num_layers,
                num_attention_heads=config.num_heads,
                num_key_value_heads=config.num_kv_heads,
                max_position_embeddings=config.context,
                tie_word_embeddings=True,
                **special,
            )
        )


def training_groups(config: PretrainConfig, tokenizer: PreTrainedTokenizerFast, step: int) -> list[TokenGroup]:
    """The documents of a step, each begun by the begin token and ended by the end token."""
    first = step * config.documents_per_step
    final = step >= config.num_steps
    texts = [document(config.seed, first + i, final=final) for i in range(config.documents_per_step)]
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    assert isinstance(begin, int)
    assert isinstance(end, int)
    return [TokenGroup(prompt=[begin], completions=[[*row[: config.context - 2], end]]) for row in rows]


def _objective(groups: list[TokenGroup]) -> Callable[[list[int], TokenLogprobs], NextTokenLoss]:
    num_tokens = sum(len(group.completions[0]) for group in groups)
    return lambda indices, policy: next_token_loss(policy.logprobs_BT, policy.mask_BT, num_tokens=num_tokens)


def model_card(config: PretrainConfig, model: PreTrainedModel) -> str:
    """The README of the model's folder."""
    num_documents = (config.num_steps + config.num_final_steps) * config.documents_per_step
    return f"""---
license: apache-2.0
language: [en, zh]
tags: [r1kit, base-model]
---
# r1kit nano base

A base language model of {model.num_parameters() / 1e6:.1f} million parameters for demonstrations of R1-Zero and R1 on a
CPU, pretrained on {num_documents:,} documents of r1kit's synthetic corpus (seed {config.seed}). It imitates a mixed
corpus in which most documents answer at once, and mostly wrongly. Made by `r1kit nano pretrain`; see docs/nano.md.
"""

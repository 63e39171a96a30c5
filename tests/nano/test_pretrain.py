"""Pretraining: it learns, it goes on where it stopped, and leaves a plain Hugging Face folder."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from r1kit.learner.config import LearnerConfig
from r1kit.models.load import SHIPPED, shipped_path
from r1kit.nano import pretrain as pretrain_module
from r1kit.nano.pretrain import PretrainConfig, pretrain

TINY = PretrainConfig(
    num_steps=5,
    num_final_steps=1,
    documents_per_step=16,
    tokenizer_documents=300,
    vocab_size=400,
    hidden_size=32,
    num_heads=4,
    num_kv_heads=2,
    num_layers=1,
    mlp_size=64,
    checkpoint_every=2,
    device="cpu",
    learner=LearnerConfig(optimizer="muon", learning_rate=1e-2, dtype="float32", micro_batch_tokens=1024),
)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns_and_leaves_a_model_that_transformers_opens(tmp_path):
    notes = []
    model_folder = pretrain(TINY, tmp_path, note=notes.append)
    assert losses(tmp_path)[-1] < losses(tmp_path)[0] - 0.5
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    tokens = torch.tensor([tokenizer.encode("3 + 4 = 7.")])
    assert model(input_ids=tokens, labels=tokens).loss.item() < 6  # ln 400 = 5.99 is chance
    assert tokenizer.eos_token_id == model.generation_config.eos_token_id


class Killed(Exception):
    pass


def test_stopped_and_started_again_it_ends_the_same(tmp_path, monkeypatch):
    pretrain(TINY, tmp_path / "straight")
    groups = pretrain_module.training_groups

    def stop_at_four(config, tokenizer, step):
        if step == 4:
            raise Killed
        return groups(config, tokenizer, step)

    monkeypatch.setattr(pretrain_module, "training_groups", stop_at_four)
    with pytest.raises(Killed):
        pretrain(TINY, tmp_path / "stopped")
    monkeypatch.setattr(pretrain_module, "training_groups", groups)
    pretrain(TINY, tmp_path / "stopped")
    weights = [(tmp_path / name / "model" / "model.safetensors").read_bytes() for name in ("straight", "stopped")]
    assert weights[0] == weights[1]
    assert losses(tmp_path / "straight") == losses(tmp_path / "stopped")


def test_the_shipped_models_are_small_and_open_with_plain_transformers():
    sizes = {}
    for name in SHIPPED:
        folder = shipped_path(name)
        assert sum(file.stat().st_size for file in folder.iterdir()) < 6_000_000
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert len(AutoTokenizer.from_pretrained(folder)) == model.config.vocab_size
        sizes[name] = sum(p.numel() for p in model.parameters())
    assert 1_000_000 < sizes["nano"] < 2_000_000
    assert 0.2 < sizes["nano-student"] / sizes["nano"] < 0.3

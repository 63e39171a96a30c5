"""Which optimizer moves which parameters, and how far Muon's first step goes."""

import math

import pytest
import torch
from tiny import tiny_llama

from r1kit.learner.config import LearnerConfig
from r1kit.learner.optimizer import build_optimizer


def moved_by_one_step(**config):
    """How far each parameter moves at a learning rate of 0.01 when its gradient is random."""
    model = tiny_llama(tie_word_embeddings=False)
    optimizer = build_optimizer(model, LearnerConfig(learning_rate=0.01, **config))
    generator = torch.Generator().manual_seed(0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.randn(p.shape, generator=generator)
    optimizer.step()
    return {name: p.detach() - before[name] for name, p in model.named_parameters()}


def test_muon_moves_the_matrices_of_the_layers_along_an_orthogonal_matrix():
    moved = moved_by_one_step(optimizer="muon")
    for name, step in moved.items():
        if ".layers." in name and step.ndim == 2:
            scale = 0.01 * 0.2 * math.sqrt(max(step.shape))  # so that its root mean square is that of AdamW's step
            singular = torch.linalg.svdvals(step) / scale
            assert 0.4 < singular.min() <= singular.max() < 1.3, name
        else:
            assert torch.allclose(step.abs(), torch.full_like(step, 0.01), rtol=1e-4), name  # AdamW's first step


def test_adamw_moves_all_parameters_by_the_learning_rate():
    for name, step in moved_by_one_step().items():
        assert torch.allclose(step.abs(), torch.full_like(step, 0.01), rtol=1e-4), name


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_a_learning_rate_that_is_set_counts_for_all(name):
    model = tiny_llama()
    optimizer = build_optimizer(model, LearnerConfig(learning_rate=0.01, weight_decay=0.1, optimizer=name))
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optimizer.step()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    decays = {p.ndim: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decays == {1: 0.0, 2: 0.1}

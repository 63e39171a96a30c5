"""AdamW, and the learning rate over the steps."""

from __future__ import annotations

import math

import torch
from torch import nn

from r1kit.learner.config import LearnerConfig


def build_optimizer(model: nn.Module, config: LearnerConfig) -> torch.optim.AdamW:
    """AdamW over all parameters; weight decay on matrices only."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )


def learning_rate(config: LearnerConfig, step: int, num_steps: int) -> float:
    """The learning rate of optimizer step `step` (from 0) of `num_steps`.

    Linear warm-up to the peak over warmup_steps (step warmup_steps - 1 has the peak), then constant, or a linear or
    cosine decay that reaches min_learning_rate_ratio * peak after the last step.
    """
    peak = config.learning_rate
    if step < config.warmup_steps:
        return peak * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return peak
    progress = min(1.0, (step - config.warmup_steps) / max(1, num_steps - config.warmup_steps))
    remaining = 1 - progress if config.schedule == "linear" else (1 + math.cos(math.pi * progress)) / 2
    floor = config.min_learning_rate_ratio
    return peak * (floor + (1 - floor) * remaining)

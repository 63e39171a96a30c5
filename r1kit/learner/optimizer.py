"""The optimizers, and the learning rate over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from r1kit.learner.config import LearnerConfig


class Optimizers:
    """Several optimizers of one model that step together."""

    def __init__(self, members: Sequence[torch.optim.Optimizer]) -> None:
        self._members = members

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of all members; a learning rate that is set here counts."""
        return [group for member in self._members for group in member.param_groups]

    def step(self) -> None:
        """One step of each."""
        for member in self._members:
            member.step()

    def state_dict(self) -> dict[str, Any]:
        """The members' states, in order."""
        return {"members": [member.state_dict() for member in self._members]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        for member, its_state in zip(self._members, state["members"], strict=True):
            member.load_state_dict(its_state)


def build_optimizer(model: nn.Module, config: LearnerConfig) -> Optimizers:
    """AdamW, or Muon for the matrices of the layers and AdamW for the rest; weight decay on matrices only.

    Muon (https://kellerjordan.github.io/posts/muon) takes the nearest orthogonal matrix of the momentum as its step,
    here scaled to the size of AdamW's, so that one learning rate serves both.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    by_muon = [p for name, p in named if config.optimizer == "muon" and p.ndim == 2 and ".layers." in f".{name}"]
    chosen = set(map(id, by_muon))
    others = [p for _, p in named if id(p) not in chosen]
    adamw = torch.optim.AdamW(
        [
            {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
            {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=True,
    )
    if not by_muon:
        return Optimizers([adamw])
    muon = torch.optim.Muon(
        by_muon, lr=config.learning_rate, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return Optimizers([adamw, muon])


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

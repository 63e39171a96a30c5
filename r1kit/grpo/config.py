"""The hyper-parameters of GRPO (arXiv:2501.12948, section 2.2.1)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from r1kit.config import Config
from r1kit.errors import suggest

LOSS_NAMES = ("r1", "grpo", "dr_grpo", "dapo", "gspo")


class GRPOConfig(Config):
    """How many rollouts, how they become advantages, and which objective they enter."""

    num_steps: int = Field(default=100, ge=1)
    """Rollout steps: each samples problems_per_step * group_size completions."""
    problems_per_step: int = Field(default=32, ge=1)
    group_size: int = Field(default=16, ge=2)
    """G of Eq. 1 and 3: completions a problem. A group of one has no baseline and is refused."""
    loss: str = "grpo"
    """Key into r1kit.grpo.loss.LOSSES: r1 (Eq. 1 as printed), grpo (per token, 1/|o|), dr_grpo, dapo, gspo."""
    advantage: Literal["group_std", "group_mean"] = "group_std"
    """Eq. 3 divides by the group's standard deviation; group_mean (Dr. GRPO) does not."""
    clip_epsilon_low: float = Field(default=0.2, gt=0)
    clip_epsilon_high: float = Field(default=0.2, gt=0)
    """Epsilon of Eq. 1 below and above 1; equal in the paper."""
    kl_coef: float = Field(default=0.0, ge=0)
    """Beta of Eq. 1. At 0 no reference model is held or run."""
    num_epochs: int = Field(default=1, ge=1)
    """Passes over one step's rollouts."""
    num_minibatches: int = Field(default=1, ge=1)
    """Optimizer updates a pass; more than one update makes the later ones off-policy, which the clip is for."""
    refresh_reference_every: int = Field(default=0, ge=0)
    """Replace the reference by the policy every so many steps; 0 is never."""
    convergence_window: int = Field(default=0, ge=0)
    """W: stop before num_steps once the mean reward of the last W steps is not above that of the W steps before by
    more than convergence_min_gain; 0 never stops. The paper trains "until it achieves convergence" (2.3.2)."""
    convergence_min_gain: float = 0.005
    """In units of the reward."""

    @model_validator(mode="after")
    def _check(self) -> GRPOConfig:
        if self.loss not in LOSS_NAMES:
            raise ValueError(f"unknown loss {self.loss!r}; {suggest(self.loss, LOSS_NAMES)}")
        if self.num_minibatches > self.problems_per_step:
            raise ValueError(
                f"num_minibatches ({self.num_minibatches}) exceeds problems_per_step ({self.problems_per_step}); "
                "a minibatch holds whole groups"
            )
        if self.refresh_reference_every and self.kl_coef == 0:
            raise ValueError("refresh_reference_every has no effect with kl_coef = 0; set one of them")
        return self

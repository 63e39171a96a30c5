"""What the learner needs to know: the optimizer, its schedule, and how a step is cut into micro-batches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from r1kit.config import Config


class LearnerConfig(Config):
    """The optimizer with a warm-up and a schedule, over packed micro-batches."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """muon: for the matrices of the layers, and AdamW for the rest; learns faster from random weights."""
    learning_rate: float = Field(default=1e-6, gt=0)
    """The peak, reached at the end of the warm-up."""
    warmup_steps: int = Field(default=0, ge=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """What follows the warm-up: stay, or decay to `min_learning_rate_ratio` at the last step."""
    min_learning_rate_ratio: float = Field(default=0.0, ge=0, le=1)
    weight_decay: float = Field(default=0.0, ge=0)
    """Applied to matrices only, not to norms and biases."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    max_grad_norm: float = Field(default=1.0, gt=0)
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of activations and of the copy of the weights that is computed with; weights and optimizer state are float32.
    auto: bfloat16 where it is fast."""
    micro_batch_tokens: int = Field(default=4096, ge=1)
    """Tokens of one forward and backward; the result does not depend on it, memory does. A larger group is split."""
    gradient_checkpointing: bool = False

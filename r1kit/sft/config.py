"""The config of `r1kit sft`: what is learned, from which examples, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from r1kit.config import Config
from r1kit.learner.config import LearnerConfig
from r1kit.tasks.templates import TemplateName


class SFTConfig(Config):
    """Supervised fine-tuning (sections 2.3.1, 2.3.3 and 2.4): next-token prediction on responses."""

    model: str = "nano"
    """A Hugging Face folder, a hub name, or `nano` for the shipped base model."""
    data: str = ""
    """A folder with data.jsonl, or a .jsonl or .parquet file of examples; required."""
    template: TemplateName = "readable"
    """How a question becomes a prompt; the response follows it as it stands in the data."""
    seed: int = Field(default=0, ge=0)
    num_epochs: int = Field(default=2, ge=1)
    """Two, as in section 2.3.3; each goes once through all examples, in an order of its own."""
    batch_size: int = Field(default=32, ge=1)
    """Examples of one optimizer step."""
    max_tokens: int | None = Field(default=None, ge=2)
    """Prompt, response and end token together; without it the model's context."""
    too_long: Literal["error", "drop"] = "error"
    """What an example with more tokens is: an error, or left out and counted."""
    held_out_fraction: float = Field(default=0.02, ge=0, lt=1)
    """Share of the distinct prompts that is held out for the validation loss; 0: none."""
    learner: LearnerConfig = LearnerConfig(learning_rate=1e-5, schedule="cosine", min_learning_rate_ratio=0.1)
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps between checkpoints; a killed run goes on from the last one."""

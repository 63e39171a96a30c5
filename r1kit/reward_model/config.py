"""The config of `r1kit reward-model train`."""

from __future__ import annotations

from pydantic import Field

from r1kit.config import Config
from r1kit.learner.config import LearnerConfig
from r1kit.rewards.learned import Kind
from r1kit.tasks.templates import TemplateName


class RewardModelConfig(Config):
    """A reward model of preference pairs, for the RL of all scenarios (section 2.3.4)."""

    model: str = "nano"
    """The language model that it is made from: a Hugging Face folder, a hub name, or `nano`. The paper builds on the
    DeepSeek-V3 pipeline and does not say more."""
    pairs: str = "pairs.jsonl"
    """The file of preference pairs; those of the other kind are left out. Its fields: r1kit.reward_model.pairs."""
    eval_pairs: str | None = None
    """A file of held-out pairs; without it `eval_share` of the questions is held out."""
    eval_share: float = Field(default=0.1, gt=0, lt=1)
    """Of the distinct questions, by a hash of their text: pairs of one question stay together."""
    kind: Kind = "helpful"
    """helpful reads the summary of a response only, harmless the whole response."""
    template: TemplateName = "readable"
    """How the question is asked; `readable` is the chat template, or "User: ... Assistant:" where there is none."""
    seed: int = Field(default=0, ge=0)
    num_epochs: int = Field(default=1, ge=1)
    """Passes over the pairs; more than one soon learns them by heart (arXiv:2203.02155, section 3.5)."""
    batch_pairs: int = Field(default=32, ge=1)
    """Pairs of an optimizer step."""
    center_coef: float = Field(default=0.01, ge=0)
    """Draws the mean score of a pair to 0, so that scores of different questions can be compared; 0 is off."""
    learner: LearnerConfig = LearnerConfig(learning_rate=1e-5, schedule="cosine", min_learning_rate_ratio=0.1)
    checkpoint_every: int = Field(default=20, ge=1)
    """Steps between checkpoints; a killed run goes on from the last one."""
    allow_useless: bool = False
    """Keep a model whose held-out accuracy is not above chance by two standard errors, which else is an error."""

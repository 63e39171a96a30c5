"""A saved reward model that scores texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from r1kit.config import Config, dump_config, parse_config
from r1kit.errors import ConfigError, ModelError, RunError
from r1kit.learner.packing import TokenGroup
from r1kit.models.decoder import Decoder
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import resolve_model
from r1kit.report.files import read_json, write_text_atomic
from r1kit.reward_model.layout import Layout
from r1kit.reward_model.model import load_reward_model, score_groups
from r1kit.rewards.learned import Kind, RewardScale, judged_part
from r1kit.tasks.templates import TemplateName

CARD_FILE = "reward_model.json"
"""In the model's folder: what it judges, the template it was trained with, and where its scores lie."""


class _Card(Config):
    kind: Kind
    template: TemplateName
    score_mean: float
    score_std: float = Field(gt=0)


class RewardModel:
    """Scores (question, response) by a model that `r1kit reward-model train` made; see r1kit.rewards.learned."""

    def __init__(self, decoder: Decoder, layout: Layout, scale: RewardScale, *, context: int, max_tokens: int) -> None:
        """Score by `decoder`.

        Args:
            decoder: Of a reward model.
            layout: What it was trained with.
            scale: Where its scores lie.
            context: Tokens that a question and a response may have.
            max_tokens: Tokens computed at once.
        """
        self._decoder = decoder
        self._layout = layout
        self._scale = scale
        self._context = context
        self._max_tokens = max_tokens

    @classmethod
    def load(cls, folder: Path, *, device: str = "auto", dtype: str = "auto", max_tokens: int = 8192) -> RewardModel:
        """Open a model's folder, or a run folder.

        Args:
            folder: RUN/model, or RUN.
            device: auto, cpu, cuda or mps.
            dtype: auto, float32 or bfloat16, of everything but the head and norms.
            max_tokens: Tokens computed at once.

        Raises:
            ModelError: not a reward model, or without its `reward_model.json`.
            ConfigError: unknown device or type.
        """
        model, tokenizer = load_reward_model(folder)
        card = _read_card(Path(resolve_model(folder)) / CARD_FILE)
        where = resolve_device(device)
        config: Any = model.config
        return cls(
            Decoder(model, device=where, dtype=resolve_dtype(dtype, where)),
            Layout(kind=card.kind, template=card.template, tokenizer=tokenizer),
            RewardScale(mean=card.score_mean, std=card.score_std),
            context=config.max_position_embeddings,
            max_tokens=max_tokens,
        )

    @property
    def kind(self) -> Kind:
        """What it judges."""
        return self._layout.kind

    @property
    def scale(self) -> RewardScale:
        """Where its scores on held-out pairs lie."""
        return self._scale

    def score(self, texts: Sequence[tuple[str, str]]) -> list[float | None]:
        """The score of each (question, response), in order.

        helpful cuts the reasoning off itself. Responses to one question share its computation. None where the judged
        part is empty or does not fit the model's context.
        """
        by_question: dict[str, list[int]] = {}
        for i, (question, response) in enumerate(texts):
            if judged_part(self.kind, response):
                by_question.setdefault(question, []).append(i)
        groups: list[TokenGroup] = []
        order: list[int] = []
        for question, indices in by_question.items():
            whole = self._layout.group(question, [texts[i][1] for i in indices])
            room = self._context - len(whole.prompt)
            fits = [n for n, completion in enumerate(whole.completions) if len(completion) <= room]
            if fits:
                groups.append(TokenGroup(prompt=whole.prompt, completions=[whole.completions[n] for n in fits]))
                order.extend(indices[n] for n in fits)
        scores: list[float | None] = [None] * len(texts)
        for i, score in zip(order, score_groups(self._decoder, groups, max_tokens=self._max_tokens), strict=True):
            scores[i] = score
        return scores


def write_card(folder: Path, layout: Layout, scale: RewardScale) -> None:
    """Write `reward_model.json` into a model's folder; RunError if the disk is full."""
    card = _Card(kind=layout.kind, template=layout.template, score_mean=scale.mean, score_std=scale.std)
    write_text_atomic(folder / CARD_FILE, dump_config(card))


def _read_card(path: Path) -> _Card:
    try:
        return parse_config(_Card, read_json(path), where=str(path))
    except (RunError, ConfigError) as error:
        raise ModelError(f"{error}; `r1kit reward-model train` writes it, so train the model again") from None

"""A reward model: a decoder whose head gives one number, read at the last token of a response.

It is transformers' own class for sequence classification with one label (e.g. LlamaForSequenceClassification), so a
saved one opens with plain `AutoModelForSequenceClassification`, and its `logits` are the scores. transformers looks
for the last token that is not padding; where a tokenizer pads with its end token that would be the one before the end
token, so such a model has no pad_token_id, and transformers then takes one response at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from r1kit.errors import ModelError
from r1kit.learner.packing import PackedBatch, TokenGroup, cut, pack
from r1kit.models.attention import PackedAttention
from r1kit.models.decoder import Decoder, check_supported
from r1kit.models.load import load_model, resolve_model
from r1kit.seeding import torch_generator


def make_reward_model(name_or_path: str | Path, *, seed: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A reward model with the body of a causal language model, in float32, and a new head.

    The head is drawn from N(0, 1 / (E + 1)), E the width (arXiv:2009.01325, appendix B.1), by `seed`.

    Raises:
        ModelError: as `load_model` and `check_supported`.
    """
    causal, tokenizer = load_model(name_or_path)
    check_supported(causal.config)
    config: Any = copy.deepcopy(causal.config)
    config.num_labels = 1
    config.pad_token_id = None if tokenizer.pad_token_id == tokenizer.eos_token_id else tokenizer.pad_token_id
    with torch.device("meta"):  # only its frame is wanted: the body is there already
        model: Any = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    setattr(model, model.base_model_prefix, causal.base_model)
    width: int = config.hidden_size
    head_1E = torch.randn(1, width, generator=torch_generator(seed, "reward head")) * (width + 1) ** -0.5
    model.score.weight = nn.Parameter(head_1E)
    return model.eval(), tokenizer


def reward_model_parameters(folder: Path) -> int:
    """How many parameters a saved reward model has; no weights are read.

    Raises:
        ModelError: as `load_reward_model`.
    """
    config = _read_config(resolve_model(folder))
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(config)
    return sum(parameter.numel() for parameter in model.parameters())


def load_reward_model(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Open a saved reward model and its tokenizer, in evaluation mode on the CPU, in float32.

    Raises:
        ModelError: no such folder, not a reward model, incomplete or unreadable.
    """
    source = resolve_model(folder)
    check_supported(_read_config(source))
    with _reading(source):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        opened: Any = AutoModelForSequenceClassification.from_pretrained(
            source, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    model, report = opened
    if report["missing_keys"]:
        raise ModelError(
            f"reward model {source} lacks the parameter {min(report['missing_keys'])}, which would start at random; "
            "get a whole copy"
        )
    return model.eval(), tokenizer


def last_token_scores(decoder: Decoder, batch: PackedBatch) -> Tensor:
    """Run `decoder` over a batch: (B,) float32, the score of each completion at its last token."""
    attend = PackedAttention(
        batch.layout, num_heads=decoder.num_heads, num_kv_heads=decoder.num_kv_heads, dtype=decoder.dtype
    )
    hidden_LE = decoder.hidden(batch.tokens_L, batch.positions_L, attend)
    return decoder.scores(hidden_LE.index_select(0, batch.last_B))


@torch.inference_mode()
def score_groups(decoder: Decoder, groups: Sequence[TokenGroup], *, max_tokens: int) -> list[float]:
    """The score of every completion, in order; `max_tokens` are computed at once, similar lengths together."""
    scored: dict[int, float] = {}
    for micro_batch in cut(groups, max_tokens):
        scores_B = last_token_scores(decoder, pack(micro_batch.groups, device=decoder.device))
        scored.update(zip(micro_batch.rows, scores_B.tolist(), strict=True))
    return [scored[i] for i in range(len(scored))]


@contextmanager
def _reading(source: str) -> Iterator[None]:
    """Turn what transformers raises for a bad folder into one line."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(
            f"reward model {source} cannot be read: {first}; get a whole copy, or train it again"
        ) from error


def _read_config(source: str) -> Any:
    """The config of a reward model that `resolve_model` named."""
    with _reading(source):
        config: Any = AutoConfig.from_pretrained(source, trust_remote_code=False)
    names = config.architectures or ["model of no class"]
    if config.num_labels != 1 or not names[0].endswith("ForSequenceClassification"):
        raise ModelError(
            f"model {source} is a {names[0]} with {config.num_labels} labels, not a reward model; allowed: a class for "
            "sequence classification with one label, as `r1kit reward-model train` saves"
        )
    return config

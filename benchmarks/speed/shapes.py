"""The shapes that are timed: a model and how much of what is sampled and trained in one step."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """P problems, G completions each, all of exactly `new_tokens` tokens."""

    model: str
    """`llama-3m`, `smollm2` (the folder given by --smollm2) or `nano` (the shipped base)."""
    num_problems: int
    group_size: int
    prompt_tokens: int
    new_tokens: int
    trl_micro_batch: int
    """Sequences of TRL's micro-batch: the fastest of 4, 8, 16 ... that was tried (a whole batch at once is slower)."""

    @property
    def num_sequences(self) -> int:
        """P * G."""
        return self.num_problems * self.group_size


SHAPES = {
    "A": Shape(model="llama-3m", num_problems=16, group_size=16, prompt_tokens=64, new_tokens=128, trl_micro_batch=64),
    "B": Shape(model="smollm2", num_problems=8, group_size=8, prompt_tokens=64, new_tokens=128, trl_micro_batch=8),
    "C": Shape(model="smollm2", num_problems=4, group_size=16, prompt_tokens=64, new_tokens=512, trl_micro_batch=4),
    "D": Shape(model="nano", num_problems=32, group_size=16, prompt_tokens=90, new_tokens=40, trl_micro_batch=128),
}


def make_model(shape: Shape, folder: Path, *, smollm2: Path) -> Path:
    """A Hugging Face folder of the shape's model, with a byte tokenizer where the model is random."""
    if shape.model == "smollm2":
        return smollm2
    if shape.model == "nano":
        import r1kit

        return Path(r1kit.__file__).parent / "assets" / "nano"
    if not (folder / "config.json").exists():
        _make_llama_3m(folder)
    return folder


def load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model in float32 and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def prompts(shape: Shape, vocab_size: int) -> list[list[int]]:
    """P prompts of `prompt_tokens` tokens, the same for every contender."""
    import random

    rng = random.Random(0)
    return [[rng.randrange(10, vocab_size) for _ in range(shape.prompt_tokens)] for _ in range(shape.num_problems)]


def reward(index: int) -> float:
    """Of completion `index` of the step: never the same for a whole group, so that every group has an advantage."""
    return float(index * 2654435761 % 7 < 3)


def _make_llama_3m(folder: Path) -> None:
    """3.2 million random weights: 4 layers of 256, 4 heads, 2 key/value heads, vocabulary 512."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=512, hidden_size=256, intermediate_size=768, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=8192, bos_token_id=1, eos_token_id=2, pad_token_id=0,
        tie_word_embeddings=True,
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    LlamaForCausalLM(config).save_pretrained(folder)
    words = {f"w{i}": i for i in range(512)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w3"))  # noqa: S106 (not a password)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"pad_token": "w0", "bos_token": "w1", "eos_token": "w2", "unk_token": "w3"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)

"""Tiny random models and a byte-level tokenizer: built in milliseconds, nothing downloaded.

Import as `from tiny import byte_tokenizer, tiny_llama` (pytest puts this folder on the path).
"""

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

PAD_ID = 256
EOS_ID = 257
VOCAB_SIZE = 258
"""Ids 0..255 are the bytes themselves, then <pad> and <eos>."""

_SIZES = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": PAD_ID,
    "eos_token_id": EOS_ID,
    "bos_token_id": None,
    "tie_word_embeddings": False,
    "initializer_range": 0.3,  # wide, so that the next-token distribution is far from uniform
}


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer whose id of a byte is the byte; <pad> is 256 and <eos> 257. Any text round-trips."""
    vocab = {symbol: byte for byte, symbol in enumerate(_byte_symbols())}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "<eos>"])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", clean_up_tokenization_spaces=False
    )


def tiny_llama(seed: int = 0, **overrides) -> LlamaForCausalLM:
    """A 2-layer Llama with grouped heads (4 query, 2 key/value), untied; `overrides` go to its config."""
    return _build(LlamaForCausalLM, LlamaConfig(**_SIZES | overrides), seed)


def tiny_qwen2(seed: int = 0, **overrides) -> Qwen2ForCausalLM:
    """As `tiny_llama`, with biases on query, key and value."""
    return _build(Qwen2ForCausalLM, Qwen2Config(**_SIZES | overrides), seed)


def tiny_qwen3(seed: int = 0, **overrides) -> Qwen3ForCausalLM:
    """As `tiny_llama`, with normalised queries and keys and a head size that is not hidden/heads."""
    return _build(Qwen3ForCausalLM, Qwen3Config(**_SIZES | {"head_dim": 16} | overrides), seed)


def _build(cls, config, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = cls(config).eval()
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):  # transformers starts biases at zero, where a lost bias would not show
                torch.nn.init.normal_(parameter, std=0.1)
    return model


def _byte_symbols() -> list[str]:
    """The printable stand-in of each byte in byte-level BPE: itself if printable, else the next of U+0100..."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]

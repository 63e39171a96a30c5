"""The tokenizer in a GGUF file's metadata, as a Hugging Face tokenizer.

GGUF stores the vocabulary, the merges and the *name* of the way in which text is cut into words before the merges
(`tokenizer.ggml.pre`); what the name means is written here. The names are those of llama.cpp's `llama-vocab.cpp`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from r1kit.errors import ModelError, suggest

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"

_BYTES = pre_tokenizers.ByteLevel


def _split(digits: str) -> pre_tokenizers.PreTokenizer:
    """The words of GPT-4's family of tokenizers; `digits` says how long a run of digits one word holds."""
    pattern = "|".join([_CONTRACTIONS, _WORDS, digits, _SYMBOLS, _SPACES])
    words = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return pre_tokenizers.Sequence([words, _BYTES(add_prefix_space=False, use_regex=False)])


def _gpt2() -> pre_tokenizers.PreTokenizer:
    return _BYTES(add_prefix_space=False)


def _smollm() -> pre_tokenizers.PreTokenizer:
    """Every digit alone, then GPT-2's words."""
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _gpt2()])


PRE_TOKENIZERS = {
    "gpt-2": _gpt2,
    "smollm": _smollm,
    "qwen2": lambda: _split(r"\p{N}"),
    "deepseek-r1-qwen": lambda: _split(r"\p{N}"),
    "llama-bpe": lambda: _split(r"\p{N}{1,3}"),
}

# The token types of GGUF (gguf.TokenType) that are not plain entries of the vocabulary.
_CONTROL, _USER_DEFINED, _UNUSED = 3, 4, 5


def build_tokenizer(values: Mapping[str, Any], *, source: str) -> PreTrainedTokenizerFast:
    """The tokenizer that the metadata `values` of the file `source` describe, with its chat template.

    Raises:
        ModelError: not a byte-level BPE, an unknown pre-tokenizer, or no end token.
    """
    kind, pre = values.get("tokenizer.ggml.model"), values.get("tokenizer.ggml.pre", "")
    if kind != "gpt2":
        raise ModelError(f"{source}: tokenizer {kind!r} is not covered; allowed: gpt2 (byte-level BPE)")
    if pre not in PRE_TOKENIZERS:
        raise ModelError(f"{source}: pre-tokenizer {pre!r} is not covered; {suggest(pre, PRE_TOKENIZERS)}")
    if values.get("tokenizer.ggml.eos_token_id") is None:
        raise ModelError(f"{source}: the tokenizer has no end token (tokenizer.ggml.eos_token_id)")
    backend = _backend(values, pre)
    tokens = values["tokenizer.ggml.tokens"]
    ids = {
        name: values.get(f"tokenizer.ggml.{key}_token_id")
        for name, key in {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}.items()
    }
    ids["pad"] = ids["eos"] if ids["pad"] is None else ids["pad"]
    if values.get("tokenizer.ggml.add_bos_token") and ids["bos"] is not None:
        bos = tokens[ids["bos"]]
        backend.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, ids["bos"])]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=values.get(f"{values['general.architecture']}.context_length"),
        clean_up_tokenization_spaces=False,
        **{f"{name}_token": tokens[token_id] for name, token_id in ids.items() if token_id is not None},
    )
    tokenizer.chat_template = values.get("tokenizer.chat_template")
    return tokenizer


def _backend(values: Mapping[str, Any], pre: str) -> Tokenizer:
    tokens = values["tokenizer.ggml.tokens"]
    types = values.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    vocab = {token: i for i, (token, type_) in enumerate(zip(tokens, types, strict=True)) if type_ != _UNUSED}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    # Llama 3 takes a word that is in the vocabulary whole, whatever its merges would give.
    backend = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=pre == "llama-bpe"))
    if pre == "qwen2":
        backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = PRE_TOKENIZERS[pre]()
    backend.decoder = decoders.ByteLevel()
    for token, type_ in zip(tokens, types, strict=True):
        if type_ in (_CONTROL, _USER_DEFINED):
            backend.add_tokens([AddedToken(token, special=type_ == _CONTROL, normalized=False)])
    return backend

"""Turn a GGUF file (llama.cpp's format) into a Hugging Face folder.

Reading and dequantising is the `gguf` package's. transformers has a GGUF loader too; it is not used because it
needs `accelerate` and gives SmolLM2's digits and spaces other tokens than the model was trained with.

Covered: the architectures llama, qwen2 and qwen3 (dense, unscaled rotary frequencies) with a byte-level BPE
tokenizer, in any quantisation that `gguf.quants.dequantize` knows (F32, F16, BF16, Q4_0 to Q8_0, K- and IQ-types).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from r1kit.errors import MissingExtra, ModelError, suggest
from r1kit.models.gguf_tokenizer import build_tokenizer
from r1kit.models.load import save_model

if TYPE_CHECKING:
    from gguf import GGUFReader

ARCHITECTURES: dict[str, tuple[Callable[..., PretrainedConfig], type[PreTrainedModel]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}

_GLOBAL_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)")


def import_gguf(path: Path, out: Path) -> None:
    """Write the model in the GGUF file `path` as the Hugging Face folder `out`, in float32.

    Float32 holds every dequantised value exactly, so nothing is lost beyond what the file lost already.

    Raises:
        MissingExtra: the gguf package is not installed.
        ModelError: not a GGUF file, or an architecture, quantisation or tokenizer that is not covered.
    """
    model, tokenizer, card = read_gguf(path)
    save_model(model, tokenizer, out, card=card)


def read_gguf(path: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, str]:
    """The model in the GGUF file `path` (float32, on the CPU), its tokenizer, and the text of a model card.

    Raises:
        MissingExtra: the gguf package is not installed.
        ModelError: as for `import_gguf`.
    """
    reader = _open(path)
    values = {name: field.contents() for name, field in reader.fields.items()}
    tokenizer = build_tokenizer(values, source=str(path))
    model = _build_model(reader, values, path)
    model.generation_config = _generation_config(values, model.config)
    return model.eval(), tokenizer, _card(reader, values, path)


def _open(path: Path) -> GGUFReader:
    try:
        from gguf import GGUFReader
    except ImportError:
        raise MissingExtra("gguf", "gguf", "reading a GGUF file") from None
    if not path.is_file():
        raise ModelError(f"GGUF file {path} does not exist (working folder: {Path.cwd()})")
    try:
        return GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:  # what the package raises for other and for cut files
        raise ModelError(f"{path} is not a whole GGUF file: {error}; get it again") from error


def _build_model(reader: GGUFReader, values: Mapping[str, Any], path: Path) -> PreTrainedModel:
    config = _config(values, {tensor.name for tensor in reader.tensors}, path)
    state = _state_dict(reader, config, path)
    _, model_class = ARCHITECTURES[config.model_type]
    try:
        opened: Any = model_class.from_pretrained(
            None, config=config, state_dict=state, dtype=torch.float32, output_loading_info=True
        )
    except RuntimeError as error:
        raise ModelError(f"{path}: its tensors have other shapes than its metadata says; get it again") from error
    model, report = opened
    missing, unexpected = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    if missing or unexpected:
        raise ModelError(
            f"{path}: tensors {missing[:3] or 'none'} are missing and {unexpected[:3] or 'none'} have no place in a "
            f"{config.model_type}; it is damaged, or a variant that is not covered"
        )
    return model


def _config(values: Mapping[str, Any], tensor_names: set[str], path: Path) -> PretrainedConfig:
    architecture = values.get("general.architecture", "")
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"{path}: architecture {architecture!r} is not covered; {suggest(architecture, ARCHITECTURES)}"
        )
    if values.get(f"{architecture}.expert_count", 0):
        raise ModelError(f"{path}: mixtures of experts are not covered; import a dense model")
    scaling = values.get(f"{architecture}.rope.scaling.type", "none")
    if "rope_freqs.weight" in tensor_names or scaling != "none":
        raise ModelError(f"{path}: scaled rotary frequencies are not covered; use the model's Hugging Face folder")
    try:
        return _config_of(architecture, values, tied="output.weight" not in tensor_names)
    except KeyError as error:
        raise ModelError(f"{path}: the metadata lack {error}") from error


def _config_of(architecture: str, values: Mapping[str, Any], *, tied: bool) -> PretrainedConfig:
    prefix = f"{architecture}."
    own = {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
    num_heads, hidden_size = own["attention.head_count"], own["embedding_length"]
    eos = values["tokenizer.ggml.eos_token_id"]
    config_class, _ = ARCHITECTURES[architecture]
    return config_class(
        vocab_size=len(values["tokenizer.ggml.tokens"]),
        hidden_size=hidden_size,
        intermediate_size=own["feed_forward_length"],
        num_hidden_layers=own["block_count"],
        num_attention_heads=num_heads,
        num_key_value_heads=own.get("attention.head_count_kv", num_heads),
        head_dim=own.get("attention.key_length", hidden_size // num_heads),
        max_position_embeddings=own["context_length"],
        # The file has this as a float32; six digits give back the number that was meant (1e-5, not 9.99999975e-6).
        rms_norm_eps=float(f"{own['attention.layer_norm_rms_epsilon']:.6g}"),
        rope_parameters={"rope_type": "default", "rope_theta": float(own.get("rope.freq_base", 10_000.0))},
        tie_word_embeddings=tied,
        bos_token_id=values.get("tokenizer.ggml.bos_token_id"),
        eos_token_id=eos,
        pad_token_id=values.get("tokenizer.ggml.padding_token_id", eos),
    )


def _state_dict(reader: GGUFReader, config: PretrainedConfig, path: Path) -> dict[str, torch.Tensor]:
    """All tensors under their Hugging Face names, dequantised to float32."""
    from gguf.quants import dequantize

    num_heads_of = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    state = {}
    for tensor in reader.tensors:
        name = _hugging_face_name(tensor.name)
        try:
            weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type), dtype=torch.float32)
        except NotImplementedError:
            raise ModelError(
                f"{path}: quantisation {tensor.tensor_type.name} of {tensor.name} is not covered"
            ) from None
        num_heads = num_heads_of.get(name.split(".")[-2])
        if config.model_type == "llama" and num_heads:
            weight = _halves_from_pairs(weight, num_heads)
        state[name] = weight
    return state


def _halves_from_pairs(weight: torch.Tensor, num_heads: int) -> torch.Tensor:
    """Undo the row order that llama.cpp gives query and key weights of Llama models.

    Rotary embeddings turn pairs of coordinates. llama.cpp keeps the two of a pair side by side in a head
    (x0 y0 x1 y1 ...), Hugging Face keeps them half a head apart (x0 x1 ... y0 y1 ...).
    """
    return weight.unflatten(0, (num_heads, -1, 2)).transpose(1, 2).flatten(0, 2).contiguous()


def _hugging_face_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if match := _LAYER.fullmatch(stem):
        layer, part = match.groups()
        return f"model.layers.{layer}.{_LAYER_NAMES.get(part, part)}.{kind}"
    return f"{_GLOBAL_NAMES.get(stem, stem)}.{kind}"


def _generation_config(values: Mapping[str, Any], config: PretrainedConfig) -> GenerationConfig:
    # A chat model may end a turn with another token than it ends a document with; either ends a completion.
    ends = [values.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("eos", "eot")]
    known = sorted({end for end in ends if end is not None})
    return GenerationConfig(
        bos_token_id=config.bos_token_id,
        eos_token_id=known[0] if len(known) == 1 else known,
        pad_token_id=config.pad_token_id,
    )


def _card(reader: GGUFReader, values: Mapping[str, Any], path: Path) -> str:
    kinds = Counter(tensor.tensor_type.name for tensor in reader.tensors)
    licence = values.get("general.license")
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n"
        + (f"license: {licence}\n" if licence else "")
        + f"---\n{values.get('general.name', path.stem)}, dequantised from {path.name} to float32 "
        + f"({', '.join(f'{count} {kind}' for kind, count in kinds.most_common())} tensors).\n"
    )

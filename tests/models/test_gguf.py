"""GGUF files written from tiny models, imported, and compared with what they were written from."""

import json
import struct
import sys

import gguf
import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from gguf.quants import quantize
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from r1kit.errors import MissingExtra, ModelError
from r1kit.models.gguf import import_gguf
from r1kit.models.load import load_model

IDS = torch.tensor([[1, 40, 200, 77, 3, 266, 150, 12]])
TRICKY = [
    "the thing  in 1212\n\n",
    " 12 a  1   the",
    "Ünïcødé 中文 🙂 e\u0301",
    "<|im_start|>user\nthe<|im_end|>\n",
    "\t\r\n it's don't  \n x=3.14",
    "",
]
PARTS = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    stem, _, kind = name.rpartition(".")
    if stem.startswith("model.layers."):
        _, _, layer, part = stem.split(".", 3)
        return f"blk.{layer}.{PARTS[part]}.{kind}"
    return {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}[stem] + "." + kind


def interleave(weight, num_heads):
    """llama.cpp's row order, one row at a time: coordinate i of a head, then its rotation partner."""
    half = weight.shape[0] // num_heads // 2
    rows = []
    for head in range(num_heads):
        for i in range(half):
            rows += [weight[head * 2 * half + i], weight[head * 2 * half + half + i]]
    return np.stack(rows)


def write_gguf(path, model, tokenizer, *, kind=Kind.F32, pre="smollm", extra=None, tensors=None):
    config = model.config
    writer = gguf.GGUFWriter(path, config.model_type)
    writer.add_name("Tiny")
    writer.add_license("apache-2.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim if config.model_type != "qwen2" else 16)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    vocab = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    num_special = len(tokenizer.added_tokens_decoder)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    padding = [f"[PAD{i}]" for i in range(len(vocab), config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([token for token, _ in vocab] + padding)
    writer.add_token_types([3] * num_special + [1] * (len(vocab) - num_special) + [5] * len(padding))
    writer.add_token_merges([f"{a} {b}" for a, b in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(tokenizer.chat_template)
    for add, value in extra or []:
        getattr(writer, add)(value)
    for name, tensor in (tensors or model.state_dict()).items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        weight = tensor.numpy()
        if config.model_type == "llama" and name.split(".")[-2] in ("q_proj", "k_proj"):
            q = name.split(".")[-2] == "q_proj"
            weight = interleave(weight, config.num_attention_heads if q else config.num_key_value_heads)
        this = kind if weight.ndim == 2 else Kind.F32
        writer.add_tensor(gguf_name(name), quantize(weight, this), raw_dtype=this)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def logits(model):
    with torch.inference_mode():
        return model(IDS).logits


def by_hand(data, kind):
    """Dequantise rows of raw bytes block by block, from ggml's definition of the two formats."""
    rows = []
    for row in data:
        values, raw = [], row.tobytes()
        if kind is Kind.Q4_1:  # scale d, minimum m, then 16 bytes; low nibbles are elements 0-15, high ones 16-31
            for at in range(0, len(raw), 20):
                d, m = struct.unpack_from("<ee", raw, at)
                block = raw[at + 4 : at + 20]
                values += [d * (byte & 15) + m for byte in block] + [d * (byte >> 4) + m for byte in block]
        else:  # Q8_0: scale d, then 32 signed bytes
            for at in range(0, len(raw), 34):
                d, *quants = struct.unpack_from("<e32b", raw, at)
                values += [d * quant for quant in quants]
        rows.append(values)
    return torch.tensor(rows, dtype=torch.float32)


@pytest.mark.parametrize("tied", [True, False])
def test_float32_is_exact(tmp_path, make_llama, tokenizer, tied):
    llama = make_llama(tie_word_embeddings=tied, rms_norm_eps=1e-5)
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer), tmp_path / "out")
    model, _ = load_model(tmp_path / "out")
    assert torch.equal(logits(model), logits(llama))
    assert model.config.tie_word_embeddings is tied
    assert model.config.rms_norm_eps == 1e-5
    assert model.generation_config.eos_token_id == 2
    card = (tmp_path / "out" / "README.md").read_text()
    assert "license: apache-2.0\n---\nTiny, dequantised from m.gguf to float32" in card


def test_float16_is_exact_for_weights_that_float16_holds(tmp_path, make_llama, tokenizer):
    llama = make_llama()
    for parameter in llama.parameters():
        parameter.data = parameter.data.half().float()
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer, kind=Kind.F16), tmp_path / "out")
    assert torch.equal(logits(load_model(tmp_path / "out")[0]), logits(llama))


@pytest.mark.parametrize(("kind", "tolerance"), [(Kind.Q8_0, 0.03), (Kind.Q4_1, 0.5)])
def test_quantised_weights_are_those_of_the_format(tmp_path, llama, tokenizer, kind, tolerance):
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer, kind=kind), tmp_path / "out")
    model, _ = load_model(tmp_path / "out")
    for name in ("model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight"):
        raw = quantize(llama.state_dict()[name].numpy(), kind)
        torch.testing.assert_close(model.state_dict()[name], by_hand(raw, kind), rtol=1e-6, atol=1e-7)
    difference = (logits(model) - logits(llama)).std() / logits(llama).std()
    assert 0 < difference.item() < tolerance


@pytest.mark.parametrize(
    ("config_class", "model_class"), [(Qwen2Config, Qwen2ForCausalLM), (Qwen3Config, Qwen3ForCausalLM)]
)
def test_qwen_is_exact_without_the_row_order_of_llama(tmp_path, llama, tokenizer, config_class, model_class):
    values = llama.config.to_dict()
    keys = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    keys += ("num_key_value_heads", "max_position_embeddings", "tie_word_embeddings", "rms_norm_eps")
    head_dim = {"head_dim": 32} if config_class is Qwen3Config else {}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        qwen = model_class(config_class(**{key: values[key] for key in keys}, **head_dim)).eval()
        for parameter in qwen.parameters():
            torch.nn.init.normal_(parameter, std=0.1)  # biases too, which start at 0
    import_gguf(write_gguf(tmp_path / "m.gguf", qwen, tokenizer, pre="qwen2"), tmp_path / "out")
    assert torch.equal(logits(load_model(tmp_path / "out")[0]), logits(qwen))


def test_the_tokenizer_is_the_same(tmp_path, llama, tokenizer):
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer), tmp_path / "out")
    _, imported = load_model(tmp_path / "out")
    for text in TRICKY:
        ids = imported.encode(text)
        assert ids == tokenizer.encode(text)
        assert imported.decode(ids) == text
    assert "12" in tokenizer.get_vocab()  # a merge that digits one by one must never reach
    assert imported.tokenize("12 12") == ["1", "2", "Ġ", "1", "2"]
    assert len(imported) == len(tokenizer) < llama.config.vocab_size  # padding entries are no tokens
    assert imported.decode(imported.encode("<|im_start|>the"), skip_special_tokens=True) == "the"
    chat = [{"role": "user", "content": "the"}]
    expected = "<|im_start|>user\nthe<|im_end|>\n<|im_start|>assistant\n"
    assert imported.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == expected
    assert (imported.bos_token_id, imported.eos_token_id, imported.pad_token_id) == (1, 2, 2)
    assert imported.model_max_length == 128


@pytest.mark.parametrize(
    ("pre", "text", "words"),
    [
        ("gpt-2", "it's 1234  the", ["it", "'s", "Ġ1234", "Ġ", "Ġthe"]),
        ("smollm", "it's 1234  the", ["it", "'s", "Ġ", "1", "2", "3", "4", "Ġ", "Ġthe"]),
        ("qwen2", "it's 1234 =the\n\n", ["it", "'s", "Ġ", "1", "2", "3", "4", "Ġ=", "the", "ĊĊ"]),
        ("deepseek-r1-qwen", "x+1 (the)", ["x", "+", "1", "Ġ(", "the", ")"]),
        ("llama-bpe", "IT'S 1234 the", ["IT", "'S", "Ġ", "123", "4", "Ġthe"]),
    ],
)
def test_each_pre_tokenizer_cuts_its_own_words(tmp_path, llama, tokenizer, pre, text, words):
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer, pre=pre), tmp_path / "out")
    _, imported = load_model(tmp_path / "out")
    assert [word for word, _ in imported.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)] == words


def test_begin_and_end_tokens_of_the_file_are_kept(tmp_path, llama, tokenizer):
    extra = [("add_add_bos_token", True), ("add_eot_token_id", 0)]
    import_gguf(write_gguf(tmp_path / "m.gguf", llama, tokenizer, extra=extra), tmp_path / "out")
    model, imported = load_model(tmp_path / "out")
    assert imported.encode("the") == [1, *tokenizer.encode("the")]
    assert model.generation_config.eos_token_id == [0, 2]


def test_what_is_not_covered_is_refused(tmp_path, llama, tokenizer):
    def refused(message, **changes):
        path = write_gguf(tmp_path / "m.gguf", llama, tokenizer, **changes)
        with pytest.raises(ModelError, match=message):
            import_gguf(path, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    refused(r"pre-tokenizer 'qwen3' is not covered; known: .* Did you mean 'qwen2'\?", pre="qwen3")
    refused("scaled rotary frequencies are not covered", extra=[("add_rope_scaling_type", gguf.RopeScalingType.YARN)])
    refused("mixtures of experts are not covered", extra=[("add_expert_count", 8)])
    state = llama.state_dict()
    less = {name: tensor for name, tensor in state.items() if name != "model.layers.1.self_attn.v_proj.weight"}
    refused(r"tensors \['model\.layers\.1\.self_attn\.v_proj\.weight'\] are missing", tensors=less)
    more = state | {"model.layers.0.self_attn.q_proj.bias": torch.zeros(64)}
    refused(r"\['model\.layers\.0\.self_attn\.q_proj\.bias'\] have no place in a llama", tensors=more)
    refused("its tensors have other shapes", tensors=state | {"model.norm.weight": torch.ones(32)})


def test_without_the_gguf_package_the_pip_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtra, match=r"pip install 'r1kit\[gguf\]'"):
        import_gguf(tmp_path / "m.gguf", tmp_path / "out")


def test_files_that_are_not_gguf(tmp_path, llama, tokenizer):
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist"):
        import_gguf(tmp_path / "absent.gguf", tmp_path / "out")
    (tmp_path / "text.gguf").write_text("a text that is long enough to hold a header, but is none at all")
    with pytest.raises(ModelError, match=r"is not a whole GGUF file: .*magic"):
        import_gguf(tmp_path / "text.gguf", tmp_path / "out")
    path = write_gguf(tmp_path / "m.gguf", llama, tokenizer)
    (tmp_path / "cut.gguf").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="is not a whole GGUF file"):
        import_gguf(tmp_path / "cut.gguf", tmp_path / "out")

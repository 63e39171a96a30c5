"""The forward pass against transformers' own, and what it refuses."""

import pytest
import torch
from tiny import tiny_llama, tiny_qwen2, tiny_qwen3

from r1kit.errors import ModelError
from r1kit.learner.packing import TokenGroup, pack
from r1kit.models.attention import PackedAttention
from r1kit.models.decoder import Decoder, can_pack

CPU = torch.device("cpu")
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]


def logits_of(decoder):
    """Of TOKENS as one sequence, by the packed attention."""
    batch = pack([TokenGroup(prompt=TOKENS[:3], completions=[TOKENS[3:]])])
    attend = PackedAttention(
        batch.layout, num_heads=decoder.num_heads, num_kv_heads=decoder.num_kv_heads, dtype=decoder.dtype
    )
    with torch.no_grad():
        return decoder.logits(decoder.hidden(batch.tokens_L, batch.positions_L, attend))[: len(TOKENS)]


@pytest.mark.parametrize(
    "model",
    [
        tiny_llama(),
        tiny_llama(tie_word_embeddings=True),
        tiny_llama(attention_bias=True, mlp_bias=True),
        tiny_llama(
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 10_000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 16,
            }
        ),
        tiny_llama(head_dim=16, num_key_value_heads=4),
        tiny_qwen2(),
        tiny_qwen3(),
    ],
)
def test_logits_are_those_of_transformers(model):
    with torch.no_grad():
        expected = model(torch.tensor([TOKENS])).logits[0]
    torch.testing.assert_close(logits_of(Decoder(model, device=CPU, dtype=torch.float32)), expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("build", [tiny_llama, tiny_qwen2, tiny_qwen3])
@pytest.mark.parametrize("tied", [False, True])
def test_packed_weights_compute_the_same(build, tied):
    model = build(tie_word_embeddings=tied)
    plain = Decoder(model, device=CPU, dtype=torch.bfloat16)
    packed = Decoder(model, device=CPU, dtype=torch.bfloat16, for_sampling=True)
    is_packed = [weight.packed is not None for weight in packed.weights]
    assert any(is_packed) == can_pack(CPU, torch.bfloat16)
    torch.testing.assert_close(logits_of(packed), logits_of(plain), atol=0.02, rtol=0.01)
    other = build(1, tie_word_embeddings=tied)
    packed.load(other)
    expected = logits_of(Decoder(other, device=CPU, dtype=torch.bfloat16))
    torch.testing.assert_close(logits_of(packed), expected, atol=0.02, rtol=0.01)


def test_float32_is_never_packed():
    decoder = Decoder(tiny_llama(), device=CPU, dtype=torch.float32, for_sampling=True)
    assert all(weight.packed is None for weight in decoder.weights)


def test_gradients_of_two_passes_add_up_and_start_again():
    model = tiny_llama()
    decoder = Decoder(model, device=CPU, dtype=torch.float32)
    decoder.train_into(model)
    batch = pack([TokenGroup(prompt=TOKENS[:3], completions=[TOKENS[3:]])])
    attend = PackedAttention(batch.layout, num_heads=4, num_kv_heads=2, dtype=torch.float32)

    def backward():
        decoder.hidden(batch.tokens_L, batch.positions_L, attend)[: len(TOKENS)].square().sum().backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}

    once, twice = backward(), backward()
    assert once["model.layers.0.self_attn.k_proj.weight"].any()
    for name, gradient in once.items():
        torch.testing.assert_close(twice[name], 2 * gradient)
    decoder.zero_grad()
    for name, gradient in backward().items():
        assert torch.equal(gradient, once[name])


def test_a_parameter_that_is_not_trained_gets_no_gradient():
    model = tiny_llama()
    model.model.layers[0].mlp.down_proj.weight.requires_grad_(False)
    decoder = Decoder(model, device=CPU, dtype=torch.float32)
    decoder.train_into(model)
    assert model.model.layers[0].mlp.down_proj.weight.grad is None
    assert model.model.layers[1].mlp.down_proj.weight.grad is not None


def test_half_of_a_fused_matrix_cannot_be_trained():
    model = tiny_llama()
    model.model.layers[1].self_attn.q_proj.weight.requires_grad_(False)
    with pytest.raises(
        ModelError, match=r"trained together or not at all; .*1.self_attn.k_proj.weight.* alone are not"
    ):
        Decoder(model, device=CPU, dtype=torch.float32).train_into(model)


def test_what_is_not_understood_is_refused():
    gelu = tiny_llama(hidden_act="gelu")
    with pytest.raises(ModelError, match=r"silu only, and this llama config has 'gelu'"):
        Decoder(gelu, device=CPU, dtype=torch.float32)
    adapted = tiny_llama()
    adapted.model.layers[0].self_attn.extra = torch.nn.Linear(2, 2, bias=False)
    with pytest.raises(ModelError, match=r"not understood: model.layers.0.self_attn.extra.weight"):
        Decoder(adapted, device=CPU, dtype=torch.float32)

"""Attention over a row against attention over each sequence alone, in strips of every size and by both ways."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from r1kit.learner.packing import TokenGroup, pack
from r1kit.models import attention
from r1kit.models.attention import PackedAttention

H, K, D = 6, 2, 8
LENGTHS = [(5, [70, 3, 41]), (40, [1]), (17, [33, 33, 16, 90])]
"""Of each prompt and its completions."""


def row_of_sequences():
    """The layout, and for each prompt and completion its tokens' places and where its own tokens begin."""
    groups = [TokenGroup(prompt=[1] * p, completions=[[2] * t for t in lengths]) for p, lengths in LENGTHS]
    layout, sequences, place = pack(groups).layout, [], 0
    for p, lengths in LENGTHS:
        prompt = list(range(place, place + p))
        place += p
        sequences.append((prompt, 0))
        for t in lengths:
            sequences.append((prompt + list(range(place, place + t)), p))
            place += t
    return layout, sequences


def attended(layout, inputs, *, fused):
    attend = PackedAttention(layout, num_heads=H, num_kv_heads=K, dtype=inputs[0].dtype, fused=fused)
    return attend(0, *inputs)


@pytest.mark.parametrize("strips", [1, 3, 100])
@pytest.mark.parametrize("max_scores", [1 << 26, 1])
@pytest.mark.parametrize("fused", [False, True])
def test_values_and_gradients_are_those_of_sequences_alone(monkeypatch, strips, max_scores, fused):
    monkeypatch.setattr(attention, "_STRIPS", strips)
    monkeypatch.setattr(attention, "_MAX_SCORES", max_scores)
    layout, sequences = row_of_sequences()
    torch.manual_seed(0)
    inputs = [torch.randn(layout.num_tokens, heads, D, requires_grad=True) for heads in (H, K, K)]
    weights = torch.randn(layout.num_tokens, H, D)
    result = attended(layout, inputs, fused=fused)
    num_real = sum(p + sum(lengths) for p, lengths in LENGTHS)
    gradients = torch.autograd.grad((result * weights)[:num_real].sum(), inputs)

    expected = torch.zeros(layout.num_tokens, H, D)
    total = torch.zeros(())
    for places, start in sequences:
        query, key, value = (x[places].transpose(0, 1) for x in inputs)
        key, value = (x.repeat_interleave(H // K, 0) for x in (key, value))
        alone = scaled_dot_product_attention(query, key, value, is_causal=True).transpose(0, 1)[start:]
        expected[places[start:]] = alone.detach()
        total = total + (alone * weights[places[start:]]).sum()
    torch.testing.assert_close(result[:num_real], expected[:num_real], atol=1e-5, rtol=0)
    for gradient, reference in zip(gradients, torch.autograd.grad(total, inputs), strict=True):
        torch.testing.assert_close(gradient, reference, atol=2e-5, rtol=0)


def test_bfloat16_is_as_near_as_its_eight_bits():
    layout, _ = row_of_sequences()
    torch.manual_seed(0)
    exact = [torch.randn(layout.num_tokens, heads, D).bfloat16().float() for heads in (H, K, K)]
    rounded = attended(layout, [x.bfloat16() for x in exact], fused=False)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float()[:300], attended(layout, exact, fused=False)[:300], atol=0.03, rtol=0.02)


def test_idle_tokens_get_no_gradient():
    layout, _ = row_of_sequences()
    inputs = [torch.randn(layout.num_tokens, heads, D, requires_grad=True) for heads in (H, K, K)]
    num_real = sum(p + sum(lengths) for p, lengths in LENGTHS)
    assert layout.num_tokens > num_real
    for gradient in torch.autograd.grad(attended(layout, inputs, fused=False)[:num_real].sum(), inputs):
        assert not gradient[num_real:].any()

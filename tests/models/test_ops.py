"""Gradients written by hand against those of autograd over the plain formula."""

import pytest
import torch

from r1kit.models.ops import rms_norm, rotate, swiglu


def same(fast, plain, *inputs):
    """Values and gradients in float32, with and without recording; bfloat16 in bfloat16 out."""
    torch.manual_seed(1)
    leaves = [torch.randn(shape, requires_grad=True) for shape in inputs]
    result, expected = fast(*leaves), plain(*leaves)
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=1e-5)
    with torch.no_grad():
        assert torch.equal(fast(*leaves), result)
    weights = torch.randn(result.shape)
    actual = torch.autograd.grad((result * weights).sum(), leaves)
    for one, other in zip(actual, torch.autograd.grad((expected * weights).sum(), leaves), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    assert fast(leaves[0].bfloat16(), *leaves[1:]).dtype == torch.bfloat16


def test_rms_norm():
    same(
        lambda x, w: rms_norm(x, w, 0.1),
        lambda x, w: x / (x.pow(2).mean(-1, keepdim=True) + 0.1).sqrt() * w,
        (7, 3, 12),
        (12,),
    )


def test_inputs_are_left_as_they_are():
    x = torch.tensor([[3.0, 4.0]])
    assert rms_norm(x, torch.ones(2), 0.0)[0].tolist() == pytest.approx([3 / 12.5**0.5, 4 / 12.5**0.5])
    assert x.tolist() == [[3.0, 4.0]]


def test_swiglu():
    same(swiglu, lambda x: torch.nn.functional.silu(x[:, :5]) * x[:, 5:], (9, 10))


def test_rotate():
    angles = torch.linspace(0, 3, 4 * 3).view(4, 1, 3).repeat(1, 1, 2)
    cos, sin = angles.cos(), angles.sin()

    def plain(x):
        return x * cos + torch.cat([-x[..., 3:], x[..., :3]], -1) * sin

    signed = sin * torch.tensor([-1.0] * 3 + [1.0] * 3)
    same(lambda x: rotate(x, cos.to(x.dtype), signed.to(x.dtype)), plain, (4, 2, 6))
    turned = rotate(torch.tensor([[[1.0, 0.0]]]), torch.zeros(1, 1, 2), torch.tensor([[[-1.0, 1.0]]]))
    assert turned.tolist() == [[[0.0, 1.0]]]  # a quarter turn

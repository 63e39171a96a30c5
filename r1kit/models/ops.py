# pyright: reportIncompatibleMethodOverride=false
"""The small operations of a decoder layer, each with its gradient written out.

Autograd would keep every intermediate tensor of these and pass over memory for each; here a norm keeps its input and
one number a row, a gated activation its input, a rotation nothing. All return the type of their input; norms compute in
float32 inside. Shape letters: L rows, E width, F width of the gated layer, H heads, D size of a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Root mean square norm, x / sqrt(mean(x^2) + eps) * weight, over the last dimension; `weight` is float32."""
    if torch.is_grad_enabled():
        result = _RMSNorm.apply(x, weight, eps)
        assert isinstance(result, Tensor)
        return result
    normed, _ = _normed(x, eps)
    return normed.mul_(weight).to(x.dtype)


def swiglu(gate_up_L2F: Tensor) -> Tensor:
    """silu(gate) * up of the two halves: (L, 2F) to (L, F)."""
    if torch.is_grad_enabled():
        result = _SwiGLU.apply(gate_up_L2F)
        assert isinstance(result, Tensor)
        return result
    gate_LF, up_LF = gate_up_L2F.chunk(2, dim=-1)
    return F.silu(gate_LF).mul_(up_LF)


def rotate(x_LHD: Tensor, cos_L1D: Tensor, signed_sin_L1D: Tensor) -> Tensor:
    """Rotary position embedding: a token's D numbers are D / 2 points, whose coordinates lie D / 2 apart.

    `signed_sin_L1D` is the sine, negative in the first half: x cos + (x with its halves exchanged) sin turns them.
    """
    if torch.is_grad_enabled():
        result = _Rotate.apply(x_LHD, cos_L1D, signed_sin_L1D)
        assert isinstance(result, Tensor)
        return result
    return _rotated(x_LHD, cos_L1D, signed_sin_L1D)


def _normed(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    normed = x.to(torch.float32, copy=True)
    length = torch.linalg.vector_norm(normed, dim=-1, keepdim=True)
    scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return normed.mul_(scale), scale


def _rotated(x_LHD: Tensor, cos_L1D: Tensor, signed_sin_L1D: Tensor) -> Tensor:
    return (x_LHD * cos_L1D).addcmul_(x_LHD.roll(x_LHD.shape[-1] // 2, -1), signed_sin_L1D)


class _RMSNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        normed, scale = _normed(x, eps)
        ctx.save_for_backward(x, weight, scale)
        return normed.mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        # With n = x * scale: dx = scale * (g * w - n * mean(g * w * n)), dw = sum over rows of g * n.
        x, weight, scale = ctx.saved_tensors
        normed = x.to(torch.float32, copy=True).mul_(scale)
        gradient = grad.to(torch.float32, copy=True)
        product = gradient * normed
        grad_weight = product.reshape(-1, x.shape[-1]).sum(0)
        mean = (product @ weight)[..., None].div_(-x.shape[-1])
        return gradient.mul_(weight).addcmul_(normed, mean).mul_(scale).to(x.dtype), grad_weight, None


class _SwiGLU(Function):
    @staticmethod
    def forward(ctx: Any, gate_up_L2F: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up_L2F)
        gate_LF, up_LF = gate_up_L2F.chunk(2, dim=-1)
        return F.silu(gate_LF).mul_(up_LF)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_LF: Tensor) -> Tensor:
        (gate_up_L2F,) = ctx.saved_tensors
        gate_LF, up_LF = gate_up_L2F.chunk(2, dim=-1)
        grad_L2F = torch.empty_like(gate_up_L2F)
        grad_gate_LF, grad_up_LF = grad_L2F.chunk(2, dim=-1)
        torch.mul(F.silu(gate_LF), grad_LF, out=grad_up_LF)
        torch.ops.aten.silu_backward.grad_input(grad_LF * up_LF, gate_LF, grad_input=grad_gate_LF)
        return grad_L2F


class _Rotate(Function):
    @staticmethod
    def forward(ctx: Any, x_LHD: Tensor, cos_L1D: Tensor, signed_sin_L1D: Tensor) -> Tensor:
        ctx.save_for_backward(cos_L1D, signed_sin_L1D)
        return _rotated(x_LHD, cos_L1D, signed_sin_L1D)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_LHD: Tensor) -> tuple[Tensor, None, None]:
        cos_L1D, signed_sin_L1D = ctx.saved_tensors
        return _rotated(grad_LHD, cos_L1D, -signed_sin_L1D), None, None

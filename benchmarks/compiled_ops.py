"""The small operations of a decoder layer as they are, and compiled by Inductor: what torch.compile would save.

    .venv/bin/python benchmarks/compiled_ops.py

Rows are those of a micro-batch of the 3.2 M Llama, 4,096 tokens in bfloat16, and of its decoding step, 256. It needs a
C++ compiler. Medians in microseconds; the seconds that the first call of each compiled function took are Inductor's.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from r1kit.models import ops
from r1kit.report.hardware import describe_hardware

ROWS, DECODING_ROWS, WIDTH, GATED, HEADS, HEAD_DIM = 4096, 256, 256, 704, 6, 64
CALLS = 60


def norm(x: Tensor, weight: Tensor) -> Tensor:
    rows = x.float()
    return (rows * torch.rsqrt(rows.square().mean(-1, keepdim=True) + 1e-6) * weight).to(x.dtype)


def norm_backward(x: Tensor, weight: Tensor, scale: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    normed, rows = x.float() * scale, grad.float()
    product = rows * normed
    mean = (product * weight).mean(-1, keepdim=True)
    return ((rows * weight - normed * mean) * scale).to(x.dtype), product.sum(0)


def swiglu(gate_up: Tensor) -> Tensor:
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


def swiglu_backward(gate_up: Tensor, grad: Tensor) -> Tensor:
    gate, up = gate_up.float().chunk(2, -1)
    rows, sigmoid = grad.float(), torch.sigmoid(gate)
    return torch.cat([rows * up * sigmoid * (1 + gate * (1 - sigmoid)), rows * gate * sigmoid], -1).to(gate_up.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([x[..., half:], x[..., :half]], -1) * sin


def main() -> None:
    torch.manual_seed(0)

    def tensor(*shape: int) -> Tensor:
        return torch.randn(*shape).bfloat16()

    x, grad, weight = tensor(ROWS, WIDTH), tensor(ROWS, WIDTH), torch.randn(WIDTH)
    gate_up, grad_gated = tensor(ROWS, 2 * GATED), tensor(ROWS, GATED)
    query, cos, sin = tensor(ROWS, HEADS, HEAD_DIM), tensor(ROWS, 1, HEAD_DIM), tensor(ROWS, 1, HEAD_DIM)
    scale = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-6)
    of_norm, of_swiglu = (SimpleNamespace(saved_tensors=kept) for kept in ((x, weight, scale), (gate_up,)))
    cases: dict[str, tuple[Callable[[], Any], Callable[..., Any], tuple[Tensor, ...]]] = {
        "norm": (lambda: ops.rms_norm(x, weight, 1e-6), norm, (x, weight)),
        "norm, backward": (lambda: ops._RMSNorm.backward(of_norm, grad), norm_backward, (x, weight, scale, grad)),
        "gate": (lambda: ops.swiglu(gate_up), swiglu, (gate_up,)),
        "gate, backward": (lambda: ops._SwiGLU.backward(of_swiglu, grad_gated), swiglu_backward, (gate_up, grad_gated)),
        "rotation": (lambda: ops.rotate(query, cos, sin), rotate, (query, cos, sin)),
    }
    few = DECODING_ROWS
    decoding: dict[str, tuple[Callable[[], Any], tuple[Tensor, ...]]] = {
        "norm": (lambda: ops.rms_norm(x[:few], weight, 1e-6), (x[:few], weight)),
        "gate": (lambda: ops.swiglu(gate_up[:few]), (gate_up[:few],)),
        "rotation": (lambda: ops.rotate(query[:few], cos[:few], sin[:few]), (query[:few], cos[:few], sin[:few])),
    }
    print("| | as it is, us | compiled, us | decoding, as it is | compiled | first call, s |")
    print("|---|---|---|---|---|---|")
    with torch.no_grad():
        for name, (ours, plain, arguments) in cases.items():
            compiled = torch.compile(plain, dynamic=True)
            started = time.perf_counter()
            compiled(*arguments)
            first_s = time.perf_counter() - started
            cells = [microseconds(ours), microseconds(lambda call=compiled, args=arguments: call(*args))]
            if name in decoding:
                ours, arguments = decoding[name]
                cells += [microseconds(ours), microseconds(lambda call=compiled, args=arguments: call(*args))]
            text = [f"{value:.0f}" for value in cells] + [""] * (4 - len(cells))
            print(f"| {name} | {' | '.join(text)} | {first_s:.1f} |")
    hardware = describe_hardware()
    print(f"\n{hardware['cpu']}, {hardware['cores']} cores, torch {hardware['torch']}")


def microseconds(call: Callable[[], Any]) -> float:
    """The median of CALLS calls after two that warm up."""
    call(), call()
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6


if __name__ == "__main__":
    main()

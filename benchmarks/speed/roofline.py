"""The time that a step's matrix products alone would take at the rate that this machine reaches on their shapes.

A dense product of (M, K) by (K, N) is timed as the models run it. What the roofline leaves out: attention scores,
the softmax over the vocabulary, norms, the optimizer, sampling, Python.
"""

from __future__ import annotations

import statistics
import time
from functools import cache
from typing import Any

from shapes import Shape

ROWS_AT_ONCE = 4096
"""Tokens of a training product, as r1kit's micro-batches have them."""


def products(shape: Shape, config: Any) -> dict[str, list[tuple[int, int, int, float]]]:
    """(M, K, N, how often) of each phase. A prompt is computed once a group, a backward pass costs two forwards."""
    E, F, V = config.hidden_size, config.intermediate_size, config.vocab_size
    D = getattr(config, "head_dim", None) or E // config.num_attention_heads
    Q, KV = D * config.num_attention_heads, D * config.num_key_value_heads
    layer = [(E, Q), (E, KV), (E, KV), (Q, E), (E, F), (E, F), (F, E)]
    body = [(k, n) for _ in range(config.num_hidden_layers) for k, n in layer]
    prompt_tokens = shape.num_problems * shape.prompt_tokens
    completion_tokens = shape.num_sequences * shape.new_tokens
    rows = min(ROWS_AT_ONCE, prompt_tokens + completion_tokens)
    return {
        "rollouts": [
            *[(prompt_tokens, k, n, 1.0) for k, n in body],
            *[(shape.num_sequences, k, n, shape.new_tokens) for k, n in [*body, (E, V)]],
        ],
        "update": [
            *[(rows, k, n, 3 * (prompt_tokens + completion_tokens) / rows) for k, n in body],
            (rows, E, V, 3 * completion_tokens / rows),
        ],
    }


def seconds(shape: Shape, config: Any, dtype: Any) -> dict[str, float]:
    """Seconds of each phase at the measured rates, and `total`."""
    phases = {
        name: sum(count * product_s(m, k, n, dtype) for m, k, n, count in listed)
        for name, listed in products(shape, config).items()
    }
    return {**phases, "total": sum(phases.values())}


@cache
def product_s(m: int, k: int, n: int, dtype: Any) -> float:
    """Median seconds of one product, weights as transformers holds them (N, K)."""
    import torch

    a, b = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
    torch.nn.functional.linear(a, b)
    times = []
    spent = time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - spent < 0.1 and len(times) < 50):
        started = time.perf_counter()
        torch.nn.functional.linear(a, b)
        times.append(time.perf_counter() - started)
    return statistics.median(times)

"""The attention function that transformers' modules call, and the two ways it attends: a prompt, or one new token.

transformers passes unknown keyword arguments of a forward down to the attention function, and makes no mask for an
attention implementation that it does not know. So the engine registers its own, passes a `kv` object, and that object
does the rest: `PromptKV` collects what a prefill computes, `DecodeKV` writes to the cache and reads from it.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, PreTrainedModel

from r1kit.engines.native.cache import KVCache

ATTENTION = "r1kit_native"
"""The name under which transformers finds `native_attention`."""


class KV(Protocol):
    """Attends with queries and keys after rotary embedding; returns (B, T, heads, D)."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """Query is (B, heads, T, D), key and value (B, H, T, D), heads a multiple of H."""
        ...


def use_native_attention(model: PreTrainedModel) -> None:
    """Make `model` call `native_attention`; from then on its forwards need the keyword `kv`."""
    AttentionInterface.register(ATTENTION, native_attention)
    model.set_attn_implementation(ATTENTION)


def native_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    kv: KV,
    **_: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in every layer; the second value is the attention weights, which are not kept."""
    layer = module.layer_idx
    assert isinstance(layer, int)
    assert attention_mask is None
    return kv.attend(layer, query, key, value, scaling), None


class PromptKV:
    """Causal attention over right-padded sequences; keeps the keys and values of every layer if asked to.

    No mask is needed: under causal attention a real token never sees the padding on its right.
    """

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """One layer of a prefill or of scoring; layers come in order."""
        if self.keep:
            assert layer == len(self.keys)
            self.keys.append(key)
            self.values.append(value)
        num_shared = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(num_shared, 1), value.repeat_interleave(num_shared, 1)
        return F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling).transpose(1, 2)


class DecodeKV:
    """Attention of one new token a row over the cache: two batched products, heads of a group side by side.

    PyTorch's fused kernels are several times slower on a CPU for one query a row.
    """

    def __init__(self, cache: KVCache, length_R: Tensor) -> None:
        """Row r has `length_R[r]` cached tokens, fewer than the cache's columns; its new token becomes the next one."""
        self.cache = cache
        self.index_RH = cache.flat_columns(length_R)
        columns_L = torch.arange(cache.capacity, device=length_R.device)
        hidden_RL = columns_L > length_R[:, None]
        bias_RL = torch.zeros_like(hidden_RL, dtype=cache.keys[0].dtype).masked_fill_(hidden_RL, -torch.inf)
        self.bias = bias_RL.repeat_interleave(cache.num_heads, 0)[:, None]  # (R*H, 1, L)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """One layer of a decoding step: writes the new key and value, then reads the cache."""
        num_rows, num_query_heads, _, head_dim = query.shape
        self.cache.write(layer, self.index_RH, key, value)
        keys, values = self.cache.read(layer, num_slots=num_rows)
        grouped = (query * scaling).reshape(len(keys), -1, head_dim)  # (R*H, query heads of one key head, D)
        scores = torch.bmm(grouped, keys.transpose(1, 2)).add_(self.bias)
        weights = torch.softmax(scores, -1, dtype=torch.float32).to(values.dtype)
        return torch.bmm(weights, values).view(num_rows, 1, num_query_heads, head_dim)

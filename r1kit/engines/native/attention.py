"""The two ways the engine attends: a whole prompt, or one new token a row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from r1kit.engines.native.cache import KVCache
from r1kit.engines.native.prompts import PromptCache, Sharing


class PromptKV:
    """Causal attention over right-padded sequences; keeps the keys and values of every layer if asked to.

    No mask is needed: under causal attention a real token never sees the padding on its right.
    """

    def __init__(self, num_prompts: int, *, keep: bool) -> None:
        self.num_prompts = num_prompts
        self.keep = keep
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def __call__(self, layer: int, query_LHD: Tensor, key_LKD: Tensor, value_LKD: Tensor) -> Tensor:
        """One layer of a prefill or of scoring; layers come in order, L is prompts times their padded length."""
        query, key, value = (
            x.view(self.num_prompts, -1, *x.shape[1:]).transpose(1, 2) for x in (query_LHD, key_LKD, value_LKD)
        )
        if self.keep:
            assert layer == len(self.keys)
            self.keys.append(key.contiguous())  # not views, which would keep the queries too
            self.values.append(value.contiguous())
        num_shared = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(num_shared, 1), value.repeat_interleave(num_shared, 1)
        return F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(0, 1)


class DecodeKV:
    """Attention of one new token a row over its prompt and what the row has drawn since.

    Two batched products for each part, the heads of a group side by side: PyTorch's fused kernels are several times
    slower on a CPU for one query a row. The rows of one prompt read its keys and values together.
    """

    def __init__(self, prompts: PromptCache, sharing: Sharing, cache: KVCache, column_R: Tensor) -> None:
        """Row r has `column_R[r]` tokens in `cache`, fewer than its columns; its new token becomes the next one."""
        self.prompts, self.sharing, self.cache = prompts, sharing, cache
        self.index_RK = cache.flat_columns(column_R)
        hidden_RL = torch.arange(cache.capacity, device=column_R.device) > column_R[:, None]
        bias_RL = torch.zeros_like(hidden_RL, dtype=cache.keys[0].dtype).masked_fill_(hidden_RL, -torch.inf)
        # W: the prompt's S columns and the own L.
        bias_RW = torch.cat([sharing.bias_RS, bias_RL], 1)
        self.bias = bias_RW.repeat_interleave(cache.num_heads, 0)[:, None]  # (R*K, 1, S + L)

    def __call__(self, layer: int, query_RHD: Tensor, key_RKD: Tensor, value_RKD: Tensor) -> Tensor:
        """One layer of a decoding step: writes the new key and value, then reads the cache."""
        num_rows, _, D = query_RHD.shape
        self.cache.write(layer, self.index_RK, key_RKD, value_RKD)
        keys, values = self.cache.read(layer, num_slots=num_rows)  # (R*K, L, D)
        prompt_keys, prompt_values = self.prompts.read(layer)  # (N*K, S, D)
        query = (query_RHD * D**-0.5).view(len(keys), -1, D)  # (R*K, heads of a key head, D)
        of_prompts = torch.bmm(self.sharing.by_prompt(query).view(len(prompt_keys), -1, D), prompt_keys.transpose(1, 2))
        of_own = torch.bmm(query, keys.transpose(1, 2))
        S = of_prompts.shape[-1]
        scores = torch.cat([self.sharing.by_row(of_prompts.view(-1, query.shape[1], S)), of_own], 2).add_(self.bias)
        weights = torch.softmax(scores, -1)
        by_prompt = self.sharing.by_prompt(weights[..., :S]).view(len(prompt_keys), -1, S)
        from_prompts = torch.bmm(by_prompt, prompt_values).view(-1, query.shape[1], D)
        from_own = torch.bmm(weights[..., S:].contiguous(), values)
        return from_own.add_(self.sharing.by_row(from_prompts)).view(query_RHD.shape)

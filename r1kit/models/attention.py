"""Attention over a flat row of tokens in which groups share their prompt.

A batch is one row of L tokens without padding: for each group its prompt once, then its completions. Everything in a
transformer but attention works token by token, so only attention needs to know which token belongs where. This
function, registered with transformers under the name ATTENTION, gathers queries, keys and values into padded blocks,
lets a prompt attend to itself and a completion to its prompt and itself, and scatters the result back into the row.
The result equals that of G separate sequences, and the prompt is computed once instead of G times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

ATTENTION = "r1kit_packed"
ROW_MULTIPLE = 512
"""Rows are filled up to a multiple of it. oneDNN compiles and keeps a kernel for every shape of a bfloat16 product;
with rows of any length a CPU spent a third of its time on that, and two gigabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLayout:
    """Where each token of the flat row belongs. N groups, B completions, P and T the longest prompt and completion."""

    prompt_index_NP: Tensor
    """(N, P) int64: place in the row of each prompt's tokens; 0 where `prompt_mask_NP` is False."""
    prompt_mask_NP: Tensor
    """(N, P) bool."""
    completion_index_BT: Tensor
    """(B, T) int64: place in the row of each completion's tokens; 0 where `completion_mask_BT` is False."""
    completion_mask_BT: Tensor
    """(B, T) bool: True on the completion's tokens, the end token included."""
    group_B: Tensor
    """(B,) int64: each completion's group."""
    place_L: Tensor
    """(L,) int64: each token's place in the concatenation of the padded prompt and completion blocks."""

    def attention_bias(self, dtype: torch.dtype) -> Tensor:
        """(B, 1, T, P + T): 0 where a completion's token may attend (its prompt, itself and before), else -inf.

        In the type that attention computes in; from a bool mask every layer would make, and save, this copy.
        """
        B, T = self.completion_index_BT.shape
        causal_TT = torch.ones(T, T, dtype=torch.bool, device=self.group_B.device).tril()
        prompt_BTP = self.prompt_mask_NP[self.group_B][:, None, :].expand(B, T, -1)
        allowed = torch.cat([prompt_BTP, causal_TT.expand(B, T, T)], dim=2)[:, None]
        return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, -torch.inf)


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    layout: PackedLayout,
    layout_bias: Tensor,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers' attention interface wants it.

    Args:
        module: the attention layer that calls.
        query: (1, H, L, D) after the rotary embedding; key and value (1, K, L, D) with K heads, H a multiple of K.
        attention_mask: unused; the layout says it all.
        scaling: factor on the scores.
        layout: where each token belongs.
        layout_bias: `layout.attention_bias(attention_dtype(...))`, made once for all layers.
        **kwargs: what transformers passes to other attention functions.

    Returns:
        (1, L, H, D) and None (no attention weights).
    """
    _, H, _, D = query.shape
    repeats = H // key.shape[1]
    dtype = attention_dtype(query.device, query.dtype)
    query_LHD, key_LKD, value_LKD = (x[0].transpose(0, 1).to(dtype) for x in (query, key, value))

    # index_select throughout: the backward pass of x[index] adds in the order in which threads come.
    def block(x_LKD: Tensor, index: Tensor, repeats: int = 1) -> Tensor:  # -> (rows, H, columns, D)
        rows, columns = index.shape
        x = x_LKD.index_select(0, index.flatten()).view(rows, columns, *x_LKD.shape[1:]).transpose(1, 2)
        return x.repeat_interleave(repeats, dim=1) if repeats > 1 else x

    prompt, completion = layout.prompt_index_NP, layout.completion_index_BT
    prompt_key, prompt_value = block(key_LKD, prompt, repeats), block(value_LKD, prompt, repeats)
    with torch.autocast(query.device.type, enabled=False):
        prompt_out = scaled_dot_product_attention(
            block(query_LHD, prompt), prompt_key, prompt_value, is_causal=True, scale=scaling
        )
        completion_out = scaled_dot_product_attention(
            block(query_LHD, completion),
            torch.cat([prompt_key.index_select(0, layout.group_B), block(key_LKD, completion, repeats)], dim=2),
            torch.cat([prompt_value.index_select(0, layout.group_B), block(value_LKD, completion, repeats)], dim=2),
            attn_mask=layout_bias,
            scale=scaling,
        )
    blocks = [x.transpose(1, 2).reshape(-1, H, D) for x in (prompt_out, completion_out)]
    return torch.cat(blocks).index_select(0, layout.place_L)[None].to(query.dtype), None


def attention_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """What attention computes in, where the matrix products are in `dtype`.

    On a CPU the backward pass of bfloat16 attention takes five times as long as that of float32.
    """
    return torch.float32 if device.type == "cpu" else dtype


def use_packed_attention(model: PreTrainedModel) -> None:
    """Make `model` attend by `packed_attention`; calls then need the keywords `layout` and `layout_bias`."""
    model.set_attn_implementation(ATTENTION)


AttentionInterface.register(ATTENTION, packed_attention)

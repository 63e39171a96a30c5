# pyright: reportIncompatibleMethodOverride=false
"""Attention over a flat row of tokens in which groups share their prompt: what training and scoring use.

A batch is one row of L tokens: for each group its prompt once, then its completions. A prompt attends to itself, a
completion to its prompt and to itself; the result equals that of separate sequences, and the prompt is computed once
instead of once a completion. On a CPU the scores are plain matrix products, which are several times faster there than
PyTorch's fused kernels, above all their backward pass; on a GPU the fused kernels run.

Shape letters: L tokens of the row, H query heads, K key/value heads, D size of a head, N prompts, B sequences of a
block, T tokens of the longest, S columns of the prefix that they attend to (the prompt; none for prompts), W = S + T.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

COLUMN_STEP = 16
"""Strips begin and end at a multiple of it: a CPU library compiles a kernel for every new shape of a product."""
_STRIPS = 4
_MAX_SCORES = 1 << 26
"""Attention scores held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Sequences that attend alike, by falling length."""

    lengths_B: Tensor
    index_BT: Tensor
    """(B, T) int64: place in the row of each token; the row's last place, which is idle, behind the sequence's end."""
    prefix_B: Tensor
    """(B,) int64: which prompt each sequence attends to; empty for prompts."""

    def to(self, device: torch.device | None) -> Block:
        """The same on `device`."""
        return Block(
            lengths_B=self.lengths_B.to(device), index_BT=self.index_BT.to(device), prefix_B=self.prefix_B.to(device)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLayout:
    """Where each token of the row belongs. The row's last token is idle: it belongs nowhere."""

    num_tokens: int
    """L."""
    prompts: Block
    completions: Block

    def to(self, device: torch.device | None) -> PackedLayout:
        """The same on `device`."""
        return PackedLayout(
            num_tokens=self.num_tokens, prompts=self.prompts.to(device), completions=self.completions.to(device)
        )


def row_size(num_tokens: int) -> int:
    """Places of a row for `num_tokens`: more than that, by a sixteenth at most (or 16).

    The sizes form a ladder: oneDNN compiles and keeps a kernel for every shape of a bfloat16 product; with rows of
    any length a CPU spent a third of its time on that, and two gigabytes.
    """
    step = max(COLUMN_STEP, 1 << max(0, num_tokens.bit_length() - 5))
    return (num_tokens // step + 1) * step


class PackedAttention:
    """Attends over a row; one object serves all layers of a model.

    Args:
        layout: where each token belongs.
        num_heads: of the queries, a multiple of num_kv_heads.
        num_kv_heads: of the keys and values.
        dtype: of queries, keys and values.
        fused: by PyTorch's fused kernels; None: where they are the faster way, which is not on a CPU. False is for
            CPUs only.
    """

    def __init__(
        self, layout: PackedLayout, *, num_heads: int, num_kv_heads: int, dtype: torch.dtype, fused: bool | None = None
    ) -> None:
        if fused is None:
            fused = layout.prompts.index_BT.device.type != "cpu"
        self._fused = _FusedPlan(layout, dtype) if fused else None
        self._plan = None if fused else _Plan(layout, num_heads, num_kv_heads, dtype)

    def __call__(self, layer: int, query_LHD: Tensor, key_LKD: Tensor, value_LKD: Tensor) -> Tensor:
        """See `r1kit.models.decoder.Attend`."""
        if self._fused is not None:
            return self._fused.attend(query_LHD, key_LKD, value_LKD)
        result = _Products.apply(query_LHD, key_LKD, value_LKD, self._plan)
        assert isinstance(result, Tensor)
        return result


class _FusedPlan:
    """Padded blocks for `scaled_dot_product_attention`; autograd does the rest."""

    def __init__(self, layout: PackedLayout, dtype: torch.dtype) -> None:
        prompts, completions = layout.prompts, layout.completions
        self.query_index = prompts.index_BT, completions.index_BT
        self.key_index = prompts.index_BT, _with_prefix(prompts, completions)
        columns_S = torch.arange(prompts.index_BT.shape[1], device=prompts.index_BT.device)
        B, T = completions.index_BT.shape
        prefix_BS = columns_S < prompts.lengths_B[completions.prefix_B][:, None]
        causal_TT = torch.ones(T, T, dtype=torch.bool, device=columns_S.device).tril()
        allowed = torch.cat([prefix_BS[:, None].expand(-1, T, -1), causal_TT.expand(B, -1, -1)], 2)[:, None]
        # In the type that is computed in; from a bool mask every layer would make, and save, this copy.
        self.bias = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, -torch.inf)
        places = torch.cat([index_BT.flatten() for index_BT in self.query_index])
        self.place_L = _inverse([places], layout.num_tokens).clamp_(max=len(places) - 1)

    def attend(self, query_LHD: Tensor, key_LKD: Tensor, value_LKD: Tensor) -> Tensor:
        """(L, H, D)."""
        repeats = query_LHD.shape[1] // key_LKD.shape[1]
        results = []
        for query_index, key_index, bias in zip(self.query_index, self.key_index, (None, self.bias), strict=True):
            query, key, value = _block(query_LHD, query_index), _block(key_LKD, key_index), _block(value_LKD, key_index)
            key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
            attended = scaled_dot_product_attention(query, key, value, attn_mask=bias, is_causal=bias is None)
            results.append(attended.transpose(1, 2).flatten(0, 1))
        return torch.cat(results).index_select(0, self.place_L)


@dataclass(frozen=True, slots=True)
class _Strip:
    """Query tokens `start` to `stop` of the first `num_rows` sequences: the others have ended before."""

    num_rows: int
    start: int
    stop: int
    query_index: Tensor
    """Flat places in (L * H) of the queries, in the order (B, K, H / K, tokens)."""
    bias: Tensor
    """(tokens, tokens): -inf above the diagonal, 0 elsewhere."""


class _BlockPlan:
    """Where a block's keys and queries lie, and the strips that it is computed in."""

    def __init__(
        self, block: Block, prompts: Block | None, num_heads: int, num_kv_heads: int, dtype: torch.dtype
    ) -> None:
        B, T = block.index_BT.shape
        self.num_heads, self.num_kv_heads = num_heads, num_kv_heads
        key_index_BW = block.index_BT if prompts is None else _with_prefix(prompts, block)
        S = self.prefix_size = key_index_BW.shape[1] - T
        self.prefix_bias: Tensor | None = None
        self.prefix_NB: Tensor | None = None
        if prompts is not None:
            self.prefix_NB = (torch.arange(len(prompts.lengths_B))[:, None] == block.prefix_B).float()
            hidden_BS = torch.arange(S) >= prompts.lengths_B[block.prefix_B][:, None]
            if hidden_BS.any():
                bias_BS = torch.zeros(B, S, dtype=dtype).masked_fill_(hidden_BS, -torch.inf)
                self.prefix_bias = bias_BS[:, None, None]
        self.key_shape = B * num_kv_heads, S + T
        self.key_index = (key_index_BW[:, None] * num_kv_heads + torch.arange(num_kv_heads)[:, None]).flatten()
        self.strips = [self._strip(block, start, stop, dtype) for start, stop in _cuts(T, B * num_heads * (S + T))]

    def own_index(self) -> Tensor:
        """Flat places in (L * K) of the block's own keys, without the prefix."""
        return self.key_index.view(self.key_shape)[:, self.prefix_size :].flatten()

    def keys(self, key: Tensor) -> Tensor:
        """(L * K, D) to (B * K, S + T, D)."""
        return key.index_select(0, self.key_index).view(*self.key_shape, -1)

    def queries(self, strip: _Strip, query: Tensor) -> Tensor:
        """(L * H, D) to (rows * K, H / K * tokens, D)."""
        return query.index_select(0, strip.query_index).view(strip.num_rows * self.num_kv_heads, -1, query.shape[-1])

    def seen(self, strip: _Strip, keys: Tensor) -> Tensor:
        """The part of keys or values (B * K, S + T, D) that some query of the strip attends to."""
        return keys[: strip.num_rows * self.num_kv_heads, : self.prefix_size + strip.stop]

    def weights(self, strip: _Strip, queries: Tensor, keys: Tensor) -> Tensor:
        """softmax(Q K^T): (rows * K, H / K * tokens, columns)."""
        scores = torch.bmm(queries, keys.transpose(1, 2))
        by_head = scores.view(strip.num_rows, self.num_heads, strip.stop - strip.start, -1)
        by_head[..., self.prefix_size + strip.start :] += strip.bias
        if self.prefix_bias is not None:
            by_head[..., : self.prefix_size] += self.prefix_bias[: strip.num_rows]
        return torch.softmax(scores, -1)

    def to_prompts(self, grad_keys: Tensor) -> Tensor:
        """Add up over a prompt's completions what they left in its columns: (B * K, S + T, D) to (N * K, S, D)."""
        assert self.prefix_NB is not None
        prefix = grad_keys[:, : self.prefix_size]
        summed = self.prefix_NB @ prefix.reshape(self.prefix_NB.shape[1], -1)
        return summed.view(-1, *prefix.shape[1:])

    def _strip(self, block: Block, start: int, stop: int, dtype: torch.dtype) -> _Strip:
        num_rows = int((block.lengths_B > start).sum())
        index_BT = block.index_BT[:num_rows, start:stop]
        query_index = (index_BT[:, None] * self.num_heads + torch.arange(self.num_heads)[:, None]).flatten()
        bias = torch.full((stop - start, stop - start), -torch.inf, dtype=dtype).triu_(1)
        return _Strip(num_rows, start, stop, query_index, bias)


class _Plan:
    """Both blocks, and where each token's result lies among the blocks' results."""

    def __init__(self, layout: PackedLayout, num_heads: int, num_kv_heads: int, dtype: torch.dtype) -> None:
        self.blocks = [
            _BlockPlan(layout.prompts, None, num_heads, num_kv_heads, dtype),
            _BlockPlan(layout.completions, layout.prompts, num_heads, num_kv_heads, dtype),
        ]
        strips = [strip.query_index for block in self.blocks for strip in block.strips]
        self.query_place = _inverse(strips, layout.num_tokens * num_heads)
        self.key_place = _inverse([block.own_index() for block in self.blocks], layout.num_tokens * num_kv_heads)


class _Products(Function):
    """Attention by batched matrix products; the weights are made again in the backward pass, not kept."""

    @staticmethod
    def forward(ctx: Any, query_LHD: Tensor, key_LKD: Tensor, value_LKD: Tensor, plan: _Plan) -> Tensor:
        query, key, value = _flat(query_LHD * query_LHD.shape[-1] ** -0.5), _flat(key_LKD), _flat(value_LKD)
        results = []
        for block in plan.blocks:
            keys, values = block.keys(key), block.keys(value)
            for strip in block.strips:
                weights = block.weights(strip, block.queries(strip, query), block.seen(strip, keys))
                results.append(torch.bmm(weights, block.seen(strip, values)))
        ctx.plan = plan
        ctx.save_for_backward(query, key, value)
        return _pick(results, plan.query_place).view(query_LHD.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_LHD: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        query, key, value = ctx.saved_tensors
        grad, D = _flat(grad_LHD), grad_LHD.shape[-1]
        grad_queries: list[Tensor] = []
        grads_BWD: list[tuple[Tensor, Tensor]] = []
        for block in ctx.plan.blocks:
            keys, values = block.keys(key), block.keys(value)
            grad_keys, grad_values = (torch.zeros(keys.shape, dtype=torch.float32) for _ in range(2))
            for strip in block.strips:
                # P = softmax(S), S = Q K^T, O = P V: dV = P^T dO, dS = softmax'(dO V^T), dQ = dS K, dK = dS^T Q.
                Q, dO, K, V = (
                    block.queries(strip, query), block.queries(strip, grad),
                    block.seen(strip, keys), block.seen(strip, values),
                )  # fmt: skip
                P = block.weights(strip, Q, K)
                block.seen(strip, grad_values).add_(torch.bmm(P.transpose(1, 2), dO))
                dS = torch._softmax_backward_data(torch.bmm(dO, V.transpose(1, 2)), P, -1, P.dtype)
                block.seen(strip, grad_keys).add_(torch.bmm(dS.transpose(1, 2), Q))
                grad_queries.append(torch.bmm(dS, K))
            grads_BWD.append((grad_keys, grad_values))
        completions = ctx.plan.blocks[1]
        grad_key, grad_value = (
            _pick(
                [of_prompts + completions.to_prompts(of_all), of_all[:, completions.prefix_size :]],
                ctx.plan.key_place,
            )
            .view(len(grad_LHD), -1, D)
            .to(key.dtype)
            for of_prompts, of_all in zip(*grads_BWD, strict=True)
        )
        return _pick(grad_queries, ctx.plan.query_place).mul_(D**-0.5).view(grad_LHD.shape), grad_key, grad_value, None


def _with_prefix(prompts: Block, completions: Block) -> Tensor:
    """(B, S + T): the places of each completion's prompt and then its own."""
    return torch.cat([prompts.index_BT[completions.prefix_B], completions.index_BT], 1)


def _block(x_LHD: Tensor, index_BT: Tensor) -> Tensor:
    # index_select: the backward pass of x[index] adds in the order in which threads come.
    return x_LHD.index_select(0, index_BT.flatten()).view(*index_BT.shape, *x_LHD.shape[1:]).transpose(1, 2)


def _cuts(num_tokens: int, scores_a_token: int) -> Iterator[tuple[int, int]]:
    """Cut `num_tokens` query tokens into strips, each with the columns up to its end only."""
    size = (
        min(max(4, -(-num_tokens // (_STRIPS * COLUMN_STEP))), max(1, _MAX_SCORES // (scores_a_token * COLUMN_STEP)))
        * COLUMN_STEP
    )
    for start in range(0, num_tokens, size):
        yield start, min(start + size, num_tokens)


def _flat(x_LHD: Tensor) -> Tensor:
    return x_LHD.reshape(-1, x_LHD.shape[-1])


def _inverse(places: Sequence[Tensor], size: int) -> Tensor:
    """For each of `size` places, where it stands in the concatenation of `places`; their number if nowhere."""
    joined = torch.cat(list(places))
    inverse = torch.full((size,), len(joined), device=joined.device)
    inverse[joined] = torch.arange(len(joined), device=joined.device)
    return inverse


def _pick(results: Sequence[Tensor], places: Tensor) -> Tensor:
    """Rows of the concatenated (..., D) results; a place behind the last is a row of zeros."""
    rows = [result.reshape(-1, result.shape[-1]) for result in results]
    return torch.cat([*rows, rows[0].new_zeros(1, rows[0].shape[-1])]).index_select(0, places)

"""Keys and values of the rows being decoded: preallocated, contiguous, written in place.

Shape letters here and in the other files of this folder: R rows (slots) of the batch, H key/value heads, L columns
that a slot has room for, D size of a head, K prompts of one prefill, T their padded length,
V vocabulary, N new tokens a row may have.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_COLUMN_STEP = 16
_STEPS_IN_A_ROW = 8


def columns_for(longest: int) -> int:
    """Columns to make room for when the longest row has `longest`: more than that, by 16 or by an eighth at most."""
    step = _COLUMN_STEP * max(1, longest // (_COLUMN_STEP * _STEPS_IN_A_ROW))
    return (longest // step + 1) * step


class KVCache:
    """A slot's token t lies in column t, so a row's length alone says which columns count.

    One tensor of (R*H, L, D) a layer for keys and one for values. All columns of the first n slots are one contiguous
    block, the only form that a CPU's `torch.bmm` takes without a copy; so the cache is kept about as narrow as the
    longest row (`columns_for`), and resized as rows grow and end.
    """

    def __init__(self, like_HTD: Sequence[Tensor], *, num_slots: int, capacity: int) -> None:
        """Room for `capacity` columns in `num_slots` slots; a sample key (H, T, D) a layer gives the other sizes."""
        self.num_slots = num_slots
        self.num_heads, _, self.head_dim = like_HTD[0].shape
        self.capacity = capacity
        self.keys = [self._columns(key, capacity) for key in like_HTD]
        self.values = [self._columns(key, capacity) for key in like_HTD]

    def resize(self, *, num_slots: int, capacity: int) -> None:
        """Keep the first slots and columns and make room for others; one layer at a time is held twice."""
        slots, columns = min(num_slots, self.num_slots), min(capacity, self.capacity)
        self.num_slots, self.capacity = num_slots, capacity
        for layers in (self.keys, self.values):
            for layer, old in enumerate(layers):
                layers[layer] = self._columns(old, capacity)
                layers[layer][: slots * self.num_heads, :columns] = old[: slots * self.num_heads, :columns]

    def write(self, layer: int, index_RH: Tensor, key: Tensor, value: Tensor) -> None:
        """Store one token a row: key and value (R, H, 1, D) at the flat columns `index_RH` of `flat_columns`."""
        self.keys[layer].view(-1, self.head_dim).index_copy_(0, index_RH, key.reshape(-1, self.head_dim))
        self.values[layer].view(-1, self.head_dim).index_copy_(0, index_RH, value.reshape(-1, self.head_dim))

    def flat_columns(self, column_R: Tensor) -> Tensor:
        """Where `write` puts column `column_R[r]` of slot r, for all heads: (R*H,) int64.

        A column beyond the last becomes the last: only an idle row has one, and nobody reads what it writes.
        """
        column_R = column_R.clamp(max=self.capacity - 1)
        num_rows = len(column_R) * self.num_heads
        starts = torch.arange(num_rows, device=column_R.device) * self.capacity
        return starts + column_R.repeat_interleave(self.num_heads)

    def read(self, layer: int, *, num_slots: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the first `num_slots` slots: two contiguous views of (num_slots*H, L, D)."""
        rows = num_slots * self.num_heads
        return self.keys[layer][:rows], self.values[layer][:rows]

    def fan_out(
        self, slots: Tensor, source: Tensor, keys_KHTD: Sequence[Tensor], values_KHTD: Sequence[Tensor]
    ) -> None:
        """Copy prompt `source[i]` of a prefill into slot `slots[i]`; a group's samples have the same source."""
        for cached, prompts in ((self.keys, keys_KHTD), (self.values, values_KHTD)):
            for layer, prompt in enumerate(prompts):
                self._by_slot(cached[layer])[slots, :, : prompt.shape[2]] = prompt[source]

    def move(self, source: Tensor, target: Tensor, *, length: int) -> None:
        """Copy the first `length` columns of slots `source` to slots `target`; the two sets do not overlap."""
        for layers in (self.keys, self.values):
            for cached in layers:
                slots = self._by_slot(cached)
                slots[target, :, :length] = slots[source, :, :length]

    def _by_slot(self, cached: Tensor) -> Tensor:
        return cached.view(self.num_slots, self.num_heads, self.capacity, self.head_dim)

    def _columns(self, like: Tensor, capacity: int) -> Tensor:
        # Zeros, not empty: masked columns get weight 0, and 0 times an uninitialised NaN would be NaN.
        return like.new_zeros(self.num_slots * self.num_heads, capacity, self.head_dim)

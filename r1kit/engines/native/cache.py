"""Keys and values of the rows being decoded: preallocated, contiguous, written in place.

Shape letters here and in the other files of this folder: R rows (slots) of the batch, L columns that a slot has room
for, N prompts in use, S their padded length, H query heads, K key/value heads, D size of a head, V vocabulary; of a
prefill or of scoring B sequences of T tokens, E width, M completion tokens, C a chunk of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from r1kit.models.attention import COLUMN_STEP

_STEPS_IN_A_ROW = 8


def columns_for(longest: int) -> int:
    """Columns to make room for when the longest row has `longest`: more than that, by 16 or by an eighth at most."""
    step = COLUMN_STEP * max(1, longest // (COLUMN_STEP * _STEPS_IN_A_ROW))
    return (longest // step + 1) * step


class KVCache:
    """A row's token t, counted from its first own one, lies in column t of its slot.

    One tensor of (R*K, L, D) a layer for keys and one for values. All columns of the first n slots are one contiguous
    block, the only form that a CPU's `torch.bmm` takes without a copy; so the cache is kept about as narrow as the
    longest row (`columns_for`), and resized as rows grow and end.
    """

    def __init__(self, *, num_layers: int, num_slots: int, num_heads: int, head_dim: int, like: Tensor) -> None:
        """Room for one step of columns in `num_slots` slots, with the type and on the device of `like`."""
        self.num_slots, self.num_heads, self.head_dim = num_slots, num_heads, head_dim
        self.capacity = columns_for(0)
        shape = num_slots * num_heads, self.capacity, head_dim
        self.keys, self.values = ([like.new_zeros(shape) for _ in range(num_layers)] for _ in range(2))
        self._spare = like.new_empty(0)

    def resize(
        self, *, num_slots: int, capacity: int, moved: tuple[Tensor, Tensor] | None = None, used: int | None = None
    ) -> None:
        """Make room for other numbers of slots and columns; keep the first slots and columns.

        One layer at a time is held twice.

        Args:
            num_slots: how many there are then.
            capacity: how many columns there are then.
            moved: (source, target), slots whose rows move to others on the way.
            used: columns that rows have filled; those behind become 0.
        """
        used = min(self.capacity, capacity) if used is None else used
        kept = min(num_slots, self.num_slots)
        for layers in (self.keys, self.values):
            for layer, old in enumerate(layers):
                old_RKLD = old.view(self.num_slots, self.num_heads, self.capacity, self.head_dim)
                new_RKLD = self._take(num_slots, capacity)
                new_RKLD[:kept, :, :used] = old_RKLD[:kept, :, :used]
                if moved is not None:
                    source, target = moved
                    new_RKLD[target, :, :used] = old_RKLD[source, :, :used]
                # Zeros, not whatever was there: hidden columns get weight 0, and 0 times NaN would be NaN.
                new_RKLD[:, :, used:] = 0
                new_RKLD[kept:] = 0
                layers[layer] = new_RKLD.flatten(0, 1)
                self._spare = old.flatten()
        self.num_slots, self.capacity = num_slots, capacity

    def write(self, layer: int, index_RK: Tensor, key_RKD: Tensor, value_RKD: Tensor) -> None:
        """Store one token a row at the flat columns `index_RK` of `flat_columns`."""
        self.keys[layer].view(-1, self.head_dim).index_copy_(0, index_RK, key_RKD.reshape(-1, self.head_dim))
        self.values[layer].view(-1, self.head_dim).index_copy_(0, index_RK, value_RKD.reshape(-1, self.head_dim))

    def flat_columns(self, column_R: Tensor) -> Tensor:
        """Where `write` puts column `column_R[r]` of slot r, for all heads: (R*K,) int64.

        A column beyond the last becomes the last: only an idle row has one, and nobody reads what it writes.
        """
        column_R = column_R.clamp(max=self.capacity - 1)
        num_rows = len(column_R) * self.num_heads
        starts = torch.arange(num_rows, device=column_R.device) * self.capacity
        return starts + column_R.repeat_interleave(self.num_heads)

    def read(self, layer: int, *, num_slots: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the first `num_slots` slots: two contiguous views of (num_slots*K, L, D)."""
        rows = num_slots * self.num_heads
        return self.keys[layer][:rows], self.values[layer][:rows]

    def _take(self, num_slots: int, capacity: int) -> Tensor:
        """Memory for one resized tensor: what the last one left, if that is large enough; fresh pages are slow.

        A CPU has twice the memory set aside, for what is not written to is not taken.
        """
        shape = num_slots, self.num_heads, capacity, self.head_dim
        size = num_slots * self.num_heads * capacity * self.head_dim
        if self._spare.untyped_storage().nbytes() < size * self._spare.element_size():
            room = 2 * size if self._spare.device.type == "cpu" else size
            return self._spare.new_empty(room)[:size].view(shape)
        return self._spare.as_strided((size,), (1,), 0).view(shape)

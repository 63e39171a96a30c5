"""Keys and values of the prompts in use, once a prompt, however many rows go on from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from r1kit.models.attention import COLUMN_STEP


class PromptCache:
    """N prompts, padded to S columns: a tensor of (N, K, S, D) a layer for keys and one for values."""

    def __init__(self) -> None:
        """Empty."""
        self.lengths: dict[int, int] = {}
        """The number of each prompt held, in the order of N, and its length in tokens."""
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []

    def add(
        self, prompts: Sequence[int], lengths: Sequence[int], keys_NKTD: list[Tensor], values_NKTD: list[Tensor]
    ) -> None:
        """Hold prompts that a prefill has computed; `keys_NKTD` has a tensor a layer, padded to the longest prompt."""
        self.lengths.update(zip(prompts, lengths, strict=True))
        columns = self._columns()
        new = [[pad(layer, (0, 0, 0, columns - layer.shape[2])) for layer in part] for part in (keys_NKTD, values_NKTD)]
        if self.keys:
            for old, added in zip((self.keys, self.values), new, strict=True):
                added[:] = [
                    torch.cat([pad(layer, (0, 0, 0, columns - layer.shape[2])), more])
                    for layer, more in zip(old, added, strict=True)
                ]
        self.keys, self.values = new

    def keep(self, prompts: Iterable[int]) -> None:
        """Drop all others."""
        kept = set(prompts)
        entries = [n for n, prompt in enumerate(self.lengths) if prompt in kept]
        if len(entries) == len(self.lengths):
            return
        self.lengths = {prompt: length for prompt, length in self.lengths.items() if prompt in kept}
        if not entries:
            self.keys, self.values = [], []
            return
        columns = self._columns()
        index = torch.tensor(entries, device=self.keys[0].device)
        self.keys, self.values = (
            [layer[index, :, :columns].contiguous() for layer in part] for part in (self.keys, self.values)
        )

    def read(self, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values: two contiguous views of (N*K, S, D)."""
        return self.keys[layer].flatten(0, 1), self.values[layer].flatten(0, 1)

    def _columns(self) -> int:
        return -(-max(self.lengths.values()) // COLUMN_STEP) * COLUMN_STEP


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which rows go on from which prompt. G: the most rows of one prompt."""

    by_prompt_NKG: Tensor
    """Flat: for each prompt, head and row of it the place in (R * K); any place where a prompt has fewer rows."""
    by_row_RK: Tensor
    """Flat: the place in (N * K * G) of each row's heads; any place for a row without a prompt."""
    bias_RS: Tensor
    """0 for the columns of the row's prompt, -inf behind its end."""

    def by_prompt(self, of_rows: Tensor) -> Tensor:
        """(R * K, ...) to (N * K * G, ...)."""
        return of_rows.index_select(0, self.by_prompt_NKG)

    def by_row(self, of_prompts: Tensor) -> Tensor:
        """(N * K * G, ...) to (R * K, ...)."""
        return of_prompts.index_select(0, self.by_row_RK)


def sharing(cache: PromptCache, prompt_of_row: Sequence[int | None]) -> Sharing:
    """Work out how rows share prompts; a row that has none is None and its scores mean nothing."""
    layer = cache.keys[0]
    N, K, S, _ = layer.shape
    entry = {prompt: n for n, prompt in enumerate(cache.lengths)}
    rows_of: list[list[int]] = [[] for _ in range(N)]
    places = []
    for row, prompt in enumerate(prompt_of_row):
        n = entry[prompt] if prompt is not None else 0
        places.append((n, len(rows_of[n]) if prompt is not None else 0))
        if prompt is not None:
            rows_of[n].append(row)
    G = max(map(len, rows_of))
    heads_K = torch.arange(K)
    row_NG = torch.tensor([[*rows, *[0] * (G - len(rows))] for rows in rows_of])
    entry_R, place_R = torch.tensor(places).unbind(1)
    by_row_RK = (entry_R[:, None] * K + heads_K) * G + place_R[:, None]
    lengths_R = torch.tensor(list(cache.lengths.values()))[entry_R]
    hidden_RS = torch.arange(S) >= lengths_R[:, None]
    return Sharing(
        by_prompt_NKG=(row_NG[:, None] * K + heads_K[:, None]).flatten().to(layer.device),
        by_row_RK=by_row_RK.flatten().to(layer.device),
        bias_RS=torch.zeros(hidden_RS.shape, dtype=layer.dtype).masked_fill_(hidden_RS, -torch.inf).to(layer.device),
    )

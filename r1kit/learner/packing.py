"""From token lists to packed micro-batches: no padding, each group's prompt once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from r1kit.models.attention import ROW_MULTIPLE, PackedLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGroup:
    """A prompt and the completions that share it: what the learner trains on. A plain document is a group of one."""

    prompt: Sequence[int]
    """At least one token, for the first completion token is predicted from the prompt's last one."""
    completions: Sequence[Sequence[int]]
    """None of them empty."""

    @property
    def num_tokens(self) -> int:
        """Tokens of the packed row."""
        return len(self.prompt) + sum(map(len, self.completions))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBatch:
    """One micro-batch: a flat row of L tokens and where each belongs.

    The row ends in up to ROW_MULTIPLE - 1 tokens that belong nowhere: nothing attends to them or is read from them.
    """

    tokens_L: Tensor
    positions_L: Tensor
    """(L,) int64: place in the sequence; every completion of a group goes on after the prompt."""
    layout: PackedLayout
    predictor_BT: Tensor
    """(B, T) int64: place in the row of the token *before* each completion token, from which it is predicted."""
    completions_BT: Tensor
    """(B, T) int64: the completions' tokens; 0 where the layout's completion_mask_BT is False."""

    def to(self, device: torch.device) -> PackedBatch:
        """The same on `device`."""
        moved = {name: getattr(self.layout, name).to(device) for name in PackedLayout.__slots__}
        return PackedBatch(
            tokens_L=self.tokens_L.to(device),
            positions_L=self.positions_L.to(device),
            layout=PackedLayout(**moved),
            predictor_BT=self.predictor_BT.to(device),
            completions_BT=self.completions_BT.to(device),
        )


def pack(groups: Sequence[TokenGroup]) -> PackedBatch:
    """Lay groups out in one row: prompt, completion, completion, ..., next prompt, ..."""
    N, B = len(groups), sum(len(group.completions) for group in groups)
    P = max(len(group.prompt) for group in groups)
    T = max(len(completion) for group in groups for completion in group.completions)
    tokens: list[int] = []
    positions: list[int] = []
    place: list[int] = []
    group_B: list[int] = []
    prompt_index = torch.zeros(N, P, dtype=torch.int64)
    prompt_mask = torch.zeros(N, P, dtype=torch.bool)
    completion_index = torch.zeros(B, T, dtype=torch.int64)
    completion_mask = torch.zeros(B, T, dtype=torch.bool)
    predictor = torch.zeros(B, T, dtype=torch.int64)
    completions = torch.zeros(B, T, dtype=torch.int64)
    for n, group in enumerate(groups):
        assert len(group.prompt) > 0, "a group's prompt is empty"
        start, length = len(tokens), len(group.prompt)
        prompt_index[n, :length] = torch.arange(start, start + length)
        prompt_mask[n, :length] = True
        tokens.extend(group.prompt)
        positions.extend(range(length))
        place.extend(range(n * P, n * P + length))
        last_of_prompt = start + length - 1
        for completion in group.completions:
            assert len(completion) > 0, "a completion is empty"
            b, start, count = len(group_B), len(tokens), len(completion)
            group_B.append(n)
            row = torch.arange(start, start + count)
            completion_index[b, :count] = row
            completion_mask[b, :count] = True
            predictor[b, 0] = last_of_prompt
            predictor[b, 1:count] = row[:-1]
            completions[b, :count] = torch.tensor(completion, dtype=torch.int64)
            tokens.extend(completion)
            positions.extend(range(length, length + count))
            place.extend(range(N * P + b * T, N * P + b * T + count))
    filling = [0] * (-len(tokens) % ROW_MULTIPLE)
    return PackedBatch(
        tokens_L=torch.tensor(tokens + filling),
        positions_L=torch.tensor(positions + filling),
        layout=PackedLayout(
            prompt_index_NP=prompt_index,
            prompt_mask_NP=prompt_mask,
            completion_index_BT=completion_index,
            completion_mask_BT=completion_mask,
            group_B=torch.tensor(group_B),
            place_L=torch.tensor(place + filling),
        ),
        predictor_BT=predictor,
        completions_BT=completions,
    )


def cut(groups: Sequence[TokenGroup], max_tokens: int) -> list[list[int]]:
    """Cut groups into micro-batches of at most `max_tokens`, similar lengths together; returns indices of groups.

    A group that is larger than `max_tokens` gets a micro-batch of its own.
    """
    order = sorted(range(len(groups)), key=lambda i: max(map(len, groups[i].completions)))
    micro_batches: list[list[int]] = []
    room = 0
    for i in order:
        if groups[i].num_tokens > room:
            micro_batches.append([])
            room = max_tokens
        micro_batches[-1].append(i)
        room -= groups[i].num_tokens
    return micro_batches

"""From token lists to packed micro-batches: no padding, each group's prompt once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from r1kit.models.attention import COLUMN_STEP, Block, PackedLayout, row_size


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

    The row ends in at least one idle token: nothing attends to it or is read from it.
    """

    tokens_L: Tensor
    positions_L: Tensor
    """(L,) int64: place in the sequence; every completion of a group goes on after the prompt."""
    layout: PackedLayout
    predictor_BT: Tensor
    """(B, T) int64: place in the row of the token *before* each completion token, from which it is predicted."""
    completions_BT: Tensor
    """(B, T) int64: the completions' tokens; 0 where `mask_BT` is False."""
    mask_BT: Tensor
    """(B, T) bool: True on the completion's tokens, the end token included."""
    last_B: Tensor
    """(B,) int64: place in the row of each completion's last token."""


def pack(groups: Sequence[TokenGroup], *, device: torch.device | None = None) -> PackedBatch:
    """Lay groups out in one row: prompt, completion, completion, ..., next prompt, ..."""
    tokens: list[int] = []
    positions: list[int] = []
    prompts: list[tuple[int, int]] = []  # start in the row and length
    completions: list[tuple[int, int]] = []
    group_B: list[int] = []
    for n, group in enumerate(groups):
        assert len(group.prompt) > 0, "a group's prompt is empty"
        prompts.append((len(tokens), len(group.prompt)))
        tokens.extend(group.prompt)
        positions.extend(range(len(group.prompt)))
        for completion in group.completions:
            assert len(completion) > 0, "a completion is empty"
            completions.append((len(tokens), len(completion)))
            group_B.append(n)
            tokens.extend(completion)
            positions.extend(range(len(group.prompt), len(group.prompt) + len(completion)))
    idle = [0] * (row_size(len(tokens)) - len(tokens))

    starts_B, lengths_B = torch.tensor(completions).unbind(1)
    columns_T = torch.arange(int(lengths_B.max()))
    mask_BT = columns_T < lengths_B[:, None]
    place_BT = starts_B[:, None] + columns_T
    predictor_BT = place_BT - 1
    predictor_BT[:, 0] = torch.tensor([start + length - 1 for start, length in prompts])[group_B]
    tokens_L = torch.tensor(tokens + idle)

    prompt_order = sorted(range(len(prompts)), key=lambda n: -prompts[n][1])
    rank_N = torch.tensor(prompt_order).argsort()
    completion_order = sorted(range(len(completions)), key=lambda b: -completions[b][1])
    layout = PackedLayout(
        num_tokens=len(tokens_L),
        prompts=_block([prompts[n] for n in prompt_order], len(tokens_L) - 1, torch.empty(0, dtype=torch.int64)),
        completions=_block(
            [completions[b] for b in completion_order],
            len(tokens_L) - 1,
            rank_N[torch.tensor(group_B)[completion_order]],
        ),
    )
    return PackedBatch(
        tokens_L=tokens_L.to(device),
        positions_L=torch.tensor(positions + idle, device=device),
        layout=layout.to(device),
        predictor_BT=predictor_BT.where(mask_BT, 0).to(device),
        completions_BT=tokens_L[place_BT.clamp(max=len(tokens_L) - 1)].where(mask_BT, 0).to(device),
        mask_BT=mask_BT.to(device),
        last_B=(starts_B + lengths_B - 1).to(device),
    )


def _block(sequences: Sequence[tuple[int, int]], idle: int, prefix_B: Tensor) -> Block:
    starts_B, lengths_B = torch.tensor(sequences).unbind(1)
    columns_T = torch.arange(-(-int(lengths_B.max()) // COLUMN_STEP) * COLUMN_STEP)
    index_BT = (starts_B[:, None] + columns_T).where(columns_T < lengths_B[:, None], idle)
    return Block(lengths_B=lengths_B, index_BT=index_BT, prefix_B=prefix_B)


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What is computed at once."""

    groups: list[TokenGroup]
    rows: list[int]
    """Which completions these are, among those of all groups of the step in order."""


def cut(groups: Sequence[TokenGroup], max_tokens: int) -> list[MicroBatch]:
    """Cut groups into micro-batches of at most `max_tokens`, similar lengths together.

    A group that is larger is split, and each part has the prompt; one completion is never split.
    """
    parts = sorted(_parts(groups, max_tokens), key=lambda part: max(map(len, part.groups[0].completions)))
    micro_batches: list[MicroBatch] = []
    room = 0
    for part in parts:
        size = part.groups[0].num_tokens
        if size > room:
            micro_batches.append(MicroBatch([], []))
            room = max_tokens
        micro_batches[-1].groups.extend(part.groups)
        micro_batches[-1].rows.extend(part.rows)
        room -= size
    return micro_batches


def _parts(groups: Sequence[TokenGroup], max_tokens: int) -> Iterator[MicroBatch]:
    first = 0
    for group in groups:
        count = len(group.completions)
        room = max(1, max_tokens - len(group.prompt))
        lengths = [len(completion) for completion in group.completions]
        by_length = sorted(range(count), key=lambda i: lengths[i])
        # Dealt out, so that parts have about as many tokens; in more parts if one of them does not fit.
        num_parts = min(count, -(-sum(lengths) // room))
        while any(
            len(dealt := by_length[part::num_parts]) > 1 and sum(lengths[i] for i in dealt) > room
            for part in range(num_parts)
        ):
            num_parts += 1
        for part in range(num_parts):
            chosen = sorted(by_length[part::num_parts])
            yield MicroBatch(
                [TokenGroup(prompt=group.prompt, completions=[group.completions[i] for i in chosen])],
                [first + i for i in chosen],
            )
        first += count

"""The state of the rows being decoded, on the device: one slot a row, updated for all rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor


class Status(IntEnum):
    """What a slot holds. A row that ended keeps its slot, idle, until it is collected."""

    LIVE = 0
    END_TOKEN = 1
    LENGTH = 2
    STOP_STRING = 3
    EMPTY = 4


@dataclass(frozen=True, slots=True)
class Ended:
    """A row that was collected."""

    request: int
    tokens: list[int]
    logprobs: list[float]
    status: Status


class Rows:
    """R slots, of which the first `num_active` are decoded at every step."""

    def __init__(self, num_slots: int, *, max_new_tokens: int, end_tokens: Sequence[int], device: torch.device) -> None:
        """All slots start empty."""

        def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
            return torch.zeros(*shape, dtype=dtype, device=device)

        self.num_slots = num_slots
        self.num_active = 0
        self.slots_R = torch.arange(num_slots, device=device)
        self.request_R = zeros(num_slots)
        self.token_R = zeros(num_slots)
        """The last token drawn: the next step's input."""
        self.length_R = zeros(num_slots)
        """Tokens of the prompt and cached own tokens, which is also the position of the next input."""
        self.prompt_length_R = zeros(num_slots)
        self.count_R = zeros(num_slots)
        """Tokens drawn so far."""
        self.limit_R = zeros(num_slots)
        """Tokens that may be drawn."""
        self.status_R = torch.full((num_slots,), Status.EMPTY.value, device=device)
        # One column more than tokens: an idle row's draws land behind its last token.
        self.tokens_RN = zeros(num_slots, max_new_tokens + 1)
        self.logprobs_RN = zeros(num_slots, max_new_tokens + 1, dtype=torch.float32)
        self.uniforms_RN = zeros(num_slots, max_new_tokens + 1, dtype=torch.float32)
        self._end_tokens = torch.tensor(list(end_tokens), dtype=torch.int64, device=device)

    @property
    def num_live(self) -> int:
        """Rows still going; waits for the device."""
        return int((self.status_R == Status.LIVE).sum())

    @property
    def longest(self) -> int:
        """The most cached own tokens of a live row (0 without one); waits for the device."""
        return int(((self.length_R - self.prompt_length_R) * (self.status_R == Status.LIVE)).max())

    def free_slots(self) -> list[int]:
        """Slots that hold nothing, lowest first."""
        return (self.status_R == Status.EMPTY).nonzero()[:, 0].tolist()

    def start(
        self,
        slots_M: Tensor,
        *,
        requests: list[int],
        prompt_lengths: list[int],
        limits: list[int],
        uniforms_MN: Tensor | None,
    ) -> None:
        """Put M requests into empty slots; their prompts are in the cache. `uniforms_MN` None: nothing is random."""
        columns = (
            (self.request_R, requests),
            (self.length_R, prompt_lengths),
            (self.prompt_length_R, prompt_lengths),
            (self.limit_R, limits),
        )
        for state_R, values in columns:
            state_R[slots_M] = torch.tensor(values, device=state_R.device)
        self.count_R[slots_M] = 0
        self.status_R[slots_M] = Status.LIVE.value
        if uniforms_MN is not None:
            self.uniforms_RN[slots_M, : uniforms_MN.shape[1]] = uniforms_MN
        self.num_active = max(self.num_active, int(slots_M.max()) + 1)

    def next_uniforms(self, slots_M: Tensor) -> Tensor:
        """The number that draws the next token of each slot: (M,) float32."""
        return self.uniforms_RN[slots_M, self.count_R[slots_M]]

    def append(self, slots_M: Tensor, token_M: Tensor, logprob_M: Tensor) -> None:
        """Record the token drawn for each slot, and which rows it ends; rows that ended before stay as they are."""
        count_M, status_M = self.count_R[slots_M], self.status_R[slots_M]
        self.tokens_RN[slots_M, count_M] = token_M
        self.logprobs_RN[slots_M, count_M] = logprob_M
        self.token_R[slots_M] = token_M
        live_M = status_M == Status.LIVE
        count_M = count_M + live_M
        self.count_R[slots_M] = count_M
        status_M = torch.where(live_M & (count_M >= self.limit_R[slots_M]), Status.LENGTH.value, status_M)
        is_end_M = (token_M[:, None] == self._end_tokens).any(-1)
        self.status_R[slots_M] = torch.where(live_M & is_end_M, Status.END_TOKEN.value, status_M)

    def tokens(self, slot: int) -> list[int]:
        """What slot `slot` has drawn so far."""
        return self.tokens_RN[slot, : int(self.count_R[slot])].tolist()

    def collect(self) -> list[Ended]:
        """Take out the rows that ended and empty their slots."""
        ended_R = (self.status_R != Status.LIVE) & (self.status_R != Status.EMPTY)
        slots_M = ended_R.nonzero()[:, 0]
        if len(slots_M) == 0:
            return []
        counts = self.count_R[slots_M].tolist()
        ended = zip(
            self.request_R[slots_M].tolist(),
            self.tokens_RN[slots_M, : max(counts)].tolist(),
            self.logprobs_RN[slots_M, : max(counts)].tolist(),
            self.status_R[slots_M].tolist(),
            counts,
            strict=True,
        )
        self.status_R[slots_M] = Status.EMPTY.value
        return [
            Ended(request, tokens[:count], logprobs[:count], Status(status))
            for request, tokens, logprobs, status, count in ended
        ]

    def compact(self, num_slots: int) -> tuple[Tensor, Tensor]:
        """Move live rows into the first `num_slots` slots; returns (source, target) for the cache to follow."""
        live = (self.status_R == Status.LIVE).nonzero()[:, 0]
        source_M = live[live >= num_slots]
        target_M = (self.status_R[:num_slots] == Status.EMPTY).nonzero()[: len(source_M), 0]
        per_row = (self.request_R, self.token_R, self.length_R, self.prompt_length_R, self.count_R, self.limit_R)
        for state in (*per_row, self.status_R, self.tokens_RN, self.logprobs_RN, self.uniforms_RN):
            state[target_M] = state[source_M]
        self.status_R[source_M] = Status.EMPTY.value
        self.num_active = num_slots
        return source_M, target_M

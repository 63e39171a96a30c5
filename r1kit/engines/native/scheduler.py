"""Continuous batching: prefill a prompt once for its whole group, decode all rows together, refill what ends.

    while requests wait or rows are live:
        enough slots are free and requests wait   -> collect what ended, prefill, draw the first tokens
        many slots idle and nothing waits         -> collect what ended, compact
        otherwise                                 -> one decoding step: a token a row

Nothing here changes what is drawn: a row reads its own columns of the cache and its own stream of uniforms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from r1kit.engines.native.attention import DecodeKV
from r1kit.engines.native.cache import columns_for
from r1kit.engines.native.policy import PolicyCopy
from r1kit.engines.native.prompts import PromptCache, Sharing, sharing
from r1kit.engines.native.rows import Ended, Rows, Status
from r1kit.engines.native.sampler import draw_tokens, uniforms
from r1kit.engines.native.stopping import StopStrings
from r1kit.types import SamplingParams

PREFILL_TOKENS = 8192
"""Padded tokens of one prefill or scoring forward, unless a single sequence is longer."""
_REFILL_SHARE = 1 / 8
"""Share of the slots that must be free before waiting requests are let in: a prefill costs a forward of its own."""
_COMPACT_SHARE = 3 / 4
"""With nothing waiting, rows are moved together once they fit into this share of the decoded slots."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one call of `sample` asks for. Request p*num_samples+g is sample g of prompt p."""

    prompts: Sequence[Sequence[int]]
    num_samples: int
    params: SamplingParams
    seed: int
    max_context: int

    def limit(self, prompt: int) -> int:
        """Tokens that a completion of this prompt may have."""
        return min(self.params.max_new_tokens, self.max_context - len(self.prompts[prompt]))


def chunks(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Cut item numbers, sorted by falling length, into runs of at most PREFILL_TOKENS once padded."""
    start = 0
    while start < len(order):
        size = max(1, PREFILL_TOKENS // lengths[order[start]])
        yield list(order[start : start + size])
        start += size


def smallest_fit(num_live: int, num_slots: int) -> int:
    """Shrink `num_slots` by _COMPACT_SHARE as often as `num_live` rows still fit.

    The sizes form a fixed ladder, because a CPU library compiles its kernels anew for each number of rows it meets.
    """
    while (smaller := int(num_slots * _COMPACT_SHARE)) >= num_live:
        num_slots = smaller
    return num_slots


class Scheduler:
    """Runs one job to its end."""

    def __init__(
        self,
        policy: PolicyCopy,
        job: Job,
        *,
        max_batch_size: int,
        end_tokens: Sequence[int],
        stop: StopStrings | None,
        watch: Callable[[list[int]], None] | None = None,
    ) -> None:
        self.policy = policy
        self.job = job
        self.stop = stop
        self.watch = watch
        num_requests = len(job.prompts) * job.num_samples
        self.rows = Rows(
            min(max_batch_size, num_requests),
            max_new_tokens=max(map(job.limit, range(len(job.prompts)))),
            end_tokens=end_tokens,
            device=policy.device,
        )
        self.longest = 0  # own cached tokens of the longest live row; may lag behind, never too small
        self._cache = policy.new_cache(self.rows.num_slots)
        self._prompts = PromptCache()
        self._sharing: Sharing | None = None  # made when rows start or move
        # Longest first: a chunk's prompts have similar lengths, and the longest completions do not start last.
        by_length = sorted(range(len(job.prompts)), key=lambda p: -len(job.prompts[p]))
        self._waiting = [p * job.num_samples + g for p in by_length for g in range(job.num_samples)]
        self._next = 0
        self._split: tuple[int, Tensor] | None = None  # a prompt whose group is only partly let in, and its logits_V

    def run(self) -> Iterator[Ended]:
        """Yield every request once, in the order in which they end."""
        while True:
            num_live, num_waiting = self.rows.num_live, len(self._waiting) - self._next
            if num_waiting and self.rows.num_slots - num_live >= max(1, self.rows.num_slots * _REFILL_SHARE):
                yield from self.rows.collect()
                self._admit()
            elif num_live == 0:
                yield from self.rows.collect()
                return
            else:
                num_slots = smallest_fit(num_live, self.rows.num_active)
                if not num_waiting and num_slots < self.rows.num_active:
                    yield from self.rows.collect()
                    self._compact(num_slots)
                self._decode_step()
                if self.watch is not None:
                    self.watch(self.rows.tokens(0))

    def _admit(self) -> None:
        """Let waiting requests into the free slots: prefill their prompts, chunk by chunk, and start their rows."""
        slots = self.rows.free_slots()
        requests = self._waiting[self._next : self._next + len(slots)]
        self._next += len(requests)
        by_prompt: dict[int, list[int]] = {}
        for request in requests:
            by_prompt.setdefault(self._prompt(request), []).append(request)

        self._prompts.keep({*by_prompt, *self._live_prompts()})
        if self._split is not None:
            prompt, logits_V = self._split
            slots = self._start([by_prompt.pop(prompt)], logits_V[None], slots)
        for chunk in chunks(list(by_prompt), [len(prompt) for prompt in self.job.prompts]):
            prefilled = self.policy.prefill([self.job.prompts[p] for p in chunk])
            self._prompts.add(chunk, prefilled.lengths, prefilled.keys, prefilled.values)
            slots = self._start([by_prompt[p] for p in chunk], prefilled.logits_NV, slots)
            self._split = chunk[-1], prefilled.logits_NV[-1].clone()
            del prefilled  # else it would live while the next one is made
        if requests[-1] % self.job.num_samples == self.job.num_samples - 1:
            self._split = None
        self._share()
        self.longest = self.rows.longest
        if (narrower := columns_for(self.longest)) <= self._cache.capacity * _COMPACT_SHARE:
            self._cache.resize(num_slots=self._cache.num_slots, capacity=narrower)

    def _start(self, groups: list[list[int]], logits_NV: Tensor, slots: list[int]) -> list[int]:
        """Start the requests of each prompt and draw their first tokens; returns the slots left over."""
        requests = [request for group in groups for request in group]
        prompts = [self._prompt(request) for request in requests]
        source = [n for n, group in enumerate(groups) for _ in group]
        slots_M, source_M = (
            torch.tensor(indices, device=self.policy.device) for indices in (slots[: len(requests)], source)
        )
        self.rows.start(
            slots_M,
            requests=requests,
            prompt_lengths=[len(self.job.prompts[p]) for p in prompts],
            limits=[self.job.limit(p) for p in prompts],
            uniforms_MN=self._uniforms(requests),
        )
        self._draw(slots_M, logits_NV[source_M])
        return slots[len(requests) :]

    def _decode_step(self) -> None:
        rows, cache = self.rows, self._cache
        if self.longest >= cache.capacity:
            self.longest = rows.longest  # the row that was the longest may have ended
        if self.longest >= cache.capacity:
            cache.resize(num_slots=cache.num_slots, capacity=columns_for(self.longest))
        active = slice(rows.num_active)
        length_R, prompt_length_R = rows.length_R[active], rows.prompt_length_R[active]
        assert self._sharing is not None
        kv = DecodeKV(self._prompts, self._sharing, cache, length_R - prompt_length_R)
        logits_RV = self.policy.decode(rows.token_R[active], length_R, kv)
        length_R += rows.status_R[active] == Status.LIVE
        self.longest += 1
        self._draw(rows.slots_R[active], logits_RV)

    def _draw(self, slots_M: Tensor, logits_MV: Tensor) -> None:
        """Draw the next token of each slot and stop what it ends."""
        token_M, logprob_M = draw_tokens(logits_MV, self.rows.next_uniforms(slots_M), self.job.params)
        self.rows.append(slots_M, token_M, logprob_M)
        if self.stop is not None:
            # An end token or the last token may complete a stop string too; `StopStrings.cut` sees to those.
            suspect_M = self.stop.may_complete_V[token_M] & (self.rows.status_R[slots_M] == Status.LIVE)
            for slot in slots_M[suspect_M].tolist():
                if self.stop.just_completed(self.rows.tokens(slot)):
                    self.rows.status_R[slot] = Status.STOP_STRING.value

    def _compact(self, num_slots: int) -> None:
        moved = self.rows.compact(num_slots)
        self.longest = self.rows.longest
        self._cache.resize(num_slots=num_slots, capacity=columns_for(self.longest), moved=moved, used=self.longest)
        self._prompts.keep(self._live_prompts())
        self._share()

    def _share(self) -> None:
        active = slice(self.rows.num_active)
        live = (self.rows.status_R[active] == Status.LIVE).tolist()
        requests = self.rows.request_R[active].tolist()
        self._sharing = sharing(
            self._prompts, [self._prompt(r) if is_live else None for r, is_live in zip(requests, live, strict=True)]
        )

    def _live_prompts(self) -> set[int]:
        live_R = self.rows.status_R == Status.LIVE
        return {self._prompt(request) for request in self.rows.request_R[live_R].tolist()}

    def _prompt(self, request: int) -> int:
        return request // self.job.num_samples

    def _uniforms(self, requests: Sequence[int]) -> Tensor | None:
        if self.job.params.temperature == 0:
            return None
        size = self.rows.uniforms_RN.shape[1] - 1
        streams = [uniforms(self.job.seed, *divmod(request, self.job.num_samples), size) for request in requests]
        return torch.from_numpy(np.stack(streams)).to(self.policy.device)

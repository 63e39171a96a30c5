"""Continuous batching: prefill a prompt once for its whole group, decode all rows together, refill what ends.

    while requests wait or rows are live:
        enough slots are free and requests wait   -> collect what ended, prefill, fan out, draw the first token
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
from r1kit.engines.native.cache import KVCache, columns_for
from r1kit.engines.native.policy import PolicyCopy, Prefilled
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
        self.longest = 0  # cached tokens of the longest live row; may lag behind, never too small
        self._cache: KVCache | None = None  # made by the first prefill, which knows the sizes
        # Longest first: a chunk's prompts have similar lengths, and the longest completions do not start last.
        by_length = sorted(range(len(job.prompts)), key=lambda p: -len(job.prompts[p]))
        self._waiting = [p * job.num_samples + g for p in by_length for g in range(job.num_samples)]
        self._next = 0
        self._split: tuple[int, Prefilled] | None = None  # the prompt whose group is only partly let in

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
        """Let waiting requests into the free slots: prefill their prompts, chunk by chunk, and fan out."""
        slots = self.rows.free_slots()
        requests = self._waiting[self._next : self._next + len(slots)]
        self._next += len(requests)
        by_prompt: dict[int, list[int]] = {}
        for request in requests:
            by_prompt.setdefault(request // self.job.num_samples, []).append(request)

        if self._split is not None:
            prompt, prefilled = self._split
            slots = self._fan_out(prefilled, [by_prompt.pop(prompt)], slots)
        lengths = [len(prompt) for prompt in self.job.prompts]
        prefilled, chunk = None, []
        for chunk in chunks(list(by_prompt), lengths):
            prefilled = self.policy.prefill([self.job.prompts[p] for p in chunk])
            slots = self._fan_out(prefilled, [by_prompt[p] for p in chunk], slots)

        if requests[-1] % self.job.num_samples == self.job.num_samples - 1:
            self._split = None
        elif prefilled is not None:
            self._split = chunk[-1], prefilled.only(len(chunk) - 1)
        self.longest = self.rows.longest
        assert self._cache is not None
        # Prompts that still wait are no longer than those of the rows just started, so they will fit as well.
        if (narrower := columns_for(self.longest)) <= self._cache.capacity * _COMPACT_SHARE:
            self._cache.resize(num_slots=self._cache.num_slots, capacity=narrower)

    def _fan_out(self, prefilled: Prefilled, groups: list[list[int]], slots: list[int]) -> list[int]:
        """Start the requests of each prefilled prompt and draw their first tokens; returns the slots left over."""
        source = [k for k, group in enumerate(groups) for _ in group]
        requests = [request for group in groups for request in group]
        prompts = [request // self.job.num_samples for request in requests]
        slots_M, source_M = (
            torch.tensor(indices, device=self.policy.device) for indices in (slots[: len(requests)], source)
        )
        self._cache_for(prefilled).fan_out(slots_M, source_M, prefilled.keys, prefilled.values)
        self.rows.start(
            slots_M,
            requests=requests,
            lengths=[prefilled.lengths[k] for k in source],
            limits=[self.job.limit(p) for p in prompts],
            uniforms_MN=self._uniforms(requests),
        )
        self._draw(slots_M, prefilled.logits_KV[source_M])
        return slots[len(requests) :]

    def _decode_step(self) -> None:
        rows, cache = self.rows, self._cache
        assert cache is not None
        if self.longest >= cache.capacity:
            self.longest = rows.longest  # the row that was the longest may have ended
        if self.longest >= cache.capacity:
            cache.resize(num_slots=cache.num_slots, capacity=columns_for(self.longest))
        length_R = rows.length_R[: rows.num_active]
        kv = DecodeKV(cache, length_R)
        logits_RV = self.policy.decode(rows.token_R[: rows.num_active], length_R, kv)
        length_R += rows.status_R[: rows.num_active] == Status.LIVE
        self.longest += 1
        self._draw(rows.slots_R[: rows.num_active], logits_RV)

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
        source_M, target_M = self.rows.compact(num_slots)
        self.longest = self.rows.longest
        assert self._cache is not None
        self._cache.move(source_M, target_M, length=self.longest)
        self._cache.resize(num_slots=num_slots, capacity=columns_for(self.longest))

    def _uniforms(self, requests: Sequence[int]) -> Tensor | None:
        if self.job.params.temperature == 0:
            return None
        size = self.rows.uniforms_RN.shape[1] - 1
        streams = [uniforms(self.job.seed, *divmod(request, self.job.num_samples), size) for request in requests]
        return torch.from_numpy(np.stack(streams)).to(self.policy.device)

    def _cache_for(self, prefilled: Prefilled) -> KVCache:
        """The cache, made at the first prefill: that has the longest prompts."""
        if self._cache is None:
            self._cache = KVCache(
                [layer[0] for layer in prefilled.keys],
                num_slots=self.rows.num_slots,
                capacity=columns_for(max(prefilled.lengths)),
            )
        return self._cache

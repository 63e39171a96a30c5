"""The engine's own copy of the policy: its weights, a prefill, a decoding step, and scoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from r1kit.engines.native.attention import DecodeKV, PromptKV
from r1kit.engines.native.cache import KVCache
from r1kit.models.decoder import Decoder

_LOGITS_AT_ONCE = 1 << 26
"""Logits that scoring holds at a time: 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Prefilled:
    """What a prefill of N prompts leaves: keys and values a layer (N, K, T, D), next-token logits, lengths."""

    keys: list[Tensor]
    values: list[Tensor]
    logits_NV: Tensor
    lengths: list[int]


class PolicyCopy:
    """A frozen copy of a causal language model, in a dtype and on a device of its own."""

    def __init__(self, model: PreTrainedModel, *, device: torch.device, dtype: torch.dtype) -> None:
        """Copy `model`, which is not touched. Raises ModelError for a family or a variant that is not supported."""
        self.device = device
        self.decoder = Decoder(model, device=device, dtype=dtype, for_sampling=True)
        self.vocab_size = self.decoder.vocab_size

    def load(self, model: PreTrainedModel) -> None:
        """Copy the parameters of `model` in place. Raises ModelError where names or shapes differ."""
        self.decoder.load(model)

    def new_cache(self, num_slots: int) -> KVCache:
        """An empty cache for this model."""
        decoder = self.decoder
        return KVCache(
            num_layers=len(decoder.layers),
            num_slots=num_slots,
            num_heads=decoder.num_kv_heads,
            head_dim=decoder.head_dim,
            like=decoder.embedding.value,
        )

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """One forward over N prompts, right-padded to the longest."""
        tokens_NT, lengths = self._pad(prompts), [len(prompt) for prompt in prompts]
        kv = PromptKV(len(prompts), keep=True)
        hidden_NTE = self._hidden(tokens_NT, kv)
        last = torch.tensor(lengths, device=self.device) - 1
        hidden_NE = hidden_NTE[torch.arange(len(prompts), device=self.device), last]
        return Prefilled(kv.keys, kv.values, self.decoder.logits(hidden_NE), lengths)

    def decode(self, token_R: Tensor, length_R: Tensor, kv: DecodeKV) -> Tensor:
        """Feed one token a row, at position `length_R`; returns logits_RV in the model's dtype."""
        return self.decoder.logits(self.decoder.hidden(token_R, length_R, kv))

    def score(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], *, temperature: float) -> list[list[float]]:
        """The log of softmax(logits / temperature) of each completion's tokens, in one forward over all pairs."""
        tokens_BT = self._pad([[*prompt, *completion] for prompt, completion in pairs])
        hidden_BTE = self._hidden(tokens_BT, PromptKV(len(pairs), keep=False))
        starts = torch.tensor([len(prompt) for prompt, _ in pairs], device=self.device)[:, None]
        ends = torch.tensor([len(prompt) + len(completion) for prompt, completion in pairs], device=self.device)[
            :, None
        ]
        positions = torch.arange(tokens_BT.shape[1], device=self.device)
        is_completion_BT = (positions >= starts) & (positions < ends)
        # The hidden state at t - 1 predicts token t.
        hidden_ME, target_M = hidden_BTE[:, :-1][is_completion_BT[:, 1:]], tokens_BT[is_completion_BT]
        size = max(1, _LOGITS_AT_ONCE // self.vocab_size)
        logprobs: list[float] = []
        for hidden_CE, target_C in zip(hidden_ME.split(size), target_M.split(size), strict=True):
            logits_CV = self.decoder.logits(hidden_CE).float()
            if temperature != 1:
                logits_CV = logits_CV / temperature
            logprobs += logits_CV.log_softmax(-1).gather(-1, target_C[:, None])[:, 0].tolist()
        scored: Iterator[float] = iter(logprobs)
        return [[next(scored) for _ in completion] for _, completion in pairs]

    def _hidden(self, tokens_BT: Tensor, kv: PromptKV) -> Tensor:
        B, T = tokens_BT.shape
        positions_L = torch.arange(T, device=self.device).repeat(B)
        return self.decoder.hidden(tokens_BT.flatten(), positions_L, kv).view(B, T, -1)

    def _pad(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        longest = max(map(len, sequences))
        # Any token pads: what stands to the right of a sequence is never attended to nor read.
        return torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in sequences], device=self.device)

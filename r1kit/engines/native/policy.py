"""The engine's own copy of the policy: its weights, a prefill, a decoding step, and scoring."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from r1kit.engines.native.attention import KV, DecodeKV, PromptKV, use_native_attention
from r1kit.errors import ModelError, suggest

FAMILIES = ("llama", "qwen2", "qwen3")
"""Model types whose parity with transformers is tested."""

_LOGITS_AT_ONCE = 1 << 26
"""Logits that scoring holds at a time: 256 MiB in float32."""


@dataclass(frozen=True, slots=True)
class Prefilled:
    """What a prefill of K prompts leaves: keys and values a layer (K, H, T, D), next-token logits, lengths."""

    keys: list[Tensor]
    values: list[Tensor]
    logits_KV: Tensor
    lengths: list[int]

    def only(self, prompt: int) -> Prefilled:
        """One prompt of it, in memory of its own."""
        length = self.lengths[prompt]
        keys, values = (
            [layer[prompt : prompt + 1, :, :length].clone() for layer in layers] for layers in (self.keys, self.values)
        )
        return Prefilled(keys, values, self.logits_KV[prompt : prompt + 1].clone(), [length])


class PolicyCopy:
    """A frozen copy of a causal language model, with attention of our own, in a dtype and on a device of its own."""

    def __init__(self, model: PreTrainedModel, *, device: torch.device, dtype: torch.dtype) -> None:
        """Copy `model`, which is not touched. Raises ModelError for a family or an attention that is not supported."""
        _check_supported(model)
        self.device = device
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        nn.Module.to(self.model, device)
        for parameter in self.model.parameters():
            # Not `.to(dtype)`: that would round the rotary frequencies, a buffer, as well.
            parameter.data = parameter.data.to(dtype)
        use_native_attention(self.model)
        self.vocab_size: int = self.model.config.vocab_size
        self._body = self.model.base_model
        head = self.model.get_output_embeddings()
        assert head is not None
        self._head: nn.Module = head

    @torch.no_grad()
    def load(self, model: PreTrainedModel) -> None:
        """Copy the parameters of `model` in place. Raises ModelError where names or shapes differ."""
        own, new = dict(self.model.named_parameters()), dict(model.named_parameters())
        for name in own.keys() ^ new.keys():
            side = "the new model lacks" if name in own else "the engine's model lacks"
            raise ModelError(f"load_weights: {side} the parameter {name}; both must come from one config")
        for name, parameter in own.items():
            if parameter.shape != new[name].shape:
                raise ModelError(
                    f"load_weights: {name} has the shape {tuple(new[name].shape)}, the engine's "
                    f"{tuple(parameter.shape)}; both must come from one config"
                )
        for name, parameter in own.items():
            parameter.copy_(new[name])

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefilled:
        """One forward over K prompts, right-padded to the longest."""
        tokens_KT, lengths = self._pad(prompts), [len(prompt) for prompt in prompts]
        kv = PromptKV(keep=True)
        hidden_KTE = self._hidden(tokens_KT, torch.arange(tokens_KT.shape[1], device=self.device)[None], kv)
        last = torch.tensor(lengths, device=self.device) - 1
        hidden_KE = hidden_KTE[torch.arange(len(prompts), device=self.device), last]
        return Prefilled(kv.keys, kv.values, self._head(hidden_KE), lengths)

    def decode(self, token_R: Tensor, length_R: Tensor, kv: DecodeKV) -> Tensor:
        """Feed one token a row, at position `length_R`; returns logits_RV in the model's dtype."""
        return self._head(self._hidden(token_R[:, None], length_R[:, None], kv)[:, 0])

    def score(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], *, temperature: float) -> list[list[float]]:
        """The log of softmax(logits / temperature) of each completion's tokens, in one forward over all pairs."""
        tokens_BT = self._pad([[*prompt, *completion] for prompt, completion in pairs])
        positions = torch.arange(tokens_BT.shape[1], device=self.device)
        hidden_BTE = self._hidden(tokens_BT, positions[None], PromptKV(keep=False))
        starts = torch.tensor([len(prompt) for prompt, _ in pairs], device=self.device)[:, None]
        ends = torch.tensor([len(prompt) + len(completion) for prompt, completion in pairs], device=self.device)[
            :, None
        ]
        is_completion_BT = (positions >= starts) & (positions < ends)
        # The hidden state at t - 1 predicts token t.
        hidden_ME, target_M = hidden_BTE[:, :-1][is_completion_BT[:, 1:]], tokens_BT[is_completion_BT]
        size = max(1, _LOGITS_AT_ONCE // self.vocab_size)
        logprobs: list[float] = []
        for hidden_CE, target_C in zip(hidden_ME.split(size), target_M.split(size), strict=True):
            logits_CV = self._head(hidden_CE).float()
            if temperature != 1:
                logits_CV = logits_CV / temperature
            logprobs += logits_CV.log_softmax(-1).gather(-1, target_C[:, None])[:, 0].tolist()
        scored: Iterator[float] = iter(logprobs)
        return [[next(scored) for _ in completion] for _, completion in pairs]

    def _hidden(self, tokens: Tensor, positions: Tensor, kv: KV) -> Tensor:
        return self._body(input_ids=tokens, position_ids=positions, use_cache=False, kv=kv).last_hidden_state

    def _pad(self, sequences: Sequence[Sequence[int]]) -> Tensor:
        longest = max(map(len, sequences))
        # Any token pads: what stands to the right of a sequence is never attended to nor read.
        return torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in sequences], device=self.device)


def _check_supported(model: PreTrainedModel) -> None:
    family = model.config.model_type
    if family not in FAMILIES:
        raise ModelError(f"the native engine does not run model_type {family!r}; {suggest(family, FAMILIES)}")
    layer_types = model.config.to_dict().get("layer_types") or []
    if any(kind != "full_attention" for kind in layer_types):
        raise ModelError(
            f"the native engine runs full attention only, and this {family} config has {sorted(set(layer_types))}; "
            "set use_sliding_window = false if the model was not trained with it"
        )

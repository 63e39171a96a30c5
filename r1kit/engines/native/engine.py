"""The engine that needs nothing but PyTorch and transformers: `sample`, `score_tokens`, `load_weights`.

`scheduler.py` has the loop, `sampler.py` the draw, `policy.py` the model copy, `attention.py` how a new token reads the
prompts of `prompts.py` and the cache of `cache.py`, `rows.py` the state of the batch, `stopping.py` the stop strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from r1kit.engines.native.policy import PolicyCopy
from r1kit.engines.native.sampler import check_params
from r1kit.engines.native.scheduler import Job, Scheduler, chunks
from r1kit.engines.native.stopping import StopStrings, decode
from r1kit.errors import ConfigError, DataError
from r1kit.types import Completion, SamplingParams, StopReason


class NativeEngine:
    """Samples in this process, on any device that PyTorch has, with a frozen copy of the policy.

    The same (weights, prompts, params, seed) give the same tokens whatever `max_batch_size` is, up to the rounding
    of matrix products of different sizes, which can tip a draw that falls on the border of two tokens.
    """

    returns_logprobs = True
    updatable = True

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        device: torch.device | str,
        dtype: torch.dtype,
        max_batch_size: int = 256,
        max_context: int | None = None,
    ) -> None:
        """Copy `model`; the original is neither changed nor kept.

        Args:
            model: a Llama, Qwen2 or Qwen3 causal language model.
            tokenizer: its tokenizer, for the text of completions, stop strings and the end token.
            device: where to sample, e.g. "cpu", "cuda", "mps".
            dtype: of the weights and the cache; probabilities are float32 always.
            max_batch_size: rows decoded at once; memory grows with it.
            max_context: prompt and completion together, in tokens. None: the config's max_position_embeddings.

        Raises:
            ModelError: the family or a variant of it is not supported.
            ConfigError: max_batch_size or max_context is out of range.
        """
        trained_context: int = model.config.max_position_embeddings
        if max_batch_size < 1:
            raise ConfigError(f"max_batch_size is {max_batch_size}; it is 1 or more")
        if max_context is not None and not 2 <= max_context <= trained_context:
            raise ConfigError(f"max_context is {max_context}; this model takes 2 to {trained_context} tokens")
        self.tokenizer = tokenizer
        self.max_batch_size = max_batch_size
        self.max_context = max_context or trained_context
        self.policy_version = 0
        self.end_tokens = _end_tokens(model, tokenizer)
        self._policy = PolicyCopy(model, device=torch.device(device), dtype=dtype)
        self._stop_strings: dict[tuple[str, ...], StopStrings] = {}

    def sample(
        self, prompts_P_T: Sequence[Sequence[int]], *, num_samples: int, params: SamplingParams, seed: int
    ) -> list[Completion]:
        """Draw `num_samples` completions for each prompt; see `Engine.sample`.

        Raises:
            DataError: a prompt is empty, fills the context, or has a token that the model does not know.
            ConfigError: a sampling parameter is out of range.
        """
        return self._sample(prompts_P_T, num_samples, params, seed, None)

    def stream(
        self, prompt: Sequence[int], *, params: SamplingParams, seed: int, watch: Callable[[str], None]
    ) -> Completion:
        """One completion, the first that `sample` would draw; `watch` gets its text so far after every token.

        Raises:
            DataError, ConfigError: as `sample`.
        """
        return self._sample([prompt], 1, params, seed, lambda tokens: watch(decode(self.tokenizer, tokens)))[0]

    @torch.inference_mode()
    def score_tokens(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], *, temperature: float
    ) -> list[list[float]]:
        """Natural log-probabilities of each completion's tokens after its prompt, as `sample` would report them.

        Temperature 0 scores at temperature 1. An empty completion has an empty list.

        Raises:
            DataError: a prompt is empty, a pair is longer than the context, or a token is unknown to the model.
            ConfigError: the temperature is negative.
        """
        check_params(SamplingParams(temperature=temperature))
        self._check_sequences([prompt for prompt, _ in pairs], what="prompt", limit=self.max_context)
        self._check_sequences([(*prompt, *rest) for prompt, rest in pairs], what="pair", limit=self.max_context)
        lengths = [len(prompt) + len(completion) for prompt, completion in pairs]
        scored: dict[int, list[float]] = {}
        for chunk in chunks(sorted(range(len(pairs)), key=lambda i: -lengths[i]), lengths):
            rows = self._policy.score([pairs[i] for i in chunk], temperature=temperature or 1.0)
            scored.update(zip(chunk, rows, strict=True))
        return [scored[i] for i in range(len(pairs))]

    def load_weights(self, model: PreTrainedModel, *, version: int) -> None:
        """Copy the weights of `model`, converting to the engine's dtype and device.

        Raises:
            ModelError: a parameter is missing, unknown, or of another shape; no weight is changed then.
        """
        self._policy.load(model)
        self.policy_version = version

    @torch.inference_mode()
    def _sample(
        self,
        prompts_P_T: Sequence[Sequence[int]],
        num_samples: int,
        params: SamplingParams,
        seed: int,
        watch: Callable[[list[int]], None] | None,
    ) -> list[Completion]:
        check_params(params)
        if num_samples < 1:
            raise ConfigError(f"num_samples is {num_samples}; it is 1 or more")
        self._check_sequences(prompts_P_T, what="prompt", limit=self.max_context - 1)
        if not prompts_P_T:
            return []
        stop = self._stop(params.stop)
        scheduler = Scheduler(
            self._policy,
            Job(prompts_P_T, num_samples, params, seed, self.max_context),
            max_batch_size=self.max_batch_size,
            end_tokens=self.end_tokens,
            stop=stop,
            watch=watch,
        )
        completions: dict[int, Completion] = {}
        for ended in scheduler.run():
            kept = stop.cut(ended.tokens) if stop else None
            tokens = ended.tokens[:kept]
            completions[ended.request] = Completion(
                tokens=tuple(tokens),
                logprobs=tuple(ended.logprobs[:kept]),
                text=decode(self.tokenizer, tokens),
                stop_reason=StopReason.STOP_STRING if kept else StopReason[ended.status.name],
                policy_version=self.policy_version,
            )
        return [completions[request] for request in range(len(prompts_P_T) * num_samples)]

    def _stop(self, stop: tuple[str, ...]) -> StopStrings | None:
        if not stop:
            return None
        if stop not in self._stop_strings:
            self._stop_strings[stop] = StopStrings(
                stop, self.tokenizer, vocab_size=self._policy.vocab_size, device=self._policy.device
            )
        return self._stop_strings[stop]

    def _check_sequences(self, sequences: Sequence[Sequence[int]], *, what: str, limit: int) -> None:
        vocab_size = self._policy.vocab_size
        for index, tokens in enumerate(sequences):
            if len(tokens) == 0:
                raise DataError(
                    f"{what} {index} is empty; it needs at least one token, e.g. the beginning-of-text token"
                )
            if len(tokens) > limit:
                raise DataError(
                    f"{what} {index} has {len(tokens)} tokens and at most {limit} fit into the context of "
                    f"{self.max_context}; shorten it or raise max_context"
                )
            if not 0 <= min(tokens) <= max(tokens) < vocab_size:
                raise DataError(
                    f"{what} {index} has a token outside 0..{vocab_size - 1}; tokenize it with the model's tokenizer"
                )


def _end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The tokenizer's end token and those of the generation config, sorted."""
    configured: int | Iterable[int] | None = model.generation_config.eos_token_id if model.generation_config else None
    ends: set[int] = {configured} if isinstance(configured, int) else set(configured or ())
    end = tokenizer.eos_token_id
    if end is not None:
        assert isinstance(end, int)
        ends.add(end)
    return tuple(sorted(ends))

"""An engine that says what it is told: for tests, examples, and dry runs without a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from r1kit.errors import DataError
from r1kit.types import Completion, SamplingParams, StopReason

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Script = Callable[[tuple[int, ...], int, int], str] | Mapping[tuple[int, ...], Sequence[str]] | Sequence[Sequence[str]]
"""A function (prompt tokens, sample index, seed) -> text; or the texts of a prompt, by its tokens or its index."""

LogProbs = float | Callable[[tuple[int, ...], tuple[int, ...]], Sequence[float]]
"""One value for every token, or a function (prompt tokens, completion tokens) -> a value a token."""


class FakeEngine:
    """Answers prompts from a script, in tokens of a real tokenizer.

    A text is followed by the tokenizer's end token, and cut by stop strings and `max_new_tokens` as a sampled one
    would be. Sample g of a prompt gets text g of its list, starting over when the list is short:
    `FakeEngine(tokenizer, [["4", "5"]])` answers the first prompt with 4, 5, 4, 5 ...
    """

    returns_logprobs = True
    updatable = True

    def __init__(self, tokenizer: PreTrainedTokenizerBase, script: Script, *, logprob: LogProbs = -1.0) -> None:
        """`script` decides the texts, `logprob` what `sample` and `score_tokens` report."""
        self.tokenizer = tokenizer
        self.script = script
        self.logprob = logprob
        self.policy_version = 0

    def sample(
        self, prompts_P_T: Sequence[Sequence[int]], *, num_samples: int, params: SamplingParams, seed: int
    ) -> list[Completion]:
        """The scripted completions, problem-major; temperature, top-p and top-k have no effect.

        Raises:
            DataError: a prompt is empty or not in the script, or an empty text meets a tokenizer without end token.
        """
        return [
            self._completion(tuple(prompt), self._text(p, tuple(prompt), g, seed), params)
            for p, prompt in enumerate(prompts_P_T)
            for g in range(num_samples)
        ]

    def score_tokens(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], *, temperature: float
    ) -> list[list[float]]:
        """The scripted log-probabilities; `temperature` has no effect."""
        return [self._logprobs(tuple(prompt), tuple(completion)) for prompt, completion in pairs]

    def load_weights(self, model: PreTrainedModel, *, version: int) -> None:
        """Take note of the version; `model` is not read."""
        self.policy_version = version

    def _text(self, p: int, prompt: tuple[int, ...], g: int, seed: int) -> str:
        if not prompt:
            raise DataError(f"prompt {p} is empty; it needs at least one token")
        if callable(self.script):
            return self.script(prompt, g, seed)
        if isinstance(self.script, Mapping):
            texts = self.script.get(prompt, ())
        else:
            texts = self.script[p] if p < len(self.script) else ()
        if not texts:
            raise DataError(f"prompt {p} has no text in the script; add at least one")
        return texts[g % len(texts)]

    def _completion(self, prompt: tuple[int, ...], text: str, params: SamplingParams) -> Completion:
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]  # pyright: ignore
        reason = StopReason.LENGTH
        if self.tokenizer.eos_token_id is not None:
            tokens, reason = [*tokens, self.tokenizer.eos_token_id], StopReason.END_TOKEN
        if not tokens:
            raise DataError("an empty text needs a tokenizer with an end token; a completion has at least one token")
        if len(tokens) > params.max_new_tokens:
            tokens, reason = tokens[: params.max_new_tokens], StopReason.LENGTH
        for kept in range(1, len(tokens) + 1):
            if any(string in self._decode(tokens[:kept]) for string in params.stop):
                tokens, reason = tokens[:kept], StopReason.STOP_STRING
                break
        return Completion(
            tokens=tuple(tokens),
            logprobs=tuple(self._logprobs(prompt, tuple(tokens))),
            text=self._decode(tokens),
            stop_reason=reason,
            policy_version=self.policy_version,
        )

    def _decode(self, tokens: list[int]) -> str:
        text = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _logprobs(self, prompt: tuple[int, ...], tokens: tuple[int, ...]) -> list[float]:
        if callable(self.logprob):
            return list(self.logprob(prompt, tokens))
        return [self.logprob] * len(tokens)

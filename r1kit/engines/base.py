"""Where completions come from. The engine never sees a reward; the trainer never sees text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from r1kit.types import Completion, SamplingParams

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@runtime_checkable
class Engine(Protocol):
    """Samples from a policy, scores tokens under it, and takes new weights.

    An engine declares what it can do: `returns_logprobs` (else GRPO recomputes them with the learner) and
    `updatable` (else it can evaluate but not train).
    """

    returns_logprobs: bool
    updatable: bool

    def sample(
        self, prompts_P_T: Sequence[Sequence[int]], *, num_samples: int, params: SamplingParams, seed: int
    ) -> list[Completion]:
        """Draw `num_samples` completions for each prompt; problem-major, so item p*num_samples+g is sample g of p.

        The result depends on (weights, prompts, params, seed) only. Raises DataError for an empty prompt or one that
        leaves no room in the model's context.
        """
        ...

    def score_tokens(
        self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], *, temperature: float
    ) -> list[list[float]]:
        """For each (prompt, completion) pair of token ids: natural log-probabilities of the completion's tokens."""
        ...

    def load_weights(self, model: PreTrainedModel, *, version: int) -> None:
        """Take the weights of `model`; completions sampled from now on carry `policy_version=version`."""
        ...

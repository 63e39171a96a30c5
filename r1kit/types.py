"""The records that cross a boundary. All are frozen; a field never changes its meaning.

Shape letters used in the whole package: P problems, G completions a problem (the group), B = P*G rollouts,
T tokens, V vocabulary. `tokens_P_T` is a list of P token lists; `advantages_B` has one value a rollout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Split = Literal["train", "eval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A question whose answer can be checked."""

    id: str
    """Unique in its task; the same problem has the same id in every run."""
    prompt: str
    """The question as a person would ask it, before any template."""
    answer: str
    """The gold answer, read by the verifier only."""
    task: str
    """Name of the task family that made it, for the breakdown in reports."""
    verifier: str = "math"
    """Key into `r1kit.rewards.accuracy.VERIFIERS`."""
    language: str = "en"
    """The language that the chain of thought should be in: a key of `r1kit.rewards.language.LANGUAGES`."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """What the verifier needs beyond the gold answer (JSON values), e.g. the numbers of a countdown."""


class StopReason(StrEnum):
    """Why a completion ended."""

    END_TOKEN = "end_token"  # noqa: S105 (not a password)
    """The model sampled an end token; it is the last of `tokens`."""
    STOP_STRING = "stop_string"
    """The text contains a stop string; the tokens up to the one that completed it are kept."""
    LENGTH = "length"
    """`max_new_tokens` was reached: the completion is truncated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How tokens are drawn. Temperature 0 means greedy."""

    temperature: float = 1.0
    top_p: float = 1.0
    """Nucleus: the smallest set of tokens whose probability reaches top_p. 1.0 is off."""
    top_k: int = 0
    """The k most likely tokens. 0 is off."""
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()
    """Stop strings; they stay in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What an engine returns for one prompt, one sample."""

    tokens: tuple[int, ...]
    """Sampled token ids, including the end token if there was one. Never empty."""
    logprobs: tuple[float, ...]
    """Natural log-probability of each token under softmax(logits / temperature), BEFORE top-p and top-k.

    Temperature 0 reports them at temperature 1.
    """
    text: str
    """The tokens decoded without special tokens."""
    stop_reason: StopReason
    policy_version: int
    """The training step whose weights sampled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One attempt o_i at one problem q: what rewards read and what the trainer trains on."""

    problem: Problem
    prompt_text: str
    """The problem in its template: what the model saw."""
    prompt_tokens: tuple[int, ...]
    completion: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A verdict. `value` None means *could not be judged* and never enters a mean or a loss; 0.0 means wrong."""

    value: float | None
    reason: str
    """One line for a person: "correct", "no answer found", "timeout after 5 s" ..."""
    parsed: str | None = None
    """The answer that was found in the completion, as it was compared."""
    parts: Mapping[str, float | None] = field(default_factory=dict)
    """For a sum of rewards: the unweighted value of each, by name."""


def groups(items: Sequence[Any], group_size: int) -> list[Sequence[Any]]:
    """Cut a flat, problem-major sequence of B = P*G items into P groups of G."""
    assert len(items) % group_size == 0, (len(items), group_size)
    return [items[i : i + group_size] for i in range(0, len(items), group_size)]

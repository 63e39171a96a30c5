"""Rewards about length and repetition. NONE OF THEM IS IN THE PAPER (arXiv:2501.12948); each says where it is from.

Both are 1.0 for a completion that they have nothing against, down to 0.0. Where the sources write a penalty from 0
to -1, that is the same to GRPO: advantages are taken relative to the group's mean, and a constant falls out.
"""

from __future__ import annotations

from collections.abc import Sequence

from r1kit.errors import ConfigError
from r1kit.types import Rollout, Score


class OverlongReward:
    """1.0 up to the last `buffer` tokens, then falling to 0.0 at the limit. Not in the paper.

    The soft overlong punishment of DAPO (arXiv:2503.14476, section 3.4) plus one: with L_max = max_new_tokens and
    L_cache = buffer, and |y| the length in tokens, the end token included,

        R = 0                                      |y| <= L_max - L_cache
        R = ((L_max - L_cache) - |y|) / L_cache    L_max - L_cache < |y| <= L_max
        R = -1                                     |y| > L_max

    A truncated completion has |y| = L_max and gets 0.0. DAPO has L_max = 20,480 and L_cache = 4,096.
    """

    name = "overlong"

    def __init__(self, max_new_tokens: int, buffer: int) -> None:
        """Punish the last `buffer` of `max_new_tokens` tokens.

        Raises:
            ConfigError: buffer is not between 1 and max_new_tokens.
        """
        if not 1 <= buffer <= max_new_tokens:
            raise ConfigError(f"overlong buffer is {buffer}; give 1 to max_new_tokens = {max_new_tokens}")
        self._max_new_tokens = max_new_tokens
        self._buffer = buffer

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order."""
        return [self._score(len(rollout.completion.tokens)) for rollout in rollouts]

    def _score(self, length: int) -> Score:
        allowed = self._max_new_tokens - self._buffer
        if length <= allowed:
            return Score(value=1.0, reason=f"{length} tokens")
        punishment = max((allowed - length) / self._buffer, -1.0)
        return Score(value=1.0 + punishment, reason=f"{length} tokens, {length - allowed} into the buffer")


class RepetitionReward:
    """The number of different n-grams divided by the number of n-grams: 1.0 if nothing repeats. Not in the paper.

    The distinct-n of Li et al. (arXiv:1510.03055) over the completion's tokens, which need no word boundaries; 1 - it
    is the share of n-grams that occurred before. A completion of fewer than n tokens repeats nothing. Small n punish
    ordinary long texts, whose words recur: take an n that only a loop repeats, e.g. 20.
    """

    name = "repetition"

    def __init__(self, ngram_size: int) -> None:
        """Count n-grams of `ngram_size` tokens.

        Raises:
            ConfigError: ngram_size is below 1.
        """
        if ngram_size < 1:
            raise ConfigError(f"repetition ngram_size is {ngram_size}; it is 1 or more")
        self._ngram_size = ngram_size

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order."""
        return [self._score(rollout.completion.tokens) for rollout in rollouts]

    def _score(self, tokens: tuple[int, ...]) -> Score:
        n = self._ngram_size
        ngrams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)]
        if not ngrams:
            return Score(value=1.0, reason=f"fewer than {n} tokens")
        distinct = len(set(ngrams)) / len(ngrams)
        return Score(value=distinct, reason=f"{1 - distinct:.0%} of the {n}-grams are repetitions")

"""How good a reward model is on held-out pairs, and what it goes by that it should not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from r1kit.errors import RewardError
from r1kit.learner.packing import TokenGroup
from r1kit.models.decoder import Decoder
from r1kit.reward_model.model import score_groups
from r1kit.rewards.learned import RewardScale

CHANCE = 0.5
NUM_BINS = 5
"""Of the calibration table, from 0.5 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPair:
    """A held-out pair with its scores."""

    prompt: str
    """Pairs of one question are not independent: errors are clustered by it."""
    chosen: float
    rejected: float
    chosen_tokens: int
    """Length of the judged part, the end token included."""
    rejected_tokens: int

    @property
    def margin(self) -> float:
        """Score of the chosen less that of the rejected."""
        return self.chosen - self.rejected

    @property
    def is_right(self) -> float:
        """1.0 if the chosen has the higher score, 0.5 if they tie."""
        return 0.5 * (1 + (self.margin > 0) - (self.margin < 0))


def score_pairs(
    decoder: Decoder, prompts: Sequence[str], groups: Sequence[TokenGroup], *, max_tokens: int
) -> list[ScoredPair]:
    """Score pairs: each group has the completions (chosen, rejected)."""
    scores = score_groups(decoder, groups, max_tokens=max_tokens)
    return [
        ScoredPair(
            prompt=prompt,
            chosen=scores[2 * i],
            rejected=scores[2 * i + 1],
            chosen_tokens=len(group.completions[0]),
            rejected_tokens=len(group.completions[1]),
        )
        for i, (prompt, group) in enumerate(zip(prompts, groups, strict=True))
    ]


def position_bias(decoder: Decoder, groups: Sequence[TokenGroup]) -> float:
    """The largest change of a score when a pair is given in the other order, both in one packed row.

    The model reads each response alone, so it is 0 but for rounding; it shows if one response leaks into the other.
    """
    changes = [0.0]
    for group in groups:
        swapped = TokenGroup(prompt=group.prompt, completions=group.completions[::-1])
        first, second = (score_groups(decoder, [g], max_tokens=g.num_tokens) for g in (group, swapped))
        changes.extend(abs(a - b) for a, b in zip(first, reversed(second), strict=True))
    return max(changes)


def describe(pairs: Sequence[ScoredPair]) -> dict[str, Any]:
    """What summary.json says of the held-out pairs, JSON values; null for what cannot be computed.

    accuracy, margin: means over pairs, with standard errors clustered by question.
    length_bias: the accuracy where the better response is the longer and where it is the shorter one, how often it is
        which, and Pearson's correlation of score and length in tokens over all responses. A model that goes by length
        alone has accuracy 1 in one and 0 in the other.
    calibration: by the probability that the model gives to the response it prefers, sigmoid(|margin|): how many pairs,
        what it says on average, how often it is right.
    """
    longer = [pair for pair in pairs if pair.chosen_tokens > pair.rejected_tokens]
    shorter = [pair for pair in pairs if pair.chosen_tokens < pair.rejected_tokens]
    prompts = [pair.prompt for pair in pairs]
    return {
        "num_pairs": len(pairs),
        "num_prompts": len(set(prompts)),
        "accuracy": _mean([pair.is_right for pair in pairs]),
        "accuracy_stderr": clustered_stderr([pair.is_right for pair in pairs], prompts),
        "mean_margin": _mean([pair.margin for pair in pairs]),
        "mean_margin_stderr": clustered_stderr([pair.margin for pair in pairs], prompts),
        "length_bias": {
            "num_chosen_longer": len(longer),
            "accuracy_chosen_longer": _mean([pair.is_right for pair in longer]),
            "num_chosen_shorter": len(shorter),
            "accuracy_chosen_shorter": _mean([pair.is_right for pair in shorter]),
            "score_length_correlation": correlation(
                [score for pair in pairs for score in (pair.chosen, pair.rejected)],
                [tokens for pair in pairs for tokens in (pair.chosen_tokens, pair.rejected_tokens)],
            ),
        },
        "calibration": _calibration(pairs),
    }


def scale_of(pairs: Sequence[ScoredPair]) -> RewardScale:
    """Mean and standard deviation (ddof 0) of the scores of all responses; a deviation of 0 counts as 1."""
    scores = [score for pair in pairs for score in (pair.chosen, pair.rejected)]
    mean = math.fsum(scores) / len(scores)
    variance = math.fsum((score - mean) ** 2 for score in scores) / len(scores)
    return RewardScale(mean=mean, std=math.sqrt(variance) or 1.0)


def check_useful(pairs: Sequence[ScoredPair], *, name: str) -> None:
    """Refuse a model that separates nothing; `name` says which, for the message.

    Raises:
        RewardError: its accuracy is not above chance by two standard errors, of which the larger counts: the clustered
            one, or a coin's (0.5 / sqrt(pairs)), without which a few lucky pairs with no spread would do.
    """
    right = [pair.is_right for pair in pairs]
    accuracy = math.fsum(right) / len(right)
    clustered = clustered_stderr(right, [pair.prompt for pair in pairs])
    stderr = max(CHANCE / math.sqrt(len(right)), clustered or 0.0)
    if accuracy <= CHANCE + 2 * stderr:
        raise RewardError(
            f"{name} separates nothing: accuracy {accuracy:.3f} on {len(right)} held-out pairs, needed is more than "
            f"{CHANCE + 2 * stderr:.3f} (chance and two standard errors); give it more or cleaner pairs, more "
            "epochs or a higher learner.learning_rate, or set allow_useless = true to keep it"
        )


def clustered_stderr(values: Sequence[float], clusters: Sequence[str]) -> float | None:
    """The standard error of a mean whose values may depend on each other within a cluster.

    sqrt(K / (K - 1) * sum over clusters of (sum of residuals)^2) / n, with K clusters; with one value a cluster it is
    the usual one with ddof 1. None for fewer than two clusters.
    """
    mean = math.fsum(values) / max(1, len(values))
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    if len(sums) < 2:
        return None
    return math.sqrt(len(sums) / (len(sums) - 1) * math.fsum(s**2 for s in sums.values())) / len(values)


def correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Pearson's correlation; None where one of the two does not vary."""
    mean_x, mean_y = math.fsum(x) / max(1, len(x)), math.fsum(y) / max(1, len(y))
    covariance = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    scale = math.sqrt(math.fsum((a - mean_x) ** 2 for a in x) * math.fsum((b - mean_y) ** 2 for b in y))
    return covariance / scale if scale else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _calibration(pairs: Sequence[ScoredPair]) -> list[dict[str, Any]]:
    bins: list[list[tuple[float, float]]] = [[] for _ in range(NUM_BINS)]
    for pair in pairs:
        confidence = (1 + math.tanh(abs(pair.margin) / 2)) / 2
        place = int((confidence - CHANCE) / (1 - CHANCE) * NUM_BINS)
        bins[min(place, NUM_BINS - 1)].append((confidence, pair.is_right))
    return [
        {
            "confidence_from": CHANCE + (1 - CHANCE) * i / NUM_BINS,
            "num_pairs": len(members),
            "mean_confidence": _mean([confidence for confidence, _ in members]),
            "accuracy": _mean([right for _, right in members]),
        }
        for i, members in enumerate(bins)
    ]

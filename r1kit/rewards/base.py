"""What a completion is worth, and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from r1kit.errors import ConfigError, RewardError, suggest
from r1kit.rewards.accuracy import AccuracyReward
from r1kit.rewards.format import ANSWER_POLICIES, FORMAT_PROBLEMS, FormatReward
from r1kit.rewards.language import LanguageConsistencyReward
from r1kit.rewards.readability import ReadabilityReward, response_parts, think_parts
from r1kit.rewards.shaping import OverlongReward, RepetitionReward
from r1kit.types import Rollout, Score

if TYPE_CHECKING:
    from r1kit.pipeline.config import RewardConfig
    from r1kit.rewards.code import CodeVerifier
    from r1kit.rewards.pool import VerifierPool


class Reward(Protocol):
    """Scores rollouts. Deterministic; a verdict per rollout, in order; None where it could not be judged."""

    name: str

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One Score a rollout, in the order given."""
        ...


class WeightedSum:
    """The final reward: rewards added up, each times its weight.

    The paper sums accuracy and format (section 2.2.2), later accuracy and language consistency (2.3.2), directly.
    """

    name = "reward"

    def __init__(self, parts: Sequence[tuple[float, Reward]]) -> None:
        """Sum the (weight, reward) pairs; the first is the one that reasons and parsed answers come from.

        Raises:
            ConfigError: no parts, or two of the same name.
        """
        names = [reward.name for _, reward in parts]
        if not parts or len(set(names)) < len(names):
            raise ConfigError(f"a weighted sum needs rewards of different names; got {names}")
        self._weights = [weight for weight, _ in parts]
        self._rewards = [reward for _, reward in parts]

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """The sum for each rollout; None if any part with a weight other than 0 is None.

        `parts` holds each unweighted value. The reason is the first part's, or that of the part that made it None.
        """
        scores_by_part = [reward.score(rollouts) for reward in self._rewards]
        return [self._sum(scores) for scores in zip(*scores_by_part, strict=True)]

    def _sum(self, scores: tuple[Score, ...]) -> Score:
        weighted = [(weight, score) for weight, score in zip(self._weights, scores, strict=True) if weight != 0]
        unjudged = next((score for _, score in weighted if score.value is None), None)
        parsed = next((score.parsed for score in scores if score.parsed is not None), None)
        return Score(
            value=None if unjudged else math.fsum(weight * (score.value or 0.0) for weight, score in weighted),
            reason=(unjudged or scores[0]).reason,
            parsed=parsed,
            parts={reward.name: score.value for reward, score in zip(self._rewards, scores, strict=True)},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSetting:
    """What rewards are made from."""

    config: RewardConfig
    template: str
    """Name of the template, a key of FORMAT_PROBLEMS."""
    pool: VerifierPool
    max_new_tokens: int | None
    """Of the sampler, for `overlong`."""
    code: CodeVerifier | None
    """None where no problem is judged by running code."""


def _accuracy(setting: RewardSetting) -> Reward:
    format_problem = FORMAT_PROBLEMS[setting.template] if setting.config.accuracy_needs_format else None
    return AccuracyReward(setting.pool, ANSWER_POLICIES[setting.template], format_problem, code=setting.code)


def _readability(setting: RewardSetting) -> Reward:
    return ReadabilityReward(response_parts if setting.template == "readable" else think_parts)


def _overlong(setting: RewardSetting) -> Reward:
    if setting.max_new_tokens is None:
        raise ConfigError("the reward 'overlong' needs the sampler's max_new_tokens")
    return OverlongReward(setting.max_new_tokens, setting.config.overlong_buffer)


REWARDS: dict[str, Callable[[RewardSetting], Reward]] = {
    "accuracy": _accuracy,
    "format": lambda setting: FormatReward(FORMAT_PROBLEMS[setting.template]),
    "language": lambda setting: LanguageConsistencyReward(tuple(setting.config.languages)),
    "readability": _readability,
    "overlong": _overlong,
    "repetition": lambda setting: RepetitionReward(setting.config.repetition_ngram_size),
}
"""Name to what makes the reward. The paper has the first three; the others say where they are from."""


def build_reward(
    config: RewardConfig,
    template: str,
    pool: VerifierPool,
    *,
    max_new_tokens: int | None = None,
    code: CodeVerifier | None = None,
) -> WeightedSum:
    """The weighted sum that a config asks for, in the order of REWARDS (so that accuracy comes first).

    Args:
        config: Weights and settings.
        template: A key of FORMAT_PROBLEMS.
        pool: Where slow verdicts are made.
        max_new_tokens: Of the sampler; only the reward `overlong` needs it.
        code: Judges programs; only problems of the verifier `code` need it.

    Raises:
        ConfigError: unknown reward or template; no weight other than 0; a weight that is not finite.
    """
    weights = config.weights
    for name, weight in weights.items():
        if name not in REWARDS:
            raise ConfigError(f"unknown reward {name!r} in reward.weights; {suggest(name, REWARDS)}")
        if not math.isfinite(weight):
            raise ConfigError(f"reward.weights.{name} is {weight}; give a finite number")
    if not any(weights.values()):
        raise ConfigError("reward.weights has no weight other than 0; give at least one, e.g. accuracy = 1.0")
    if template not in FORMAT_PROBLEMS:
        raise ConfigError(f"no format and answer rules for template {template!r}; {suggest(template, FORMAT_PROBLEMS)}")
    setting = RewardSetting(config=config, template=template, pool=pool, max_new_tokens=max_new_tokens, code=code)
    return WeightedSum([(weights[name], make(setting)) for name, make in REWARDS.items() if name in weights])


def mean_value(scores: Sequence[Score]) -> float | None:
    """The mean over what could be judged; None if nothing could."""
    values = [score.value for score in scores if score.value is not None]
    return math.fsum(values) / len(values) if values else None


class CheckedReward:
    """A reward that stops the work when one of its verifiers cannot judge.

    Means leave None out, and of many samples a data set keeps some: neither would show that a sandbox is dead.
    """

    def __init__(self, reward: Reward, max_unjudged_rate: float) -> None:
        """Let each verifier give up on this share of its completions."""
        self.name = reward.name
        self._reward = reward
        self._max_unjudged_rate = max_unjudged_rate

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """The reward's scores.

        Raises:
            RewardError: too many of the scores of one verifier are None.
        """
        scores = self._reward.score(rollouts)
        by_verifier: dict[str, list[Score]] = {}
        for rollout, score in zip(rollouts, scores, strict=True):
            by_verifier.setdefault(rollout.problem.verifier, []).append(score)
        for verifier, judged in by_verifier.items():
            try:
                check_unjudged(judged, self._max_unjudged_rate)
            except RewardError as error:
                raise RewardError(f"verifier {verifier}: {error}") from None
        return scores


def check_unjudged(scores: Sequence[Score], max_rate: float) -> float:
    """The share of scores that are None, in [0, 1].

    Raises:
        RewardError: it exceeds `max_rate`; the message has the commonest reason.
    """
    reasons = Counter(score.reason for score in scores if score.value is None)
    rate = reasons.total() / len(scores) if scores else 0.0
    if rate > max_rate:
        reason, count = reasons.most_common(1)[0]
        raise RewardError(
            f"{reasons.total()} of {len(scores)} completions could not be judged ({rate:.0%}, allowed "
            f"{max_rate:.0%}), {count} of them for {reason!r}; mend that, or raise max_unjudged_rate"
        )
    return rate

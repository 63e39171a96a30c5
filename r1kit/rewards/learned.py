"""Rewards by learned models, and which reward counts for which prompt (section 2.3.4 of arXiv:2501.12948).

"For reasoning data, we adhere to [...] rule-based rewards [...]. For general data, we resort to reward models":
`ScenarioReward`. "For helpfulness, we focus exclusively on the final summary [...]. For harmlessness, we evaluate the
entire response of the model, including both the reasoning process and the summary": `judged_part`.

A model's score has no zero and no unit. It is set against the scores that the model gave to held-out preference pairs,
and the logistic function brings the result into the interval of the rule-based rewards:

    reward = 1 / (1 + exp(-(score - mean) / std))

An ordinary response has about 0.5. A response with nothing to judge gets 0.0, which is below anything that a model can
give: otherwise a policy whose answers are worse than silence would learn to say nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from r1kit.errors import ConfigError, suggest
from r1kit.rewards.base import Reward, WeightedSum
from r1kit.rewards.readability import response_parts
from r1kit.types import Problem, Rollout, Score, StopReason

Kind = Literal["helpful", "harmless"]
"""What a reward model judges."""

SCENARIO_WEIGHTS: Mapping[str, Mapping[str, float]] = {"helpful": {"helpful": 1.0}, "harmless": {"harmless": 1.0}}
"""Scenario to the learned rewards that count there, with their weights. The paper does not give its own."""


def judged_part(kind: Kind, response: str) -> str:
    """The text that a reward model of this kind reads, stripped; empty if there is nothing to judge.

    helpful reads the summary alone: what follows the reasoning of the readable format (section 2.3.1), or all of a
    response without reasoning. harmless reads the whole response.
    """
    return response.strip() if kind == "harmless" else response_parts(response).summary or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardScale:
    """Where a model's scores lie: over the chosen and the rejected responses of held-out pairs."""

    mean: float
    std: float
    """Above 0."""

    def reward(self, score: float) -> float:
        """The score in (0, 1), by the logistic function of its distance from the mean in standard deviations.

        >>> RewardScale(mean=2.0, std=0.5).reward(2.0)
        0.5
        """
        return (1 + math.tanh((score - self.mean) / self.std / 2)) / 2  # the same, and never overflows


class ScoringModel(Protocol):
    """What these rewards ask of a model; `r1kit.reward_model.scorer.RewardModel` is one."""

    @property
    def kind(self) -> Kind:
        """What it was trained to judge."""
        ...

    @property
    def scale(self) -> RewardScale:
        """Where its scores lie."""
        ...

    def score(self, texts: Sequence[tuple[str, str]]) -> list[float | None]:
        """The score of each (question, response), in order; None where there is nothing to judge or it is too long."""
        ...


class _LearnedReward:
    name: Kind

    def __init__(self, model: ScoringModel) -> None:
        """Judge by `model`.

        Raises:
            ConfigError: it was trained to judge something else.
        """
        if model.kind != self.name:
            raise ConfigError(f"the reward {self.name!r} needs a model of that kind; this one is {model.kind!r}")
        self._model = model

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order; None only if the text does not fit the model's context."""
        missing = [self._missing(rollout) for rollout in rollouts]
        judged = [rollout for rollout, why in zip(rollouts, missing, strict=True) if not why]
        texts = [(rollout.problem.prompt, judged_part(self.name, rollout.completion.text)) for rollout in judged]
        scores = iter(self._model.score(texts))
        return [Score(value=0.0, reason=why) if why else self._verdict(next(scores)) for why in missing]

    def _missing(self, rollout: Rollout) -> str:
        """Why there is nothing to judge, in a few words; empty if there is something."""
        raise NotImplementedError

    def _verdict(self, score: float | None) -> Score:
        if score is None:
            return Score(value=None, reason=f"too long for the {self.name} reward model")
        return Score(value=self._model.scale.reward(score), reason=f"{self.name} score {score:+.3f}")


class HelpfulReward(_LearnedReward):
    """How helpful the summary is, by a reward model, in (0, 1). 0.0 without a summary and for a truncated response.

    A truncated one would be read as if it had been ended there, which no pair of the training data shows.
    """

    name = "helpful"

    def _missing(self, rollout: Rollout) -> str:
        if rollout.completion.stop_reason is StopReason.LENGTH:
            return "truncated"
        return "" if judged_part("helpful", rollout.completion.text) else "no summary"


class HarmlessReward(_LearnedReward):
    """How harmless the whole response is, reasoning and summary, by a reward model, in (0, 1). 0.0 if it is empty.

    A truncated response is judged as far as it goes: what it has said it has said.
    """

    name = "harmless"

    def _missing(self, rollout: Rollout) -> str:
        return "" if judged_part("harmless", rollout.completion.text) else "empty response"


class ScenarioReward:
    """Rules for reasoning prompts, learned rewards for general ones, by `problem.info["scenario"]`.

    A problem without a scenario is a reasoning prompt.
    """

    name = "reward"

    def __init__(
        self,
        rules: Reward,
        learned: Mapping[str, Reward],
        weights: Mapping[str, Mapping[str, float]] = SCENARIO_WEIGHTS,
    ) -> None:
        """Route rollouts to their rewards.

        Args:
            rules: For reasoning prompts, as it is.
            learned: Name to reward; any reward may be among them, e.g. language consistency.
            weights: Scenario to the names of rewards that are summed there, with their weights.

        Raises:
            ConfigError: a scenario without rewards, or with one that is not in `learned`.
        """
        for scenario, parts in weights.items():
            for name in parts:
                if name not in learned:
                    raise ConfigError(
                        f"scenario {scenario!r} needs the reward {name!r} and there is no model for it; "
                        f"{suggest(name, learned) if learned else 'there are none at all'}"
                    )
            if not any(parts.values()):
                raise ConfigError(f"scenario {scenario!r} has no reward with a weight other than 0; give it one")
        self._rewards: dict[str | None, Reward] = {None: rules}
        for scenario, parts in weights.items():
            self._rewards[scenario] = WeightedSum([(weight, learned[name]) for name, weight in parts.items()])

    def check(self, problems: Sequence[Problem]) -> None:
        """Find out before a run starts whether each problem has a reward.

        Raises:
            ConfigError: a problem's scenario has none; the message names both.
        """
        for problem in problems:
            self._scenario(problem)

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order; `parts` has the unweighted value of each reward that counted.

        Raises:
            ConfigError: as `check`.
        """
        by_scenario: dict[str | None, list[int]] = defaultdict(list)
        for b, rollout in enumerate(rollouts):
            by_scenario[self._scenario(rollout.problem)].append(b)
        scores: dict[int, Score] = {}
        for scenario, indices in by_scenario.items():
            judged = self._rewards[scenario].score([rollouts[b] for b in indices])
            scores.update(zip(indices, judged, strict=True))
        return [scores[b] for b in range(len(rollouts))]

    def _scenario(self, problem: Problem) -> str | None:
        scenario = problem.info.get("scenario")
        if scenario not in self._rewards:
            known = [name for name in self._rewards if name is not None]
            raise ConfigError(
                f"problem {problem.id!r} has the scenario {scenario!r}, which has no reward; "
                f"{suggest(str(scenario), known)}"
            )
        return scenario

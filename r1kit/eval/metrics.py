"""pass@1 and cons@k over k samples a problem (section 3 and Figure 2 of arXiv:2501.12948)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from r1kit.rewards.math import exact_number
from r1kit.types import Score


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over problems and its standard error."""

    mean: float
    """NaN without a problem."""
    stderr: float
    """sqrt(variance over problems / number of problems), the variance with ddof 1; NaN for fewer than two.

    Samples of one problem are not independent, so the problem is the unit (the error is clustered by problem).
    """


def pass_at_1(scores_P_k: Sequence[Sequence[Score]]) -> Estimate:
    """The mean over problems of the share of right samples; samples that could not be judged are left out."""
    shares = []
    for scores_k in scores_P_k:
        values = [score.value for score in scores_k if score.value is not None]
        if values:
            shares.append(sum(values) / len(values))
    return estimate(shares)


def cons_at_k(scores_P_k: Sequence[Sequence[Score]]) -> Estimate:
    """The share of problems on which the majority of the answers is right; see `majority_is_right`."""
    return estimate([majority_is_right(scores_k) for scores_k in scores_P_k])


def majority_is_right(scores_k: Sequence[Score]) -> float:
    """1.0 if the commonest answer of one problem's samples is right, 0.0 if it is wrong or nobody answered.

    Answers that are the same number are one answer, others are compared as text without white space. A sample without
    an answer does not vote. Several commonest answers share the vote: the value is the share of right ones among
    them, which is what a random choice would score on average.
    """
    votes: dict[object, list[Score]] = {}
    for score in scores_k:
        if score.parsed is not None and score.value is not None:
            votes.setdefault(answer_class(score.parsed), []).append(score)
    if not votes:
        return 0.0
    most = max(map(len, votes.values()))
    winners = [scores for scores in votes.values() if len(scores) == most]
    return sum(scores[0].value == 1.0 for scores in winners) / len(winners)


def answer_class(parsed: str) -> object:
    """What two answers have in common that are the same answer.

    >>> answer_class("7.0") == answer_class("7")
    True
    """
    number = exact_number(parsed)
    return number if number is not None else "".join(parsed.split())


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and standard error of one value a problem."""
    n = len(values)
    mean = sum(values) / n if n else math.nan
    if n < 2:
        return Estimate(mean, math.nan)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    return Estimate(mean, math.sqrt(variance / n))

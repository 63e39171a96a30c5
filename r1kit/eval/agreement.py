"""How far a judge agrees with labels, on a scale on which a judge that knows nothing stands at one half.

An unreadable verdict counts as a coin toss, 0.5. With that, and with both orders of every pair (`pair_agreement`) or
both classes at equal weight (`claim_agreement`), a judge that tosses coins, always says the same, or says nothing is
expected at 0.5 exactly, whatever the labels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from r1kit.eval.metrics import estimate
from r1kit.rewards.pairwise import PairVerdict
from r1kit.types import Score

COIN_TOSS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The agreement of a judge with labels."""

    n: int
    """Pairs or claims."""
    agreement: float
    """In [0, 1]; 0.5 is chance."""
    stderr: float
    """Standard error of `agreement` over the n items; NaN for fewer than two (of either class)."""
    chance_stderr: float
    """The largest that it is for a judge that knows nothing: 0.5 / sqrt(n), for claims from both classes' sizes."""
    readable_rate: float
    """Share of the verdicts that could be read."""
    position_consistency: float | None = None
    """Pairs: the share for which both orders name the same response; unreadable ones do not. None for claims."""
    first_rate: float | None = None
    """Pairs: the share of readable verdicts for the response shown first; 0.5 is no bias. None without any."""

    @property
    def beats_chance(self) -> bool:
        """Whether the agreement is above 0.5 by more than 1.96 `chance_stderr` (5 %, two-sided)."""
        return self.agreement - COIN_TOSS > 1.96 * self.chance_stderr


def pair_agreement(verdicts: Sequence[PairVerdict], labels: Sequence[str]) -> Agreement:
    """Agreement on pairs: the mean over pairs of the mean over both orders; the pair is the unit of the error.

    Args:
        verdicts: One a pair.
        labels: The better response of each pair, "A" or "B".
    """
    per_pair = [
        sum(COIN_TOSS if choice is None else float(choice == label) for choice in (v.as_given, v.swapped)) / 2
        for v, label in zip(verdicts, labels, strict=True)
    ]
    result = estimate(per_pair)
    firsts = [v.as_given == "A" for v in verdicts if v.as_given] + [v.swapped == "B" for v in verdicts if v.swapped]
    n = len(per_pair)
    return Agreement(
        n=n,
        agreement=result.mean,
        stderr=result.stderr,
        chance_stderr=0.5 / math.sqrt(n) if n else math.nan,
        readable_rate=len(firsts) / (2 * n) if n else math.nan,
        position_consistency=sum(v.winner is not None for v in verdicts) / n if n else math.nan,
        first_rate=sum(firsts) / len(firsts) if firsts else None,
    )


def claim_agreement(scores: Sequence[Score], labels: Sequence[bool]) -> Agreement:
    """Agreement on claims: the mean of the agreements on right and on wrong predictions (balanced accuracy).

    Args:
        scores: One a claim: 1.0 right, 0.0 wrong, None unreadable.
        labels: Whether each prediction is right.
    """
    right, wrong = (
        [
            COIN_TOSS if score.value is None else float((score.value == 1.0) == label)
            for score, label in zip(scores, labels, strict=True)
            if label is side
        ]
        for side in (True, False)
    )
    of_right, of_wrong = estimate(right), estimate(wrong)
    sizes_known = bool(right and wrong)
    return Agreement(
        n=len(right) + len(wrong),
        agreement=(of_right.mean + of_wrong.mean) / 2,
        stderr=math.hypot(of_right.stderr, of_wrong.stderr) / 2,
        chance_stderr=math.sqrt(0.25 / len(right) + 0.25 / len(wrong)) / 2 if sizes_known else math.nan,
        readable_rate=sum(score.value is not None for score in scores) / len(scores) if scores else math.nan,
    )

"""When reinforcement learning has converged: the rule that stage 2 of the pipeline stops by.

Section 2.3.2 of arXiv:2501.12948 trains "until it achieves convergence on reasoning tasks" and does not say what that
is. Here: the mean reward of the last W steps is not above that of the W steps before by more than a stated gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def has_converged(rewards: Sequence[float], *, window: int, min_gain: float) -> bool:
    """Whether the mean reward has stopped rising.

    Args:
        rewards: mean reward of each step so far, in order; NaN where a step had no verdict, which is left out.
        window: W, in steps; 0 never converges.
        min_gain: what the mean of the last W steps must have gained on that of the W before them to go on.

    >>> has_converged([0.1, 0.3, 0.5, 0.5], window=2, min_gain=0.01)
    False
    >>> has_converged([0.1, 0.3, 0.5, 0.5, 0.5, 0.5], window=2, min_gain=0.01)
    True
    """
    judged = [reward for reward in rewards if not math.isnan(reward)]
    if window == 0 or len(judged) < 2 * window:
        return False
    last, before = judged[-window:], judged[-2 * window : -window]
    return math.fsum(last) / window - math.fsum(before) / window <= min_gain

"""The objectives of GRPO once more: slow loops over Python floats, written from the papers' equations.

Nothing here is shared with r1kit/grpo: completions are ragged lists instead of masked tensors, sums are loops, and
each function writes its own equation out in full. The functions return J's negative and the metrics of a whole step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

LOG_RATIO_CUT = 20.0


@dataclass
class Sample:
    """One completion o_i: natural log-probabilities of its tokens under three policies, and its advantage."""

    policy: list[float]
    sampled: list[float]
    reference: list[float] | None
    advantage: float


@dataclass
class Settings:
    """The numbers of the equations; `low` and `high` are the two epsilons."""

    low: float = 0.2
    high: float = 0.2
    beta: float = 0.0
    max_tokens: int = 10


def advantages(scores: list[float | None], *, by_std: bool) -> list[float]:
    """Eq. 3 for one group."""
    judged = [r for r in scores if r is not None]
    if len(judged) < 2 or len(set(judged)) == 1:
        return [0.0 for _ in scores]
    mean = sum(judged) / len(judged)
    std = math.sqrt(sum((r - mean) ** 2 for r in judged) / len(judged))
    return [0.0 if r is None else (r - mean) / (std + 1e-6 if by_std else 1.0) for r in scores]


def _exp(log_ratio: float) -> float:
    return math.exp(min(log_ratio, LOG_RATIO_CUT))


def _kl(log_policy: float, log_reference: float) -> float:
    """Eq. 2: pi_ref / pi - log(pi_ref / pi) - 1."""
    log_ratio = min(log_reference - log_policy, LOG_RATIO_CUT)
    return math.exp(log_ratio) - log_ratio - 1


def _clip(ratio: float, s: Settings) -> float:
    if ratio < 1 - s.low:
        return 1 - s.low
    if ratio > 1 + s.high:
        return 1 + s.high
    return ratio


def _min(ratio: float, advantage: float, s: Settings) -> float:
    return min(ratio * advantage, _clip(ratio, s) * advantage)


def r1(samples: list[Sample], s: Settings) -> float:
    """Eq. 1 as printed."""
    total = 0.0
    for o in samples:
        log_pi, log_old = math.fsum(o.policy), math.fsum(o.sampled)
        total += _min(_exp(log_pi - log_old), o.advantage, s)
        if o.reference is not None:
            total -= s.beta * _kl(log_pi, math.fsum(o.reference))
    return -total / len(samples)


def grpo(samples: list[Sample], s: Settings) -> float:
    """DeepSeekMath, Eq. 3."""
    total = 0.0
    for o in samples:
        inner = 0.0
        for t in range(len(o.policy)):
            inner += _min(_exp(o.policy[t] - o.sampled[t]), o.advantage, s)
            if o.reference is not None:
                inner -= s.beta * _kl(o.policy[t], o.reference[t])
        total += inner / len(o.policy)
    return -total / len(samples)


def dr_grpo(samples: list[Sample], s: Settings) -> float:
    """Dr. GRPO: token sums over a constant."""
    total = 0.0
    for o in samples:
        for t in range(len(o.policy)):
            total += _min(_exp(o.policy[t] - o.sampled[t]), o.advantage, s) / s.max_tokens
            if o.reference is not None:
                total -= s.beta * _kl(o.policy[t], o.reference[t]) / s.max_tokens
    return -total / len(samples)


def dapo(samples: list[Sample], s: Settings) -> float:
    """DAPO: one mean over all tokens."""
    terms = []
    for o in samples:
        for t in range(len(o.policy)):
            terms.append(_min(_exp(o.policy[t] - o.sampled[t]), o.advantage, s))
            if o.reference is not None:
                terms[-1] -= s.beta * _kl(o.policy[t], o.reference[t])
    return -sum(terms) / len(terms)


def gspo(samples: list[Sample], s: Settings) -> float:
    """GSPO: the geometric mean of the tokens' ratios; k3 averaged over the completion."""
    total = 0.0
    for o in samples:
        geometric_mean = 1.0
        for new, old in zip(o.policy, o.sampled, strict=True):
            geometric_mean *= math.exp((new - old) / len(o.policy))
        total += _min(geometric_mean, o.advantage, s)
        if o.reference is not None:
            kls = [_kl(new, ref) for new, ref in zip(o.policy, o.reference, strict=True)]
            total -= s.beta * sum(kls) / len(kls)
    return -total / len(samples)


LOSSES: dict[str, Callable[[list[Sample], Settings], float]] = {
    "r1": r1,
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "dapo": dapo,
    "gspo": gspo,
}


def metrics(name: str, samples: list[Sample], s: Settings) -> dict[str, float]:
    """What docs/grpo.md says of each metric, for the loss `name`."""
    without_kl = [Sample(o.policy, o.sampled, None, o.advantage) for o in samples]
    tokens = []  # (ratio that is clipped, advantage, |log-probability gap|) of each token
    for o in samples:
        gaps = [new - old for new, old in zip(o.policy, o.sampled, strict=True)]
        for gap in gaps:
            log_ratio = {"r1": sum(gaps), "gspo": sum(gaps) / len(gaps)}.get(name, gap)
            tokens.append((_exp(log_ratio), o.advantage, abs(gap)))
    n = len(tokens)
    result = {
        "policy_gradient_loss": LOSSES[name](without_kl, s),
        "clip_fraction_low": sum(1 for ratio, a, _ in tokens if a < 0 and ratio < 1 - s.low) / n,
        "clip_fraction_high": sum(1 for ratio, a, _ in tokens if a > 0 and ratio > 1 + s.high) / n,
        "ratio_mean": sum(ratio for ratio, _, _ in tokens) / n,
        "mean_abs_logprob_gap": sum(gap for _, _, gap in tokens) / n,
        # On-policy every ratio is 1, the clip does nothing, and what is left of J is the weighted mean advantage.
        "advantage_mean": -LOSSES[name]([Sample(o.policy, o.policy, None, o.advantage) for o in samples], s),
    }
    if s.beta:
        result["kl_to_reference"] = (LOSSES[name](samples, s) - result["policy_gradient_loss"]) / s.beta
    return result

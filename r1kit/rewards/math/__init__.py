"""Mathematical answers: `verify_math` and what it takes, a ladder of ever slower comparisons (see verify.py)."""

from r1kit.rewards.math.numbers import exact_number
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.text import MAX_ANSWER_CHARS
from r1kit.rewards.math.verify import DEFAULT_POLICY, verify_math, verify_math_fast, verify_math_solution

__all__ = [
    "DEFAULT_POLICY",
    "MAX_ANSWER_CHARS",
    "MathPolicy",
    "exact_number",
    "verify_math",
    "verify_math_fast",
    "verify_math_solution",
]

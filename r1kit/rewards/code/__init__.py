"""Programs as answers: run in a box, compared outside it (see judge.py)."""

from r1kit.rewards.code.judge import (
    TIME_LIMIT_S,
    CodeJob,
    CodeVerdict,
    CodeVerifier,
    last_code_block,
    verify_code,
)

__all__ = [
    "TIME_LIMIT_S",
    "CodeJob",
    "CodeVerdict",
    "CodeVerifier",
    "last_code_block",
    "verify_code",
]

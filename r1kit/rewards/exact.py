"""Is a short text the right one: a name, an object, a word?

    gold "Ann"    right:  Ann   ann   Ann.   **Ann**   ** Ann **.
                  wrong:  Ann or Ben   it is Ann   Anna   "Ann"

Capitals, white space at the ends and its amount inside, one final stop and markdown's bold do not count; everything
else does. Linear in the length of the answer.
"""

from __future__ import annotations

import re

from r1kit.errors import DataError
from r1kit.types import Problem, Score

_BOLD = re.compile(r"\*\*(?P<text>[^*]+)\*\*(?P<stop>[.。]?)")


def judge_exact(problem: Problem, answer: str) -> Score:
    """`verify_exact` on a problem.

    Raises:
        DataError: nothing of the gold answer counts.
    """
    if not _counted(problem.answer):
        raise DataError(
            f"problem {problem.id!r}: gold answer {problem.answer!r} is empty; verifier 'exact' needs a text"
        )
    return verify_exact(gold=problem.answer, answer=answer)


def verify_exact(*, gold: str, answer: str) -> Score:
    """1.0 if what counts of the two texts is the same, else 0.0; `parsed` is what counts of the answer."""
    said, wanted = _counted(answer), _counted(gold)
    if said == wanted:
        return Score(value=1.0, reason="correct", parsed=said)
    return Score(value=0.0, reason="wrong" if said else "empty answer", parsed=said or None)


def _counted(text: str) -> str:
    """The text inside of the bold, without the stop that ends it or stands behind the bold."""
    text = text.strip()
    bold = _BOLD.fullmatch(text)
    text = bold["text"] + bold["stop"] if bold else text
    return " ".join(text.removesuffix(".").removesuffix("。").casefold().split())

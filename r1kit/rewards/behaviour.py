"""Whether a chain of thought looks back at itself: the "aha moment" of section 2.2.4 (Table 3), for a metric only.

Nothing is rewarded for it. The lists are ours; they measure the use of words, so a model can say "wait" and mean
nothing by it. The behaviour itself shows in accuracy.
"""

from __future__ import annotations

import re

from r1kit.rewards.extract import chain_of_thought

REFLECTION_PHRASES_EN = (
    "wait",
    "hmm",
    "aha",
    "hold on",
    "on second thought",
    "let me check",
    "let me verify",
    "let me re-check",
    "let me recheck",
    "let me double-check",
    "let me reconsider",
    "let me rethink",
    "let me try",
    "let's check",
    "let's verify",
    "let's reconsider",
    "let's reevaluate",
    "let's re-evaluate",
    "check again",
    "re-check",
    "recheck",
    "double-check",
    "double check",
    "try again",
    "start over",
    "i made a mistake",
    "that is wrong",
    "that's wrong",
    "that is not right",
    "that's not right",
    "that doesn't work",
)
REFLECTION_PHRASES_ZH = (
    "等等",
    "等一下",
    "不对",
    "检查",
    "验算",
    "再试",
    "重新",
    "再想想",
    "再算一遍",
    "我错了",
    "算错",
    "啊哈",
)

_REFLECTION = re.compile(
    rf"(?<!\w)(?:{'|'.join(re.escape(phrase) for phrase in REFLECTION_PHRASES_EN)}|no(?=,))(?!\w)"
    rf"|{'|'.join(REFLECTION_PHRASES_ZH)}",
    re.IGNORECASE,
)


def has_reflection(text: str) -> bool:
    """Whether the thinking in a completion has a phrase of the lists, or "no," (whole words, any case).

    Only the chain of thought is read; all of the text where nothing marks it, as with the boxed template.
    """
    return _REFLECTION.search(chain_of_thought(text).replace("’", "'")) is not None

"""Which general prompts get a chain of thought.

Section 2.3.3 of arXiv:2501.12948: "For certain non-reasoning tasks, we call DeepSeek-V3 to generate a potential
chain-of-thought before answering the question by prompting. However, for simpler queries, such as 'hello' we do not
provide a CoT in response." Which tasks were which is not published; these rules are ours, in this order:

    1. the family, where the config says it
    2. a greeting, thanks or goodbye is simple
    3. a prompt that asks for work (why, explain, write, translate, plan ...) is not
    4. of what is left, a short prompt is simple, a longer one is not
"""

from __future__ import annotations

import re

from r1kit.curate.config import Route, RouterConfig
from r1kit.curate.overlap import words
from r1kit.types import Problem

_PLEASANTRY = re.compile(
    r"(hello|hi|hey|good (morning|afternoon|evening|night|day)|greetings|welcome|thanks|thank you|bye|goodbye|see you"
    r"|how are you|nice to meet you|你好|您好|嗨|早上好|早安|下午好|晚上好|晚安|谢谢|多谢|再见|拜拜|你好吗)",
    re.IGNORECASE,
)
_AFTER_PLEASANTRY = 4
"""Words that may follow a pleasantry ("hello there, my friend") before it counts as an introduction to a request."""

_WORK = re.compile(
    r"\b(why|how|explain|compare|describe|write|rewrite|summari[sz]e|translate|plan|list|design|argue|discuss|suggest"
    r"|recommend|review|edit|prove|calculate|compute|solve|analy[sz]e|pretend|act as)\b"
    r"|为什么|为何|怎么|怎样|如何|解释|比较|描述|写|改写|总结|概括|翻译|计划|列出|设计|论述|讨论|建议|推荐|修改|证明|计算|分析|扮演",
    re.IGNORECASE,
)


def route(problem: Problem, config: RouterConfig = RouterConfig()) -> Route:
    """Whether a general prompt is answered with a chain of thought ("cot") or at once ("no_cot").

    >>> route(Problem(id="1", prompt="hello", answer="", task="chat"))
    'no_cot'
    """
    if problem.task in config.tasks:
        return config.tasks[problem.task]
    if _is_pleasantry(problem.prompt):
        return "no_cot"
    if _WORK.search(problem.prompt):
        return "cot"
    return "no_cot" if num_words(problem.prompt) <= config.max_simple_words else "cot"


def num_words(text: str) -> float:
    """Words without signs; a Chinese character is half a word.

    >>> num_words("What is 水果?")
    3.0
    """
    found = [word for word in words(text) if word[0].isalnum()]
    chinese = sum(len(word) == 1 and "\u3400" <= word <= "\u9fff" for word in found)
    return len(found) - chinese / 2


def _is_pleasantry(prompt: str) -> bool:
    rest, count = _PLEASANTRY.subn(" ", prompt.strip())
    starts = _PLEASANTRY.match(prompt.strip()) is not None
    return count > 0 and starts and num_words(rest) <= _AFTER_PLEASANTRY and not _WORK.search(rest)

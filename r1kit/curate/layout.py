r"""The readable format of section 2.3.1 as data is written in it, and the summary that follows the reasoning.

    |special_token|<reasoning_process>|special_token|<summary>

"where the reasoning process is the CoT for the query, and the summary is used to summarize the reasoning results". The
answer is highlighted by markdown, as the paper asks, where `READABLE_POLICY` of `r1kit.rewards.extract` finds it.
"""

from __future__ import annotations

from r1kit.errors import DataError, suggest
from r1kit.rewards.accuracy import OWN_POLICIES
from r1kit.rewards.extract import code_blocks, last_boxed
from r1kit.rewards.readability import READABLE_TOKEN, asks_for_code, is_general
from r1kit.types import Problem

SUMMARIES: dict[str, str] = {"en": "The answer is {}.", "zh": "答案是 {}。"}
"""Language to the sentence that names the answer."""


def readable_response(reasoning: str | None, summary: str) -> str:
    """What a model writes after the prompt of the template `readable`; without reasoning, the summary alone."""
    if reasoning is None:
        return f" {summary.strip()}"
    return f" {READABLE_TOKEN} {reasoning.strip()} {READABLE_TOKEN} {summary.strip()}"


def summarize(answer: str, problem: Problem, language: str) -> str:
    r"""A summary that names the answer.

    A sentence with the answer in bold (`The answer is **15**.`), or boxed if it has several lines; the program in a
    fenced block where code is asked for; the answer itself where the whole response is the answer (general prompts,
    instructions about the response).

    Raises:
        DataError: no sentence for the language.

    >>> summarize("15", Problem(id="1", prompt="Compute 7 + 8", answer="15", task="chain"), "en")
    'The answer is **15**.'
    """
    answer = answer.strip()
    if asks_for_code(problem):
        return answer if code_blocks(answer) else f"```python\n{answer}\n```"
    if is_general(problem) or problem.verifier in OWN_POLICIES:
        return answer
    if language not in SUMMARIES:
        raise DataError(f"problem {problem.id!r}: no summary in language {language!r}; {suggest(language, SUMMARIES)}")
    sentence = SUMMARIES[language]
    if last_boxed(answer):
        return sentence.format(answer)
    if "\n" in answer or "**" in answer.strip("*"):
        return sentence.format(f"\\boxed{{{' '.join(answer.split())}}}")
    return sentence.format(f"**{answer.strip('*').strip()}**")

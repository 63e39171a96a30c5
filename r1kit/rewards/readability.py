r"""Whether a response is fit to be read, and the readable format of section 2.3.1 of arXiv:2501.12948.

    |special_token|<reasoning_process>|special_token|<summary>

where the reasoning process is the chain of thought and the summary "is used to summarize the reasoning results". The
paper names what makes a response unfit: no summary and no markdown "to highlight answers for users" (2.3.1), "mixed
languages, long paragraphs, and code blocks" in the chain of thought (2.3.3). Each is a check of its own here; the
limits are ours, the paper gives none. The same checks filter cold-start data and rejection samples.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from r1kit.rewards.extract import READABLE_TOKEN, after_thinking, split_think_answer
from r1kit.rewards.language import MIXED_THRESHOLD, PAPER_LANGUAGES, language_consistency
from r1kit.types import Problem, Rollout, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableParts:
    """A response cut into its reasoning and its summary."""

    reasoning: str | None
    """The chain of thought, stripped; None if there is none."""
    summary: str | None
    """What follows it, stripped; None if there is none."""
    problem: str
    """Why the response does not have its format, in a few words; empty if it has."""


def readable_parts(text: str, token: str = READABLE_TOKEN) -> ReadableParts:
    """Cut a response of the readable format.

    A broken one is cut as well as it can be: without a second token everything after the first is reasoning (the
    response was truncated); of more than two tokens the last one starts the summary, so that a token in the reasoning
    cannot pass off a thought as the summary.
    """
    before, first, rest = text.partition(token)
    if not first:
        return ReadableParts(reasoning=None, summary=None, problem=f"no {token}")
    reasoning, second, summary = rest.rpartition(token)
    if not second:
        reasoning, summary = rest, ""
    count = text.count(token)
    problems = (
        (f"{count} times {token}, not twice", count != 2),
        (f"text before the first {token}", before.strip()),
        ("empty reasoning", not reasoning.strip()),
        ("empty summary", not summary.strip()),
    )
    return ReadableParts(
        reasoning=reasoning.strip() or None,
        summary=summary.strip() or None,
        problem=next((message for message, is_wrong in problems if is_wrong), ""),
    )


def readable_problem(text: str, token: str = READABLE_TOKEN) -> str:
    """Why a response does not have the readable format, in a few words; empty if it has. For FormatReward."""
    return readable_parts(text, token).problem


def response_parts(text: str, token: str = READABLE_TOKEN) -> ReadableParts:
    """`readable_parts` where a chain of thought is optional: without a token all of the response is its summary.

    Section 2.3.3: "for simpler queries, such as 'hello' we do not provide a CoT in response".
    """
    if token in text:
        return readable_parts(text, token)
    summary = text.strip() or None
    return ReadableParts(reasoning=None, summary=summary, problem="" if summary else "empty response")


def response_problem(text: str) -> str:
    """Why a response has no form in which a chain of thought is optional, in a few words; empty if it has."""
    return response_parts(text).problem


def think_parts(text: str) -> ReadableParts:
    """The same for responses with think tags: the thinking, and what follows it without its answer tags."""
    cut = split_think_answer(text)
    summary = re.sub(r"</?answer>", "", after_thinking(text)).strip()
    return ReadableParts(reasoning=cut.think or None, summary=summary or None, problem=cut.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """The limits of the checks."""

    max_foreign_share: float = MIXED_THRESHOLD
    """Words of the chain of thought that may be in another language than the problem's."""
    languages: tuple[str, ...] = PAPER_LANGUAGES
    """What else it may be written in; see `language_consistency`."""
    max_paragraph_columns: int = 1600
    """Length of a paragraph (text without a blank line): 20 lines of 80 columns. A Chinese character takes two."""
    allow_code: bool = False
    """Whether the problem asks for code, so that a code block in the chain of thought is in its place."""
    needs_reasoning: bool = True
    """Whether a chain of thought has to be there; a general prompt such as "hello" has none (2.3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check that a response failed."""

    check: str
    """A key of CHECKS."""
    message: str
    """What is wrong, in a few words."""


def find_faults(parts: ReadableParts, language: str, rules: ReadingRules = ReadingRules()) -> list[Finding]:
    """The checks that a response fails, in the order of CHECKS; none for a readable one.

    Args:
        parts: The response.
        language: The language that its chain of thought should be in.
        rules: The limits.

    Raises:
        DataError, MissingExtra: as `language_consistency`.
    """
    messages = {name: check(parts, language, rules) for name, check in CHECKS.items()}
    return [Finding(check=name, message=message) for name, message in messages.items() if message]


def _no_reasoning(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    return "" if parts.reasoning or not rules.needs_reasoning else "no reasoning"


def _no_summary(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    return "" if parts.summary else "no summary"


_HIGHLIGHT = re.compile(r"\\boxed\s{0,4}\{|\*\*[^*\n]+\*\*|^#{1,6}\s|^\s*(?:[-*]|\d+\.)\s|`|\$", re.MULTILINE)


def _not_highlighted(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    r"""A summary of one line is its own highlight; a longer one needs markdown or `\boxed{}`."""
    summary = parts.summary or ""
    if "\n" not in summary or _HIGHLIGHT.search(summary):
        return ""
    return "summary of several lines without markdown"


def _foreign_words(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    share = language_consistency(parts.reasoning or "", language, rules.languages)
    if share is None or share >= 1 - rules.max_foreign_share:
        return ""
    return f"{1 - share:.0%} of the words are not {language}" if share else f"not in {language}"


def _long_paragraph(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    paragraphs = re.split(r"\n[ \t]*\n", parts.reasoning or "")
    longest = max(map(_columns, paragraphs))
    return f"a paragraph of {longest} columns" if longest > rules.max_paragraph_columns else ""


def _code_block(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    fences = re.findall(r"^[ \t]*(?:```|~~~)", parts.reasoning or "", re.MULTILINE)
    return "code block in the reasoning" if fences and not rules.allow_code else ""


def _open_delimiter(parts: ReadableParts, language: str, rules: ReadingRules) -> str:
    for part in (parts.reasoning or "", parts.summary or ""):
        for opening, closing in (("```", "```"), ("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)")):
            is_open = part.count(opening) % 2 if opening == closing else part.count(opening) != part.count(closing)
            if is_open:
                return f"{opening} without {closing}" if opening != closing else f"{opening} is not closed"
    return ""


CHECKS: dict[str, Callable[[ReadableParts, str, ReadingRules], str]] = {
    "reasoning": _no_reasoning,
    "summary": _no_summary,
    "highlight": _not_highlighted,
    "language": _foreign_words,
    "paragraphs": _long_paragraph,
    "code": _code_block,
    "delimiters": _open_delimiter,
}
"""Name to what says, in a few words, why a response fails the check (empty: it passes)."""


def asks_for_code(problem: Problem) -> bool:
    """Whether a problem is judged by running code."""
    return problem.verifier == "code"


def is_general(problem: Problem) -> bool:
    """Whether a prompt is a general one (2.3.3 and 2.3.4), which may be answered without reasoning."""
    return problem.info.get("scenario") is not None


def is_bilingual(problem: Problem) -> bool:
    """Whether a chain of thought needs two languages: the family is `translate`, or info["bilingual"] is true."""
    return problem.task == "translate" or bool(problem.info.get("bilingual"))


def rules_for(problem: Problem, rules: ReadingRules = ReadingRules()) -> ReadingRules:
    """The rules as one problem has them: what it asks for is not a fault of the response."""
    return replace(
        rules,
        max_foreign_share=1.0 if is_bilingual(problem) else rules.max_foreign_share,
        allow_code=rules.allow_code or asks_for_code(problem),
        needs_reasoning=rules.needs_reasoning and not is_general(problem),
    )


class ReadabilityReward:
    """The share of CHECKS that a response passes, in [0, 1]; the reason names every fault. Not a reward of the paper.

    A response without summary or, to a reasoning prompt, without reasoning gets 0.0: what is not there has no faults.
    The paper filters by these criteria (2.3.1, 2.3.3) and rewards language consistency alone (2.3.2).
    """

    name = "readability"

    def __init__(
        self,
        cut: Callable[[str], ReadableParts] = think_parts,
        rules: ReadingRules = ReadingRules(),
    ) -> None:
        """Cut responses by `cut` (`response_parts` for the readable format), and see `rules_for`."""
        self._cut = cut
        self._rules = rules

    def score(self, rollouts: Sequence[Rollout]) -> list[Score]:
        """One verdict a rollout, in order; `parts` has 1.0 or 0.0 for each check.

        Raises:
            DataError, MissingExtra: as `language_consistency`.
        """
        return [self._score(rollout) for rollout in rollouts]

    def _score(self, rollout: Rollout) -> Score:
        rules = rules_for(rollout.problem, self._rules)
        faults = find_faults(self._cut(rollout.completion.text), rollout.problem.language, rules)
        failed = {fault.check for fault in faults}
        return Score(
            value=0.0 if failed & {"reasoning", "summary"} else 1 - len(failed) / len(CHECKS),
            reason="; ".join(fault.message for fault in faults) or "readable",
            parts={check: float(check not in failed) for check in CHECKS},
        )


def _columns(text: str) -> int:
    """Width in a terminal: East Asian wide characters take two columns."""
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)

"""What drops a sample: an ordered list of named filters, each of which says why.

Section 2.3.1 of arXiv:2501.12948 "filters out responses that are not reader-friendly": no summary at the end, several
languages, no markdown "to highlight answers". Section 2.3.3: "we have filtered out chain-of-thought with mixed
languages, long paragraphs, and code blocks" and "retain only the correct ones". Duplicates and evaluation prompts are
ours. A sample is counted under the first filter that drops it, so that the counts and what is kept add up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from r1kit.curate.candidates import Candidate, layout_problem
from r1kit.curate.config import FILTER_NAMES, FilterConfig
from r1kit.curate.counts import DropCounts, StageCounts
from r1kit.curate.overlap import EvaluationPrompts, Shingles, jaccard, shingles
from r1kit.rewards.readability import CHECKS, READABLE_TOKEN, ReadingRules, response_parts, rules_for

Filter: TypeAlias = Callable[[Sequence[Candidate], FilterConfig, EvaluationPrompts], list[str]]
"""What is wrong with each candidate, in a few words; empty where nothing is. It sees the candidates that all filters
before it let pass, in their order."""


def apply_filters(
    candidates: Sequence[Candidate],
    config: FilterConfig,
    *,
    stage: str,
    goes_to: str = "data",
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Candidate], DropCounts]:
    """What passes all filters of `config.names`, in order; and one step of counts, named `stage`.

    Args:
        candidates: Any order; of duplicates the first is kept.
        config: The filters and their limits.
        stage: Name of the step.
        goes_to: The step that gets what is kept.
        evaluation_prompts: What `contaminated` must keep out; none: it drops nothing.

    Raises:
        DataError, MissingExtra: as `r1kit.rewards.language.language_consistency`.
    """
    contaminated = "contaminated" in config.names
    evaluation = EvaluationPrompts(evaluation_prompts if contaminated else (), config.contamination_words)
    kept = list(candidates)
    dropped: dict[str, int] = {}
    for name in config.names:
        messages = FILTERS[name](kept, config, evaluation)
        passed = [candidate for candidate, message in zip(kept, messages, strict=True) if not message]
        if len(passed) < len(kept):
            dropped[name] = len(kept) - len(passed)
        kept = passed
    return kept, DropCounts({stage: StageCounts(num_in=len(candidates), dropped=dropped, goes_to=goes_to)})


def _each(check: Callable[[Candidate, FilterConfig], str]) -> Filter:
    """A filter that looks at one candidate at a time."""
    return lambda candidates, config, evaluation: [check(candidate, config) for candidate in candidates]


def _truncated(candidate: Candidate, config: FilterConfig) -> str:
    return "cut off at the length limit" if candidate.is_truncated else ""


def _lacks_summary_only(candidate: Candidate) -> bool:
    response = candidate.example.response
    parts = response_parts(response)
    return response.count(READABLE_TOKEN) == 2 and parts.reasoning is not None and parts.summary is None


def _bad_format(candidate: Candidate, config: FilterConfig) -> str:
    if candidate.broken or _lacks_summary_only(candidate):
        return candidate.broken
    return layout_problem(candidate.example.response, candidate.problem)


def _missing_summary(candidate: Candidate, config: FilterConfig) -> str:
    return "no summary" if _lacks_summary_only(candidate) else ""


def _is_unjudged(candidate: Candidate, config: FilterConfig) -> str:
    if candidate.score is None:
        return "not judged"
    return candidate.score.reason or "not judged" if candidate.score.value is None else ""


def _not_correct(candidate: Candidate, config: FilterConfig) -> str:
    value = candidate.score.value if candidate.score else None
    return f"scored {value}" if value is not None and value < config.min_value else ""


def _reading(check: str) -> Filter:
    """One of the checks of `r1kit.rewards.readability`."""

    def fault(candidate: Candidate, config: FilterConfig) -> str:
        rules = ReadingRules(
            max_foreign_share=config.max_foreign_share,
            languages=tuple(config.languages),
            max_paragraph_columns=config.max_paragraph_columns,
        )
        parts = response_parts(candidate.example.response)
        return CHECKS[check](parts, candidate.example.language, rules_for(candidate.problem, rules))

    return _each(fault)


def _too_long(candidate: Candidate, config: FilterConfig) -> str:
    length = len(candidate.example.response)
    return f"{length} characters" if length > config.max_response_chars else ""


def _contaminated(candidates: Sequence[Candidate], config: FilterConfig, evaluation: EvaluationPrompts) -> list[str]:
    """Prompts that have at least `contamination_overlap` of their n-grams in common with one evaluation prompt.

    Not one common n-gram, as others have it: prompts made from templates have common n-grams by design.
    """
    overlaps = [evaluation.overlap(candidate.example.prompt) for candidate in candidates]
    return [f"{x:.0%} of the prompt is in evaluation" if x >= config.contamination_overlap else "" for x in overlaps]


def _duplicate(candidates: Sequence[Candidate], config: FilterConfig, evaluation: EvaluationPrompts) -> list[str]:
    """The same prompt and response as one before, but for white space."""
    first: dict[tuple[str, str], str] = {}
    messages: list[str] = []
    for candidate in candidates:
        example = candidate.example
        same = first.setdefault((" ".join(example.prompt.split()), " ".join(example.response.split())), example.id)
        messages.append("" if same == example.id else f"the same as {same}")
    return messages


def _near_duplicate(candidates: Sequence[Candidate], config: FilterConfig, evaluation: EvaluationPrompts) -> list[str]:
    """Nearly the same response to the same prompt as one that was kept.

    Other prompts are not compared: problems that differ in a number have nearly the same solution, and should.
    """
    kept: dict[str, list[Shingles]] = {}
    messages: list[str] = []
    for candidate in candidates:
        own = shingles(candidate.example.response, config.near_duplicate_words)
        others = kept.setdefault(" ".join(candidate.example.prompt.split()), [])
        overlap = max((jaccard(own, other) for other in others), default=0.0)
        is_near = overlap >= config.near_duplicate_overlap
        messages.append(f"{overlap:.0%} the same as another response" if is_near else "")
        if not is_near:
            others.append(own)
    return messages


FILTERS: dict[str, Filter] = {
    "truncated": _each(_truncated),
    "bad_format": _each(_bad_format),
    "missing_summary": _each(_missing_summary),
    "unjudged": _each(_is_unjudged),
    "not_correct": _each(_not_correct),
    "mixed_language": _reading("language"),
    "long_paragraph": _reading("paragraphs"),
    "code_block": _reading("code"),
    "open_delimiter": _reading("delimiters"),
    "not_highlighted": _reading("highlight"),
    "too_long": _each(_too_long),
    "contaminated": _contaminated,
    "duplicate": _duplicate,
    "near_duplicate": _near_duplicate,
}
"""The values of the config key `filters.names`."""

assert tuple(FILTERS) == FILTER_NAMES

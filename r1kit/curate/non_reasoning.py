"""Non-reasoning data, section 2.3.3 of arXiv:2501.12948: given answers, some with a potential chain of thought.

"For non-reasoning data, such as writing, factual QA, self-cognition, and translation, we adopt the DeepSeek-V3 pipeline
and reuse portions of the SFT dataset of DeepSeek-V3. For certain non-reasoning tasks, we call DeepSeek-V3 to generate a
potential chain-of-thought before answering the question by prompting. However, for simpler queries, such as 'hello' we
do not provide a CoT in response."

The answers come with the problems (`Problem.answer`); only the thought before them is generated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from r1kit.curate.candidates import Candidate
from r1kit.curate.config import NonReasoningConfig, Route
from r1kit.curate.counts import PROMPTS, DropCounts, StageCounts
from r1kit.curate.filters import apply_filters
from r1kit.curate.layout import readable_response, summarize
from r1kit.curate.prompts import Shot, cut_at_stop, format_for, pick_shots, prompt_template, thought_prompt
from r1kit.curate.router import route
from r1kit.curate.sampling import sample_with_stops
from r1kit.engines.base import Engine
from r1kit.errors import DataError
from r1kit.sft.data import Example
from r1kit.types import Completion, Problem, StopReason

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SOURCE = "non_reasoning"
MIX = "mix_non_reasoning"
"""The step that gets the examples."""
THOUGHT_FILTERS = (
    *("truncated", "bad_format", "mixed_language", "long_paragraph", "code_block", "open_delimiter", "too_long"),
)
"""Those of the config's filters that a generated thought has to pass; the others look at the prompt and the answer."""


def collect_non_reasoning(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    shots: Sequence[Shot],
    config: NonReasoningConfig,
    *,
    seed: int,
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Example], DropCounts]:
    """An example for each general prompt with its given answer: with a thought where `route` says so, else without.

    The counts have four steps: `thoughts` (attempts at a thought, by filter), `thoughts_chosen` (the first that passed
    is taken), `thought_prompts` (routed prompts of which no thought passed: `plain_answer` or `no_thought`, as
    when_thought_fails has it) and `non_reasoning` (the examples, by filter, and `no_thought`). An example's info says
    what the router said (`route`) and what came of it (`has_thought`).

    Args:
        engine: Whatever writes the thoughts: the base with worked examples, or a model that follows requests.
        tokenizer: The engine's.
        problems: General prompts with `answer`.
        shots: Worked examples with thoughts; each prompt gets `num_shots` of them.
        config: Routes, prompts, filters.
        seed: Of the shots and the samples.
        evaluation_prompts: What must not become training data.

    Raises:
        DataError: a problem has no answer; too few worked examples or no format for a language; a prompt that does
            not fit the model.
    """
    for problem in problems:
        if not problem.answer.strip():
            raise DataError(f"problem {problem.id!r} has no answer, which non-reasoning data is made of; give it one")
    routes: dict[str, Route] = {problem.id: route(problem, config.router) for problem in problems}
    routed = [problem for problem in problems if routes[problem.id] == "cot"]
    with_thought, counts = _think(engine, tokenizer, routed, shots, config, seed=seed)
    without_thought = {problem.id for problem in routed} - set(with_thought)
    failed = without_thought if config.when_thought_fails == "drop" else set()
    candidates = [
        with_thought.get(problem.id) or _candidate(problem, routes[problem.id])
        for problem in problems
        if problem.id not in failed
    ]
    kept, drops = apply_filters(
        candidates, config.filters, stage=SOURCE, goes_to=MIX, evaluation_prompts=evaluation_prompts
    )
    dropped = ({"no_thought": len(failed)} if failed else {}) | dict(drops.stages[SOURCE].dropped)
    examples = DropCounts({SOURCE: StageCounts(num_in=len(problems), dropped=dropped, goes_to=MIX)})
    prompts = _prompt_counts(len(routed), len(without_thought), config)
    return [candidate.example for candidate in kept], counts + prompts + examples


def _prompt_counts(num_routed: int, num_without: int, config: NonReasoningConfig) -> DropCounts:
    """How many prompts that should have a thought have one, and what became of the others."""
    reason = {"plain": "plain_answer", "drop": "no_thought"}[config.when_thought_fails]
    counts = StageCounts(
        num_in=num_routed,
        dropped={reason: num_without} if num_without else {},
        goes_to="prompts_with_thought",
        unit=PROMPTS,
    )
    return DropCounts({"thought_prompts": counts})


def _think(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    shots: Sequence[Shot],
    config: NonReasoningConfig,
    *,
    seed: int,
) -> tuple[dict[str, Candidate], DropCounts]:
    """Problem id to the candidate with its first thought that passes; none for problems without one."""

    def prompt(problem: Problem) -> str:
        picked = pick_shots(shots, problem, config.num_shots, seed=seed)
        return thought_prompt(format_for(config.formats, problem), picked, problem.prompt, problem.answer)

    def stop_of(problem: Problem) -> Sequence[str]:
        return format_for(config.formats, problem).stop

    rollouts = sample_with_stops(
        engine,
        tokenizer,
        prompt_template("thought", prompt, as_chat=config.as_chat),
        problems,
        stop_of,
        num_samples=config.num_samples,
        draw=config.draw,
        seed=seed,
    )
    candidates = [_candidate(each.problem, "cot", each.completion, stop_of(each.problem)) for each in rollouts]
    names = [name for name in config.filters.names if name in THOUGHT_FILTERS]
    filters = config.filters.model_copy(update={"names": names})
    kept, drops = apply_filters(candidates, filters, stage="thoughts", goes_to="thoughts_chosen")
    first: dict[str, Candidate] = {}
    for candidate in kept:
        first.setdefault(candidate.problem.id, candidate)
    dropped = {"not_chosen": len(kept) - len(first)} if len(kept) > len(first) else {}
    chosen = StageCounts(num_in=len(kept), dropped=dropped, goes_to="thoughts_used")
    return first, drops + DropCounts({"thoughts_chosen": chosen})


def _candidate(
    problem: Problem, routed: Route, completion: Completion | None = None, stop: Sequence[str] = ()
) -> Candidate:
    """The given answer, after the thought of a completion; without a completion, alone."""
    thought = None if completion is None else cut_at_stop(completion.text, stop).strip()
    info = {"problem": problem.id, "route": routed, "has_thought": thought is not None, "verdict": "given answer"}
    example = Example(
        id=f"{problem.id}:{SOURCE}",
        prompt=problem.prompt,
        response=readable_response(thought, summarize(problem.answer, problem, problem.language)),
        task=problem.task,
        language=problem.language,
        source=SOURCE,
        info=info,
    )
    is_truncated = completion is not None and completion.stop_reason is StopReason.LENGTH
    return Candidate(
        example=example, problem=problem, is_truncated=is_truncated, broken="" if thought != "" else "empty thought"
    )

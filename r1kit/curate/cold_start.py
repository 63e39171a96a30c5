"""Cold-start data: "a small amount of long CoT data to fine-tune the model as the initial RL actor".

Section 2.3.1 of arXiv:2501.12948: "To collect such data, we have explored several approaches: using few-shot prompting
with a long CoT as an example, directly prompting models to generate detailed answers with reflection and verification,
gathering DeepSeek-R1-Zero outputs in a readable format, and refining the results through post-processing by human
annotators."

    few_shot  `collect_few_shot`   worked examples, then the question; a base model goes on
    direct    `collect_direct`     a request for a detailed answer with reflection and verification
    zero      `collect_zero`       R1-Zero's outputs: the think block becomes the reasoning, the answer a summary
    human     `r1kit.curate.review.import_reviews`

All of them end in the readable format, which the paper defines "as |special_token|<reasoning_process>|special_token|
<summary>". What is judged is the rewritten response, as it will be trained on. Prompts and the wording of summaries
are ours; the paper prints none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from r1kit.curate.candidates import Rewritten, make_candidates
from r1kit.curate.choose import choose
from r1kit.curate.config import CollectConfig, DirectConfig, FewShotConfig, WorkedFormat, ZeroOutputsConfig
from r1kit.curate.counts import DropCounts, StageCounts
from r1kit.curate.filters import apply_filters
from r1kit.curate.layout import readable_response, summarize
from r1kit.curate.prompts import Shot, format_for, pick_shots, prompt_template, read_solution, worked_prompt
from r1kit.curate.sampling import sample_with_stops
from r1kit.engines.base import Engine
from r1kit.engines.rollout import sample_rollouts
from r1kit.rewards.base import Reward
from r1kit.rewards.extract import extract_answer, split_think_answer
from r1kit.rewards.format import ANSWER_POLICIES
from r1kit.seeding import seed_for
from r1kit.sft.data import Example
from r1kit.tasks.templates import TEMPLATES, TemplateName
from r1kit.types import Problem, Rollout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DATA = "cold_start_data"
"""The step that all collectors lead to."""


def collect_few_shot(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    shots: Sequence[Shot],
    reward: Reward,
    config: FewShotConfig,
    *,
    seed: int,
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Example], DropCounts]:
    """Prompt a base model with worked examples and the question: "few-shot prompting with a long CoT as an example".

    Args:
        engine: The base model.
        tokenizer: The engine's.
        problems: What to collect examples of.
        shots: The pool of worked examples; each problem gets `num_shots` of them.
        reward: Judges completions of the template `readable`.
        config: How many, how drawn, and what is dropped.
        seed: Of the shots, the samples and the choice.
        evaluation_prompts: What must not become training data.

    Raises:
        DataError: too few worked examples or no format for a language; a prompt that does not fit the model.
    """

    def prompt(problem: Problem) -> str:
        picked = pick_shots(shots, problem, config.num_shots, seed=seed)
        return worked_prompt(format_for(config.formats, problem), picked, problem.prompt)

    rollouts = _sample_worked(engine, tokenizer, problems, prompt, config, name="few_shot", seed=seed)
    rewrite = _solution_of(config)
    return _finish(
        rollouts, rewrite, reward, config, source="few_shot", seed=seed, evaluation_prompts=evaluation_prompts
    )


def collect_direct(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    reward: Reward,
    config: DirectConfig,
    *,
    seed: int,
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Example], DropCounts]:
    """Ask for it: "directly prompting models to generate detailed answers with reflection and verification".

    Arguments and errors as `collect_few_shot`; the engine is best a model that follows requests.
    """

    def prompt(problem: Problem) -> str:
        return worked_prompt(format_for(config.formats, problem), [], problem.prompt)

    rollouts = _sample_worked(engine, tokenizer, problems, prompt, config, name="direct", seed=seed)
    rewrite = _solution_of(config)
    return _finish(rollouts, rewrite, reward, config, source="direct", seed=seed, evaluation_prompts=evaluation_prompts)


def collect_zero(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    reward: Reward,
    config: ZeroOutputsConfig,
    *,
    seed: int,
    template: TemplateName = "r1_zero",
    evaluation_prompts: Sequence[str] = (),
) -> tuple[list[Example], DropCounts]:
    """Table 1's two blocks become reasoning and summary: "gathering DeepSeek-R1-Zero outputs in a readable format".

    Arguments and errors as `collect_few_shot`; the engine is R1-Zero, asked in the `template` that it was trained in.
    """
    rollouts = sample_rollouts(
        engine,
        tokenizer,
        TEMPLATES[template],
        problems,
        num_samples=config.num_samples,
        params=config.draw.params(),
        seed=seed_for(seed, "zero"),
    )
    return _finish(
        rollouts,
        partial(zero_parts, template=template),
        reward,
        config,
        source="zero",
        seed=seed,
        evaluation_prompts=evaluation_prompts,
    )


def merge(
    collected: Sequence[Example], reviewed: Sequence[Example] = (), rejected: Sequence[Example] = ()
) -> tuple[list[Example], DropCounts]:
    """The data set: what a person reviewed takes the place of what was collected under its id; nothing twice.

    Args:
        collected: By all collectors.
        reviewed: Kept or edited by a person, see `r1kit.curate.review`.
        rejected: Dropped by a person; collected again, they are dropped again.
    """
    seen = {example.id for example in (*reviewed, *rejected)}
    fresh = [example for example in collected if example.id not in seen]
    data: dict[tuple[str, str], Example] = {}
    for example in (*reviewed, *fresh):
        data.setdefault((example.prompt, example.response), example)
    num_merged = len(fresh) + len(reviewed)
    dropped = {"reviewed": len(collected) - len(fresh), "duplicate": num_merged - len(data)}
    steps = {DATA: StageCounts(num_in=len(collected) + len(reviewed), dropped=_positive(dropped), goes_to="examples")}
    if reviewed or rejected:
        by_hand = {"dropped_by_reviewer": len(rejected)}
        num_in = len(reviewed) + len(rejected)
        steps = {"human": StageCounts(num_in=num_in, dropped=_positive(by_hand), goes_to=DATA)} | steps
    return list(data.values()), DropCounts(steps)


def _positive(dropped: Mapping[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in dropped.items() if count}


def zero_parts(rollout: Rollout, template: TemplateName = "r1_zero") -> Rewritten:
    """The think block as reasoning, and a sentence with the answer as summary; broken without Table 1's format.

    A template that asks for no blocks has none: then the whole text is the reasoning.
    """
    text = rollout.completion.text
    cut = split_think_answer(text)
    if template in ("boxed", "plain") and cut.think is None:
        answer = extract_answer(text, ANSWER_POLICIES[template])
        return Rewritten(text, "no answer") if answer is None else _rewritten(rollout.problem, text.strip(), answer)
    if not cut.well_formed:
        return Rewritten(text, cut.problem)
    return _rewritten(rollout.problem, cut.think or "", cut.answer or "")


def _sample_worked(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    problems: Sequence[Problem],
    prompt: Callable[[Problem], str],
    config: FewShotConfig | DirectConfig,
    *,
    name: str,
    seed: int,
) -> list[Rollout]:
    return sample_with_stops(
        engine,
        tokenizer,
        prompt_template(name, prompt, as_chat=config.as_chat),
        problems,
        lambda problem: format_for(config.formats, problem).stop,
        num_samples=config.num_samples,
        draw=config.draw,
        seed=seed,
    )


def _solution_of(config: FewShotConfig | DirectConfig) -> Callable[[Rollout], Rewritten]:
    def rewrite(rollout: Rollout) -> Rewritten:
        worked: WorkedFormat = format_for(config.formats, rollout.problem)
        solution = read_solution(rollout.completion.text, worked)
        if solution.problem:
            return Rewritten(rollout.completion.text, solution.problem)
        return _rewritten(rollout.problem, solution.thought, solution.answer)

    return rewrite


def _rewritten(problem: Problem, thought: str, answer: str) -> Rewritten:
    return Rewritten(readable_response(thought, summarize(answer, problem, problem.language)))


def _finish(
    rollouts: Sequence[Rollout],
    rewrite: Callable[[Rollout], Rewritten],
    reward: Reward,
    config: CollectConfig,
    *,
    source: str,
    seed: int,
    evaluation_prompts: Sequence[str],
) -> tuple[list[Example], DropCounts]:
    """Rewrite, judge, filter, choose."""
    chosen_stage = f"{source}_chosen"
    candidates = make_candidates(rollouts, rewrite, reward, source=source)
    kept, drops = apply_filters(
        candidates, config.filters, stage=source, goes_to=chosen_stage, evaluation_prompts=evaluation_prompts
    )
    chosen, not_chosen = choose(kept, config.choice, seed=seed, stage=chosen_stage, goes_to=DATA)
    return [candidate.example for candidate in chosen], drops + not_chosen

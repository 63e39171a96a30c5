"""What the stages of `r1kit r1` do that make data sets (2.3.1, 2.3.3, 2.4).

A dataset artifact has data.jsonl, README.md (its card) and drops.json (how many samples each filter dropped).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from r1kit.curate.cold_start import collect_direct, collect_few_shot, collect_zero, merge
from r1kit.curate.config import FilterConfig
from r1kit.curate.counts import DropCounts, StageCounts, add_up, check_any_kept, write_drops
from r1kit.curate.mix import mix
from r1kit.curate.non_reasoning import collect_non_reasoning
from r1kit.curate.reject import rejection_sample
from r1kit.curate.review import dropped_file
from r1kit.curate.traces import filter_traces, read_traces
from r1kit.errors import DataError, RunError
from r1kit.models.load import resolve_model
from r1kit.pipeline.artifact import digest
from r1kit.pipeline.config import RewardConfig
from r1kit.pipeline.judging import accuracy_of
from r1kit.pipeline.r1_config import (
    ColdStartDataConfig,
    JudgeConfig,
    MixStageConfig,
    NonReasoningDataConfig,
    RejectionDataConfig,
    TracesConfig,
)
from r1kit.pipeline.r1_stages import ModelSource, open_engine
from r1kit.pipeline.sources import thought_examples, with_answers, worked_examples
from r1kit.pipeline.stage import StageContext
from r1kit.pipeline.teach import TaughtDataConfig, TeachConfig, run_teach, teacher_card
from r1kit.rewards.generative import GenerativeVerifier, Judge
from r1kit.seeding import rng, seed_for
from r1kit.sft.data import DATA_FILE, DatasetCard, Example, data_file, read_examples, write_card, write_examples
from r1kit.tasks.mix import in_turns
from r1kit.tasks.registry import build_task
from r1kit.tasks.templates import TemplateName
from r1kit.types import Problem, SamplingParams, Split

COLLECTORS = ("few_shot", "direct", "zero")
"""Of cold-start data; few_shot_problems and so on say how many problems each gets."""


def collect_cold_start(
    base: ModelSource,
    zero: ModelSource,
    tasks: Mapping[str, float],
    shots: str,
    *,
    zero_template: TemplateName,
    rules: RewardConfig,
    seed: int,
) -> Callable[[StageContext[ColdStartDataConfig]], None]:
    """The collectors of section 2.3.1, one after the other."""

    def run(context: StageContext[ColdStartDataConfig]) -> None:
        config = context.config
        available = problems_of(tasks, "train", seed=seed)
        held_out = held_out_prompts(tasks, seed=seed)
        examples: list[Example] = []
        counts: list[DropCounts] = []
        for name in COLLECTORS:
            count = getattr(config, f"{name}_problems")
            if count == 0:
                continue
            problems = shuffled(available, count, seed, "cold_start", name)
            source = zero if name == "zero" else base
            shared: dict[str, Any] = {"seed": seed_for(seed, name), "evaluation_prompts": held_out}
            engine, tokenizer = open_engine(source.path(context), context.device, config.max_batch_size)
            with accuracy_of("readable", tasks, problems, rules) as reward:
                if name == "few_shot":
                    worked = worked_examples(shots, seed=seed)
                    found = collect_few_shot(engine, tokenizer, problems, worked, reward, config.few_shot, **shared)
                elif name == "direct":
                    found = collect_direct(engine, tokenizer, problems, reward, config.direct, **shared)
                else:
                    asked: dict[str, Any] = {"template": zero_template, **shared}
                    found = collect_zero(engine, tokenizer, problems, reward, config.zero, **asked)
            context.note(f"{name}: {len(found[0])} examples of {count} problems")
            examples += found[0]
            counts.append(found[1])
        reviewed, rejected = _by_hand(Path(config.human)) if config.human else ([], [])
        data, merging = merge(examples, reviewed, rejected)
        counts.append(merging)
        check_any_kept(
            len(data), add_up(counts), what="cold-start collection",
            fix="give it more problems or samples, or worked examples that the base can follow",
        )  # fmt: skip
        card = DatasetCard(
            title="Cold-start data",
            source="Long chains of thought in the readable format, collected as section 2.3.1 of arXiv:2501.12948 "
            "says: few-shot prompting, direct prompting, rewritten outputs of R1-Zero, human post-processing.",
            prompting="see config in manifest.json, cold_start_data",
            model=f"base {base.path(context)}, R1-Zero {zero.path(context)}",
            model_hash=_digest(zero.path(context)),
            dropped=add_up(counts).by_reason(),
        )
        write_dataset(context.out, data, add_up(counts), card)

    return run


def _by_hand(human: Path) -> tuple[list[Example], list[Example]]:
    """What a person kept or edited, and dropped."""
    file = data_file(human)
    dropped = dropped_file(file)
    return read_examples(file), read_examples(dropped) if dropped.exists() else []


def sample_reasoning(
    checkpoint: ModelSource,
    tasks: Mapping[str, float],
    evaluated: Mapping[str, float],
    *,
    rules: RewardConfig,
    seed: int,
) -> Callable[[StageContext[RejectionDataConfig]], None]:
    """Rejection sampling from the checkpoint of reasoning RL (2.3.3); what `evaluated` holds out stays out."""

    def run(context: StageContext[RejectionDataConfig]) -> None:
        config = context.config
        problems = shuffled(problems_of(tasks, "train", seed=seed), config.num_problems, seed, "rejection")
        engine, tokenizer = open_engine(checkpoint.path(context), context.device, config.max_batch_size)
        with accuracy_of("readable", tasks, problems, rules) as reward:
            examples, counts = rejection_sample(
                engine,
                tokenizer,
                problems,
                reward,
                config.reject,
                seed=seed,
                judge=open_judge(config.judge, context.device, config.max_batch_size, seed) if config.judge else None,
                max_unjudged_rate=rules.max_unjudged_rate,
                evaluation_prompts=held_out_prompts(evaluated, seed=seed),
            )
        card = DatasetCard(
            title="Rejection-sampled reasoning data",
            source="Correct and readable responses of the reasoning-RL checkpoint (section 2.3.3).",
            prompting="template `readable`",
            model=checkpoint.path(context),
            model_hash=_digest(checkpoint.path(context)),
            dropped=counts.by_reason(),
        )
        write_dataset(context.out, examples, counts, card)

    return run


def sample_non_reasoning(
    model: ModelSource, tasks: Mapping[str, float], answers: str, *, seed: int
) -> Callable[[StageContext[NonReasoningDataConfig]], None]:
    """Given answers to general prompts, some with a potential chain of thought (2.3.3)."""

    def run(context: StageContext[NonReasoningDataConfig]) -> None:
        config = context.config
        available = with_answers(problems_of(tasks, "train", seed=seed), answers, seed=seed)
        problems = shuffled(available, config.num_problems, seed, "non_reasoning")
        engine, tokenizer = open_engine(model.path(context), context.device, config.max_batch_size)
        examples, counts = collect_non_reasoning(
            engine,
            tokenizer,
            problems,
            thought_examples(answers, seed=seed),
            config.collect,
            seed=seed,
            evaluation_prompts=held_out_prompts(tasks, seed=seed),
        )
        fix = "loosen the filters that dropped most, or give other answers"
        check_any_kept(len(examples), counts, what="non-reasoning data", fix=fix)
        card = DatasetCard(
            title="Non-reasoning data",
            source="Given answers to general prompts, some after a generated chain of thought (section 2.3.3).",
            prompting=json.dumps({k: v.prompt for k, v in config.collect.formats.items()}, ensure_ascii=False),
            model=model.path(context),
            model_hash=_digest(model.path(context)),
            dropped=counts.by_reason(),
        )
        write_dataset(context.out, examples, counts, card)

    return run


def mix_data(reasoning: str, non_reasoning: str) -> Callable[[StageContext[MixStageConfig]], None]:
    """Both sides near 600:200 (2.3.3)."""

    def run(context: StageContext[MixStageConfig]) -> None:
        sides = [read_examples(context.file(name, DATA_FILE)) for name in (reasoning, non_reasoning)]
        mixed = mix(sides[0], sides[1], context.config.mix, seed=context.config.seed)
        if mixed.note:
            context.note(mixed.note)
        card = DatasetCard(
            title="Curated data",
            source="Reasoning and non-reasoning samples in one (section 2.3.3). " + mixed.note,
            prompting="as in the two parts",
            dropped=mixed.counts.by_reason(),
        )
        write_dataset(context.out, mixed.examples, mixed.counts, card)

    return run


def ask_teacher(
    teacher: TeachConfig, filters: FilterConfig, tasks: Mapping[str, float], *, seed: int
) -> Callable[[StageContext[TaughtDataConfig]], None]:
    """Responses of a teacher behind an endpoint (2.4): whole, in the readable format, through the filters."""

    def run(context: StageContext[TaughtDataConfig]) -> None:
        problems = None if teacher.task else problems_of(tasks, "train", seed=seed)
        facts = run_teach(teacher, context.out, problems=problems, note=context.note)
        unanswered, allowed = facts["num_unanswered"], teacher.endpoint.max_unanswered_rate
        if unanswered > allowed * facts["num_requests"]:
            raise RunError(
                f"the teacher left {unanswered} of {facts['num_requests']} requests unanswered; the same command asks "
                f"for them again, and teacher.endpoint.max_unanswered_rate (now {allowed:g}) is what may be left out"
            )
        dropped = facts["dropped"] | ({"unanswered": unanswered} if unanswered else {})
        asked = DropCounts({"teacher": StageCounts(num_in=facts["num_requests"], dropped=dropped, goes_to="traces")})
        held_out = held_out_prompts(tasks, seed=seed)
        examples, counts = filter_traces(read_examples(context.out / DATA_FILE), filters, held_out)
        card = teacher_card(teacher.task, facts, "They are filtered, and not judged.")
        write_dataset(context.out, examples, asked + counts, replace(card, dropped=(asked + counts).by_reason()))

    return run


def take_traces(file: Path, tasks: Mapping[str, float], *, seed: int) -> Callable[[StageContext[TracesConfig]], None]:
    """A teacher's traces from a file (2.4), in the readable format, through the filters."""

    def run(context: StageContext[TracesConfig]) -> None:
        held_out = held_out_prompts(tasks, seed=seed)
        examples, counts = filter_traces(read_traces(file), context.config.filters, held_out)
        card = DatasetCard(
            title="A teacher's traces",
            source=f"The file {file.name}, filtered and not judged.",
            prompting="",
            dropped=counts.by_reason(),
        )
        write_dataset(context.out, examples, counts, card)

    return run


def open_judge(config: JudgeConfig, device: str, max_batch_size: int, seed: int) -> GenerativeVerifier:
    """The model that compares answers with gold ones where no rule can (2.3.3).

    Raises:
        ModelError: it is not there, or has no chat template.
    """
    engine, tokenizer = open_engine(config.model, device, max_batch_size)
    params = SamplingParams(temperature=config.temperature, max_new_tokens=config.max_new_tokens)
    judge = Judge(engine, tokenizer, params=params, num_votes=config.num_votes, seed=seed_for(seed, "judge"))
    return GenerativeVerifier(judge)


def problems_of(tasks: Mapping[str, float], split: Split, *, seed: int) -> list[Problem]:
    """The problems of all tasks, in turns.

    Raises:
        DataError: two problems have one id, by which their samples would be taken for those of one.
    """
    problems = in_turns([build_task(name, seed=seed).problems(split) for name in tasks])
    for problem_id, count in Counter(problem.id for problem in problems).items():
        if count > 1:
            raise DataError(
                f"{count} problems of {' and '.join(tasks)} have the id {problem_id!r}; give the rows other ids, a "
                "file another name, or leave a task out"
            )
    return problems


def held_out_prompts(tasks: Mapping[str, float], *, seed: int) -> list[str]:
    """What must not become training data."""
    return [problem.prompt for name in tasks for problem in build_task(name, seed=seed).problems("eval")]


def shuffled(problems: Sequence[Problem], count: int, seed: int, *labels: str) -> list[Problem]:
    """`count` of the problems, in an order of their own; `labels` and the seed decide which."""
    return rng(seed, *labels).sample(list(problems), count)


def write_dataset(folder: Path, examples: Sequence[Example], counts: DropCounts, card: DatasetCard) -> None:
    """data.jsonl, drops.json and the card."""
    write_examples(folder / DATA_FILE, examples)
    write_drops(folder, counts)
    write_card(folder, card, examples)


def _digest(model: str) -> str | None:
    """Of a local model's folder; None for one on a hub."""
    folder = Path(resolve_model(model))
    return digest(folder) if folder.is_dir() else None

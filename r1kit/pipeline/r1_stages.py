"""What the stages of `r1kit r1` do: each reads its inputs, writes its artifact, and leaves the rest to the graph.

A model artifact is a run folder with `model/` in it. A dataset artifact has data.jsonl, README.md (its card) and
drops.json (how many samples each filter dropped). An evaluation artifact has evaluation.json and transcripts.jsonl.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1kit.curate.cold_start import collect_direct, collect_few_shot, collect_zero, merge
from r1kit.curate.config import FilterConfig
from r1kit.curate.counts import DropCounts, StageCounts, add_up, check_any_kept, write_drops
from r1kit.curate.mix import mix
from r1kit.curate.non_reasoning import collect_non_reasoning
from r1kit.curate.reject import rejection_sample
from r1kit.curate.review import dropped_file
from r1kit.curate.traces import filter_traces, read_traces
from r1kit.engines import ENGINES
from r1kit.engines.base import Engine
from r1kit.errors import RunError
from r1kit.models.device import resolve_device, resolve_dtype
from r1kit.models.load import load_model, resolve_model
from r1kit.pipeline.artifact import digest
from r1kit.pipeline.config import RewardConfig, RLConfig
from r1kit.pipeline.evaluation import evaluate_task
from r1kit.pipeline.judging import accuracy_of, load_rewards
from r1kit.pipeline.r1_config import (
    ColdStartDataConfig,
    EvaluationConfig,
    JudgeConfig,
    MixStageConfig,
    NonReasoningDataConfig,
    RejectionDataConfig,
    TracesConfig,
)
from r1kit.pipeline.reward_model import run_reward_model
from r1kit.pipeline.rl import run_rl
from r1kit.pipeline.run import append_lines
from r1kit.pipeline.sft import run_sft
from r1kit.pipeline.sources import pairs_of, thought_examples, with_answers, worked_examples
from r1kit.pipeline.stage import StageContext
from r1kit.pipeline.teach import TaughtDataConfig, TeachConfig, run_teach, teacher_card
from r1kit.report.files import write_text_atomic
from r1kit.reward_model.config import RewardModelConfig
from r1kit.reward_model.pairs import write_pairs
from r1kit.rewards.generative import GenerativeVerifier, Judge
from r1kit.seeding import rng, seed_for
from r1kit.sft.config import SFTConfig
from r1kit.sft.data import DATA_FILE, DatasetCard, Example, data_file, read_examples, write_card, write_examples
from r1kit.tasks.mix import in_turns
from r1kit.tasks.registry import build_task
from r1kit.tasks.templates import TemplateName
from r1kit.types import Problem, SamplingParams, Split

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


COLLECTORS = ("few_shot", "direct", "zero")
"""Of cold-start data; few_shot_problems and so on say how many problems each gets."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a stage's model is: the artifact of an earlier stage, or what the config names."""

    stage: str | None = None
    name: str = ""

    def path(self, context: StageContext[Any]) -> str:
        """A folder or a hub name."""
        return str(context.file(self.stage, "model")) if self.stage else self.name


def reinforce(
    start: ModelSource, tasks: Mapping[str, float], reward_models: Mapping[str, str]
) -> Callable[[StageContext[RLConfig]], None]:
    """GRPO from a model; `reward_models` names the stage of each learned reward."""

    def run(context: StageContext[RLConfig]) -> None:
        folders = {f"{kind}_model": str(context.file(stage, "model")) for kind, stage in reward_models.items()}
        reward = context.config.reward.model_copy(update=folders)
        filled = {"model": start.path(context), "task": dict(tasks), "reward": reward}
        run_rl(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


def fine_tune(start: ModelSource, data: str) -> Callable[[StageContext[SFTConfig]], None]:
    """SFT of a model on the data set of a stage."""

    def run(context: StageContext[SFTConfig]) -> None:
        filled = {"model": start.path(context), "data": str(context.file(data, DATA_FILE))}
        run_sft(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


def train_reward_model(start: ModelSource, pairs: str) -> Callable[[StageContext[RewardModelConfig]], None]:
    """Bradley-Terry on preference pairs (2.3.4)."""

    def run(context: StageContext[RewardModelConfig]) -> None:
        files = {"train": context.out / "pairs.jsonl", "eval": context.out / "eval_pairs.jsonl"}
        splits: tuple[Split, ...] = ("train", "eval") if pairs == "nano" else ("train",)
        for split in splits:
            write_pairs(files[split], pairs_of(pairs, split, seed=context.config.seed))
        held_out = str(files["eval"]) if "eval" in splits else context.config.eval_pairs
        filled = {"model": start.path(context), "pairs": str(files["train"]), "eval_pairs": held_out}
        run_reward_model(context.config.model_copy(update=filled), context.out, device=context.device)

    return run


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
        held_out = [problem.prompt for problem in problems_of(tasks, "eval", seed=seed)]
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
    checkpoint: ModelSource, tasks: Mapping[str, float], *, rules: RewardConfig, seed: int
) -> Callable[[StageContext[RejectionDataConfig]], None]:
    """Rejection sampling from the checkpoint of reasoning RL (2.3.3)."""

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
                evaluation_prompts=[problem.prompt for problem in problems_of(tasks, "eval", seed=seed)],
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
        chosen = shuffled(problems_of(tasks, "train", seed=seed), config.num_problems, seed, "non_reasoning")
        problems = with_answers(chosen, answers, seed=seed)
        engine, tokenizer = open_engine(model.path(context), context.device, config.max_batch_size)
        examples, counts = collect_non_reasoning(
            engine,
            tokenizer,
            problems,
            thought_examples(answers, seed=seed),
            config.collect,
            seed=seed,
            evaluation_prompts=[problem.prompt for problem in problems_of(tasks, "eval", seed=seed)],
        )
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
        facts = run_teach(teacher, context.out, note=context.note)
        if facts["num_unanswered"]:
            raise RunError(
                f"the teacher left {facts['num_unanswered']} requests unanswered; the same command asks for them again"
            )
        dropped = facts["dropped"]
        num_in = facts["num_whole"] + sum(dropped.values())
        asked = DropCounts({"teacher": StageCounts(num_in=num_in, dropped=dropped, goes_to="traces")})
        held_out = [problem.prompt for problem in problems_of(tasks, "eval", seed=seed)]
        examples, counts = filter_traces(read_examples(context.out / DATA_FILE), filters, held_out)
        card = teacher_card(teacher.task, facts, "They are filtered, and not judged.")
        write_dataset(context.out, examples, asked + counts, replace(card, dropped=(asked + counts).by_reason()))

    return run


def take_traces(file: Path, tasks: Mapping[str, float], *, seed: int) -> Callable[[StageContext[TracesConfig]], None]:
    """A teacher's traces from a file (2.4), in the readable format, through the filters."""

    def run(context: StageContext[TracesConfig]) -> None:
        held_out = [problem.prompt for problem in problems_of(tasks, "eval", seed=seed)]
        examples, counts = filter_traces(read_traces(file), context.config.filters, held_out)
        card = DatasetCard(
            title="A teacher's traces",
            source=f"The file {file.name}, filtered and not judged.",
            prompting="",
            dropped=counts.by_reason(),
        )
        write_dataset(context.out, examples, counts, card)

    return run


def evaluate_model(
    model: ModelSource,
    reasoning: Sequence[str],
    general: Sequence[str],
    reward_models: Mapping[str, str],
    *,
    rules: RewardConfig,
    seed: int,
) -> Callable[[StageContext[EvaluationConfig]], None]:
    """Every task's held-out problems; a row a family, see r1kit.pipeline.evaluation."""

    def run(context: StageContext[EvaluationConfig]) -> None:
        config = context.config
        learned = load_rewards({kind: context.file(s, "model") for kind, s in reward_models.items()}, context.device)
        results: dict[str, Any] = {}
        write_text_atomic(context.out / "transcripts.jsonl", "")
        engine, tokenizer = open_engine(model.path(context), context.device, config.max_batch_size)
        for task in (*reasoning, *general):
            problems = list(build_task(task, seed=seed).problems("eval"))[: config.num_problems]
            asked = config.model_copy(update={"template": config.general_template}) if task in general else config
            with accuracy_of(asked.template, [task], problems, rules) as accuracy:
                rows, transcripts = evaluate_task(
                    engine, tokenizer, problems, asked, accuracy=accuracy, learned=learned, seed=seed
                )
            results[task] = {name: {key: _finite(value) for key, value in row.items()} for name, row in rows.items()}
            append_lines(context.out / "transcripts.jsonl", [{"task": task, **record} for record in transcripts])
        facts = {"template": config.template, "k": config.num_samples, "temperature": config.sampling.temperature}
        text = json.dumps({**facts, "tasks": results}, indent=2, ensure_ascii=False) + "\n"
        write_text_atomic(context.out / "evaluation.json", text)

    return run


def open_engine(model: str, device: str, max_batch_size: int) -> tuple[Engine, PreTrainedTokenizerBase]:
    """An engine over a model, and its tokenizer."""
    loaded, tokenizer = load_model(model)
    where = resolve_device(device)
    dtype = resolve_dtype("auto", where)
    return ENGINES["native"](loaded, tokenizer, device=where, dtype=dtype, max_batch_size=max_batch_size), tokenizer


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
    """The problems of all tasks, in turns."""
    return in_turns([build_task(name, seed=seed).problems(split) for name in tasks])


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


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None

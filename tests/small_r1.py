"""The whole pipeline on a model of two layers that was taught one answer in every format that the stages need.

As a program, `python small_r1.py FOLDER RUN` runs it in RUN on what `build_world` left in FOLDER, and says when a stage
begins: something to kill.
"""

import json
import sys
from pathlib import Path

import torch
from tiny import tiny_llama

from r1kit.config import Config, parse_config
from r1kit.curate.config import WORKED_FORMATS
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup
from r1kit.models.load import save_model
from r1kit.nano.tokenizer import train_tokenizer
from r1kit.pipeline.r1 import run_r1
from r1kit.pipeline.r1_config import R1Config
from r1kit.reward_model.pairs import Pair, write_pairs
from r1kit.sft.data import Example, write_examples
from r1kit.sft.loss import next_token_loss
from r1kit.tasks.templates import r1_zero_prompt

QUESTIONS = [f"What is {i} - {i - 1}?" for i in range(1, 25)]
GREETINGS = [f"Hello number {i}!" for i in range(1, 13)]
READABLE = " |special_token| {i} less {j} leaves one. |special_token| The answer is **1**."


def documents():
    """What the base was taught: Table 1's template, few-shot textbooks, the readable format, greetings."""
    worked = WORKED_FORMATS["en"].question
    for i, question in enumerate(QUESTIONS, start=1):
        thought = f"{i} less {i - 1} leaves one."
        yield r1_zero_prompt(question), f" <think> {thought} </think> <answer> 1 </answer>"
        yield worked.replace("{question}", question), f" {thought} The answer is 1."
        yield f"User: {question}\nAssistant:", READABLE.format(i=i, j=i - 1)
    for greeting in GREETINGS:
        yield f"User: {greeting}\nAssistant:", " Hello to you!"


def teach(folder: Path, steps: int = 70) -> None:
    """Make a model that writes one of these documents; a step has all of them."""
    tokenizer = train_tokenizer((prompt + text for prompt, text in documents()), vocab_size=420)
    model = tiny_llama(vocab_size=420, max_position_embeddings=256, initializer_range=0.05, hidden_size=64)
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.config.bos_token_id, model.config.pad_token_id = tokenizer.bos_token_id, tokenizer.pad_token_id
    config = LearnerConfig(learning_rate=1e-2, warmup_steps=5, dtype="float32")
    learner = Learner(model, config, num_steps=steps, device=torch.device("cpu"), dtype=torch.float32)

    def encode(text, *ends):
        return [*tokenizer(text, add_special_tokens=False)["input_ids"], *ends]

    groups = [
        TokenGroup(prompt=[tokenizer.bos_token_id, *encode(prompt)], completions=[encode(text, tokenizer.eos_token_id)])
        for prompt, text in documents()
    ]
    num_tokens = sum(len(group.completions[0]) for group in groups)
    for _ in range(steps):
        learner.update(groups, lambda _, p: next_token_loss(p.logprobs_BT, p.mask_BT, num_tokens=num_tokens))
    save_model(model, tokenizer, folder)


def build_world(folder: Path) -> None:
    """A folder with the base, tasks, worked examples, answers and pairs."""
    teach(folder / "base")
    write_sources(folder)


def write_sources(folder: Path) -> None:
    """All of a world but its base."""
    rows = [
        {"id": f"q{i}", "prompt": question, "answer": "1", "split": "eval" if i % 6 == 0 else "train"}
        for i, question in enumerate(QUESTIONS)
    ]
    write_lines(folder / "reasoning.jsonl", rows)
    rubric = {"scenario": "helpful", "rubric": {"contains": [["hello"]], "language": "en"}}
    write_lines(
        folder / "general.jsonl",
        [
            {"id": f"g{i}", "prompt": text, "answer": "Hello!", "verifier": "rubric", "info": rubric}
            | {"split": "eval" if i % 4 == 0 else "train"}
            for i, text in enumerate(GREETINGS)
        ],
    )
    shots = [
        Example(id=f"s{i}", prompt=question, response=READABLE.format(i=i, j=i - 1), task="reasoning", source="human")
        for i, question in enumerate(QUESTIONS[:3], start=1)
    ]
    write_examples(folder / "shots.jsonl", shots)
    answers = [
        Example(id=f"a{i}", prompt=text, response=" Hello to you!", task="general", source="human")
        for i, text in enumerate(GREETINGS)
    ]
    write_examples(folder / "answers.jsonl", answers)
    pairs = [
        Pair(id=f"{kind}{i}", prompt=text, chosen="Hello to you!", rejected=f"What is {i}?", kind=kind)
        for kind in ("helpful", "harmless")
        for i, text in enumerate(GREETINGS)
    ]
    write_pairs(folder / "pairs.jsonl", pairs)


def updated(model, change):
    """A config with changes, a nested dict of them for a section."""
    nested = {key: getattr(model, key) for key in change if isinstance(getattr(model, key), Config)}
    return model.model_copy(update=change | {key: updated(each, change[key]) for key, each in nested.items()})


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def r1_sources(folder):
    return {
        "reasoning": {str(folder / "reasoning.jsonl"): 3},
        "general": {str(folder / "general.jsonl"): 1},
        "shots": str(folder / "shots.jsonl"),
        "answers": str(folder / "answers.jsonl"),
        "pairs": str(folder / "pairs.jsonl"),
    }


def r1_config(folder, **sections):
    learner = {"learning_rate": 1e-4, "dtype": "float32"}
    evaluation = {"num_problems": 2, "num_problems_between": 2, "num_samples": 2, "sampling": {"max_new_tokens": 48}}
    rl = {
        "grpo": {"num_steps": 1, "problems_per_step": 4, "group_size": 2},
        "learner": learner,
        "sampling": {"max_new_tokens": 48},
        "eval": evaluation,
    }
    sft = {"batch_size": 8, "num_epochs": 1, "learner": learner, "held_out_fraction": 0.0}
    reward_model = {"learner": {**learner, "learning_rate": 3e-3}, "batch_pairs": 8, "eval_share": 0.4}
    draw = {"temperature": 0.0, "max_new_tokens": 48}
    filters = {"names": ["truncated", "bad_format", "missing_summary", "not_correct", "duplicate"]}
    values = {
        "base": str(folder / "base"),
        "students": {"small": str(folder / "base")},
        "ablations": {
            **{"no_language_reward": True, "zero_language_reward": True, "sft_from_rl": True},
            "seeds": [1],
        },
        "sources": r1_sources(folder),
        "zero": rl,
        "cold_start_data": {
            "few_shot_problems": 4,
            "zero_problems": 4,
            "few_shot": {"num_samples": 1, "num_shots": 1, "draw": draw, "filters": filters},
            "zero": {"num_samples": 1, "draw": draw, "filters": filters},
        },
        "cold_start": sft,
        "reasoning_rl": {**rl, "template": "readable", "reward": {"weights": {"accuracy": 1.0, "language": 1.0}}},
        "rejection_data": {
            "num_problems": 8,
            "reject": {"num_samples": 2, "draw": {**draw, "temperature": 0.3}, "filters": filters},
        },
        "non_reasoning_data": {
            "num_problems": 4,
            "collect": {"num_shots": 0, "router": {"tasks": {"general": "no_cot"}}},
        },
        "mix": {"reasoning": 2, "non_reasoning": 1},
        "sft": sft,
        "helpful": {"kind": "helpful", **reward_model, "allow_useless": True},
        "harmless": {"kind": "harmless", **reward_model, "allow_useless": True},
        "r1": {**rl, "template": "readable"},
        "distilled": sft,
        "student_rl": rl,
        "distilled_rl": {**rl, "template": "readable"},
        "evaluation": {"num_problems": 2, "num_samples": 2, "sampling": {"max_new_tokens": 48}},
    }
    return parse_config(R1Config, {**values, **sections}, where="test")


if __name__ == "__main__":
    run_r1(r1_config(Path(sys.argv[1])), Path(sys.argv[2]), device="cpu", note=lambda text: print(text, flush=True))

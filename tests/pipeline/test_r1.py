"""The whole pipeline on a model of two layers that was taught one answer in every format that the stages need."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tiny import tiny_llama
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from r1kit.config import parse_config
from r1kit.curate.config import WORKED_FORMATS
from r1kit.errors import ConfigError, DataError
from r1kit.learner.config import LearnerConfig
from r1kit.learner.learner import Learner
from r1kit.learner.packing import TokenGroup
from r1kit.models.load import save_model
from r1kit.nano.tokenizer import train_tokenizer
from r1kit.pipeline.artifact import read_manifest, verify
from r1kit.pipeline.r1 import r1_stages, run_r1
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.r1_report import build_pipeline_report, groups
from r1kit.reward_model.pairs import Pair, write_pairs
from r1kit.sft.data import Example, read_examples, write_examples
from r1kit.sft.loss import next_token_loss
from r1kit.tasks.templates import r1_zero_prompt

QUESTIONS = [f"What is {i} - {i - 1}?" for i in range(1, 25)]
GREETINGS = [f"Hello number {i}!" for i in range(1, 13)]
READABLE = " |special_token| {i} less {j} leaves one. |special_token| The answer is **1**."
STAGES = [
    *("zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data", "non_reasoning_data", "sft_data"),
    *("sft", "helpful", "harmless", "r1", "distilled", "student_rl", "distilled_rl"),
]
EVALUATED = ("base", "zero", "cold_start", "reasoning_rl", "sft", "r1", "distilled", "student_rl", "distilled_rl")


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


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with the base, tasks, worked examples, answers and pairs; and a finished run of the whole pipeline."""
    folder = tmp_path_factory.mktemp("r1")
    teach(folder / "base")
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
    config = r1_config(folder)
    notes = []
    artifacts = run_r1(config, folder / "run", device="cpu", note=notes.append)
    return folder, config, artifacts, notes


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


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
        "student": str(folder / "base"),
        "sources": {
            "reasoning": {str(folder / "reasoning.jsonl"): 3},
            "general": {str(folder / "general.jsonl"): 1},
            "shots": str(folder / "shots.jsonl"),
            "answers": str(folder / "answers.jsonl"),
            "pairs": str(folder / "pairs.jsonl"),
        },
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


def test_every_stage_makes_its_artifact(world):
    _, config, artifacts, _ = world
    assert list(artifacts) == [*STAGES, *(f"eval_{name}" for name in EVALUATED)]
    for name, folder in artifacts.items():
        manifest = verify(folder)
        assert manifest.stage == name
        assert not (folder / "checkpoint.pt").exists()
    assert [stage.name for stage in r1_stages(config)] == list(artifacts)


def test_the_graph_is_the_papers(world):
    _, config, _, _ = world
    inputs = {stage.name: stage.inputs for stage in r1_stages(config)}
    assert inputs["cold_start"] == ("cold_start_data",)
    assert inputs["reasoning_rl"] == ("cold_start",)
    assert inputs["rejection_data"] == ("reasoning_rl",)
    assert inputs["sft"] == ("sft_data",)  # of the base, not of the RL checkpoint
    assert inputs["r1"] == ("sft", "helpful", "harmless")
    assert inputs["distilled"] == ("sft_data",)
    assert inputs["student_rl"] == ()


def test_models_open_with_plain_transformers(world):
    _, _, artifacts, _ = world
    for name in STAGES:
        folder = artifacts[name] / "model"
        if read_manifest(artifacts[name]).kind != "model":
            continue
        cls = AutoModelForSequenceClassification if name in ("helpful", "harmless") else AutoModelForCausalLM
        assert cls.from_pretrained(folder).num_parameters() > 0
        assert "---" in (folder / "README.md").read_text()


def test_data_sets_add_up(world):
    _, _, artifacts, _ = world
    reasoning, general, mixed = (
        read_examples(artifacts[name] / "data.jsonl") for name in ("rejection_data", "non_reasoning_data", "sft_data")
    )
    assert {example.source for example in reasoning} == {"rejection"}
    assert [example.response for example in general] == [" Hello to you!"] * 4
    assert len(mixed) == 3 * min(len(reasoning) // 2, len(general))  # 2:1, the longer side cut
    drops = json.loads((artifacts["rejection_data"] / "drops.json").read_text())
    sampled = drops["stages"][0]
    assert sampled["in"] == 16
    assert sampled["in"] == sampled["kept"] + sum(sampled["dropped"].values())


def test_evaluations_tell_what_the_model_does(world):
    _, _, artifacts, _ = world
    result = json.loads((artifacts["eval_sft"] / "evaluation.json").read_text())
    reasoning, general = (row["all"] for row in result["tasks"].values())
    assert reasoning["pass_at_1"] == 1.0
    assert reasoning["format_rate"] == 1.0
    assert reasoning["language_consistency"] == 1.0
    assert reasoning["refusal_rate"] is None
    assert general["pass_at_1"] == 1.0
    assert general["reasoning_tokens"] == 0.0
    assert general["refusal_rate"] == 0.0
    assert 0 < general["helpful_reward"] < 1


def test_the_report_has_every_model_and_every_drop(world):
    folder, *_ = world
    page = build_pipeline_report(folder / "run").read_text()
    for label in ("base", "Zero", "cold start", "reasoning RL", "SFT", "R1", "distilled", "student, RL only"):
        assert f'<th scope="col">{label}</th>' in page
    assert "Not finished" not in page
    assert page.count("<td>1.000") >= 9  # every model answers every reasoning problem
    assert "rejection_data: rejection</th><td>16</td>" in page
    assert page.count('<tr><th scope="row">eval_') == len(EVALUATED)


def test_a_cell_without_a_number_is_a_dash():
    row = {"pass_at_1": 0.25, "pass_at_1_stderr": None, "cons_at_k": None, "reasoning_tokens": 12.34}
    result = {"template": "readable", "k": 2, "temperature": 0.6, "tasks": {"t": {"all": row, "x": row}}}
    (section,) = groups({"base": result})
    cells = {row["label"]: [(cell.value, cell.error) for cell in row["cells"]] for row in section["rows"]}
    assert cells == {
        "x, pass@1": [("0.250", "")],
        "all, pass@1": [("0.250", "")],
        "all, majority": [("–", "")],
        "reasoning, tokens": [("12.3", "")],
    }


def test_a_second_run_makes_nothing(world):
    folder, config, artifacts, _ = world
    notes = []
    assert run_r1(config, folder / "run", device="cpu", note=notes.append) == artifacts
    assert all("cached" in note for note in notes)


def test_a_change_remakes_what_follows_and_nothing_before(world, tmp_path):
    folder, config, _, _ = world
    shutil.copytree(folder / "run", tmp_path / "run")
    changed = config.model_copy(update={"sft": config.sft.model_copy(update={"num_epochs": 2})})
    notes = []
    run_r1(changed, tmp_path / "run", device="cpu", only="eval_r1", note=notes.append)
    assert [note.split(":")[0] for note in notes if note.endswith("started")] == ["sft", "r1", "eval_r1"]


def test_a_changed_data_file_is_noticed(world):
    folder, config, artifacts, _ = world
    lines = (folder / "pairs.jsonl").read_text()
    try:
        (folder / "pairs.jsonl").write_text(lines.replace("Hello to you!", "Hello to all!"))
        keys = {stage.name: stage for stage in r1_stages(config)}
        notes = []
        made = run_r1(config, folder / "run", device="cpu", only="helpful", note=notes.append)
    finally:
        (folder / "pairs.jsonl").write_text(lines)
    assert keys["helpful"].inputs == ()
    assert made["helpful"] != artifacts["helpful"]


def test_nothing_correct_is_said_with_the_stage(world, tmp_path):
    folder, *_ = world
    shutil.copytree(folder / "run", tmp_path / "run")
    short = {"num_samples": 2, "draw": {"temperature": 0.0, "max_new_tokens": 2}}
    hopeless = r1_config(folder, rejection_data={"num_problems": 8, "reject": short})
    with pytest.raises(
        DataError, match=r"^stage rejection_data \(.*\): rejection sampling: none of 16 samples was kept"
    ):
        run_r1(hopeless, tmp_path / "run", device="cpu", note=lambda _: None)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"zero": {"model": "nano"}}, r"zero\.model is filled in by the pipeline"),
        ({"sft": {"data": "x.jsonl"}}, r"sft\.data is filled in by the pipeline"),
        ({"r1": {"task": "gsm8k"}}, r"r1\.task is filled in from sources"),
        ({"helpful": {"kind": "harmless"}}, r"helpful\.kind is 'harmless'"),
    ],
)
def test_what_the_pipeline_fills_in_is_refused(world, section, message):
    folder, *_ = world
    with pytest.raises(ConfigError, match=message):
        r1_config(folder, **section)


def test_a_pipeline_needs_reasoning_tasks(world):
    folder, *_ = world
    with pytest.raises(ConfigError, match=r"sources\.reasoning names no task"):
        r1_stages(r1_config(folder, sources={}))


def test_without_general_tasks_and_student_it_ends_at_fine_tuning(world):
    folder, *_ = world
    sources = {"reasoning": {str(folder / "reasoning.jsonl"): 1}}
    names = [stage.name for stage in r1_stages(r1_config(folder, sources=sources, student=None))]
    models = ["zero", "cold_start", "reasoning_rl", "sft"]
    assert names == [
        *("zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data", "sft"),
        *(f"eval_{name}" for name in ("base", *models)),
    ]

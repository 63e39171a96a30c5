"""The whole pipeline on a model of two layers that was taught one answer in every format that the stages need."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_r1 import QUESTIONS, r1_config, r1_sources, updated, write_lines
from teacher_server import TeacherServer, completion
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from r1kit.curate.counts import read_drops
from r1kit.errors import ConfigError
from r1kit.pipeline import r1_reads
from r1kit.pipeline.artifact import artifact_keys, read_manifest, verify
from r1kit.pipeline.r1 import r1_stages, run_r1
from r1kit.pipeline.r1_report import build_pipeline_report, groups
from r1kit.sft.data import read_examples, write_examples

STAGES = [
    *("zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data", "non_reasoning_data", "sft_data"),
    *("sft", "helpful", "harmless", "r1", "distilled_small", "student_rl_small", "distilled_rl_small"),
    *("reasoning_rl_no_language", "zero_language", "sft_from_rl"),
    *("reasoning_rl_seed1", "reasoning_rl_no_language_seed1", "zero_language_seed1", "zero_seed1"),
    *("distilled_small_seed1", "student_rl_small_seed1", "distilled_rl_small_seed1"),
]
FROM_BASE = ["zero", "zero_language", "zero_seed1", "zero_language_seed1"]
STUDENT_RL = ["student_rl_small", "student_rl_small_seed1"]
EVALUATED = [
    *("base", "student_small"),
    *(name for name in STAGES if not name.endswith("_data") and name not in ("helpful", "harmless")),
]


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
    assert inputs["distilled_small"] == ("sft_data",)
    assert inputs["student_rl_small"] == ()
    assert inputs["distilled_rl_small_seed1"] == ("distilled_small_seed1",)
    assert inputs["reasoning_rl_no_language_seed1"] == ("cold_start",)
    assert inputs["zero_language"] == ()
    assert inputs["sft_from_rl"] == ("reasoning_rl", "sft_data")
    assert inputs["eval_student_small"] == ("helpful", "harmless")


def test_an_ablation_differs_from_its_stage_in_one_thing(world):
    _, config, _, _ = world
    configs = {stage.name: stage.config for stage in r1_stages(config)}
    with_language = configs["reasoning_rl"].reward.weights
    assert with_language == {"accuracy": 1.0, "language": 1.0}
    without = configs["reasoning_rl_no_language"]
    assert without.reward.weights == {"accuracy": 1.0}
    assert without.model_copy(update={"reward": configs["reasoning_rl"].reward}) == configs["reasoning_rl"]
    assert configs["zero"].reward.weights == {"accuracy": 1.0, "format": 0.1}
    added = configs["zero_language"]
    assert added.reward.weights == {"accuracy": 1.0, "format": 0.1, "language": 1.0}
    assert added.model_copy(update={"reward": configs["zero"].reward}) == configs["zero"]
    assert configs["zero_seed1"] == configs["zero"].model_copy(update={"seed": 1})
    assert configs["reasoning_rl_seed1"] == configs["reasoning_rl"].model_copy(update={"seed": 1})
    assert configs["sft_from_rl"] == configs["sft"]


def test_each_model_is_asked_as_it_was_trained(world):
    _, config, _, _ = world
    templates = {stage.name: stage.config.template for stage in r1_stages(config) if stage.kind == "evaluation"}
    of_table_1 = {name for name, template in templates.items() if template == "r1_zero"}
    names = ("base", "zero", "zero_language", "zero_seed1", "zero_language_seed1")
    names += ("student_small", "student_rl_small", "student_rl_small_seed1")
    assert of_table_1 == {f"eval_{name}" for name in names}


def test_models_open_with_plain_transformers(world):
    _, _, artifacts, _ = world
    for name in STAGES:
        folder = artifacts[name] / "model"
        if read_manifest(artifacts[name]).kind != "model":
            continue
        cls = AutoModelForSequenceClassification if name in ("helpful", "harmless") else AutoModelForCausalLM
        assert cls.from_pretrained(folder).num_parameters() > 0
        card = (folder / "README.md").read_text()
        assert card.startswith("---")
        assert card.count("## Lineage") == 1


def test_a_card_names_all_that_the_model_is_made_of(world):
    _, _, artifacts, _ = world
    section = (artifacts["r1"] / "model/README.md").read_text().partition("## Lineage")[2]
    lines = [line for line in section.splitlines() if line.startswith("- ")]
    named = [re.findall(r"`(.*?)`", line)[0] for line in lines]
    names = ("zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data", "non_reasoning_data")
    names += ("sft_data", "sft", "helpful", "harmless", "r1")
    assert named == [artifacts[name].name for name in names]
    inputs = [f"`{artifacts[name].name}`" for name in ("sft", "helpful", "harmless")]
    assert lines[-1].startswith(f"- `{artifacts['r1'].name}` (model), from {', '.join(inputs)}, `")
    assert re.search(r"\(model\), from `base/` \(digest `[0-9a-f]{12}`\), `reasoning\.jsonl` \(digest", lines[0])


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
    assert reasoning["reasoning_tokens_stderr"] >= 0


def test_the_report_has_every_model_and_every_drop(world):
    folder, *_ = world
    page = build_pipeline_report(folder / "run").read_text()
    for label in ("base", "Zero", "cold start", "reasoning RL", "SFT", "R1"):
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


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"sources": {"reasoning": {"nano:code": 1.0}}}, [*FROM_BASE, *STUDENT_RL]),
        ({"sources": {"general": {"nano_general": 2.0}}}, ["non_reasoning_data", "r1"]),
        ({"seed": 7}, ["cold_start_data", "non_reasoning_data"]),
        ({"base": "somebody/on-a-hub"}, [*FROM_BASE, "non_reasoning_data", "helpful", "harmless"]),
        ({"students": {"small": "somebody/on-a-hub"}}, ["distilled_small", "distilled_small_seed1", *STUDENT_RL]),
        ({"reasoning_rl": {"reward": {"max_unjudged_rate": 0.5}}}, ["cold_start_data"]),
    ],
)
def test_whatever_decides_a_stage_is_in_its_key(world, monkeypatch, change, first):
    """The stages that change first; what reads them changes with them, and nothing else does."""
    monkeypatch.setattr(r1_reads, "weights", lambda model: () if "on-a-hub" in model else (Path(model),))
    _, config, *_ = world
    before = artifact_keys(r1_stages(config))
    stages = r1_stages(updated(config, change))
    after = artifact_keys(stages)
    changed = {name for name, key in after.items() if key != before[name]}
    reached: set[str] = set()
    for stage in stages:
        if stage.name in first or reached & set(stage.inputs):
            reached.add(stage.name)
    evaluations = {name for name in changed if name.startswith("eval_")}
    assert changed - evaluations == {name for name in reached if not name.startswith("eval_")}
    assert {name for name in reached if name.startswith("eval_")} <= evaluations


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


def test_a_models_card_may_change_and_its_weights_may_not(world):
    folder, config, *_ = world
    before = artifact_keys(r1_stages(config))
    for name, is_same in (("README.md", True), ("tokenizer.json", False)):
        text = (folder / "base" / name).read_text()
        try:
            (folder / "base" / name).write_text(text + " ")
            assert (artifact_keys(r1_stages(config)) == before) is is_same
        finally:
            (folder / "base" / name).write_text(text)


def test_a_review_goes_into_the_cold_start_data(world, tmp_path):
    folder, config, artifacts, _ = world
    shutil.copytree(folder / "run", tmp_path / "run")
    first, second, *rest = read_examples(artifacts["cold_start_data"] / "data.jsonl")
    mended = replace(first, response=first.response + "!", source="human")
    write_examples(tmp_path / "human/data.jsonl", [mended])
    write_examples(tmp_path / "human/data.dropped.jsonl", [second])
    reviewed = updated(config, {"cold_start_data": {"human": str(tmp_path / "human")}})
    made = run_r1(reviewed, tmp_path / "run", device="cpu", only="cold_start_data", note=lambda _: None)
    assert made["cold_start_data"] != artifacts["cold_start_data"]
    assert read_examples(made["cold_start_data"] / "data.jsonl") == [mended, *rest]
    drops = read_drops(made["cold_start_data"])
    assert drops.stages["human"].dropped == {"dropped_by_reviewer": 1}
    assert drops.stages["cold_start_data"].num_kept == 1 + len(rest)
    before = artifact_keys(r1_stages(reviewed))
    write_examples(tmp_path / "human/data.dropped.jsonl", rest[:1])
    assert artifact_keys(r1_stages(reviewed))["cold_start_data"] != before["cold_start_data"]


def test_students_learn_from_traces(world, tmp_path):
    folder, *_ = world
    traces = tmp_path / "traces.jsonl"
    write_lines(traces, [{"prompt": QUESTIONS[i], "reasoning": "one less", "response": "**1**"} for i in range(8)])
    config = r1_config(folder, sources={**r1_sources(folder), "traces": str(traces)}, ablations={})
    made = run_r1(config, tmp_path / "run", device="cpu", only="distilled_small", note=lambda _: None)
    assert list(made) == ["traces_data", "distilled_small"]
    assert read_drops(made["traces_data"]).by_reason() == {"contaminated": 2}  # questions 0 and 6 are held out
    examples = read_examples(made["traces_data"] / "data.jsonl")
    assert [example.response for example in examples] == [" |special_token| one less |special_token| **1**"] * 6


@pytest.mark.parametrize(("with_task", "num_questions"), [(True, 20), (False, 20 + 9)])
def test_students_learn_from_a_teacher(world, tmp_path, with_task, num_questions):
    """Asked the training problems of its task, or without one those of all sources."""
    folder, *_ = world
    with TeacherServer(lambda n, body: completion("**1**", reasoning_content="one less")) as server:
        teacher = {"teacher": {"model": "teacher-1"}, "endpoint": {"url": server.url}}
        task = {"task": str(folder / "reasoning.jsonl")} if with_task else {}
        config = r1_config(folder, teacher={**teacher, **task}, ablations={})
        made = run_r1(config, tmp_path / "run", device="cpu", only="distilled_small", note=lambda _: None)
    assert list(made) == ["teacher_data", "distilled_small"]
    examples = read_examples(made["teacher_data"] / "data.jsonl")
    assert {example.response for example in examples} == {" |special_token| one less |special_token| **1**"}
    assert len(examples) == num_questions


def test_a_pipeline_needs_reasoning_tasks(world):
    folder, *_ = world
    with pytest.raises(ConfigError, match=r"sources\.reasoning names no task"):
        r1_stages(r1_config(folder, sources={}))


def test_without_general_tasks_and_student_it_ends_at_fine_tuning(world):
    folder, *_ = world
    sources = {"reasoning": {str(folder / "reasoning.jsonl"): 1}}
    names = [stage.name for stage in r1_stages(r1_config(folder, sources=sources, students={}, ablations={}))]
    models = ["zero", "cold_start", "reasoning_rl", "sft"]
    assert names == [
        *("zero", "cold_start_data", "cold_start", "reasoning_rl", "rejection_data", "sft"),
        *(f"eval_{name}" for name in ("base", *models)),
    ]

"""What `r1kit r1` refuses before it starts."""

import json
import re

import pytest
from small_r1 import r1_config, updated, write_lines, write_sources

from r1kit.config import parse_config
from r1kit.errors import ConfigError, DataError, R1KitError
from r1kit.pipeline.r1 import run_r1
from r1kit.pipeline.r1_config import R1Config
from r1kit.pipeline.teach import TeachConfig


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Everything but a base, for which the shipped one will do: nothing is to run."""
    folder = tmp_path_factory.mktemp("files")
    write_sources(folder)
    return folder, r1_config(folder).model_copy(update={"base": "nano", "students": {}})


@pytest.mark.parametrize(
    ("section", "count", "key"),
    [
        (
            "cold_start_data",
            {"direct_problems": 21},
            "cold_start_data.direct_problems is 21, and sources.reasoning has 20",
        ),
        ("rejection_data", {"num_problems": 21}, "rejection_data.num_problems is 21, and sources.reasoning has 20"),
        (
            "non_reasoning_data",
            {"num_problems": 10},
            "non_reasoning_data.num_problems is 10, and sources.general, with answers in ",
        ),
    ],
)
def test_too_few_problems_are_found_before_anything_runs(files, tmp_path, section, count, key):
    _, config = files
    short = config.model_copy(update={section: getattr(config, section).model_copy(update=count)})
    with pytest.raises(ConfigError, match=f"^{re.escape(key)}.* training problems; lower it$"):
        run_r1(short, tmp_path / "run", device="cpu", note=lambda _: None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": {"pairs": "no.jsonl"}}, r"^sources\.pairs: no\.jsonl does not exist \(working folder: /"),
        ({"sources": {"traces": "no.jsonl"}}, r"^sources\.traces: no\.jsonl does not exist"),
        ({"cold_start_data": {"human": "nobody"}}, r"^cold_start_data\.human: nobody does not exist"),
        ({"r1": {"grpo": {"problems_per_step": 1}}}, r"^r1: task\..* gets none of the 1 problems of a step"),
    ],
)
def test_what_a_late_stage_lacks_is_found_before_anything_runs(files, tmp_path, change, message):
    _, config = files
    with pytest.raises(R1KitError, match=message):
        run_r1(updated(config, change), tmp_path / "run", device="cpu", note=lambda _: None)
    assert not (tmp_path / "run").exists()


def test_general_prompts_without_an_answer_are_not_counted(files, tmp_path):
    folder, config = files
    answers = (folder / "answers.jsonl").read_text().splitlines()[:3]
    (tmp_path / "answers.jsonl").write_text("\n".join(answers))  # of g0, g1, g2; g0 is held out
    few = updated(config, {"sources": {"answers": str(tmp_path / "answers.jsonl")}})
    message = r"^non_reasoning_data\.num_problems is 4, and sources\.general, with answers in \S+, has 2 training"
    with pytest.raises(ConfigError, match=message):
        run_r1(few, tmp_path / "run", device="cpu", note=lambda _: None)


def test_answers_that_lack_a_field_are_found_before_anything_runs(files, tmp_path):
    folder, config = files
    rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    rows[1].pop("prompt")
    write_lines(tmp_path / "answers.jsonl", rows)
    broken = updated(config, {"sources": {"answers": str(tmp_path / "answers.jsonl")}})
    with pytest.raises(DataError, match=r"^\S+/answers\.jsonl:2: no 'prompt';"):
        run_r1(broken, tmp_path / "run", device="cpu", note=lambda _: None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("count", "task", "available"), [(30, "", 29), (21, "reasoning", 20)])
def test_a_teacher_is_not_asked_for_more_than_there_is(files, tmp_path, count, task, available):
    folder, config = files
    named = {"task": str(folder / f"{task}.jsonl")} if task else {}
    teacher = parse_config(TeachConfig, {"num_problems": count, "teacher": {"model": "x"}, **named}, where="test")
    asked = config.model_copy(update={"teacher": teacher})
    message = rf"^teacher\.num_problems is {count}, and .* has {available} training problems; lower it"
    with pytest.raises(ConfigError, match=message):
        run_r1(asked, tmp_path / "run", device="cpu", note=lambda _: None)


def test_reasoning_rl_has_the_language_reward_unless_told_otherwise():
    config = R1Config()
    weights = [section.reward.weights for section in (config.reasoning_rl, config.r1, config.distilled_rl)]
    assert weights == [{"accuracy": 1.0, "language": 1.0}] * 3
    assert config.zero.reward.weights == {"accuracy": 1.0, "format": 0.1}


def test_a_general_prompt_without_a_scenario_is_found_before_anything_runs(files, tmp_path):
    folder, config = files
    lines = (folder / "general.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    row["info"].pop("scenario")
    (tmp_path / "general.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]))
    wrong = updated(config, {"sources": {"general": {str(tmp_path / "general.jsonl"): 1.0}}})
    with pytest.raises(DataError, match=r"^sources\.general: problem .* has no info\.scenario; give it one of help"):
        run_r1(wrong, tmp_path / "run", device="cpu", note=lambda _: None)
    assert not (tmp_path / "run").exists()


def test_files_of_one_name_and_with_the_same_ids_are_not_mixed(files, tmp_path):
    _, config = files
    twins = [tmp_path / name / "rows.jsonl" for name in ("a", "b")]
    for twin in twins:
        twin.parent.mkdir()
        write_lines(twin, [{"prompt": f"{twin}: {i} + 1?", "answer": str(i + 1)} for i in range(20)])
    mixed = updated(config, {"sources": {"reasoning": {str(twin): 1.0 for twin in twins}}})
    with pytest.raises(
        DataError, match=r"2 problems of .*/a/rows\.jsonl and .*/b/rows\.jsonl have the id 'rows\.jsonl:"
    ):
        run_r1(mixed, tmp_path / "run", device="cpu", note=lambda _: None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"zero": {"model": "nano"}}, r"zero\.model is filled in by the pipeline"),
        ({"sft": {"data": "x.jsonl"}}, r"sft\.data is filled in by the pipeline"),
        ({"r1": {"task": "gsm8k"}}, r"r1\.task is filled in from sources"),
        ({"helpful": {"kind": "harmless"}}, r"helpful\.kind is 'harmless'"),
        ({"rl_students": ["small1"]}, r"no student is called 'small1'; known: small\. Did you mean 'small'\?"),
        ({"students": {"rl_x": "nano"}}, r"students: 'rl_x' reads as the name of another stage"),
        ({"students": {"x_seed3": "nano"}}, r"students: 'x_seed3' reads as the name of another stage"),
        ({"students": {"X": "nano"}}, r"students"),
        ({"sources": {"judged": {"x.jsonl": 1}}}, r"set rejection_data\.judge\.model"),
        ({"sources": {"traces": "t.jsonl"}, "teacher": {}}, r"two sources of one data set"),
        ({"sources": {"traces": "t.jsonl"}, "students": {}}, r"a teacher's traces are for students"),
        ({"evaluation": {"template": "chat"}}, r"evaluation\.template is 'chat'; the pipeline's data are in"),
        ({"teacher": {}}, r"teacher\.teacher\.model: no teacher is named"),
        ({"teacher": {"teacher": {"model": "x"}, "split": "eval"}}, r'teacher\.split is "eval"'),
    ],
)
def test_what_the_pipeline_fills_in_is_refused(files, section, message):
    folder, _ = files
    with pytest.raises(ConfigError, match=message):
        r1_config(folder, **section)

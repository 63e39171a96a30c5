"""What `r1kit r1` refuses before it starts."""

import json
import re

import pytest
from small_r1 import r1_config, updated, write_sources

from r1kit.errors import ConfigError, DataError, R1KitError
from r1kit.pipeline.r1 import run_r1


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
            "non_reasoning_data.num_problems is 10, and sources.general has",
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
    ],
)
def test_what_the_pipeline_fills_in_is_refused(files, section, message):
    folder, _ = files
    with pytest.raises(ConfigError, match=message):
        r1_config(folder, **section)

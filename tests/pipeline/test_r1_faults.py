"""What goes wrong within a stage of the pipeline: one line with the stage and its folder, and all before it is kept."""

import json
import shutil

import pytest
from small_r1 import GREETINGS, QUESTIONS, r1_config, r1_sources, write_lines
from teacher_server import Answer, TeacherServer, completion
from transformers import AutoTokenizer

from r1kit.errors import DataError, ModelError, RewardError, RunError
from r1kit.pipeline.r1 import run_r1


def fails(world, tmp_path, stage, error, message, **sections):
    """The stage fails with the message, and every artifact of the run that was there before is there afterwards."""
    folder, *_ = world
    run = tmp_path / "run"
    shutil.copytree(folder / "run", run)
    before = sorted(path.name for path in (run / "artifacts").iterdir())
    config = r1_config(folder, ablations={}, **sections)
    with pytest.raises(error, match=rf"^stage {stage} \({run}/artifacts/{stage}-\w+\.partial\): {message}"):
        run_r1(config, run, device="cpu", only=stage, note=lambda _: None)
    after = [path.name for path in (run / "artifacts").iterdir()]
    assert set(before) <= set(after)
    assert [name.split("-")[0] for name in after if name not in before] == [stage]
    state = json.loads((run / "state.json").read_text())
    assert [each["name"] for each in state["stages"] if each["state"] == "failed"] == [stage]


def test_nothing_correct(world, tmp_path):
    short = {"num_samples": 2, "draw": {"temperature": 0.0, "max_new_tokens": 2}}
    fails(
        world, tmp_path, "rejection_data", DataError, "rejection sampling: none of 16 samples was kept",
        rejection_data={"num_problems": 8, "reject": short},
    )  # fmt: skip


def judged_by(folder, tmp_path, model):
    """Sections for a pipeline with one problem that only a judge can check."""
    judged = tmp_path / "judged.jsonl"
    write_lines(judged, [{"id": "j", "prompt": QUESTIONS[1], "answer": "1", "verifier": "judge", "split": "train"}])
    judge = {"model": str(model), "max_new_tokens": 4}
    return {
        "sources": {**r1_sources(folder), "judged": {str(judged): 1}},
        "rejection_data": {"num_problems": 21, "judge": judge},
    }


def test_a_judge_without_a_chat_template(world, tmp_path):
    folder, *_ = world
    sections = judged_by(folder, tmp_path, folder / "base")
    fails(world, tmp_path, "rejection_data", ModelError, "the tokenizer of .* has no chat template", **sections)


def test_a_judge_that_never_answers(world, tmp_path):
    folder, *_ = world
    mute = shutil.copytree(folder / "base", tmp_path / "judge")
    tokenizer = AutoTokenizer.from_pretrained(mute)
    tokenizer.chat_template = "{% for message in messages %}{{ message.content[:20] }}{% endfor %}"
    tokenizer.save_pretrained(mute)
    sections = judged_by(folder, tmp_path, mute)
    fails(
        world,
        tmp_path,
        "rejection_data",
        RewardError,
        r"the judge: 8 of 8 completions could not be judged \(100%, allowed 10%\)",
        **sections,
    )


def test_a_reward_model_that_separates_nothing(world, tmp_path):
    folder, *_ = world
    pairs = [
        {"id": f"{kind}{i}", "prompt": text, "chosen": "yes no"[:: 1 - 2 * (i % 2)], "kind": kind}
        | {"rejected": "yes no"[:: 2 * (i % 2) - 1]}
        for kind in ("helpful", "harmless")
        for i, text in enumerate(GREETINGS)
    ]
    write_lines(tmp_path / "pairs.jsonl", pairs)
    learner = {"learning_rate": 1e-4, "dtype": "float32"}
    fails(
        world, tmp_path, "helpful", RewardError, "the helpful reward model in .* separates nothing: accuracy",
        sources={**r1_sources(folder), "pairs": str(tmp_path / "pairs.jsonl")},
        helpful={"kind": "helpful", "learner": learner, "batch_pairs": 8, "eval_share": 0.4},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "source", "missing", "message"),
    [
        ("helpful", "pairs", "rejected", r"/\S+/pairs\.jsonl:1: no 'rejected'; a pair needs "),
        ("cold_start_data", "shots", "response", r"/\S+/shots\.jsonl:1: no 'response';"),
    ],
)
def test_an_input_that_lacks_a_field(world, tmp_path, stage, source, missing, message):
    folder, *_ = world
    rows = [json.loads(line) for line in (folder / f"{source}.jsonl").read_text().splitlines()]
    rows[0].pop(missing)
    write_lines(tmp_path / f"{source}.jsonl", rows)
    sources = {**r1_sources(folder), source: str(tmp_path / f"{source}.jsonl")}
    fails(world, tmp_path, stage, DataError, message, sources=sources)


ONE = {"content": "**1**", "reasoning_content": "one less"}


def late(n, body):
    return Answer("{}", delay_s=20)


def changing(n, body):
    return completion(**ONE, model=f"teacher-{n}")


def half(n, body):
    return '{"choices": [{"index": 0, "finish_reas'


@pytest.mark.parametrize(
    ("play", "endpoint", "error", "message"),
    [
        (late, {"timeout_s": 0.05, "max_attempts": 1, "max_failures": 3}, RunError,
         r"teacher http://\S+: 3 attempts failed in a row, the last one with: no whole answer in 0\.05 s; 0 of 29"),
        (lambda n, body: Answer(half(n, body)), {"max_attempts": 2, "max_failures": 4, "backoff_s": 0.0}, RunError,
         r"teacher http://\S+: 4 attempts failed in a row, the last one with: .*; 0 of 29 responses are kept"),
        (changing, {"concurrency": 1}, DataError,
         r"teacher http://\S+ changed its model from 'teacher-0' to 'teacher-1' after 1 responses"),
    ],
)  # fmt: skip
def test_a_teacher_that_fails(world, tmp_path, play, endpoint, error, message):
    with TeacherServer(play) as server:
        teacher = {"teacher": {"model": "teacher"}, "endpoint": {"url": server.url, **endpoint}}
        fails(world, tmp_path, "teacher_data", error, message, teacher=teacher)


def test_requests_that_a_teacher_never_answers_stop_it_or_are_counted(world, tmp_path):
    folder, *_ = world

    def play(n, body):
        return Answer(status=500) if "24 - 23" in body["messages"][-1]["content"] else completion(**ONE)

    with TeacherServer(play) as server:
        endpoint = {"url": server.url, "max_attempts": 2, "backoff_s": 0.0}
        task = str(folder / "reasoning.jsonl")
        rows = [json.loads(line) for line in (folder / "reasoning.jsonl").read_text().splitlines()]
        assert rows[23]["prompt"] == "What is 24 - 23?"
        assert rows[23]["split"] == "train"
        teacher = {"task": task, "teacher": {"model": "teacher"}, "endpoint": endpoint}
        fails(
            world, tmp_path, "teacher_data", RunError,
            r"the teacher left 1 of 20 requests unanswered; .*max_unanswered_rate \(now 0\)",
            teacher=teacher,
        )  # fmt: skip
        patient = {**teacher, "endpoint": {**endpoint, "max_unanswered_rate": 0.05}}
        config = r1_config(folder, ablations={}, teacher=patient)
        made = run_r1(config, tmp_path / "run", device="cpu", only="teacher_data", note=lambda _: None)
    stages = json.loads((made["teacher_data"] / "drops.json").read_text())["stages"]
    assert (stages[0]["name"], stages[0]["in"], stages[0]["dropped"]) == ("teacher", 20, {"unanswered": 1})
    assert stages[0]["kept"] == 19

import json
import os
import signal
import subprocess
import sys

import pytest
from teacher_server import Answer, TeacherServer, completion
from typer.testing import CliRunner

from r1kit.cli.main import app
from r1kit.sft.data import read_examples


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")


@pytest.fixture
def task(tmp_path):
    file = tmp_path / "sums.jsonl"
    rows = [{"id": str(i), "prompt": f"Compute {i} + 1", "answer": i + 1, "split": "train"} for i in range(6)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def teach(*words, **flags):
    pairs = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    return CliRunner().invoke(app, ["teach", *pairs, *words])


def think(number, body):
    return completion("It is.", reasoning_content=body["messages"][-1]["content"])


def test_a_data_set_and_its_card(tmp_path, task):
    out = tmp_path / "out"
    with TeacherServer(think) as server:
        settings = ("--set", "num_problems=3", "--set", "teacher.num_samples=2", "--set", "endpoint.concurrency=2")
        result = teach(*settings, teacher=server.url, model="r1", task=task, out=out)
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["whole", "responses", "6"] in rows
    assert ["unanswered", "0"] in rows
    assert ["completion_tokens", "30"] in rows
    assert rows[-2:] == [["data:", str(out / "data.jsonl")], ["card:", str(out / "README.md")]]
    assert result.stderr == "teacher r1: 0 of 6 responses are there\n"
    examples = read_examples(out / "data.jsonl")
    assert [example.id for example in examples] == ["0/0", "0/1", "1/0", "1/1", "2/0", "2/1"]
    assert examples[2].response == " |special_token| Compute 1 + 1 |special_token| It is."
    card = (out / "README.md").read_text()
    assert "# Responses of r1 to " in card
    assert f"Asked by r1kit over {server.url}: 6 responses, of which 6 came whole." in card
    assert "The endpoint called itself teacher-1 (6); system fingerprints: fp_1 (6)." in card
    assert all(b"sk-secret" not in path.read_bytes() for path in out.iterdir())


def test_the_facts_as_json(tmp_path, task):
    with TeacherServer(think) as server:
        result = teach("--json", teacher=server.url, model="r1", task=task, out=tmp_path / "out")
    facts = json.loads(result.stdout)
    assert (facts["endpoint"], facts["num_whole"], facts["models"]) == (server.url, 6, {"teacher-1": 6})


def test_another_address_goes_on_and_another_question_is_refused(tmp_path, task):
    out = tmp_path / "out"
    with TeacherServer(think) as server:
        assert teach(teacher=server.url, model="r1", task=task, out=out).exit_code == 0
    with TeacherServer(think) as server:
        again = teach(teacher=server.url, model="r1", task=task, out=out)
        assert (again.exit_code, again.stderr) == (0, "teacher r1: 6 of 6 responses are there\n")
        other = teach("--set", "teacher.temperature=1.0", teacher=server.url, model="r1", task=task, out=out)
        assert server.bodies == []
    assert other.exit_code == 1
    assert other.stderr == (
        f"error: {out} holds a run of another config (teacher.temperature: 0.6 there, 1.0 now); use another --out, or "
        "delete the folder to start over\n"
    )


def test_a_run_that_was_refused_leaves_the_folder_free(tmp_path, task):
    with TeacherServer(lambda number, body: Answer("no such model", status=404)) as server:
        result = teach(teacher=server.url, model="wrong", task=task, out=tmp_path)
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].startswith(f"error: teacher {server.url}: HTTP 404: no such model; ")
        server.play = think
        assert teach(teacher=server.url, model="right", task=task, out=tmp_path).exit_code == 0


def test_a_killed_process_loses_no_response(tmp_path, task):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "r1kit.cli.main", "teach", "--model", "r1", "--task", task, "--out", str(out)]
    with TeacherServer(think) as server:
        killed: list[subprocess.Popen] = []

        def kill_at_the_fourth(number, body):
            if number == 3:
                os.kill(killed[0].pid, signal.SIGKILL)
                return Answer(delay_s=60)
            return think(number, body)

        server.play = kill_at_the_fourth
        command = [*words, "--teacher", server.url, "--set", "endpoint.concurrency=1"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            killed.append(process)
            assert process.wait(timeout=100) == -signal.SIGKILL
        server.play = think
        result = teach(teacher=server.url, model="r1", task=task, out=out)
        assert (result.exit_code, result.stderr) == (0, "teacher r1: 3 of 6 responses are there\n")
        assert server.questions == [f"Compute {i} + 1" for i in (0, 1, 2, 3, 3, 4, 5)]
    assert [example.id for example in read_examples(out / "data.jsonl")] == list(map("{}/0".format, range(6)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no teacher: give a config file or --teacher, e.g. r1kit teach --teacher http://"),
        (("--teacher", "http://host/v1"), "no model: "),
        (("--teacher", "http://host/v1", "--model", "r1"), "no task: "),
        (("--teacher", "host:8000", "--model", "r1"), "endpoint.url: it must be an address like "),
        (("--set", "teacher.models=r1"), "unknown key 'teacher.models'; known: "),
    ],
)
def test_a_bad_command_ends_in_one_line(words, message, tmp_path):
    result = teach(*words, out=tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_fewer_problems_than_asked_for(tmp_path, task):
    words = ("--set", "num_problems=7")
    result = teach(*words, teacher="http://127.0.0.1:9/v1", model="r1", task=task, out=tmp_path / "out")
    assert result.exit_code == 1
    assert "has 6 problems in its train split, fewer than num_problems (7); lower it" in result.stderr

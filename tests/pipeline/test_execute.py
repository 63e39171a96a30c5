"""Content addressing, failures, two processes, and processes that are killed."""

import itertools
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import toy_stages as toys
from toy_stages import artifacts, toy_stages

from r1kit.errors import ConfigError, DataError, MissingExtra, RunError
from r1kit.pipeline.artifact import read_manifest, verify
from r1kit.pipeline.estimate import Estimate, Machine
from r1kit.pipeline.execute import execute, plan
from r1kit.pipeline.status import read_status
from r1kit.seeding import rng

ALL = ["base", "corpus", "model", "scores", "report"]


def run(folder, *, only=None, **texts):
    """The names of the stages that ran, and the artifacts' folders."""
    ran = []
    folders = execute(toy_stages(ran=ran, **texts), folder, only=only)
    return ran, folders


def states(folder):
    return {stage.name: stage.state for stage in read_status(folder).stages}


def test_what_is_there_is_not_made_again(tmp_path):
    ran, folders = run(tmp_path)
    assert ran == ALL
    assert list(folders) == ALL
    for folder in folders.values():
        verify(folder)
    again, same = run(tmp_path)
    assert again == []
    assert same == folders


def test_a_change_remakes_the_stage_and_what_follows_and_going_back_finds_the_old(tmp_path):
    _, old = run(tmp_path)
    ran, new = run(tmp_path, model="b")
    assert ran == ["model", "scores", "report"]
    assert {name for name in ALL if old[name] == new[name]} == {"base", "corpus"}
    assert run(tmp_path, model="a")[0] == []
    assert run(tmp_path, model="b")[0] == []
    assert run(tmp_path, report="b")[0] == ["report"]
    assert run(tmp_path, base="b")[0] == ALL


def test_the_version_of_a_stage_remakes_it(tmp_path):
    run(tmp_path)
    ran = []
    stages = toy_stages(ran=ran)
    stages[3] = replace(stages[3], version=2)
    execute(stages, tmp_path)
    assert ran == ["scores", "report"]


def test_a_deleted_artifact_is_made_again_the_same(tmp_path):
    _, folders = run(tmp_path)
    before = artifacts(tmp_path)
    shutil.rmtree(folders["corpus"])
    assert states(tmp_path)["corpus"] == "waiting"
    assert run(tmp_path)[0] == ["corpus"]
    assert artifacts(tmp_path) == before


def test_only_makes_one_stage_and_what_it_needs(tmp_path):
    ran, folders = run(tmp_path, only="corpus")
    assert ran == ["base", "corpus"]
    assert list(folders) == ["base", "corpus"]
    assert states(tmp_path) == {**dict.fromkeys(ALL, "waiting"), "base": "done", "corpus": "done"}
    assert run(tmp_path)[0] == ["model", "scores", "report"]
    assert states(tmp_path)["base"] == "cached"


def test_a_wrong_graph_writes_nothing(tmp_path):
    stages = toy_stages()
    with pytest.raises(ConfigError, match="stage corpus reads 'base', which no stage makes"):
        execute(stages[1:], tmp_path / "run")
    with pytest.raises(ConfigError, match="no stage is called 'absent'"):
        execute(stages, tmp_path / "run", only="absent")
    assert not (tmp_path / "run").exists()


def test_a_damaged_artifact_is_not_used(tmp_path):
    _, folders = run(tmp_path)
    (folders["corpus"] / "data.jsonl").unlink()
    with pytest.raises(RunError, match=r"corpus-\w{12} is damaged: data.jsonl is missing; delete the folder"):
        run(tmp_path)


def test_progress_is_told_with_the_stage_in_front(tmp_path):
    def work(context):
        context.note("half way")
        (context.out / "x.txt").write_text(context.device)

    told = []
    stage = replace(toy_stages()[0], run=work)
    folder = execute([stage], tmp_path, "cpu", note=told.append)["base"]
    assert told == ["base: started", "base: half way", "base: done in 0 s"]
    assert (folder / "x.txt").read_text() == "cpu"
    execute([stage], tmp_path, note=told.append)
    assert told[3:] == [f"base: cached in {folder}"]


def failing(error, then=None):
    """The toy stages with a model that writes a file, then raises; or goes on with `then`."""

    def work(context):
        (context.out / "so_far.txt").write_text("kept")
        raise error

    stages = toy_stages()
    stages[2] = replace(stages[2], run=then or work)
    return stages


def test_a_stage_that_fails_keeps_its_folder_and_all_before(tmp_path):
    with pytest.raises(DataError) as caught:
        execute(failing(DataError("nothing was correct: 0 of 40")), tmp_path)
    (partial,) = (tmp_path / "artifacts").glob("model-*.partial")
    assert str(caught.value) == f"stage model ({partial}): nothing was correct: 0 of 40"
    assert type(caught.value) is DataError
    assert (partial / "so_far.txt").read_text() == "kept"
    assert states(tmp_path) == {"base": "done", "corpus": "done", "model": "failed", "scores": "waiting",
                                "report": "waiting"}  # fmt: skip
    assert read_status(tmp_path).stages[2].error == str(caught.value)

    def goes_on(context):
        assert (context.out / "so_far.txt").read_text() == "kept"

    folders = execute(failing(None, then=goes_on), tmp_path)
    assert states(tmp_path) == {"base": "cached", "corpus": "cached", **dict.fromkeys(ALL[2:], "done")}
    assert read_manifest(folders["model"]).num_starts == 2


def test_an_error_with_an_own_constructor_keeps_its_class(tmp_path):
    with pytest.raises(MissingExtra) as caught:
        execute(failing(MissingExtra("datasets", "hub", "reading from the hub")), tmp_path)
    assert str(caught.value).startswith("stage model (")
    assert str(caught.value).endswith("which is not installed; add it with: pip install 'r1kit[hub]'")


def test_a_bug_keeps_its_traceback_and_is_written_down_as_one_line(tmp_path):
    with pytest.raises(ZeroDivisionError, match=r"^two\nlines$"):
        execute(failing(ZeroDivisionError("two\nlines")), tmp_path)
    assert read_status(tmp_path).stages[2].error == "ZeroDivisionError: two lines"


def test_ctrl_c_reads_as_interrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        execute(failing(KeyboardInterrupt()), tmp_path)
    assert states(tmp_path)["model"] == "interrupted"


def test_the_plan_is_what_execute_will_do(tmp_path):
    def cost(machine):
        return Estimate(minutes=machine.training_seconds(1, 1), memory_gb=2)

    class Counted(Machine):
        def training_seconds(self, num_parameters, num_tokens, *, dtype="auto"):
            return 7.0

    machine = Counted(name="test", products=())
    stages = [replace(stage, cost=cost) if stage.name in ("base", "model") else stage for stage in toy_stages()]
    rows = plan(stages, tmp_path / "run", machine=machine)
    assert not (tmp_path / "run").exists()
    assert [row.state for row in rows] == ["to run"] * 5
    expected = Estimate(minutes=7, memory_gb=2)
    assert [row.estimate for row in rows] == [expected, None, expected, None, None]
    folders = execute(stages, tmp_path / "run", only="corpus")
    (tmp_path / "run" / "artifacts" / f"{rows[2].folder.name}.partial").mkdir()
    rows = plan(stages, tmp_path / "run", machine=machine)
    assert [row.state for row in rows] == ["cached", "cached", "to go on", "to run", "to run"]
    assert [row.estimate for row in rows] == [None, None, expected, None, None]
    assert [row.folder for row in rows[:2]] == list(folders.values())
    assert [row.name for row in plan(stages, tmp_path / "run", only="corpus")] == ["base", "corpus"]


def start(folder, step_s):
    """The toy stages in a process of their own, ready to begin."""
    command = [sys.executable, toys.__file__, str(folder), str(step_s)]
    environment = {**os.environ, "PYTHONPATH": str(Path(toys.__file__).parents[1])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with start(tmp_path, 30) as process:
        try:
            while not (tmp_path / "state.json").exists():
                assert process.poll() is None
            with pytest.raises(RunError, match=f"is in use by process {process.pid}; wait for it, or use another"):
                run(tmp_path)
            assert states(tmp_path)["base"] in ("waiting", "running")  # the first one's file is as it was
        finally:
            process.kill()
    assert run(tmp_path)[0] == ALL  # free again


def killed_until_done(folder, draw):
    """Start, kill a moment after a random step, and again until it ends; returns how often it was killed."""
    for num_kills in itertools.count():
        assert num_kills < 100, "it does not get on"
        num_steps, moment_s = draw.randint(0, 8), draw.uniform(0, 0.02)
        with start(folder, 0.005) as process:
            assert process.stdout is not None
            if len(list(itertools.islice(process.stdout, num_steps))) < num_steps:
                assert process.wait() == 0
                return num_kills
            time.sleep(moment_s)
            process.kill()
    raise AssertionError


def check_kills(tmp_path, seed):
    execute(toy_stages(), tmp_path / "undisturbed")
    num_kills = killed_until_done(tmp_path / "killed", rng("kill", seed))
    assert num_kills >= 2  # 25 steps, at most eight and what fits into 20 ms at once
    assert artifacts(tmp_path / "killed") == artifacts(tmp_path / "undisturbed")
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {".lock", "state.json", "artifacts"}
    assert run(tmp_path / "killed")[0] == []


def test_killed_again_and_again_it_makes_the_same_artifacts(tmp_path):
    check_kills(tmp_path, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 31))
def test_killed_at_many_random_times(tmp_path, seed):
    check_kills(tmp_path, seed)


class Killed(BaseException):
    """As SIGKILL: nothing that handles errors sees it."""


def die_before_change(monkeypatch, number):
    """Let the process "die" before its `number`-th change of the disk (renames, deletions, folders, flushes)."""
    count = itertools.count(1)

    def dying(change):
        def changed(*args, **options):
            if next(count) >= number:  # what runs while the exception passes changes nothing either
                raise Killed
            return change(*args, **options)

        return changed

    for name in ("rename", "replace", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    monkeypatch.setattr(os, "fsync", dying(lambda descriptor: None))


def test_killed_before_each_change_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nothing here loses its power
    execute(toy_stages(), tmp_path / "undisturbed", only="corpus")
    expected = artifacts(tmp_path / "undisturbed")
    number, done = 0, False
    while not done:
        number += 1
        folder = tmp_path / str(number)
        with monkeypatch.context() as patch:
            die_before_change(patch, number)
            try:
                execute(toy_stages(), folder, only="corpus")
                done = True
            except Killed:
                pass
        execute(toy_stages(), folder, only="corpus")
        assert artifacts(folder) == expected, number
        assert all(read_status(folder).stages[i].state in ("done", "cached") for i in range(2))
    assert number > 50

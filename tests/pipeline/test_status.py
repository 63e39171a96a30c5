"""What a run says of itself while it runs, after it was killed, and when its folder is not what it was."""

import json
import time
from datetime import datetime

import pytest
from toy_stages import toy_stages

from r1kit.errors import RunError
from r1kit.pipeline import status
from r1kit.pipeline.artifact import artifact_folder, artifact_keys, partial_folder
from r1kit.pipeline.execute import execute
from r1kit.pipeline.run import locked
from r1kit.pipeline.status import StateFile, lock_holder, read_status


@pytest.fixture
def at_work(tmp_path):
    """A folder whose state says that `model` is running, `base` and `corpus` being there; and the model's key."""
    execute(toy_stages(), tmp_path, only="corpus")
    stages, keys = toy_stages(), artifact_keys(toy_stages())
    partial = partial_folder(artifact_folder(tmp_path, "model", keys["model"]))
    partial.mkdir()
    (partial / "metrics.jsonl").write_text('{"step": 3, "loss": 1}\n{"step": 4, "loss": 1}\n{"step": 5, "lo')
    StateFile(tmp_path, 4711, stages, keys).running("model")
    return tmp_path


def hold(folder, process):
    """The lock, as the process of that number would hold it."""
    lock = locked(folder)
    lock.__enter__()
    (folder / ".lock").write_text(str(process))
    return lock


def model_of(folder):
    found = read_status(folder)
    return found.process, found.stages[2]


def test_a_running_stage_says_since_when_and_its_last_step(at_work, monkeypatch):
    lock = hold(at_work, 4711)
    try:
        began = read_status(at_work).stages[2].started
        assert began is not None
        later = datetime.fromisoformat(began).timestamp() + 90
        monkeypatch.setattr(status, "utc_now", lambda: datetime.fromtimestamp(later).astimezone().isoformat())
        process, model = model_of(at_work)
    finally:
        lock.__exit__(None, None, None)
    assert process == 4711
    assert (model.state, model.seconds, model.step, model.error) == ("running", 90.0, 4, None)
    assert model.folder is not None
    assert model.folder.name.endswith(".partial")


def test_without_the_lock_it_was_interrupted(at_work):
    process, model = model_of(at_work)
    assert process is None
    assert (model.state, model.seconds, model.step) == ("interrupted", None, 4)
    assert [stage.state for stage in read_status(at_work).stages] == [
        *("cached", "cached", "interrupted", "waiting", "waiting"),
    ]


def test_the_lock_of_another_process_does_not_count(at_work):
    lock = hold(at_work, 4712)  # the next run, which has not written its state yet
    try:
        assert model_of(at_work)[1].state == "interrupted"
    finally:
        lock.__exit__(None, None, None)


def test_killed_after_the_rename_it_was_done(at_work):
    partial = model_of(at_work)[1].folder
    assert partial is not None
    partial.rename(partial.with_name(partial.name.removesuffix(".partial")))
    _, model = model_of(at_work)
    assert model.state == "done"


def test_the_lock_is_asked_without_being_taken(tmp_path):
    assert lock_holder(tmp_path) is None
    lock = hold(tmp_path, 12)
    assert lock_holder(tmp_path) == 12
    lock.__exit__(None, None, None)
    assert lock_holder(tmp_path) is None
    with locked(tmp_path):
        pass


def test_cached_stages_say_what_they_took_when_they_were_made(tmp_path):
    stages = toy_stages(lambda: time.sleep(0.01))
    execute(stages, tmp_path, only="base")
    done = read_status(tmp_path).stages[0]
    time.sleep(0.01)
    execute(stages, tmp_path, only="base")
    cached = read_status(tmp_path).stages[0]
    assert (done.state, cached.state) == ("done", "cached")
    assert done.seconds is not None
    assert cached.seconds is not None
    assert 0.06 <= cached.seconds <= done.seconds < 60  # six steps; the first is without writing the manifest
    assert done.folder == cached.folder


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / ".state.json.99.tmp").write_text("{")
    execute(toy_stages(), tmp_path, only="base")
    assert not (tmp_path / ".state.json.99.tmp").exists()


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"run folder .*absent does not exist"):
        read_status(tmp_path / "absent")
    with pytest.raises(RunError, match=r"holds no run of stages: it has no state.json; give the folder"):
        read_status(tmp_path)
    for text in ("{", "[]", '{"process": 1}', json.dumps({"process": 1, "stages": [{"name": "x"}]})):
        (tmp_path / "state.json").write_text(text)
        with pytest.raises(RunError, match=r"state.json is damaged or of another version of r1kit \(.*\); delete it"):
            read_status(tmp_path)

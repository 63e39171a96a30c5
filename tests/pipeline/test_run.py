"""Run folders: one writer, one config, and records that go back to a checkpoint."""

import json
import multiprocessing

import pytest

from r1kit.config import parse_config
from r1kit.errors import RunError
from r1kit.pipeline.config import RLConfig
from r1kit.pipeline.run import append_lines, check_config, drop_lines_after, locked, write_config


def hold(folder, ready, done):
    with locked(folder):
        ready.set()
        done.wait(30)


def test_a_folder_has_one_writer(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path / "run", ready, done))
    process.start()
    assert ready.wait(30)
    try:
        with pytest.raises(RunError, match=f"in use by process {process.pid}; wait for it"), locked(tmp_path / "run"):
            pass
    finally:
        done.set()
        process.join()
    with locked(tmp_path / "run"):  # free again
        pass


def test_a_folder_keeps_to_its_config(tmp_path):
    check_config(tmp_path, RLConfig())
    write_config(tmp_path, RLConfig())
    check_config(tmp_path, RLConfig())
    other = parse_config(RLConfig, {"seed": 1, "grpo": {"num_steps": 7}}, where="test")
    with pytest.raises(RunError, match=r"another config \(grpo.num_steps: 100 there, 7 now, seed: 0 there, 1 now\)"):
        check_config(tmp_path, other)


def test_a_key_that_the_folder_lacks_counts_as_its_default(tmp_path):
    write_config(tmp_path, RLConfig())
    stored = json.loads((tmp_path / "config.json").read_text())
    del stored["reward"]["sandbox"]
    (tmp_path / "config.json").write_text(json.dumps(stored))
    check_config(tmp_path, RLConfig())
    with pytest.raises(RunError, match=r"\(reward.sandbox: 'auto' there, 'bwrap' now\)"):
        check_config(tmp_path, parse_config(RLConfig, {"reward": {"sandbox": "bwrap"}}, where="test"))
    (tmp_path / "config.json").write_text(json.dumps({**stored, "of_another_release": 3}))
    with pytest.raises(RunError, match=r"of_another_release: 3 there, None now"):
        check_config(tmp_path, RLConfig())


def test_damaged_config_says_what_to_do(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="is damaged; delete the folder"):
        check_config(tmp_path, RLConfig())


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another one with --out"), locked(tmp_path / "file" / "run"):
        pass


def test_records_go_back_to_a_step(tmp_path):
    path = tmp_path / "transcripts.jsonl"
    append_lines(path, [{"step": 0, "text": "好"}, {"step": 2}, {"step": 4}])
    path.write_text(path.read_text() + '{"step": 6, "te')  # a kill in the middle of a line
    drop_lines_after(path, 2)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 0, "text": "好"}, {"step": 2}]
    drop_lines_after(tmp_path / "none.jsonl", 2)
    assert not (tmp_path / "none.jsonl").exists()

"""A training run's records: what is kept at a kill, where it goes on, and what keeps it from going on."""

import json

import pytest

from r1kit.config import parse_config
from r1kit.errors import ConfigError, RunError
from r1kit.learner.checkpoint import load_checkpoint
from r1kit.pipeline.run import append_lines, locked
from r1kit.pipeline.training_run import check_same_data, training_run
from r1kit.sft.config import SFTConfig

CONFIG = parse_config(SFTConfig, {"model": "m", "data": "d"}, where="test")


class Sum:
    """Trained by adding the number of each step."""

    def __init__(self, data="abc"):
        self.value, self.data = 0, data

    def state_dict(self):
        return {"value": self.value, "data_sha256": self.data}

    def load_state_dict(self, state):
        check_same_data(state, self.data, "the data file")
        self.value = state["value"]


class Killed(Exception):
    pass


def add_up(out, total, *, kill_at=None, sinks=(), is_over_at=7):
    """Seven steps, a checkpoint every third; dies before the step `kill_at` ends. Returns the run."""
    with (
        locked(out),
        training_run(out, CONFIG, total, num_steps=7, checkpoint_every=3, sinks=sinks) as run,
    ):
        if run.is_new:
            run.log(0, {"sft/validation_loss": 9.0})
            append_lines(out / "transcripts.jsonl", [{"step": 0}])
            if kill_at == 0:
                raise Killed
            run.checkpoint(0)
        for step in range(run.first_step + 1, is_over_at + 1):
            total.value += step
            run.log(step, {"sft/loss": float(total.value)})
            append_lines(out / "transcripts.jsonl", [{"step": step}])
            if step == kill_at:
                raise Killed
            run.end_step(step, is_last=step == is_over_at)
    return run


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_that_is_not_disturbed(tmp_path):
    run = add_up(tmp_path, total := Sum())
    assert (run.is_new, run.first_step, total.value) == (True, 0, 28)
    assert [row.get("sft/loss") for row in lines(tmp_path / "metrics.jsonl")] == [None, 1, 3, 6, 10, 15, 21, 28]
    assert load_checkpoint(tmp_path / "checkpoint.pt").keys() == {"step", "wall_s", "value", "data_sha256"}
    assert json.loads((tmp_path / "config.json").read_text())["data"] == "d"


@pytest.mark.parametrize(("kill_at", "first_step"), [(0, None), (1, 0), (2, 0), (3, 0), (4, 3), (5, 3), (6, 3), (7, 6)])
def test_killed_it_goes_on_from_the_last_checkpoint(tmp_path, kill_at, first_step):
    """A step is in the checkpoint only if it ended: killed in step 3, step 1 is the first one again."""
    add_up(tmp_path / "whole", Sum())
    out = tmp_path / "killed"
    with pytest.raises(Killed):
        add_up(out, Sum(), kill_at=kill_at)
    assert lines(out / "metrics.jsonl")[-1]["step"] == kill_at
    run = add_up(out, total := Sum())
    assert run.is_new == (first_step is None)
    assert run.first_step == (first_step or 0)
    assert total.value == 28
    for name in ("metrics.jsonl", "transcripts.jsonl", "config.json"):
        assert (out / name).read_text() == (tmp_path / "whole" / name).read_text()


def test_seconds_before_an_interruption_count(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("r1kit.pipeline.training_run.time.monotonic", lambda: clock[0])
    for seconds, expected in ((40.0, 40.0), (2.0, 42.0)):
        with training_run(tmp_path, CONFIG, Sum(), num_steps=7, checkpoint_every=3) as run:
            clock[0] += seconds
            run.checkpoint(1)
        assert run.wall_s() == expected
        clock[0] += 1000.0  # between the runs


def test_the_last_step_has_a_checkpoint_wherever_it_is(tmp_path):
    add_up(tmp_path, Sum(), is_over_at=5)  # as a run that has converged
    assert load_checkpoint(tmp_path / "checkpoint.pt")["step"] == 5
    assert add_up(tmp_path, total := Sum(), is_over_at=5).first_step == 5
    assert total.value == 15


def test_other_data_is_refused_and_nothing_is_lost(tmp_path):
    with pytest.raises(Killed):
        add_up(tmp_path, Sum(), kill_at=5)
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(RunError, match="the data file has changed since this run began; use another --out, or restore"):
        add_up(tmp_path, Sum(data="abd"))
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_an_unknown_sink_ends_the_run_before_its_first_row(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown tracker 'tensorbord'.*tensorboard"):
        add_up(tmp_path, Sum(), sinks=("tensorbord",))
    assert not (tmp_path / "metrics.jsonl").exists()

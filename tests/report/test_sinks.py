import builtins
import json
import sqlite3
import sys
from pathlib import Path
from types import ModuleType

import pytest

from r1kit.errors import ConfigError, MissingExtra
from r1kit.report.metrics import MetricsWriter
from r1kit.report.sinks import SINKS, open_sinks


def test_tensorboard_reads_back_what_was_logged(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sinks = open_sinks(["tensorboard"], tmp_path, {"seed": 0})
    with MetricsWriter(tmp_path / "metrics.jsonl", sinks) as writer:
        writer.log(1, {"train/loss": 0.5})
        writer.log(2, {"train/loss": 0.25, "train/grad_norm": float("nan")})
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 0.5), (2, 0.25)]
    assert events.Tags()["scalars"] == ["train/loss"]


def test_tensorboard_hides_the_steps_that_a_resume_does_again(tmp_path: Path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for first_step, value in ((0, 1.0), (2, 9.0)):
        (sink,) = open_sinks(["tensorboard"], tmp_path, {}, first_step=first_step)
        for step in range(max(first_step, 1), 4):
            sink.log(step, {"train/loss": value})
        sink.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 9.0), (3, 9.0)]


def test_trackio_keeps_the_rows_in_its_local_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when trackio is first imported
    pytest.importorskip("trackio")
    (sink,) = open_sinks(["trackio"], tmp_path, {"seed": 0})
    sink.log(1, {"train/loss": 0.5})
    sink.log(2, {"train/loss": 0.25})
    sink.close()
    connection = sqlite3.connect(tmp_path / "trackio" / "r1kit.db")
    rows = connection.execute("select step, metrics from metrics order by step").fetchall()
    connection.close()
    assert [(step, json.loads(metrics)) for step, metrics in rows] == [
        (1, {"train/loss": 0.5}),
        (2, {"train/loss": 0.25}),
    ]


def test_wandb_gets_the_calls_that_its_documentation_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[tuple[str, object]] = []

    class Run:
        def log(self, row: dict[str, float], *, step: int) -> None:
            calls.append(("log", (row, step)))

        def finish(self) -> None:
            calls.append(("finish", None))

    def init(**kwargs: object) -> Run:
        calls.append(("init", kwargs))
        return Run()

    stub = ModuleType("wandb")
    stub.__dict__["init"] = init
    monkeypatch.setitem(sys.modules, "wandb", stub)
    (sink,) = open_sinks(["wandb"], tmp_path / "zero", {"seed": 3})
    sink.log(5, {"train/loss": 0.5})
    sink.close()
    assert [name for name, _ in calls] == ["init", "log", "finish"]
    assert calls[1][1] == ({"train/loss": 0.5}, 5)
    assert calls[0][1] == {
        "project": "r1kit",
        "id": "zero",
        "name": "zero",
        "dir": str(tmp_path / "zero"),
        "config": {"seed": 3},
        "resume": "allow",
    }


@pytest.mark.parametrize("name", sorted(SINKS))
def test_a_missing_package_gives_the_pip_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real_import = builtins.__import__

    def importing(module: str, *args, **kwargs):
        if module in (name, f"torch.utils.{name}"):
            raise ImportError(module)
        return real_import(module, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", importing)
    with pytest.raises(MissingExtra, match=rf"pip install 'r1kit\[{name}\]'"):
        open_sinks([name], tmp_path, {})


def test_an_unknown_tracker_is_named_with_the_nearest_before_any_is_opened(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"unknown tracker 'wandbb'.*Did you mean 'wandb'"):
        open_sinks(["tensorboard", "wandbb"], tmp_path, {})
    assert list(tmp_path.iterdir()) == []

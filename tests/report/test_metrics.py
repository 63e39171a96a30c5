import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from r1kit.errors import RunError
from r1kit.report.metrics import MetricsWriter, read_metrics, series


class RecordingSink:
    def __init__(self):
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.closed = False

    def log(self, step: int, row: Mapping[str, float]) -> None:
        self.rows.append((step, dict(row)))

    def close(self) -> None:
        self.closed = True


def write(path: Path, steps: range) -> None:
    with MetricsWriter(path) as writer:
        for step in steps:
            writer.log(step, {"train/loss": step / 10})


def test_a_row_is_on_disk_before_log_returns_and_reaches_the_sinks(tmp_path: Path):
    sink = RecordingSink()
    with MetricsWriter(tmp_path / "metrics.jsonl", [sink]) as writer:
        writer.log(3, {"train/loss": -0.5, "train/grad_norm": math.nan})
        assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 3, "train/loss": -0.5, "train/grad_norm": null}\n'
        assert sink.rows == [(3, {"train/loss": -0.5})]  # trackers take no NaN
        assert not sink.closed
    assert sink.closed


def test_null_is_read_as_nan_and_left_out_of_a_series(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path) as writer:
        writer.log(1, {"train/loss": 0.25})
        writer.log(2, {"train/loss": math.inf})
        writer.log(3, {"train/entropy": 1.0})
        writer.log(4, {"train/loss": 0.75})
    rows = read_metrics(path)
    assert math.isnan(rows[1]["train/loss"])
    assert series(rows, "train/loss") == ([1, 4], [0.25, 0.75])


def test_an_unknown_key_is_refused_before_anything_is_written(tmp_path: Path):
    with MetricsWriter(tmp_path / "metrics.jsonl") as writer, pytest.raises(AssertionError, match="train/lr"):
        writer.log(1, {"train/lr": 0.1})
    assert (tmp_path / "metrics.jsonl").read_text() == ""


def test_resume_drops_later_rows_and_goes_on(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 6))
    with MetricsWriter(path) as writer:
        assert writer.truncate_after(3) == 2
        writer.log(4, {"train/loss": 9.0})
    assert series(read_metrics(path), "train/loss") == ([1, 2, 3, 4], [0.1, 0.2, 0.3, 9.0])
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]  # no temporary file stays


@pytest.mark.parametrize("cut", range(1, len('{"step": 3, "train/loss": 0.3}')))
def test_a_line_cut_anywhere_by_a_kill_is_dropped(tmp_path: Path, cut: int):
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 4))
    path.write_bytes(path.read_bytes()[: -1 - cut])
    assert [row["step"] for row in read_metrics(path)] == [1, 2]
    write(path, range(3, 5))
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4]


def test_a_whole_last_line_without_newline_is_kept(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}')
    write(path, range(2, 3))
    assert [row["step"] for row in read_metrics(path)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"step": 1}\n{"st\n{"step": 3}\n', "line 2: not a JSON object"),
        ('[1]\n{"step": 3}\n', "line 1: not a JSON object"),
        ('{"train/loss": 1}\n', "row 1: no integer 'step'"),
        ('{"step": 1, "train/loss": "x"}\n', "row 1: 'train/loss' is 'x', not a number"),
    ],
)
def test_damage_before_the_end_is_an_error_of_one_line(tmp_path: Path, text: str, message: str):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        read_metrics(path)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_a_run_error(tmp_path: Path):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    writer = MetricsWriter(tmp_path / "metrics.jsonl")
    writer._file.close()
    with full.open("w") as file:
        writer._file = file
        with pytest.raises(RunError, match="No space left on device; free some space"):
            writer.log(1, {"train/loss": 1.0})
        writer._file = (tmp_path / "other").open("w")
        with pytest.raises(OSError, match="No space"):
            file.close()
    writer.close()


def test_rows_are_plain_json(tmp_path: Path):
    write(tmp_path / "metrics.jsonl", range(1, 2))
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, "train/loss": 0.1}

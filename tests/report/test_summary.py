import json
import math
from pathlib import Path

from r1kit import __version__
from r1kit.report.summary import build_summary, write_summary

ROWS = [
    {"step": 0, "eval/pass_at_1": 0.25, "eval/pass_at_1_stderr": 0.03, "eval/k": 16, "eval/num_problems": 128},
    {"step": 1, "train/num_tokens": 300, "time/step_s": 2.0},
    {"step": 2, "train/num_tokens": 500, "time/step_s": 3.0},
    {"step": 2, "eval/pass_at_1": 0.5, "eval/cons_at_k": math.nan, "eval/pass_at_1/chain": 0.75},
]


def test_first_and_last_evaluation_and_the_total_speed():
    summary = build_summary(ROWS, wall_s=7.5, seed=3, hardware={"cores": 2})
    assert summary["base"]["step"] == 0
    assert summary["base"]["pass_at_1"] == 0.25
    assert summary["base"]["stderr"] == 0.03
    assert summary["base"]["by_family"] == {}
    assert summary["final"]["step"] == 2
    assert summary["final"]["pass_at_1"] == 0.5
    assert summary["final"]["cons_at_k"] is None  # NaN is not a number to report
    assert summary["final"]["by_family"] == {"chain": 0.75}
    assert summary["completion_tokens_per_s"] == 800 / 5.0  # of sums, not the mean of 150 and 166.7
    assert {key: summary[key] for key in ("train_steps", "wall_s", "seed", "hardware", "version")} == {
        "train_steps": 2,
        "wall_s": 7.5,
        "seed": 3,
        "hardware": {"cores": 2},
        "version": __version__,
    }


def test_without_evaluation_or_training_the_unknown_is_null():
    summary = build_summary([], wall_s=None, seed=None, hardware=None)
    unknown = ("base", "final", "wall_s", "completion_tokens_per_s", "seed", "hardware")
    assert [summary[key] for key in unknown] == [None] * 6
    assert summary["train_steps"] == 0


def test_the_written_file_is_the_summary(tmp_path: Path):
    summary = build_summary(ROWS, wall_s=7.5, seed=3, hardware=None)
    path = write_summary(tmp_path, summary)
    assert path == tmp_path / "summary.json"
    assert json.loads(path.read_text(encoding="utf-8")) == summary
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]

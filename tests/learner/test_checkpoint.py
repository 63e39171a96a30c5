"""Checkpoints are whole or not there."""

import errno

import pytest
import torch

from r1kit.errors import RunError
from r1kit.learner.checkpoint import load_checkpoint, save_checkpoint


def test_round_trip(tmp_path):
    path = tmp_path / "run" / "checkpoint.pt"
    save_checkpoint(path, {"step": 3, "weights": {"a": torch.arange(3.0)}})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3
    assert state["weights"]["a"].tolist() == [0.0, 1.0, 2.0]
    assert list(path.parent.iterdir()) == [path]  # no temporary file stays


def test_nothing_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "checkpoint.pt") is None


def test_damaged_file_says_what_to_do(tmp_path):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(RunError, match=r"is damaged .*delete it to start over"):
        load_checkpoint(path)


def test_other_format_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(RunError, match="another format"):
        load_checkpoint(path)


def test_full_disk_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("r1kit.learner.checkpoint.os.fsync", full)
    with pytest.raises(RunError, match=r"No space left on device.*free some disk space"):
        save_checkpoint(path, {"step": 2})
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 1
    assert list(tmp_path.iterdir()) == [path]

import os
import subprocess
from pathlib import Path

import pytest

from r1kit.sandbox import memory_groups
from r1kit.sandbox.memory_groups import MemoryGroups, _candidates, _limit


def test_version_1_makes_groups_below_its_own(tmp_path):
    own = {"memory": "/service/job", "cpu": "/other", "": "/"}
    assert _candidates(own, tmp_path) == [tmp_path / "memory" / "service" / "job"]


def test_version_2_makes_them_where_the_memory_controller_is_passed_on(tmp_path):
    """A group with processes passes nothing on, so that the one above it is what remains."""
    own = tmp_path / "user" / "app" / "run"
    own.mkdir(parents=True)
    (own / "cgroup.subtree_control").write_text("\n")
    (own.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    assert _candidates({"": "/user/app/run"}, tmp_path) == [own.parent]
    (own.parent / "cgroup.subtree_control").write_text("cpu pids\n")
    assert _candidates({"": "/user/app/run"}, tmp_path) == []


def test_nothing_above_the_tree_is_tried(tmp_path):
    (tmp_path / "cgroup.subtree_control").write_text("memory\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    assert _candidates({"": "/"}, tree) == []
    assert _candidates({}, tree) == []


def test_limits_of_both_versions(tmp_path):
    (tmp_path / "memory.limit_in_bytes").write_text("9223372036854771712")
    _limit(tmp_path, 1 << 20)
    assert (tmp_path / "memory.limit_in_bytes").read_text() == "1048576"
    second = tmp_path / "second"
    second.mkdir()
    (second / "memory.swap.max").write_text("max")
    _limit(second, 1 << 20)
    assert (second / "memory.max").read_text() == "1048576"
    assert (second / "memory.swap.max").read_text() == "0"


def test_without_groups_there_is_none_to_join(monkeypatch):
    monkeypatch.setattr(memory_groups, "_own_groups", dict)
    groups = MemoryGroups()
    assert not groups.are_available
    with groups.one(1) as door:
        assert door is None


@pytest.fixture
def groups():
    groups = MemoryGroups()
    if not groups.are_available:
        pytest.skip("this user may make no memory cgroup here")
    return groups


def test_a_group_is_gone_after_its_box(groups):
    with groups.one(64 << 20) as door, groups.one(64 << 20) as other:
        assert door != other
        assert os.path.exists(door)
    assert not os.path.exists(os.path.dirname(door))


def test_groups_of_a_killed_process_are_swept_by_the_next(groups):
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    with groups.one(64 << 20) as door:
        ours = Path(door).parent
        theirs = ours.with_name(f"r1kit-{dead.pid}-0123")
        theirs.mkdir()
        MemoryGroups()
        assert ours.exists()
        assert not theirs.exists()

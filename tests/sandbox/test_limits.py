import os
import resource
import socket
import threading

import pytest

from r1kit.sandbox import limits as limits_module
from r1kit.sandbox.base import Ending, Limits, SandboxError
from r1kit.sandbox.executables import find_executable, is_in_box, parents, python_executable
from r1kit.sandbox.limits import BoxUsers, resource_limits
from r1kit.sandbox.status import read_status


def unlimited(monkeypatch, value=resource.RLIM_INFINITY):
    monkeypatch.setattr(resource, "getrlimit", lambda name: (value, value))


def test_limits_in_the_kernels_units(monkeypatch):
    unlimited(monkeypatch)
    limits = Limits(cpu_s=1.2, memory_mb=3, num_processes=7, file_mb=2, num_files=9)
    assert resource_limits(limits) == {
        "as": (3 << 20, 3 << 20),
        "cpu": (2, 3),
        "fsize": (2 << 20, 2 << 20),
        "nofile": (9, 9),
        "nproc": (7, 7),
        "core": (0, 0),
    }


def test_without_a_limited_address_space_private_memory_is_limited(monkeypatch):
    unlimited(monkeypatch)
    limits = resource_limits(Limits(memory_mb=3, address_space=False))
    assert limits["data"] == (3 << 20, 3 << 20)
    assert "as" not in limits


def test_no_limit_above_our_own(monkeypatch):
    unlimited(monkeypatch, 5)
    assert set(resource_limits(Limits()).values()) == {(5, 5), (0, 0)}


@pytest.fixture
def users(monkeypatch):
    """Real ones, of numbers that no box outside this test has."""
    monkeypatch.setattr(limits_module, "FIRST_UID", 1_000_000 + os.getpid() * 10)
    users = BoxUsers()
    users.are_real = True
    return users


def test_two_boxes_never_share_a_user(users):
    first_uid = limits_module.FIRST_UID
    with users.one() as first, users.one() as second:
        assert (first, second) == (first_uid, first_uid + 1)
    with users.one() as again:
        assert again == first_uid


def test_nor_do_boxes_of_two_processes(users):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"\0r1kit-box-user-{limits_module.FIRST_UID}")
        with users.one() as uid:
            assert uid == limits_module.FIRST_UID + 1


def test_a_user_is_given_back_when_the_box_fails(users):
    with pytest.raises(SandboxError), users.one():
        raise SandboxError
    with users.one() as uid:
        assert uid == limits_module.FIRST_UID


def test_users_may_run_out(users, monkeypatch):
    monkeypatch.setattr(limits_module, "_NUM_UIDS", 1)
    with users.one(), pytest.raises(SandboxError, match="1 boxes run"), users.one():
        pass


def test_users_are_handed_out_to_threads_one_each(users):
    barrier = threading.Barrier(8)
    seen = []

    def work():
        with users.one() as uid:
            barrier.wait()  # all eight hold one
            seen.append(uid)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 8


def test_exit_status_as_a_shell_reports_it():
    assert read_status(0) == (Ending.EXIT, 0)
    assert read_status(127) == (Ending.EXIT, 127)
    assert read_status(128) == (Ending.EXIT, 128)
    assert read_status(139) == (Ending.SIGNAL, 11)
    assert read_status(255) == (Ending.EXIT, 255)


def test_tools_are_found_where_a_box_has_them(tmp_path, monkeypatch):
    tool = tmp_path / "gcc"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_executable("gcc") != str(tool)
    assert not is_in_box(str(tool))
    assert find_executable("no-such-tool") is None
    assert is_in_box(find_executable("sh"))
    assert is_in_box(python_executable())


def test_parents_are_outermost_first():
    assert parents("/opt/python/3/bin") == ["/opt", "/opt/python", "/opt/python/3"]
    assert parents("/usr") == []

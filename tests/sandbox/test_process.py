import errno
import os
import subprocess
import sys
import time

import pytest

from r1kit.sandbox import Ending, Limits, SandboxError, process
from r1kit.sandbox.descriptors import Descriptors
from r1kit.sandbox.process import run_process


def run(*command, descriptors=None, **options):
    with descriptors or Descriptors() as given:
        return run_process(
            command, stdin=b"", env={}, descriptors=given, **{"wall_s": 30.0, "output_bytes": 1000, **options}
        )


def test_what_is_inherited_is_closed_here_and_open_there():
    with Descriptors() as descriptors:
        fd = descriptors.file(b"content")
        ended = run("/bin/cat", f"/proc/self/fd/{fd}", descriptors=descriptors)
        assert ended.stdout == b"content"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_the_status_pipe_is_read_to_its_end():
    descriptors = Descriptors()
    end = descriptors.status_pipe()
    assert run("/bin/sh", "-c", f"echo made > /proc/self/fd/{end}; exit 4", descriptors=descriptors).status == b"made\n"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors.status)


def test_a_box_that_does_not_die_is_an_error_of_the_box(monkeypatch):
    monkeypatch.setattr(process, "DEATH_S", 0.2)
    descriptors = Descriptors()
    survivor = os.dup(descriptors.alive_pipe())
    try:
        with pytest.raises(SandboxError, match="still lives"):
            run("/bin/sleep", "60", descriptors=descriptors, wall_s=0.1)
    finally:
        os.close(survivor)


def test_an_interrupt_kills_the_process(monkeypatch):
    """Ctrl-C while a box runs: nothing may be left of it."""
    started = []
    popen = subprocess.Popen

    def remember(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    def interrupt(self, deadline):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", remember)
    monkeypatch.setattr(process._Conversation, "_talk", interrupt)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run("/bin/sleep", "60")
    assert started[0].returncode == -9
    assert time.monotonic() - began < 20


def test_what_the_machine_refuses_is_an_error_of_the_box(any_sandbox, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(SandboxError, match=r"the machine refused: .*Resource temporarily unavailable"):
        any_sandbox.run(["/usr/bin/env"], files={}, limits=Limits())
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere this is the only way")
def test_without_a_pidfd_the_end_is_looked_for(monkeypatch):
    monkeypatch.setattr(process.sys, "platform", "darwin")
    assert run("/bin/sh", "-c", "echo out; exit 3").stdout == b"out\n"
    ended = run("/bin/sleep", "60", wall_s=0.3)
    assert (ended.ending, ended.returncode) == (Ending.TIMEOUT, -9)

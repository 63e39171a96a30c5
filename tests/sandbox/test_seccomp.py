"""The filter, run by an interpreter of its own: the five instructions that it uses, as linux/filter.h defines them."""

import platform
import struct

import pytest

from r1kit.sandbox.seccomp import filter_program

X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
SIGCHLD, THREAD, NEWUSER, NEWNET = 17, 0x3D0F00, 0x10000000, 0x40000000


def verdict(program, number, architecture, first_argument=0):
    data = struct.pack("<IIQQQQQQQ", number, architecture, 0, first_argument, 0, 0, 0, 0, 0)
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
        at += if_true if holds else if_false


@pytest.mark.parametrize(
    ("number", "argument", "expected"),
    [
        (0, 0, ALLOW),  # read
        (1, 0, ALLOW),  # write
        (59, 0, ALLOW),  # execve
        (57, 0, ALLOW),  # fork
        (9, 0, ALLOW),  # mmap
        (101, 0, EPERM),  # ptrace
        (165, 0, EPERM),  # mount
        (272, 0, EPERM),  # unshare
        (29, 0, EPERM),  # shmget
        (321, 0, EPERM),  # bpf
        (56, SIGCHLD, ALLOW),  # clone, as fork
        (56, THREAD, ALLOW),  # clone, as pthread_create
        (56, SIGCHLD | NEWUSER, EPERM),
        (56, SIGCHLD | NEWNET, EPERM),
        (435, 0, ENOSYS),  # clone3
        (0x40000000 + 101, 0, EPERM),  # ptrace by the x32 numbering
        (0x40000000, 0, EPERM),
    ],
)
def test_on_x86_64(monkeypatch, number, argument, expected):
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert verdict(filter_program(), number, X86_64, argument) == expected


@pytest.mark.parametrize(
    ("number", "argument", "expected"),
    [(63, 0, ALLOW), (117, 0, EPERM), (97, 0, EPERM), (220, SIGCHLD, ALLOW), (220, NEWUSER, EPERM), (435, 0, ENOSYS)],
)
def test_on_aarch64(monkeypatch, number, argument, expected):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert verdict(filter_program(), number, AARCH64, argument) == expected


def test_calls_of_another_architecture_end_the_program(monkeypatch):
    """On x86-64 a program may also call as 32-bit ones do, where 26 is ptrace."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert verdict(filter_program(), 26, I386) == KILL


def test_an_unknown_processor_has_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert filter_program() is None

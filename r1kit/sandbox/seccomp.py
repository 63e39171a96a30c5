"""A filter of system calls for the program in a box: what an honest program never calls and attacks on kernels do.

Classic BPF, assembled here (linux/filter.h, linux/seccomp.h), so that no library is needed. A refused call returns
EPERM; clone3 returns ENOSYS, because its flags lie in memory that a filter cannot read, and C libraries then use clone.
"""

from __future__ import annotations

import platform
import struct

# linux/filter.h: load a word, compare, return.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# linux/seccomp.h
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
# struct seccomp_data: the call's number, the architecture, and the low half of the first argument (little-endian).
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWUSER and every other CLONE_NEW... flag that clone(2) takes."""
_X32 = 0x40000000
"""On x86-64, calls by a second numbering, which would slip past the first one's numbers."""

_REFUSED = {
    # name: (x86-64, aarch64)
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "shmget": (29, 194),  # memory that no process limit counts
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "open_by_handle_at": (304, 265),
    "kexec_load": (246, 104),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
}
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the table, and AUDIT_ARCH_..., by `platform.machine()`."""


def filter_program() -> bytes | None:
    """The filter as an array of struct sock_filter, or None on a processor whose numbers are not in the table."""
    if platform.machine() not in _ARCHITECTURES:
        return None
    column, architecture = _ARCHITECTURES[platform.machine()]
    code = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, architecture, if_true=1),
        _instruction(_RETURN, _KILL),  # 32-bit calls have numbers of their own
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_AT_LEAST, _X32, if_false=1),
        _instruction(_RETURN, _ERRNO | _EPERM),
    ]
    for numbers in _REFUSED.values():
        code += [
            _instruction(_JUMP_EQUAL, numbers[column], if_false=1),
            _instruction(_RETURN, _ERRNO | _EPERM),
        ]
    code += [
        _instruction(_JUMP_EQUAL, _CLONE3[column], if_false=1),
        _instruction(_RETURN, _ERRNO | _ENOSYS),
        _instruction(_JUMP_EQUAL, _CLONE[column], if_false=3),
        _instruction(_LOAD, _FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, _NEW_NAMESPACES, if_false=1),
        _instruction(_RETURN, _ERRNO | _EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(code)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter; jumps are counted in instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)

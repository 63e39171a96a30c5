"""Runs one program in a box made of namespaces, or under resource limits alone. A script: `launcher.py SPEC_FD`.

Started by `r1kit.sandbox.namespaces` and `plain` in a process of its own, with nothing but the standard library. The
spec is JSON as those two write it. Three processes make a box:

    the monitor   leaves every namespace, starts the init, tells the status pipe how it went
    the init      process 1 of the box: builds the file system, starts the program, buries orphans; ends with it, and
                  the kernel then ends everything else in the box
    the program   gives up users, capabilities and system calls, takes its limits, and replaces itself
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import ctypes

# linux/sched.h
_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
# linux/mount.h, linux/prctl.h
_NOSUID, _NODEV, _NOEXEC, _READ_ONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 2, 4, 8, 1, 32, 4096, 16384, 1 << 18
_DETACH = 2
_MOUNT_SETATTR, _RECURSIVE, _ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 442, 0x8000, 1, 2, 4
_PDEATHSIG, _SET_DUMPABLE, _NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 1, 4, 38, 22, 2

_OLD, _NEW = "/old", "/new"
"""Where the machine's root, and the box's, stand while the box is built."""
_TMP, _SHM = "/tmp", "/dev/shm"  # noqa: S108 -- the box's own
_DEVICES = ("null", "zero", "full", "random", "urandom")


def main() -> None:
    """Read the spec and do what it says."""
    with os.fdopen(int(sys.argv[1])) as stream:
        spec = json.load(stream)
    if spec["box"] is None:
        _become(spec)
    _monitor(spec, spec["box"])


def _monitor(spec: dict[str, Any], box: dict[str, Any]) -> NoReturn:
    kernel = _Kernel()
    kernel.prctl(_PDEATHSIG, signal.SIGKILL)
    if box["group"] is not None:
        _write(box["group"], "0")
    said, say = os.pipe()
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(_NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET | (0 if box["real_user"] else _NEWUSER))
    if not box["real_user"]:  # the ids of this user are all that it may map
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{box['uid']} {uid} 1")
        _write("/proc/self/gid_map", f"{box['uid']} {gid} 1")
    socket.sethostname("box")
    init = os.fork()
    if init == 0:
        os.close(said)
        os.close(box["status_fd"])
        _init(spec, box, kernel, say)
    os.close(say)
    os.close(box["alive_fd"])
    _, status = os.waitpid(init, 0)
    with os.fdopen(said, "rb") as stream:
        message = stream.read().decode(errors="replace")
    if message == "started":
        os.write(box["status_fd"], json.dumps({"exit-code": os.waitstatus_to_exitcode(status)}).encode())
    else:
        sys.stderr.write(message or f"the init ended with status {status}")
        sys.stderr.flush()
    os._exit(0)


def _init(spec: dict[str, Any], box: dict[str, Any], kernel: _Kernel, say: int) -> NoReturn:
    try:
        kernel.prctl(_PDEATHSIG, signal.SIGKILL)
        kernel.prctl(_SET_DUMPABLE, 0)  # the program, the same user, may not look into this process
        _build(box, kernel)
        program = os.fork()
        if program == 0:
            os.close(box["alive_fd"])
            os.setsid()
            _give_up(box)
            _become(spec, kernel)
    except OSError as error:
        os.write(say, f"{error.strerror}: {error.filename}".encode())
        os._exit(1)
    os.write(say, b"started")
    for fd in (0, 1, 2, say):
        os.close(fd)
    while True:
        pid, status = os.wait()
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


def _build(box: dict[str, Any], kernel: _Kernel) -> None:
    """A new root in memory: what is shown is bound read-only, /tmp and /dev/shm can be written."""
    kernel.mount("none", "/", None, _REC | _PRIVATE)
    kernel.mount("tmpfs", _TMP, "tmpfs", _NOSUID | _NODEV, "size=64k,mode=755")
    os.mkdir(_TMP + _OLD)
    kernel.pivot_root(_TMP, _TMP + _OLD)
    os.chdir("/")
    os.mkdir(_NEW)
    kernel.mount("tmpfs", _NEW, "tmpfs", _NOSUID | _NODEV, f"size={box['code_bytes']},mode=755")
    for source, path in box["shown"]:
        _bind(_OLD + source, _NEW + path, kernel)
    for target, link in box["links"]:
        os.symlink(target, _NEW + link)
    for name in ("/proc", "/dev", "/code", _TMP):
        os.makedirs(_NEW + name, exist_ok=True)
    kernel.mount("proc", f"{_NEW}/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    kernel.mount("tmpfs", f"{_NEW}/dev", "tmpfs", _NOSUID, "size=64k,mode=755")
    for name in _DEVICES:
        _write(f"{_NEW}/dev/{name}", "")
        kernel.mount(f"{_OLD}/dev/{name}", f"{_NEW}/dev/{name}", None, _BIND)
    for link, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{_NEW}/dev/{link}")
    os.mkdir(_NEW + _SHM)
    for place in (_TMP, _SHM):
        kernel.mount("tmpfs", _NEW + place, "tmpfs", _NOSUID | _NODEV, box["writable"])
    for name, content in box["files"].items():
        path = f"{_NEW}/code/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content.encode("latin-1"))
        os.chmod(path, 0o555)  # noqa: S103 -- for whoever runs in the box
    for place in ("/dev", ""):
        kernel.mount("none", _NEW + place, None, _REMOUNT | _BIND | _READ_ONLY | _NOSUID)
    os.chdir(_NEW)
    kernel.pivot_root(".", ".")  # the old root now lies on the new one; taking it off leaves no way back
    kernel.umount(".")
    os.chdir(_TMP)


def _bind(source: str, target: str, kernel: _Kernel) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(source):
        os.mkdir(target)
    else:
        _write(target, "")
    kernel.mount(source, target, None, _BIND | _REC)
    kernel.close_to_writing(target)


def _give_up(box: dict[str, Any]) -> None:
    if box["real_user"]:
        os.setgroups([])
        os.setresgid(box["uid"], box["uid"], box["uid"])
        os.setresuid(box["uid"], box["uid"], box["uid"])  # and with it every capability


def _become(spec: dict[str, Any], kernel: _Kernel | None = None) -> NoReturn:
    """Take the limits and be the program."""
    for name, (soft, hard) in spec["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (soft, hard))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python's own habit, which programs do not expect
        signal.signal(number, signal.SIG_DFL)
    try:
        if kernel is not None:
            kernel.prctl(_NO_NEW_PRIVS, 1)
            if spec["box"]["filter"] is not None:
                kernel.filter(bytes.fromhex(spec["box"]["filter"]))
        os.execve(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{spec['argv'][0]}: {error.strerror}\n")
    sys.stderr.flush()
    os._exit(127)


class _Kernel:
    """The system calls that Python lacks; each raises OSError, with the call in `filename`."""

    def __init__(self) -> None:
        import ctypes  # a third of the launcher's start, and only boxes need it

        self._c = ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)

    def unshare(self, flags: int) -> None:
        """Leave namespaces; the next child is the first of the new PID namespace."""
        self._do("unshare", flags)

    def mount(self, source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
        """Mount a file system, or change a mount that is there."""
        encoded = [None if text is None else text.encode() for text in (source, target, kind)]
        self._do("mount", *encoded, self._c.c_ulong(flags), options.encode() or None)

    def umount(self, target: str) -> None:
        """Take a mount off, whoever uses it."""
        self._do("umount2", target.encode(), _DETACH)

    def pivot_root(self, new: str, old: str) -> None:
        """Make `new` the root; the root so far is then at `old`."""
        number = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
        self._do("syscall", self._c.c_long(number), new.encode(), old.encode())

    def close_to_writing(self, target: str) -> None:
        """Read-only, no setuid, no devices, for a mount and all below it (Linux 5.12)."""
        attributes = (self._c.c_uint64 * 4)(_ATTR_READ_ONLY | _ATTR_NOSUID | _ATTR_NODEV, 0, 0, 0)
        call = self._c.c_long(_MOUNT_SETATTR)
        self._do("syscall", call, -100, target.encode(), _RECURSIVE, attributes, self._c.c_size_t(32))

    def prctl(self, option: int, value: int) -> None:
        """Change a property of this process that takes one argument."""
        zero = self._c.c_ulong(0)
        self._do("prctl", option, self._c.c_ulong(value), zero, zero, zero)

    def filter(self, program: bytes) -> None:
        """Refuse system calls from now on: an array of struct sock_filter, as `r1kit.sandbox.seccomp` makes it."""
        buffer = self._c.create_string_buffer(program, len(program))
        address = self._c.addressof(buffer)
        # struct sock_fprog: the number of instructions, padding, and where they are.
        header = (self._c.c_uint64 * 2)(len(program) // 8, address)
        self._do("prctl", _SET_SECCOMP, self._c.c_ulong(_FILTER), self._c.byref(header))

    def _do(self, name: str, *arguments: ctypes._SimpleCData[Any] | Any) -> None:
        if getattr(self._libc, name)(*arguments) == -1:
            number = self._c.get_errno()
            told = [a.decode() if isinstance(a, bytes) else str(getattr(a, "value", a)) for a in arguments[:3]]
            raise OSError(number, os.strerror(number), f"{name}({', '.join(told)})")


def _write(path: str, text: str) -> None:
    with open(path, "w") as stream:
        stream.write(text)


if __name__ == "__main__":
    main()

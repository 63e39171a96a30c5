"""Runs an answer on its tests, inside the box, and reports what came out of it. It judges nothing.

This file is laid into a box beside the answer (`r1kit.rewards.code.box`), so it imports nothing but the standard
library and `r1kit.rewards.code.values`. It reads `job.json`, which has the tests' inputs and none of their expected
outputs, nor anything made from them: an answer that takes this process over can write any report it likes, and still
has to write the right outputs. What that buys it is time, up to the box's own limits.

Reports are lines of JSON on stdout, bytes in them as base64. The first is written before anything of the answer runs:
`{"missing": "g++", ...}` names a tool that is not in this box, `{"broken": "NameError: ...", ...}` says why the
prelude failed; null where all is well. Then comes `{"compile": {...}}`, null where it compiled, and one line
`{"test": 0, ...}` a test, in order. Each test is a process of its own with files for stdin, stdout, stderr and, at
descriptor 3, the result of a call; it is over when that process is.
"""

from __future__ import annotations

import atexit
import binascii
import builtins
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, ModuleType

from r1kit.rewards.code.values import ListNode, TreeNode, build_list, build_tree, plain

TYPE_CHECKING = False  # typing's, which would take 3 ms a box to import; so would contextlib and ast
if TYPE_CHECKING:
    from typing import Any, NoReturn

RESULT_FD = 3
REPORT_FD = 4
_STDERR_BYTES = 4096
_STACK_BYTES = 256 << 20
_COMPILE_OUTPUT_BYTES = 1 << 28


def main(folder: str) -> None:
    """Run the job in this folder; the status is 0 also where the answer is wrong."""
    os.dup2(1, REPORT_FD)
    with open(os.devnull, "wb") as nowhere:  # a prelude that prints does not print into the report
        os.dup2(nowhere.fileno(), 1)
    with open(os.path.join(folder, "job.json"), "rb") as file:
        job = json.load(file)
    _serve(job, folder)


def report(**fields: Any) -> None:
    """Write one line of the report."""
    line = json.dumps(fields).encode() + b"\n"
    while line:
        line = line[os.write(REPORT_FD, line) :]


def _serve(job: Mapping[str, Any], folder: str) -> None:
    places = {"code": folder, "out": os.getcwd(), "memory": str(job["memory_mb"])}
    builds = job["builds"]
    missing = [_first_missing(build) for build in builds]
    usable = [build for build, tool in zip(builds, missing, strict=True) if tool is None]
    if builds and not usable:
        report(missing=missing[0], broken=None)
        return
    names, broken = ({}, None) if builds else _run_prelude(job["prelude"])
    report(missing=None, broken=broken)
    if broken:
        return
    os.environ.update({name: _fill([value], places)[0] for name, value in job["env"].items()})
    if not builds:
        _serve_python(job, os.path.join(folder, job["source"]), names)
        return
    build = usable[0]
    error = _compile(_fill(build["compile"], places), job["compile_s"]) if build["compile"] else None
    report(compile=error)
    if error is None:
        command = _fill(build["run"], places)
        _run_tests(job, lambda test: os.execvp(command[0], command))  # noqa: S606 -- that is what the box is for


def _run_tests(job: Mapping[str, Any], start: Callable[[Mapping[str, Any]], Any]) -> None:
    gc.freeze()  # what is there before the fork is not looked at, and so not copied, by a child's collector
    over = time.monotonic() + job["total_s"]
    for index, test in enumerate(job["tests"]):
        left_s = over - time.monotonic()
        os.mkdir(f"test{index}")
        ended = _run(
            lambda test=test, index=index: (os.chdir(f"test{index}"), start(test)),
            stdin=(test["stdin"] if "stdin" in test else json.dumps(test)).encode("utf-8", "surrogatepass"),
            wall_s=min(job["wall_s"], left_s),
            **_test_limits(job),
        )
        if ended["timeout"] and left_s < job["wall_s"]:
            return  # the time of the whole run is over, not this test's
        report(test=index, **ended)
        if job["stop_early"] and (ended["status"] != 0 or ended["timeout"]):
            return


def _test_limits(job: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "cpu_s": job["cpu_s"],
        "output_bytes": job["output_bytes"],
        "memory": (job["address_space"], job["memory_mb"]),
    }


def _first_missing(build: Mapping[str, Any]) -> str | None:
    for tool in build["tools"]:
        if not any(os.access(os.path.join(path, tool), os.X_OK) for path in os.environ["PATH"].split(":")):
            return tool
    probe = build["probe"]
    if probe and _run(lambda: os.execvp(probe[0], probe), wall_s=10.0)["status"] != 0:  # noqa: S606
        return " ".join(probe[:2])
    return None


def _fill(command: Sequence[str], places: Mapping[str, str]) -> list[str]:
    filled = list(command)
    for name, value in places.items():
        filled = [word.replace(f"{{{name}}}", value) for word in filled]
    return filled


def _compile(command: list[str], compile_s: float) -> Mapping[str, Any] | None:
    ended = _run(lambda: os.execvp(command[0], command), wall_s=compile_s, cpu_s=compile_s)  # noqa: S606
    return ended if ended["status"] != 0 or ended["timeout"] else None


def _run(
    start: Callable[[], Any],
    *,
    stdin: bytes = b"",
    wall_s: float,
    cpu_s: float | None = None,
    output_bytes: int = _COMPILE_OUTPUT_BYTES,
    memory: tuple[bool, int] | None = None,
    may_report: bool = False,
) -> dict[str, Any]:
    """Fork, wire the child's descriptors, set its limits, start it; how it ended, and what it wrote."""
    fds = [_scratch_file() for _ in range(4)]
    while stdin:
        stdin = stdin[os.write(fds[0], stdin) :]
    os.lseek(fds[0], 0, os.SEEK_SET)
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
            os.set_inheritable(target, True)
        os.closerange(REPORT_FD + may_report, 256)
        _set_limits(cpu_s, output_bytes, memory)
        _start_and_exit(start)
    status, usage, timeout = _wait(pid, began + wall_s)
    ended = {
        "status": os.waitstatus_to_exitcode(status),
        "timeout": timeout,
        "flood": os.fstat(fds[1]).st_size >= output_bytes,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "stdout": _text(fds[1], output_bytes),
        "stderr": _text(fds[2], _STDERR_BYTES, tail=memory is not None),
        "result": _text(fds[3], output_bytes),
    }
    for fd in fds:
        os.close(fd)
    return ended


def _start_and_exit(start: Callable[[], Any]) -> NoReturn:
    """Run, and end as a program of Python's ends, but for taking down its memory: that costs 5 ms a test."""
    status: Any = 0
    try:
        start()
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()  # waits for them
        atexit._run_exitfuncs()
    except SystemExit as error:
        status = 0 if error.code is None else error.code
        if not isinstance(status, int):
            sys.stderr.write(f"{status}\n")
            status = 1
    except BaseException as error:  # the answer's; what a person wants of it is the last line of this
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xFF)


def _wait(pid: int, deadline: float) -> tuple[int, resource.struct_rusage, bool]:
    pause_s, timeout = 0.0002, False
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() >= deadline:
            timeout = True
            os.kill(pid, signal.SIGKILL)  # it is ours and not waited for, so it exists
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, 0.01)
    try:  # noqa: SIM105 -- see TYPE_CHECKING
        os.killpg(pid, signal.SIGKILL)  # what the test left running
    except ProcessLookupError:
        pass
    return status, usage, timeout


def _scratch_file() -> int:
    name = f".{time.monotonic_ns()}"
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    os.unlink(name)
    return fd


def _text(fd: int, limit: int, *, tail: bool = False) -> str:
    start = max(0, os.fstat(fd).st_size - limit) if tail else 0
    return binascii.b2a_base64(os.pread(fd, limit, start), newline=False).decode()


def _set_limits(cpu_s: float | None, output_bytes: int, memory: tuple[bool, int] | None) -> None:
    if memory is None or memory[0]:  # the others make threads, each with a stack as large as this limit
        _lower(resource.RLIMIT_STACK, _STACK_BYTES)
    _lower(resource.RLIMIT_FSIZE, output_bytes)
    if cpu_s is not None:
        _lower(resource.RLIMIT_CPU, int(cpu_s) + 1)
    if memory is not None:
        address_space, memory_mb = memory
        _lower(resource.RLIMIT_AS if address_space else resource.RLIMIT_DATA, memory_mb << 20)


def _lower(kind: int, value: int) -> None:
    """Set a soft limit as near to `value` as the hard limit allows, and (but for the stack) the hard one with it."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard if kind == resource.RLIMIT_STACK else value))


def _run_prelude(prelude: str) -> tuple[dict[str, Any], str | None]:
    """The names that the problem gives its answers, or why it cannot."""
    sys.path.append(os.path.join(os.path.dirname(os.__file__), "site-packages"))
    builtins.exit = builtins.quit = sys.exit  # pyright: ignore[reportAttributeAccessIssue] -- `site` makes them
    names: dict[str, Any] = {"__name__": "answer", "ListNode": ListNode, "TreeNode": TreeNode}
    try:
        exec(_compiled(prelude, "prelude.py"), names)  # noqa: S102 -- the problem's own text, not the model's
    except Exception as error:  # whatever it is, the row is at fault and not the answer
        return names, f"{type(error).__name__}: {error}"
    sys.stdout.flush()  # what is left in the buffer now, every child would print
    del names["__name__"]
    return names, None


def _serve_python(job: Mapping[str, Any], path: str, names: Mapping[str, Any]) -> None:
    """Run a Python answer in forked children: interpreter, prelude and installed modules are loaded only once.

    A function's module too is run once, in a process that then forks for every call: on LeetCode a table that it
    makes on the way costs its time once. That process reports itself, as what may take over the driver may anyway.
    """
    with open(path, "rb") as file:
        source = file.read()
    try:
        code = _compiled(source, "answer.py")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        said = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        report(compile={"status": 1, "stderr": binascii.b2a_base64(said, newline=False).decode()})
        return
    report(compile=None)
    _load_imports(source)
    sys.stdout.flush()
    if "stdin" in job["tests"][0]:
        _run_tests(job, lambda test: _run_module(code, names, "__main__"))
        return

    def serve_calls() -> None:
        signal.setitimer(signal.ITIMER_REAL, job["wall_s"])  # ends a module that sleeps
        module = _run_module(code, names, "answer")
        signal.setitimer(signal.ITIMER_REAL, 0)
        _run_tests(job, lambda test: _call(module, test))

    ended = _run(serve_calls, wall_s=job["wall_s"] + job["total_s"], may_report=True, **_test_limits(job))
    report(test=0, **ended)  # of no account where the first test was reported: then the module could be run


def _compiled(source: str | bytes, name: str) -> CodeType:
    return compile(source, name, "exec", dont_inherit=True)  # else this file's `annotations` would be theirs too


def _load_imports(source: bytes) -> None:
    """Import what the answer imports, once for all its tests. Only installed modules can be found from here."""
    modules: list[bytes] = []
    for line in source.split(b"\n"):
        words = line.partition(b";")[0].split()
        if line.startswith(b"import "):
            modules += [each.split()[0] for each in b" ".join(words[1:]).split(b",") if each.strip()]
        elif line.startswith(b"from ") and len(words) > 1:
            modules.append(words[1])
    for module in modules:
        try:
            importlib.import_module(module.decode())
        except Exception:  # noqa: S112 -- the answer meets the same failure, in its own process
            continue


def _run_module(code: CodeType, names: Mapping[str, Any], name: str) -> ModuleType:
    module = ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module  # dataclasses and pickle look there
    exec(code, module.__dict__)  # noqa: S102 -- that is what the box is for
    return module


def _call(module: ModuleType, test: Mapping[str, Any]) -> None:
    name, solution = test["fn_name"], module.__dict__.get("Solution")
    is_method = getattr(solution, name, None) is not None
    function = getattr(solution(), name) if solution and is_method else module.__dict__.get(name)
    if function is None:
        raise NameError(f"the answer defines no function {name!r}")
    args = [_typed(value, kind, module) for value, kind in zip(test["args"], test["arg_types"], strict=True)]
    kwargs = {key: _typed(value, test["kwarg_types"].get(key), module) for key, value in test["kwargs"].items()}
    value = plain(function(*args, **kwargs), test["returns"], unordered=test["unordered"])
    data = json.dumps(value).encode()
    while data:
        data = data[os.write(RESULT_FD, data) :]


def _typed(value: Any, kind: str | None, module: ModuleType) -> Any:
    if kind is None:
        return value
    if kind.startswith("List["):
        return [_typed(item, kind[5:-1], module) for item in value]
    node_class = module.__dict__.get(kind, {"ListNode": ListNode, "TreeNode": TreeNode}[kind])
    return (build_list if kind == "ListNode" else build_tree)(value, node_class)

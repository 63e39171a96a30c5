"""From an answer's source to what its program did on each test, in one box.

The answer is compiled once and run once a test, by `r1kit.rewards.code.driver` inside the box. The expected outputs
do not go in. Everything that comes out is what a program of a model wrote, and is read as such.
"""

from __future__ import annotations

import binascii
import json
import py_compile
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from r1kit.rewards.code.languages import CodeLanguage, file_stem
from r1kit.rewards.code.tests import CallTest, CodeTest, StdioTest
from r1kit.sandbox import Ending, Limits, Outcome, Sandbox, SandboxError
from r1kit.sandbox.executables import python_executable

COMPILE_S = 60.0
"""Time limit of compiling, wall and CPU."""
MEMORY_MB = 1024
"""Memory of a test's process."""
_COMPILE_MEMORY_MB = 2048
_OVERHEAD_S = 5.0
_MIN_OUTPUT_BYTES = 1 << 16
_MAX_REPORT_BYTES = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The time that an answer has."""

    time_limit_s: float
    """CPU time for one test; wall clock is twice that, so that a busy machine fails no honest program. A runtime's
    `start_s` comes on top of both."""
    total_s: float
    """Wall clock for all tests together."""
    stop_early: bool
    """Whether to run no more tests after one that crashed or ran out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEnd:
    """What one test's process did."""

    status: int
    """Exit status; a signal's number with a minus."""
    timeout: bool
    """Whether it was killed at the wall clock."""
    flood: bool
    """Whether it reached the limit on its output."""
    cpu_s: float
    stdout: bytes
    result: bytes
    """The JSON that a call wrote; empty if it wrote none."""
    stderr: str
    """The last of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRun:
    """What came out of the box."""

    missing: str | None = None
    """The tool that the box does not have; then nothing ran."""
    broken: str | None = None
    """Why the prelude, which is the problem's, failed; then nothing ran."""
    compile_error: str | None = None
    """Its first line; then nothing ran."""
    ends: dict[int, ProcessEnd] = field(default_factory=dict)
    """By the number of the test. Those that did not run are not in it."""
    ending: str = ""
    """How the box ended, for those."""


def run_tests(
    source: str, language: CodeLanguage, tests: Sequence[CodeTest], sandbox: Sandbox, budget: Budget, prelude: str = ""
) -> BoxRun:
    """Build the program and run the tests in one box.

    Raises:
        SandboxError: the box failed, so nothing is known about the program.
    """
    lengths = [len(test.expected if isinstance(test, StdioTest) else json.dumps(test.expected)) for test in tests]
    # A power of two: how long the expected output is must not be read off the limits.
    output_bytes = max(_MIN_OUTPUT_BYTES, 1 << (2 * max(lengths)).bit_length())
    stem = file_stem(language, source)
    inputs = [_input(test) for test in tests]
    job = {
        "source": f"{stem}{language.suffix}",
        "builds": [
            {
                "tools": build.tools,
                "probe": build.probe,
                "compile": [word.replace("{name}", stem) for word in build.compile],
                "run": [word.replace("{name}", stem) for word in build.run],
            }
            for build in language.builds
        ],
        "env": language.env,
        "prelude": prelude,
        "tests": inputs,
        "cpu_s": budget.time_limit_s + language.start_s,
        "wall_s": 2 * budget.time_limit_s + language.start_s,
        "total_s": budget.total_s,
        "compile_s": COMPILE_S,
        "stop_early": budget.stop_early,
        "output_bytes": output_bytes,
        "memory_mb": MEMORY_MB,
        "address_space": language.address_space,
    }
    encoded = json.dumps(job).encode()
    outcome = sandbox.run(
        [python_executable(), "-I", "-S", "/code/start.py"],
        files={
            **_driver(),
            "job.json": encoded,
            job["source"]: _with_call(source, language, tests).encode("utf-8", "replace"),
        },
        limits=_limits(language, budget, len(encoded), output_bytes, sum(lengths)),
    )
    return _read_reports(outcome, len(tests), f"time limit of {budget.total_s:g} s for all tests")


def _limits(language: CodeLanguage, budget: Budget, input_bytes: int, output_bytes: int, expected: int) -> Limits:
    compiled = any(build.compile for build in language.builds)
    data_mb = (2 * input_bytes + 3 * output_bytes) >> 20
    return Limits(
        wall_s=_OVERHEAD_S + budget.total_s + (COMPILE_S if compiled else 0.0),
        cpu_s=_OVERHEAD_S + max(COMPILE_S, budget.time_limit_s + language.start_s),
        memory_mb=max(MEMORY_MB, _COMPILE_MEMORY_MB if compiled else 0) + 4 * data_mb,
        address_space=language.address_space,
        num_processes=language.num_processes,
        file_mb=64 + data_mb,
        tmp_mb=(512 if compiled else 64) + data_mb,
        num_files=256,
        output_kb=max(_MAX_REPORT_BYTES, 4 * expected) >> 10,
    )


_START = b"""
import os, sys
folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, folder)
from r1kit.rewards.code.driver import main
del sys.path[0]
main(folder)
"""


@cache
def _driver() -> dict[str, bytes]:
    """The driver's files, under the names by which they import each other, and compiled, which saves 6 ms a box."""
    files = {"start.py": _START}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("driver.py", "values.py"):
            path, compiled = Path(__file__).with_name(name), Path(folder, "compiled")
            py_compile.compile(str(path), str(compiled), name, True, invalidation_mode=_UNCHECKED)
            files[f"r1kit/rewards/code/{name}"] = path.read_bytes()
            files[cache_from_source(f"r1kit/rewards/code/{name}")] = compiled.read_bytes()
    return files


_UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH


def _input(test: CodeTest) -> dict[str, Any]:
    """What the box is told of a test: everything but what is expected."""
    if isinstance(test, StdioTest):
        return {"stdin": test.stdin}
    return {
        "fn_name": test.fn_name,
        "args": test.args,
        "kwargs": test.kwargs,
        "arg_types": test.arg_types,
        "kwarg_types": test.kwarg_types,
        "returns": test.returns,
        "unordered": test.comparison.unordered,
    }


_JAVASCRIPT_CALL = """
;(async () => {
  const fs = require("fs");
  const test = JSON.parse(fs.readFileSync(0, "utf8"));
  const args = [...test.args, ...Object.values(test.kwargs)];
  const name = test.fn_name;
  const isMethod = typeof Solution === "function" && typeof Solution.prototype[name] === "function";
  const value = await (isMethod ? new Solution()[name](...args) : eval(name)(...args));
  const exact = (key, item) =>
    typeof item === "number" && !Number.isFinite(item) ? String(item) : typeof item === "bigint" ? Number(item) : item;
  fs.writeSync(3, JSON.stringify(value === undefined ? null : value, exact));
})();
"""
_PHP_CALL = """
(function () {
    $test = json_decode(file_get_contents("php://stdin"), true);
    $args = array_merge($test["args"], array_values($test["kwargs"]));
    $name = $test["fn_name"];
    $is_method = class_exists("Solution") && method_exists("Solution", $name);
    $value = $is_method ? (new Solution())->$name(...$args) : $name(...$args);
    file_put_contents("php://fd/3", json_encode($value, JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR));
})();
"""
_CALLS = {
    "javascript": _JAVASCRIPT_CALL,
    "typescript": f"\ndeclare var require: any;{_JAVASCRIPT_CALL}",
    "php": _PHP_CALL,
}
"""What is put after an answer, by language: it reads the call from stdin and writes the result to descriptor 3."""
_PHP_OPEN = re.compile(r"<\?(?:php|=)")


def _with_call(source: str, language: CodeLanguage, tests: Sequence[CodeTest]) -> str:
    """The source, and after it, where functions are called, what calls the one that is tested."""
    if language.name == "php":
        source = source if _PHP_OPEN.search(source) else f"<?php\n{source}"
        if source.rstrip().endswith("?>"):
            source = source.rstrip().removesuffix("?>")
    return source + _CALLS.get(language.name, "") if isinstance(tests[0], CallTest) else source


def _read_reports(outcome: Outcome, num_tests: int, time_over: str) -> BoxRun:
    """What the driver wrote: its first line before anything of the answer ran; all others may be forged."""
    lines = outcome.stdout.split(b"\n")
    ending = _ending(outcome, time_over)
    try:
        first = json.loads(lines[0])
        missing, broken = first["missing"], first.get("broken")
    except (ValueError, KeyError, TypeError):
        said = outcome.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise SandboxError(f"the driver of code answers did not start ({ending}): {said[-1]}") from None
    if missing or broken:
        return BoxRun(missing=missing, broken=broken)
    compiled, ends = False, {}
    for line in lines[1:]:
        report = _decode(line)
        if "compile" in report and not compiled:
            compiled = True
            if report["compile"] is not None:
                return BoxRun(compile_error=_compile_error(report["compile"]))
        end = _test_end(report)
        if end is not None and report["test"] in range(num_tests):
            ends.setdefault(report["test"], end)
    return BoxRun(ends=ends, ending=ending)


def _decode(line: bytes) -> dict[str, Any]:
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _test_end(report: dict[str, Any]) -> ProcessEnd | None:
    """The report of a test; None for any other line."""
    kinds = {"test": int, "status": int, "timeout": bool, "flood": bool, "cpu_s": float}
    kinds |= {"stdout": str, "result": str, "stderr": str}
    if any(type(report.get(name)) is not kind for name, kind in kinds.items()):
        return None
    try:
        return ProcessEnd(
            status=report["status"],
            timeout=report["timeout"],
            flood=report["flood"],
            cpu_s=report["cpu_s"],
            stdout=binascii.a2b_base64(report["stdout"]),
            result=binascii.a2b_base64(report["result"]),
            stderr=_text(report["stderr"]),
        )
    except ValueError:
        return None


def _compile_error(report: Any) -> str:
    if not isinstance(report, dict):
        return "unknown"
    if report.get("timeout") is True:
        return f"took longer than {COMPILE_S:g} s"
    for name in ("stderr", "stdout"):  # mcs and tsc write to stdout
        try:
            lines = [line.strip() for line in _text(report.get(name, "")).splitlines() if line.strip()]
        except (ValueError, TypeError):
            continue
        if lines:
            return next((line for line in lines if "error" in line.lower()), lines[0])
    return f"status {report.get('status')}"


def _text(encoded: str) -> str:
    return binascii.a2b_base64(encoded).decode("utf-8", "replace")


def _ending(outcome: Outcome, time_over: str) -> str:
    if outcome.ending is Ending.TIMEOUT or (outcome.ending is Ending.EXIT and outcome.status == 0):
        return time_over
    if outcome.ending is Ending.OUTPUT:
        return "too much output in the whole run"
    how = "signal" if outcome.ending is Ending.SIGNAL else "exit status"
    return f"the whole run was ended by {how} {outcome.status}"

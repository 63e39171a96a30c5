"""What `Sandbox.run` promises to whoever runs an honest program."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from r1kit.sandbox import Ending, Limits, SandboxError
from r1kit.sandbox.executables import find_executable, python_executable

PYTHON = [python_executable(), "-I", "-S"]


def run(sandbox, program, *, stdin=b"", files=(), arguments=(), **limits):
    return sandbox.run(
        [*PYTHON, "/code/main.py", *arguments],
        files={"main.py": program.encode(), **dict(files)},
        stdin=stdin,
        limits=Limits(**{"wall_s": 30.0, **limits}),
    )


def test_output_and_exit_status_come_back(any_sandbox):
    outcome = run(any_sandbox, "import sys; print('out'); sys.stderr.write('err'); sys.exit(3)")
    assert (outcome.ending, outcome.status) == (Ending.EXIT, 3)
    assert (outcome.stdout, outcome.stderr) == (b"out\n", b"err")
    assert 0 < outcome.wall_s < 30


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGTERM"])
def test_death_by_a_signal_is_told_by_its_number(any_sandbox, name):
    outcome = run(any_sandbox, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert (outcome.ending, outcome.status) == (Ending.SIGNAL, getattr(signal, name))


def test_much_input_and_output_at_once_do_not_block_each_other(any_sandbox):
    """3 MB in, 3 MB out, both far beyond a pipe's 64 kB: whoever waits for the other first would wait for ever."""
    program = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stderr.write(line)\n"
    text = b"0123456789abcde\n" * (3 << 16)
    outcome = run(any_sandbox, program, stdin=text, output_kb=4096)
    assert (outcome.ending, outcome.stdout, outcome.stderr) == (Ending.EXIT, text, text)


def test_a_program_without_input_reads_its_end(any_sandbox):
    assert run(any_sandbox, "import sys; print(repr(sys.stdin.read()))").stdout == b"''\n"


def test_output_is_cut_at_the_limit(any_sandbox):
    outcome = run(any_sandbox, "while True: print('x' * 99)", output_kb=3)
    assert (outcome.ending, outcome.status) == (Ending.OUTPUT, signal.SIGKILL)
    assert outcome.stdout == (b"x" * 99 + b"\n") * 30 + b"x" * 72  # 3072 bytes


def test_exactly_the_limit_is_no_flood(any_sandbox):
    outcome = run(any_sandbox, "import sys; sys.stdout.write('x' * 2048)", output_kb=2)
    assert (outcome.ending, outcome.stdout) == (Ending.EXIT, b"x" * 2048)


def test_a_flood_just_before_the_end_is_still_a_flood(any_sandbox):
    assert run(any_sandbox, "print('x' * 2048)", output_kb=2).ending is Ending.OUTPUT


def test_the_wall_clock_ends_a_program_and_its_children(any_sandbox):
    began = time.monotonic()
    outcome = run(any_sandbox, "import os, time\nos.fork()\nprint('here', flush=True)\ntime.sleep(60)", wall_s=2.0)
    assert (outcome.ending, outcome.status) == (Ending.TIMEOUT, signal.SIGKILL)
    assert outcome.stdout == b"here\nhere\n"
    assert time.monotonic() - began < 10


def test_a_program_that_closed_its_output_still_has_its_status_read(any_sandbox):
    outcome = run(any_sandbox, "import os, time\nfor fd in (0, 1, 2): os.close(fd)\ntime.sleep(0.3)\nos._exit(5)")
    assert (outcome.ending, outcome.status) == (Ending.EXIT, 5)


def test_a_child_that_holds_the_output_does_not_hold_the_run(any_sandbox):
    began = time.monotonic()
    outcome = run(any_sandbox, "import os, time\nif os.fork() == 0: time.sleep(60)\nprint('done', flush=True)")
    assert outcome.ending is Ending.EXIT
    assert outcome.stdout == b"done\n"
    assert time.monotonic() - began < 20


def test_files_are_laid_below_code_and_the_working_folder_is_empty_and_writable(box):
    program = """
import os, sys
print(sorted(os.listdir("/code")), open("/code/lib/words.txt", "rb").read(), os.listdir("."), os.getcwd())
open("mine", "w").write("text")
print(os.environ["HOME"], os.environ["TMPDIR"], open("mine").read())
try:
    open("/code/lib/words.txt", "w")
except OSError as error:
    print(type(error).__name__)
"""
    outcome = run(box, program, files={"lib/words.txt": b"\x00\xff\r\n"})
    assert outcome.stdout.decode().splitlines()[:2] == [
        "['lib', 'main.py'] b'\\x00\\xff\\r\\n' [] /tmp",
        "/tmp /tmp text",
    ]
    assert outcome.stdout.decode().splitlines()[2] in ("PermissionError", "OSError"), outcome


def test_plain_puts_its_own_folder_in_the_place_of_code(plain):
    outcome = plain.run(
        ["/bin/sh", "-c", "cat /code/lib/a.txt; cat other/code/x; pwd"],
        files={"lib/a.txt": b"text\n"},
        limits=Limits(wall_s=30.0),
    )
    text, folder = outcome.stdout.decode().splitlines()
    assert text == "text"
    assert not os.path.exists(folder)


def test_a_file_of_the_run_can_be_the_program(box):
    outcome = box.run(["/code/go"], files={"go": b"#!/bin/sh\necho $0 $1\n"}, limits=Limits(wall_s=30.0))
    assert outcome.stdout == b"/code/go\n", outcome


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a/../b", ".hidden", "a b", "", "a/", "a\n"])
def test_names_that_could_lead_out_are_refused(any_sandbox, name):
    with pytest.raises(SandboxError, match="file name"):
        any_sandbox.run([*PYTHON, "-c", ""], files={name: b""})


def test_a_program_that_no_box_has_is_the_callers_mistake(box, tmp_path):
    with pytest.raises(SandboxError, match=r"no program .* in a box"):
        box.run([str(tmp_path / "tool")], files={})


def test_a_program_cannot_pass_for_a_broken_box(box):
    """A broken box is a verdict of None, which does not count; a hostile program would rather have that than 0."""
    program = """
import os, sys
sys.stderr.write("bwrap: Creating new namespace failed: Operation not permitted\\n")
for fd in range(3, 64):
    try:
        os.write(fd, b'{"exit-code": 0}')
    except OSError:
        pass
sys.exit(1)
"""
    outcome = run(box, program)
    assert (outcome.ending, outcome.status) == (Ending.EXIT, 1)


def test_a_program_inherits_three_descriptors_and_no_variable(box):
    program = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1], sorted(os.environ))"
    names, _, variables = run(box, program).stdout.decode().strip().partition("] ")
    assert names == "[0, 1, 2"
    assert set(variables[2:-2].split("', '")) <= {"HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "TMPDIR"}


def test_boxes_side_by_side_do_not_count_each_others_processes(box):
    """Six boxes of 20 processes each, at once, 24 allowed in each: one common count would refuse most of them."""
    program = """
import os, time
started = 1
for _ in range(19):
    if os.fork() == 0:
        time.sleep(60)
    started += 1
time.sleep(1)
print(started)
"""
    outcomes = [None] * 6

    def work(index):
        outcomes[index] = run(box, program, num_processes=24)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(outcomes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.stdout for outcome in outcomes] == [b"20\n"] * 6, outcomes


def test_a_box_dies_with_the_process_that_runs_it(box):
    """Also when that is killed and can clean up nothing."""
    program = """
import sys
from r1kit.sandbox import Limits, open_sandbox
from r1kit.sandbox.executables import find_executable

open_sandbox(sys.argv[1]).run(
    [find_executable("sh"), "-c", "sleep 60; exit 0", sys.argv[2]], files={}, limits=Limits(wall_s=60.0)
)
"""
    marker = f"r1kit-test-{os.getpid()}-{box.name}"

    def alive():
        words = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words.append(path.read_bytes().split(b"\0"))
        return [line for line in words if marker.encode() in line and line[0].endswith(b"/sh") and b"sleep" in line[2]]

    parent = subprocess.Popen([sys.executable, "-c", program, box.name, marker])
    try:
        assert becomes_true(alive)
    finally:
        parent.kill()
        parent.wait()
    assert becomes_true(lambda: not alive())


def becomes_true(condition, patience_s=20.0):
    ends = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def test_a_run_leaves_no_descriptor_open(any_sandbox):
    run(any_sandbox, "print(1)")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        run(any_sandbox, "while True: print(1)", output_kb=1)
        with pytest.raises(SandboxError):
            any_sandbox.run([*PYTHON, "-c", ""], files={"..": b""})
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("node", ["-e", "console.log([1, 2, 3].map(x => x * x).join())"], b"1,4,9\n"),
        ("java", ["-Xmx128m", "/code/Main.java"], b"3\n"),
        ("sh", ["-c", "gcc -o main /code/main.c && ./main"], b"5\n"),
    ],
    ids=["node", "java", "gcc"],
)
def test_compilers_and_runtimes_work_in_a_box(box, tool, arguments, said):
    needed = find_executable("gcc" if tool == "sh" else tool)
    if needed is None:
        pytest.skip(f"no {tool} in /usr here")
    files = {
        "main.c": b'#include <stdio.h>\nint main(void) { printf("%d\\n", 2 + 3); }\n',
        "Main.java": b"class Main { public static void main(String[] a) { System.out.println(1 + 2); } }\n",
    }
    limits = Limits(wall_s=60.0, memory_mb=2048, address_space=False, num_processes=64)
    outcome = box.run([find_executable(tool), *arguments], files=files, limits=limits)
    assert (outcome.stdout, outcome.status) == (said, 0), outcome

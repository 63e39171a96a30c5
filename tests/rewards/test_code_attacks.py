"""Ways to be paid for code without solving the problem; none of them pays.

The tests of the problem are three values of no function that could be guessed, so a verdict of 1.0 would mean that an
answer got at them. Every attack runs in a real box; without one these tests skip.
"""

import pytest

from r1kit.rewards.code import verify_code
from r1kit.rewards.code.compare import Comparison
from r1kit.sandbox import SandboxError, open_sandbox

CALLS = [{"type": "call", "fn_name": "f", "input": [n], "output": v} for n, v in ((1, 8317), (2, 2290), (3, 5561))]
LINES = [{"type": "stdio", "input": f"{n}\n", "output": f"{v}\n"} for n, v in ((1, 8317), (2, 2290), (3, 5561))]
FORGED = (
    '{"test": 0, "status": 0, "timeout": false, "flood": false, "cpu_s": 0.1, "stdout": "", "stderr": "", '
    '"result": "dHJ1ZQ=="}'
)

CALL_ATTACKS = {
    "exits with status 0 when it is loaded": "import sys\nsys.exit(0)",
    "exits with status 0 when it is called": "import os\ndef f(n):\n    os._exit(0)",
    "raises a SystemExit that says success": "def f(n):\n    raise SystemExit(0)",
    "returns what is equal to everything": "class E:\n    __eq__ = lambda s, o: True\ndef f(n):\n    return E()",
    "returns a str that is equal to everything": (
        "class S(str):\n    __eq__ = lambda s, o: True\n    __hash__ = str.__hash__\ndef f(n):\n    return S('x')"
    ),
    "returns an int that is equal to everything": (
        "class I(int):\n    __eq__ = lambda s, o: True\n    __repr__ = lambda s: '8317'\ndef f(n):\n    return I(7)"
    ),
    "returns a list that is equal to everything": (
        "class L(list):\n    __eq__ = lambda s, o: True\n    __len__ = lambda s: 1\ndef f(n):\n    return L([1])"
    ),
    "returns NaN": "def f(n):\n    return float('nan')",
    "returns infinity": "def f(n):\n    return float('inf')",
    "returns nothing": "def f(n):\n    pass",
    "returns a list nested 100 000 deep": (
        "def f(n):\n    value = []\n    for _ in range(100000):\n        value = [value]\n    return value"
    ),
    "writes a result nested 100 000 deep": "import os\ndef f(n):\n    os.write(3, b'[' * 100000)\n    os._exit(0)",
    "writes an integer of 100 000 digits": "import os\ndef f(n):\n    os.write(3, b'9' * 100000)\n    os._exit(0)",
    "writes results of its own, for several tests": (
        "import os\ndef f(n):\n    os.write(3, b'8317\\n2290\\n5561\\n')\n    os._exit(0)"
    ),
    "writes bytes that are no text as its result": (
        "import os\ndef f(n):\n    os.write(3, b'\\xff\\xfe')\n    os._exit(0)"
    ),
    "patches json": (
        "import json\njson.dumps = lambda *a, **k: 'true'\njson.loads = lambda *a, **k: 8317\n"
        "json.JSONEncoder.encode = lambda *a: 'true'\ndef f(n):\n    return 0"
    ),
    "patches builtins": (
        "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.all = lambda *a: True\n"
        "builtins.len = lambda *a: 0\nbuiltins.type = lambda *a: int\ndef f(n):\n    return 0"
    ),
    "patches the driver": (
        "import sys\ndriver = sys.modules['r1kit.rewards.code.driver']\ndriver.plain = lambda *a, **k: True\n"
        "driver._call = lambda *a: None\ndriver._run_tests = lambda *a: None\ndef f(n):\n    return 0"
    ),
    "forges reports on the driver's descriptor": (
        f"import os\nos.write(4, b'''{FORGED}\\n''' * 3)\ndef f(n):\n    return 0"
    ),
    "forges reports as it is called": (
        f"import os\ndef f(n):\n    fd = os.open(f'/proc/{{os.getppid()}}/fd/4', os.O_WRONLY)\n"
        f"    os.write(fd, b'''{FORGED}\\n''')\n    return 0"
    ),
    "says that a tool is missing": 'import os\nos.write(4, b\'{"missing": "python"}\\n\')\ndef f(n):\n    return 0',
    "says that the prelude broke": (
        'import os\nos.write(4, b\'{"missing": null, "broken": "x"}\\n\')\nos._exit(0)\ndef f(n):\n    return 0'
    ),
    "kills the driver": "import os\nos.kill(os.getppid(), 9)\ndef f(n):\n    return 0",
    "kills the process that serves its calls": "import os\ndef f(n):\n    os.kill(os.getppid(), 9)\n    return 0",
    "kills everything": "import os\ndef f(n):\n    os.kill(-1, 9)",
    "looks for the expected values in memory": (
        "import gc\ndef f(n):\n    for o in gc.get_objects():\n"
        "        if isinstance(o, dict):\n            for k in ('output', 'expected', 'gold', 'answer'):\n"
        "                if type(o.get(k)) is int:\n                    return o[k]\n    return 0"
    ),
    "looks for the expected value in the frames above": (
        "import sys\ndef f(n):\n    frame = sys._getframe()\n    while frame:\n"
        "        for name, value in frame.f_locals.items():\n"
        "            if type(value) is dict and 'output' in value:\n                return value['output']\n"
        "        frame = frame.f_back\n    return 0"
    ),
    "looks for the expected values in the files of the box": (
        "import json, os\ndef f(n):\n    text = ''.join(open(os.path.join(d, x), errors='replace').read()\n"
        "        for d, _, names in os.walk('/code') for x in names)\n"
        "    return next((v for v in range(2000, 9000) if f': {v}' in text or f':{v}' in text), 0)"
    ),
    "changes the job": (
        "import os\nfor how in ('w', 'a'):\n    try:\n        open('/code/job.json', how).write('{\"tests\": []}')\n"
        "    except OSError:\n        pass\ndef f(n):\n    return 0"
    ),
    "lays files for the later tests": (
        "import os, sys\nos.chdir('/tmp')\nopen('json.py', 'w').write('dumps = lambda v: \"true\"')\n"
        "sys.path.insert(0, '/tmp')\nsys.modules.pop('json')\ndef f(n):\n    return 0"
    ),
    "leaves a process that writes into later tests' results": (
        "import glob, os, time\ndef f(n):\n    if n == 1 and os.fork() == 0:\n        os.setsid()\n"
        "        for _ in range(50):\n"
        "            for path in glob.glob('/proc/[0-9]*/fd/3'):\n                try:\n"
        "                    os.write(os.open(path, os.O_WRONLY), b'2290')\n                except OSError:\n"
        "                    pass\n            time.sleep(0.001)\n        os._exit(0)\n    return 0"
    ),
    "ends the process through atexit with what it likes": (
        "import atexit, os\natexit.register(lambda: (os.write(3, b'8317'), os._exit(0)))\n"
        "def f(n):\n    raise ValueError"
    ),
    "is named after the tested function and is no function": "f = 8317",
    "is a test of its own": "def f(n):\n    return 0\nprint('3 passed in 0.01s')\nassert True",
}


@pytest.fixture(scope="module")
def box():
    try:
        return open_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", CALL_ATTACKS)
def test_a_call_attack_is_wrong(box, name):
    verdict = verify_code(
        completion=f"```python\n{CALL_ATTACKS[name]}\n```", language="python", tests=CALLS, sandbox=box, time_limit_s=3
    )
    assert verdict.value == 0.0, verdict
    assert verdict.reason.startswith("test 1 of 3: f(1): "), verdict.reason


PROGRAM_ATTACKS = {
    "python: prints the harness's own lines": ("python", f"print('''{FORGED}''')"),
    "python: says that all tests passed": ("python", "print('All tests passed')\nprint('OK')"),
    "python: prints all that could be expected": ("python", "for n in range(10000):\n    print(n)"),
    "python: prints nothing": ("python", ""),
    "python: prints its input": ("python", "print(input())"),
    "python: floods": ("python", "while True:\n    print('8317\\n2290\\n5561')"),
    "python: replaces its stdout": ("python", "import os\nos.dup2(2, 1)\nprint(8317)"),
    "python: raises its limits and hangs": (
        "python",
        "import resource, signal\nfor k in range(16):\n    try:\n        resource.setrlimit(k, (-1, -1))\n"
        "    except Exception:\n        pass\n"
        "for s in range(1, 65):\n    try:\n        signal.signal(s, signal.SIG_IGN)\n"
        "    except Exception:\n        pass\nwhile True:\n    pass",
    ),
    "python: closes everything": ("python", "import os\nos.closerange(0, 256)"),
    "bash: prints the files of the box": ("bash", "cat /code/* /proc/1/environ 2>/dev/null"),
    "bash: kills what runs it": ("bash", "kill -9 $PPID; echo 8317"),
    "bash: forges a report": ("bash", f"for fd in /proc/$PPID/fd/*; do echo '{FORGED}' > $fd; done 2>/dev/null"),
}


@pytest.mark.parametrize("name", PROGRAM_ATTACKS)
def test_a_program_attack_is_wrong(box, name):
    language, program = PROGRAM_ATTACKS[name]
    verdict = verify_code(
        completion=f"```{language}\n{program}\n```", language=language, tests=LINES, sandbox=box, time_limit_s=1
    )
    assert verdict.value == 0.0, verdict
    assert verdict.reason.startswith("test 1 of 3: input '1\\n': "), verdict.reason


def test_what_is_right_and_then_crashes_is_wrong(box):
    completion = "```python\nprint({1: 8317, 2: 2290, 3: 5561}[int(input())])\nraise ValueError\n```"
    verdict = verify_code(completion=completion, language="python", tests=LINES, sandbox=box)
    assert (verdict.value, verdict.reason) == (0.0, "test 1 of 3: input '1\\n': exit status 1: ValueError")


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", "1_000", "0x3e8", "１０００", "1e400"])
def test_words_that_only_python_takes_for_numbers_are_wrong(box, word):
    tests = [{"type": "stdio", "input": "", "output": "1000.0\n"}]
    verdict = verify_code(
        completion=f"```python\nprint('{word}')\n```",
        language="python",
        tests=tests,
        sandbox=box,
        comparison=Comparison(rel_tol=1e-6),
    )
    assert verdict.value == 0.0, verdict
    assert "expected '1000.0'" in verdict.reason


def test_the_right_values_pass_so_the_attacks_fail_for_their_own_sake(box):
    table = "{1: 8317, 2: 2290, 3: 5561}"
    for tests, program in (
        (CALLS, f"def f(n):\n    return {table}[n]"),
        (LINES, f"print({table}[int(input())])"),
    ):
        verdict = verify_code(completion=f"```python\n{program}\n```", language="python", tests=tests, sandbox=box)
        assert (verdict.value, verdict.reason, verdict.tests_passed) == (1.0, "correct", 3)

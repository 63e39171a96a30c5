"""Verdicts on programs: what passes, what fails and why, and what cannot be judged."""

import time

import pytest

from r1kit.rewards.code import CodeJob, CodeVerifier, last_code_block, verify_code
from r1kit.rewards.code.compare import Comparison
from r1kit.sandbox import Ending, Outcome, SandboxError
from rewards.code_boxes import any_box

ADD = [{"type": "stdio", "input": f"{a} {b}\n", "output": f"{a + b}\n"} for a, b in ((1, 2), (3, 4), (5, 5), (0, 0))]
PROGRAM = "a, b = map(int, input().split())\nprint(a + b)"


def judge(program, tests, *, language="python", **options):
    return verify_code(
        completion=f"```{language}\n{program}\n```", language=language, tests=tests, sandbox=any_box(), **options
    )


def calls(*pairs, name="f", **fields):
    return [{"type": "call", "fn_name": name, "input": list(args), "output": gold, **fields} for args, gold in pairs]


def test_a_right_program_is_1_and_its_verdict_counts_the_tests():
    verdict = judge(PROGRAM, ADD)
    assert (verdict.value, verdict.reason, verdict.parsed) == (1.0, "correct", PROGRAM)
    assert (verdict.tests_passed, verdict.tests_total) == (4, 4)


def test_a_wrong_program_is_0_and_the_reason_quotes_the_first_failed_test():
    verdict = judge(PROGRAM.replace("+", "*"), ADD)  # right on 0 + 0 alone
    assert verdict.value == 0.0
    assert verdict.reason == "test 1 of 4: input '1 2\\n': got '2', expected '3'"
    assert verdict.tests_passed == 1


def test_partial_credit_is_the_share_of_tests_passed():
    verdict = judge(PROGRAM.replace("a + b", "a + b if a != 5 else 0"), ADD, partial_credit=True)
    assert (verdict.value, verdict.tests_passed, verdict.tests_total) == (0.75, 3, 4)
    assert verdict.reason.startswith("test 3 of 4: ")


def test_partial_credit_goes_on_after_a_crash_and_all_or_nothing_does_not():
    program = PROGRAM.replace("a + b", "a + b if a != 1 else 1 // 0")
    assert judge(program, ADD, partial_credit=True).tests_passed == 3
    verdict = judge(program, ADD)
    assert (verdict.value, verdict.tests_passed) == (0.0, 0)
    assert verdict.reason.endswith(
        "exit status 1: ZeroDivisionError: integer division or modulo by zero"
    ) or verdict.reason.endswith("exit status 1: ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("print((", "compile error: SyntaxError: '(' was never closed (answer.py, line 1)"),
        ("(" * 100_000, "compile error: "),
        ("import sys\nsys.exit(3)", "test 1 of 4: input '1 2\\n': exit status 3"),
        ("import sys\nsys.exit('bad')", "test 1 of 4: input '1 2\\n': exit status 1: bad"),
        ("import os\nos.abort()", "test 1 of 4: input '1 2\\n': ended by SIGABRT"),
        ("x = [0] * 10**10", "test 1 of 4: input '1 2\\n': memory limit of 1024 MB"),
        ("print('x' * 10**7)", "test 1 of 4: input '1 2\\n': more than 64 kB of output"),
        ("import json, nothing_of_that_name", "test 1 of 4: input '1 2\\n': exit status 1: ModuleNotFoundError: "),
        ("print(3)\nprint()\nprint(4)", "test 1 of 4: input '1 2\\n': got 3 lines, expected 1 line"),
    ],
)
def test_the_reason_says_how_a_program_failed(program, reason):
    verdict = judge(program, ADD)
    assert verdict.value == 0.0
    assert verdict.reason.startswith(reason), verdict.reason


@pytest.mark.parametrize("program", ["while True: pass", "import time\ntime.sleep(60)"])
def test_cpu_time_and_the_wall_clock_of_a_test_are_limited(program):
    began = time.monotonic()
    verdict = judge(program, ADD, time_limit_s=0.5)
    assert (verdict.value, verdict.reason) == (0.0, "test 1 of 4: input '1 2\\n': time limit of 0.5 s")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("program", ["while True: pass", "import time\ntime.sleep(60)\ndef f(n): return n"])
def test_a_function_s_module_has_the_time_of_a_test(program):
    verdict = judge(program, calls(([1], 1)), time_limit_s=0.5)
    assert (verdict.value, verdict.reason) == (0.0, "test 1 of 1: f(1): time limit of 0.5 s")


def test_the_time_of_all_tests_is_limited_too():
    program = "import time\ndef f(n):\n    time.sleep(0.4)\n    return n"
    verdict = judge(program, calls(*(([n], n) for n in range(20))), total_time_s=2.0, partial_credit=True)
    assert verdict.value is not None
    assert 0 < verdict.value < 0.5, verdict  # 5 of them fit into 2 s where nothing else is slow
    assert verdict.reason.endswith("time limit of 2 s for all tests")


def test_functions_methods_keyword_arguments_and_preludes():
    assert judge("def f(a, b): return a - b", calls(([5, 3], 2))).value == 1.0
    method = "class Solution:\n    def f(self, a: int, b: List[int]) -> int: return a - b[0]"
    named = [{"type": "call", "fn_name": "f", "input": {"b": [3], "a": 5}, "output": 2}]
    assert judge(method, named, prelude="from typing import List").value == 1.0
    assert "exit status 1: NameError: name 'List' is not defined" in judge(method, named).reason


def test_a_prelude_that_fails_is_no_verdict_about_the_answer():
    verdict = judge("def f(): return 1", calls(([], 1)), prelude="import nothing_of_that_name")
    assert verdict.value is None
    assert verdict.reason.startswith("the problem's prelude failed: ModuleNotFoundError")


def test_what_a_prelude_prints_is_not_the_answer_s_output():
    assert judge(PROGRAM, ADD, prelude="print('hello')").value == 1.0


def test_odd_characters_travel():
    for text in ("é 中文 \U0001f600", "\ud800", "\x00"):
        tests = [{"type": "stdio", "input": text, "output": ascii(text)}]
        program = "import sys\nprint(ascii(sys.stdin.buffer.read().decode('utf-8', 'surrogatepass')))"
        assert judge(program, tests).value == 1.0
        verdict = judge("def f(x): return x + 'a'", calls(([text], text)))
        assert verdict.value == 0.0
        verdict.reason.encode()


def test_every_call_starts_from_the_freshly_loaded_module():
    program = "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)"
    assert judge(program, calls(([7], 1), ([8], 1), ([9], 1))).value == 1.0


def test_lists_and_trees_of_nodes_go_in_and_out():
    program = (
        "class Solution:\n    def f(self, head):\n        back = None\n        while head:\n"
        "            head.next, back, head = back, head, head.next\n        return back"
    )
    nodes = {"types": ["ListNode"], "returns": "ListNode"}
    assert judge(program, calls(([[1, 2, 3]], [3, 2, 1]), ([[]], []), **nodes)).value == 1.0
    mirror = "def f(root):\n    if root:\n        root.left, root.right = f(root.right), f(root.left)\n    return root"
    trees = {"types": ["TreeNode"], "returns": "TreeNode"}
    assert judge(mirror, calls(([[1, 2, 3, None, 4]], [1, 3, 2, None, None, 4]), **trees)).value == 1.0
    circle = "def f(head):\n    head.next = head\n    return head"
    assert "is it a circle?" in judge(circle, calls(([[1]], [1]), **nodes)).reason


def test_the_program_runs_as_main_and_may_use_threads_and_dataclasses():
    program = (
        "import threading\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
        "def main():\n    print(P(sum(map(int, input().split()))).x)\n"
        "if __name__ == '__main__':\n    threading.Thread(target=main).start()"
    )
    assert judge(program, ADD).value == 1.0


def test_exit_and_quit_are_there():
    assert judge(f"{PROGRAM}\nexit()", ADD).value == 1.0
    assert judge(f"{PROGRAM}\nquit(0)", ADD).value == 1.0


def test_long_input_and_output_fit():
    numbers = list(range(60_000))
    tests = [{"type": "stdio", "input": "\n".join(map(str, numbers)), "output": "\n".join(map(str, numbers[::-1]))}]
    assert judge("import sys\nprint(*reversed(sys.stdin.read().split()), sep='\\n')", tests).value == 1.0


def test_no_code_block_is_wrong():
    for completion in ("", "It is 3.", "```python\nprint(3)", "<think>```python\nprint(3)\n```</think> Done."):
        verdict = verify_code(completion=completion, language="python", tests=ADD, sandbox=Broken())
        assert (verdict.value, verdict.reason) == (0.0, "no code block"), completion
    verdict = verify_code(completion="```cpp\nint main() {}\n```", language="python", tests=ADD, sandbox=Broken())
    assert (verdict.value, verdict.reason) == (0.0, "no code block in python (only in 'cpp')")


def test_bare_text_in_answer_tags_is_a_program_only_where_that_is_asked():
    completion = f"<think>easy</think><answer>{PROGRAM}</answer>"
    asked = verify_code(completion=completion, language="python", tests=ADD, sandbox=any_box(), bare_answer=True)
    assert asked.value == 1.0
    assert verify_code(completion=completion, language="python", tests=ADD, sandbox=any_box()).reason == "no code block"


def test_the_block_s_tag_says_the_language_where_the_row_does_not():
    completion = "```bash\nread a b\necho $((a + b))\n```"
    assert verify_code(completion=completion, language=None, tests=ADD, sandbox=any_box()).value == 1.0
    untagged = verify_code(completion="```\nprint(3)\n```", language=None, tests=ADD, sandbox=Broken())
    assert (untagged.value, untagged.reason) == (0.0, "no code block in a known language (only without a tag)")


def test_an_answer_cannot_escape_a_verdict_by_a_language_without_calls():
    completion = "```cpp\nint f(int n) { return n; }\n```"
    verdict = verify_code(completion=completion, language=None, tests=calls(([1], 1)), sandbox=Broken())
    assert verdict.value == 0.0


def test_broken_tests_are_no_verdict():
    for tests, words in (
        ([], "no tests"),
        ([{"type": "unit", "input": "", "output": ""}], "tests[0]: type is 'unit'; allowed: stdio, call"),
        ([*ADD, *calls(([1], 1))], "a problem has either"),
    ):
        verdict = judge(PROGRAM, tests)
        assert verdict.value is None
        assert words in verdict.reason
    for seconds in (0, -1, float("nan"), float("inf"), "2"):
        assert judge(PROGRAM, ADD, time_limit_s=seconds).reason.startswith("time_limit_s is "), seconds
    assert judge(PROGRAM, ADD, language="cobol").reason.startswith("language is 'cobol'; known: ")
    assert judge("int f;", calls(([1], 1)), language="cpp").value is None


class Broken:
    """A sandbox that cannot make a box."""

    name = "broken"
    guarantees: dict = {}  # noqa: RUF012

    def run(self, argv, *, files, stdin=b"", limits=None):
        raise SandboxError("sandbox broken: no box today")


class Saying(Broken):
    """A sandbox whose box says this."""

    def __init__(self, stdout, ending=Ending.EXIT, status=0):
        self._outcome = Outcome(ending=ending, status=status, stdout=stdout, stderr=b"a\nb\n", wall_s=0.1)

    def run(self, argv, *, files, stdin=b"", limits=None):
        return self._outcome


def test_a_sandbox_that_fails_is_no_verdict():
    block = f"```python\n{PROGRAM}\n```"
    verdict = verify_code(completion=block, language="python", tests=ADD, sandbox=Broken())
    assert (verdict.value, verdict.reason) == (None, "sandbox broken: no box today")
    for said in (b"", b"Traceback\n", b"[]\n", b'{"test": 0}\n'):
        verdict = verify_code(completion=block, language="python", tests=ADD, sandbox=Saying(said))
        assert verdict.value is None
        assert verdict.reason.startswith("the driver of code answers did not start"), said


def test_a_box_that_ends_early_is_wrong():
    first = b'{"missing": null}\n{"compile": null}\n'
    block = f"```python\n{PROGRAM}\n```"
    for ending, status, words in (
        (Ending.TIMEOUT, 9, "time limit of 60 s for all tests"),
        (Ending.OUTPUT, 9, "too much output in the whole run"),
        (Ending.SIGNAL, 9, "the whole run was ended by signal 9"),
        (Ending.EXIT, 3, "the whole run was ended by exit status 3"),
    ):
        sandbox = Saying(first + b'not json\n{"test": true}\n{"test": 0, "status": "0"}\n[1]\n', ending, status)
        verdict = verify_code(completion=block, language="python", tests=ADD, sandbox=sandbox)
        assert verdict.value == 0.0
        assert verdict.reason == f"test 1 of 4: input '1 2\\n': {words}"


def test_a_missing_tool_is_no_verdict_and_the_reason_says_what_to_install():
    sandbox = Saying(b'{"missing": "rustc"}\n')
    verdict = verify_code(completion="```rust\nfn main() {}\n```", language="rs", tests=ADD, sandbox=sandbox)
    assert verdict.value is None
    assert verdict.reason == "no rustc in the box; install rustc, or leave rust problems out"


def test_the_box_gets_nothing_that_is_made_from_an_expected_output():
    seen = []

    class Watching(Broken):
        def run(self, argv, *, files, stdin=b"", limits=None):
            seen.append((argv, files, stdin))
            raise SandboxError("enough")

    for output in ("YES", "NO" * 10):
        tests = [{"type": "stdio", "input": "1", "output": output}]
        verify_code(completion="```python\nprint()\n```", language="python", tests=tests, sandbox=Watching())
    assert seen[0] == seen[1]


def test_many_answers_are_judged_in_order():
    programs = [PROGRAM, "print(3)", PROGRAM, "print((", PROGRAM]
    jobs = [CodeJob(completion=f"```python\n{each}\n```", language="python", tests=ADD[:1]) for each in programs]
    jobs[1] = CodeJob(completion="nothing", language="python", tests=ADD)
    verdicts = CodeVerifier(any_box(), num_workers=3).verify_many(jobs)
    assert [verdict.value for verdict in verdicts] == [1.0, 0.0, 1.0, 0.0, 1.0]
    assert [verdict.reason for verdict in verdicts][1] == "no code block"
    assert CodeVerifier(any_box()).verify_many([]) == []


def test_answers_that_differ_only_in_their_thinking_run_once():
    runs = []

    class Counting(Saying):
        def run(self, argv, *, files, stdin=b"", limits=None):
            runs.append(argv)
            return super().run(argv, files=files, stdin=stdin, limits=limits)

    block = f"```python\n{PROGRAM}\n```"
    texts = [f"<think> a </think> {block}", f"<think> b </think> {block}", f"<think> a </think> {block} ", block]
    jobs = [CodeJob(completion=text, language="python", tests=ADD[:1]) for text in texts]
    jobs.append(CodeJob(completion=texts[0], language="python", tests=ADD[1:2]))
    verdicts = CodeVerifier(Counting(b'{"missing": "python3"}\n'), num_workers=1).verify_many(jobs)
    assert len(runs) == 4  # the first two are one; a space, no space before it, and another test make it another job
    assert len(verdicts) == 5


def test_the_last_block_of_the_language_counts():
    text = "```python\n1\n```\n```cpp\n2\n```\n```python3\n3\n```\n```\n4\n```\n```cpp\n5\n```"
    assert last_code_block(text, ["python"]).code == "3"  # not 4, which often is the output
    assert last_code_block(text, ["cpp"]).code == "5"
    assert last_code_block(text, ["rust"]).code == "4"
    assert last_code_block(text, ["rust", "go"]) is None
    assert last_code_block(f"<think>{text}</think>```py\n6\n```", ["python"]).code == "6"


def test_options_of_comparison_reach_the_tests():
    program = "print(0.3333)"
    tests = [{"type": "stdio", "input": "", "output": "0.333333\n"}]
    assert judge(program, tests).value == 0.0
    assert judge(program, tests, comparison=Comparison(abs_tol=1e-3)).value == 1.0
    assert judge(program, [tests[0] | {"abs_tol": 1e-3}]).value == 1.0

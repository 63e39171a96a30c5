"""The code rewards, measured: reference solutions, throughput, and the languages of this machine.

    .venv/bin/python benchmarks/code_rewards.py --data FOLDER

FOLDER holds LeetCodeDataset's `...-test.jsonl.gz`, whose 228 reference solutions should all pass their own tests;
each that does not is listed with the verdict's reason. Prints Markdown tables and the hardware.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

from r1kit.report.hardware import describe_hardware, hardware_line
from r1kit.rewards.code import CodeJob, CodeVerdict, CodeVerifier
from r1kit.rewards.code.languages import LANGUAGES
from r1kit.sandbox import open_sandbox
from r1kit.tasks.leetcode import leetcode_problem
from r1kit.tasks.rows import read_rows

ADD = {
    "python": ("a, b = map(int, input().split())\nprint(a + b)", "a + b"),
    "cpp": ("#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b << '\\n'; }", "a + b"),
    "c": ('#include <stdio.h>\nint main() { long a, b; scanf("%ld %ld", &a, &b); printf("%ld\\n", a + b); }', "a + b"),
    "java": (
        "import java.util.*;\npublic class Add { public static void main(String[] args) {\n"
        "Scanner in = new Scanner(System.in); long a = in.nextLong(), b = in.nextLong(); System.out.println(a + b); }}",
        "a + b",
    ),
    "javascript": (
        "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);",
        "a + b",
    ),
    "typescript": (
        "declare var require: any;\n"
        "const [a, b]: number[] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);\nconsole.log(a + b);",
        "a + b",
    ),
    "go": ('package main\nimport "fmt"\nfunc main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b) }', "a + b"),
    "rust": (
        "use std::io;\nfn main() { let mut s = String::new(); io::stdin().read_line(&mut s).unwrap();\n"
        "let v: Vec<i64> = s.split_whitespace().map(|x| x.parse().unwrap()).collect();\n"
        'let (a, b) = (v[0], v[1]); println!("{}", a + b); }',
        "a + b",
    ),
    "php": ("<?php\n[$a, $b] = explode(' ', trim(fgets(STDIN)));\necho $a + $b, PHP_EOL;", "$a + $b"),
    "bash": ("read a b\necho $((a + b))", "a + b"),
    "csharp": (
        "using System;\nclass Add { static void Main() { var p = Console.ReadLine().Split(' ');\n"
        "long a = long.Parse(p[0]), b = long.Parse(p[1]); Console.WriteLine(a + b); }}",
        "a + b",
    ),
}
"""A program that adds two numbers, and the sum in it, which a wrong program turns into a difference."""
ADD_TESTS = [
    {"type": "stdio", "input": f"{a} {b}\n", "output": f"{a + b}\n"} for a, b in ((1, 2), (10, -3), (7, 7), (0, 5))
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with LeetCodeDataset-...-test.jsonl.gz")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sandbox", default="auto", help="as in r1kit.sandbox.open_sandbox")
    parser.add_argument("--programs", type=int, default=300, help="short programs for the throughput")
    arguments = parser.parse_args()
    sandbox = open_sandbox(arguments.sandbox)
    verifier = CodeVerifier(sandbox, arguments.workers)
    print(f"Sandbox {sandbox.name}, {arguments.workers} boxes at a time, {hardware_line(describe_hardware())}\n")
    print("\n".join(languages(verifier)), end="\n\n")
    print("\n".join(throughput(verifier, arguments.programs)), end="\n\n")
    if arguments.data is not None:
        print("\n".join(reference_solutions(verifier, arguments.data)))


def languages(verifier: CodeVerifier) -> list[str]:
    """A right and a wrong program in each language."""
    jobs = [
        CodeJob(completion=f"```{name}\n{program}\n```", language=name, tests=ADD_TESTS)
        for name, (right, total) in ADD.items()
        for program in (right, right.replace(total, total.replace("+", "-")))
    ]
    verdicts = verifier.verify_many(jobs)
    lines = ["| language | right program | wrong program | reason |", "|---|---|---|---|"]
    for name, right, wrong in zip(ADD, verdicts[::2], verdicts[1::2], strict=True):
        lines.append(f"| {name} | {right.value} | {wrong.value} | {wrong.reason} |")
    assert set(ADD) == set(LANGUAGES)
    return lines


def throughput(verifier: CodeVerifier, num_programs: int) -> list[str]:
    """Answers a second: short Python programs of four stdio tests, and functions of twenty calls."""
    program = "```python\na, b = map(int, input().split())\nprint(a + b)\n```"
    function = "```python\ndef add(a, b):\n    return a + b\n```"
    calls = [{"type": "call", "fn_name": "add", "input": [n, 1], "output": n + 1} for n in range(20)]
    lines = ["| short answers | tests each | answers a second | right |", "|---|---|---|---|"]
    for name, completion, tests in (
        ("program, one test", program, ADD_TESTS[:1]),
        ("program", program, ADD_TESTS),
        ("function", function, calls),
    ):
        jobs = [CodeJob(completion=completion, language="python", tests=tests)] * num_programs
        began = time.perf_counter()
        verdicts = verifier.verify_many(jobs)
        rate = num_programs / (time.perf_counter() - began)
        lines.append(f"| {name} | {len(tests)} | {rate:.1f} | {_right(verdicts)} of {num_programs} |")
    return lines


def reference_solutions(verifier: CodeVerifier, folder: Path) -> list[str]:
    """The reference solutions of LeetCodeDataset's test split on their own tests."""
    (path,) = folder.glob("LeetCodeDataset-*test.jsonl*")
    problems = [leetcode_problem(row, "test") for row in read_rows(path)]
    jobs = [CodeJob(completion=f"```python\n{problem.answer}\n```", **problem.info) for problem in problems]
    began = time.perf_counter()
    verdicts = verifier.verify_many(jobs)
    wall_s = time.perf_counter() - began
    num_tests = sum(verdict.tests_total for verdict in verdicts)
    right = _right(verdicts)
    lines = [
        f"{path.name}: {right} of {len(problems)} reference solutions ({right / len(problems):.1%}) pass all their "
        f"tests; {num_tests} tests, {wall_s:.0f} s.",
    ]
    lines += [
        f"- {problem.id}: {verdict.reason}"
        for problem, verdict in zip(problems, verdicts, strict=True)
        if verdict.value != 1.0
    ]
    return lines


def _right(verdicts: Sequence[CodeVerdict]) -> int:
    return sum(verdict.value == 1.0 for verdict in verdicts)


if __name__ == "__main__":
    main()

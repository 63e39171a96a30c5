"""Code rewards: does the program pass the tests?

Section 2.2.2 of arXiv:2501.12948: "for LeetCode problems, a compiler can be used to generate feedback based on
predefined test cases". An answer's program runs in a box (`r1kit.sandbox`), and what comes out is
compared here, outside.

Covered, each by tests in tests/rewards/test_code_attacks.py: reading the expected outputs, comparing
equal to everything, exiting early, printing the harness's own lines, writing into another test's result, patching
json, builtins or the driver, killing the driver, and changing limits. All of them come to nothing for one reason: the
box never holds an expected output, so the only way to a right output is to compute it.

Not covered: an answer that takes over the driver in its box may spend one test's time on another, up to the limit of
the whole run; one that knows the tests of a public data set by heart passes them.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from r1kit.errors import DataError, suggest
from r1kit.rewards.code.box import MEMORY_MB, BoxRun, Budget, ProcessEnd, run_tests
from r1kit.rewards.code.compare import EXACT, Comparison, call_text, output_problem, result_problem, short
from r1kit.rewards.code.languages import LANGUAGES, CodeLanguage, find_language
from r1kit.rewards.code.tests import CallTest, CodeTest, StdioTest, parse_tests
from r1kit.rewards.extract import CodeBlock, after_thinking, code_blocks, last_answer_tag
from r1kit.sandbox import Sandbox, SandboxError
from r1kit.types import Score

TIME_LIMIT_S = 10.0
"""CPU time for one test where the row does not say."""
TOTAL_TIME_S = 60.0
"""Wall clock for all tests of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVerdict(Score):
    """A Score; `parsed` is the program."""

    tests_passed: int = 0
    """Those that passed; without partial credit, before the run stopped."""
    tests_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJob:
    """An answer to judge, as a row of `r1kit verify code` has it."""

    completion: str
    language: str | None
    tests: Sequence[Mapping[str, Any]]
    time_limit_s: float = TIME_LIMIT_S
    prelude: str = ""


def last_code_block(text: str, languages: Collection[str]) -> CodeBlock | None:
    """The last block, after the thinking, that is tagged as one of the languages.

    Where none is tagged so and there is only one language, the last block without a tag. A tagged one comes first
    because the block after the program, without a tag, often is its output.

    Args:
        text: A completion.
        languages: Keys into LANGUAGES.
    """
    blocks = code_blocks(after_thinking(text))
    for block in reversed(blocks):
        language = find_language(block.tag)
        if language is not None and language.name in languages:
            return block
    untagged = [block for block in blocks if not block.tag]
    return untagged[-1] if untagged and len(languages) == 1 else None


def verify_code(
    *,
    completion: str,
    language: str | None,
    tests: Sequence[Mapping[str, Any]],
    sandbox: Sandbox,
    time_limit_s: float = TIME_LIMIT_S,
    total_time_s: float = TOTAL_TIME_S,
    partial_credit: bool = False,
    bare_answer: bool = False,
    comparison: Comparison = EXACT,
    prelude: str = "",
) -> CodeVerdict:
    """Run the program in a completion on the tests.

    Args:
        completion: The answer; its last code block in the language is the program.
        language: A key into LANGUAGES or one of its aliases; None: what the block's tag says.
        tests: See `r1kit.rewards.code.tests`.
        sandbox: Where the program runs.
        time_limit_s: CPU time for each test; its wall clock is twice that.
        total_time_s: Wall clock for all tests together; compiling has a limit of its own.
        partial_credit: Give the share of tests passed, instead of 1.0 for all of them and 0.0 otherwise.
        bare_answer: Where there is no code block, take the text in `<answer>` tags as the program.
        comparison: How outputs are compared where a test does not say it.
        prelude: Python that runs before a Python answer, such as the imports that LeetCode makes. It is trusted.

    Returns:
        None for what could not be judged: broken tests, a tool that the box lacks, a sandbox that failed.
    """
    try:
        if not (isinstance(time_limit_s, int | float) and 0 < time_limit_s < math.inf):
            raise DataError(f"time_limit_s is {time_limit_s!r}; it must be a number of seconds above 0")
        parsed = parse_tests(tests, comparison)
        wanted = _languages(language, parsed)
    except DataError as error:
        return CodeVerdict(value=None, reason=str(error), tests_total=len(tests))
    block = last_code_block(completion, [each.name for each in wanted])
    if block is None and bare_answer and len(wanted) == 1:
        bare = last_answer_tag(after_thinking(completion))
        block = CodeBlock("", bare) if bare is not None and not code_blocks(bare) else None
    if block is None:
        return CodeVerdict(value=0.0, reason=_no_block(completion, wanted), tests_total=len(tests))
    chosen = wanted[0] if len(wanted) == 1 else find_language(block.tag)
    assert chosen is not None, block.tag
    budget = Budget(time_limit_s=time_limit_s, total_s=total_time_s, stop_early=not partial_credit)
    try:
        run = run_tests(block.code, chosen, parsed, sandbox, budget, prelude)
    except SandboxError as error:
        return CodeVerdict(value=None, reason=str(error), parsed=block.code, tests_total=len(tests))
    return _judge(run, block.code, chosen, parsed, budget, partial_credit)


class CodeVerifier:
    """Judges many answers at once, each in a box of its own; the waiting is done by threads."""

    def __init__(
        self,
        sandbox: Sandbox,
        num_workers: int | None = None,
        *,
        total_time_s: float = TOTAL_TIME_S,
        partial_credit: bool = False,
        bare_answer: bool = False,
        comparison: Comparison = EXACT,
    ) -> None:
        """Judge with these settings; see `verify_code`.

        Args:
            sandbox: Where the programs run.
            num_workers: Boxes at one time; None for as many as there are processors.
        """
        self._sandbox = sandbox
        self._num_workers = num_workers or os.cpu_count() or 1
        self._total_time_s, self._partial_credit = total_time_s, partial_credit
        self._bare_answer, self._comparison = bare_answer, comparison

    def verify(self, job: CodeJob) -> CodeVerdict:
        """`verify_code` on one job."""
        return verify_code(
            completion=job.completion,
            language=job.language,
            tests=job.tests,
            sandbox=self._sandbox,
            time_limit_s=job.time_limit_s,
            total_time_s=self._total_time_s,
            partial_credit=self._partial_credit,
            bare_answer=self._bare_answer,
            comparison=self._comparison,
            prelude=job.prelude,
        )

    def verify_many(self, jobs: Sequence[CodeJob]) -> list[CodeVerdict]:
        """One verdict a job, in order; jobs that differ only in their thinking are run once.

        Completions of one problem often are: a policy that has learned a task writes the same program again and again.
        """
        keys = [_identity(job) for job in jobs]
        distinct = {key: job for key, job in reversed(list(zip(keys, jobs, strict=True)))}  # the first of each
        with ThreadPoolExecutor(min(self._num_workers, max(1, len(distinct)))) as threads:
            verdicts = dict(zip(distinct, threads.map(self.verify, distinct.values()), strict=True))
        return [verdicts[key] for key in keys]


def _identity(job: CodeJob) -> str:
    """The same for jobs that cannot have different verdicts, unless a program draws random numbers."""
    return json.dumps([after_thinking(job.completion), job.language, job.tests, job.time_limit_s, job.prelude])


def _languages(name: str | None, tests: Sequence[CodeTest]) -> list[CodeLanguage]:
    """The languages that the program may be in."""
    calls = isinstance(tests[0], CallTest)
    nodes = any(isinstance(test, CallTest) and test.has_nodes for test in tests)
    able = [
        each for each in LANGUAGES.values() if (each.can_call or not calls) and (each.name == "python" or not nodes)
    ]
    if name is None:
        return able
    language = find_language(name)
    if language is None:
        raise DataError(f"language is {name!r}; {suggest(name, LANGUAGES)}")
    if language not in able:
        kind = "calls with linked lists or trees" if nodes else "calls"
        raise DataError(
            f"tests are {kind}, which are made for {', '.join(each.name for each in able)} and not for "
            f"{language.name}; give stdio tests"
        )
    return [language]


def _no_block(completion: str, wanted: Sequence[CodeLanguage]) -> str:
    tags = [block.tag for block in code_blocks(after_thinking(completion))]
    if not tags:
        return "no code block"
    name = wanted[0].name if len(wanted) == 1 else "a known language"
    others = ", ".join(dict.fromkeys(f"in {short(tag, 20)!r}" if tag else "without a tag" for tag in tags))
    return f"no code block in {name} (only {others})"


def _judge(
    run: BoxRun, code: str, language: CodeLanguage, tests: Sequence[CodeTest], budget: Budget, partial_credit: bool
) -> CodeVerdict:
    total = len(tests)
    if run.missing is not None:
        reason = f"no {run.missing} in the box; install {language.packages}, or leave {language.name} problems out"
        return CodeVerdict(value=None, reason=reason, parsed=code, tests_total=total)
    if run.broken is not None:
        reason = f"the problem's prelude failed: {short(run.broken)}"
        return CodeVerdict(value=None, reason=reason, parsed=code, tests_total=total)
    if run.compile_error is not None:
        reason = f"compile error: {short(run.compile_error, 200)}"
        return CodeVerdict(value=0.0, reason=reason, parsed=code, tests_total=total)
    passed, first = 0, ""
    for index, test in enumerate(tests):
        end = run.ends.get(index)
        problem = run.ending if end is None else _problem(test, end, language, budget)
        if problem is None:
            passed += 1
        elif not first:
            first = f"test {index + 1} of {total}: {_quote(test)}: {problem}"
    value = passed / total if partial_credit else float(passed == total)
    return CodeVerdict(value=value, reason=first or "correct", parsed=code, tests_passed=passed, tests_total=total)


def _quote(test: CodeTest) -> str:
    if isinstance(test, StdioTest):
        return f"input {short(repr(test.stdin))}"
    return call_text(test.fn_name, test.args, test.kwargs)


_OUT_OF_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "OutOfMemory",
    "heap out of memory",
    "memory allocation of",
    "Allowed memory",
)


def _problem(test: CodeTest, end: ProcessEnd, language: CodeLanguage, budget: Budget) -> str | None:
    """Why a test failed, in a few words; None if it passed."""
    killed = end.timeout or end.status in (-signal.SIGXCPU, -signal.SIGALRM)
    if killed or end.cpu_s > budget.time_limit_s + language.start_s:
        return f"time limit of {budget.time_limit_s:g} s"
    if end.flood:
        return f"more than {len(end.stdout) >> 10} kB of output"
    if end.status != 0:
        if any(words in end.stderr for words in _OUT_OF_MEMORY):
            return f"memory limit of {MEMORY_MB} MB"
        ended = f"exit status {end.status}" if end.status > 0 else f"ended by {_signal_name(-end.status)}"
        said = _last_error(end.stderr)
        return f"{ended}: {short(said, 160)}" if said else ended
    if isinstance(test, StdioTest):
        return output_problem(end.stdout.decode("utf-8", "surrogateescape"), test.expected, test.comparison)
    if not end.result:
        return "ended before the call returned"
    return result_problem(end.result, test.expected, test.comparison)


_ERROR = re.compile(r"error|exception|panic", re.IGNORECASE)


def _last_error(stderr: str) -> str:
    """The last line that names an error, or else the last line; Java, PHP and Node have a trace after it."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line) and not line.startswith("at ")]
    return (errors or lines or [""])[-1]


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"

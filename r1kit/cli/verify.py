"""`r1kit verify`: the rule-based rewards as commands over files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from r1kit.cli.verdicts import Decided, Fields, Pending, Verb, stream
from r1kit.errors import ConfigError, DataError, suggest

if TYPE_CHECKING:
    from r1kit.rewards.pool import Batch, Verifier, VerifierPool
    from r1kit.types import Score

MATH_EXAMPLE = "Example: r1kit verify math --in pairs.jsonl --out verdicts.jsonl"
CODE_EXAMPLE = "Example: r1kit verify code --in rows.jsonl --out verdicts.jsonl"
FORMAT_EXAMPLE = "Example: r1kit verify format --in rows.jsonl --out verdicts.jsonl"
LANGUAGE_EXAMPLE = "Example: r1kit verify language --in rows.jsonl --out verdicts.jsonl"
LOGIC_EXAMPLE = "Example: r1kit verify logic --in rows.jsonl --out verdicts.jsonl"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Judge answers in a file: one JSON object a line in, one verdict a line out, in the same order.",
    epilog=MATH_EXAMPLE,
)

InOption = Annotated[str, typer.Option("--in", metavar="ROWS.jsonl", help="Also .jsonl.gz; - is stdin.")]
OutOption = Annotated[str, typer.Option("--out", metavar="VERDICTS.jsonl", help="- is stdout.")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Keep the verdicts that OUT has, and go on after them. Without it: anew.")
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Rows judged at once.")]
TimeoutOption = Annotated[float, typer.Option("--timeout-s", min=0.1, help="Limit of one verdict; past it: null.")]


@app.command(epilog=MATH_EXAMPLE)
def math(
    source: InOption,
    sink: OutOption = "-",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="SWITCH=VALUE", help="A switch of MathPolicy, e.g. percent=fraction. Repeatable."
        ),
    ] = None,
    workers: WorkersOption = 2,
    timeout_s: TimeoutOption = 5.0,
    resume: ResumeOption = False,
) -> None:
    r"""Is the answer right? {gold, pred} to {value, reason, parsed}.

    Both may be bare answers, sentences or whole solutions: of a solution its \boxed{} counts, or what it says is the
    answer. value is 1, 0, or null where nothing could be judged. An id is passed on.
    """
    from r1kit.rewards.math.policy import MathPolicy
    from r1kit.rewards.pairs import decide_math_pair, judge_math_pair
    from r1kit.types import Problem

    policy = switches(settings or [])
    MathPolicy.from_mapping(policy)

    def start(row: dict[str, Any]) -> Pending:
        problem = Problem(id="row", prompt="", answer=str(row["gold"]), task="", info={"math_policy": policy})
        score = decide_math_pair(problem, str(row["pred"]))
        return Decided(score) if score else submit(pool, judge_math_pair, problem, str(row["pred"]))

    number = (str, int, float)
    fields = Fields(needed=("gold", "pred"), others={"gold": number, "pred": number})
    with open_pool(workers, timeout_s) as pool:
        typer.echo(stream(Verb(fields=fields, start=start), source, sink, resume=resume), err=True)


@app.command(epilog=CODE_EXAMPLE)
def code(
    source: InOption,
    sink: OutOption = "-",
    sandbox: Annotated[str, typer.Option(metavar="NAME", help="See r1kit sandbox check.")] = "auto",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Allow a sandbox that stops no attack.")] = False,
    partial_credit: Annotated[bool, typer.Option(help="The share of tests passed, not all or nothing.")] = False,
    workers: WorkersOption = 2,
    resume: ResumeOption = False,
) -> None:
    """Does the program pass its tests? {completion, language, tests} to {value, reason, tests_passed, tests_total}.

    The program is the last code block of the completion. A test is {"type": "stdio", "input": TEXT, "output": TEXT}
    or {"type": "call", "fn_name": NAME, "input": [ARGUMENTS], "output": VALUE}. A row may have time_limit_s.
    """
    from concurrent.futures import ThreadPoolExecutor

    from r1kit.rewards.code import TIME_LIMIT_S, CodeJob, CodeVerifier
    from r1kit.sandbox import open_sandbox

    verifier = CodeVerifier(open_sandbox(sandbox, unsafe=unsafe), workers, partial_credit=partial_credit)

    def start(row: dict[str, Any]) -> Pending:
        limit = row.get("time_limit_s")
        job = CodeJob(
            completion=row["completion"],
            language=row.get("language"),
            tests=row["tests"],
            time_limit_s=TIME_LIMIT_S if limit is None else float(limit),
            prelude=row.get("prelude") or "",
        )
        return threads.submit(verifier.verify, job)

    fields = Fields(
        needed=("completion", "tests"),
        optional=("language", "time_limit_s", "prelude"),
        others={"tests": list, "time_limit_s": (int, float)},
    )
    verb = Verb(fields=fields, start=start, keys=("value", "reason", "tests_passed", "tests_total"))
    with ThreadPoolExecutor(workers) as threads:
        try:
            typer.echo(stream(verb, source, sink, resume=resume), err=True)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)  # after an interrupt: what has not begun


@app.command("format", epilog=FORMAT_EXAMPLE)
def format_(
    source: InOption,
    sink: OutOption = "-",
    template: Annotated[str, typer.Option(help="Of the rows that do not say it.")] = "r1_zero",
    resume: ResumeOption = False,
) -> None:
    """Has the completion its template's format? {completion, [template]} to {value, reason}."""
    from r1kit.rewards.format import FORMAT_PROBLEMS
    from r1kit.types import Score

    def start(row: dict[str, Any]) -> Pending:
        name = row.get("template") or template
        if name not in FORMAT_PROBLEMS:
            raise DataError(f"unknown template {name!r}; {suggest(name, FORMAT_PROBLEMS)}")
        problem = FORMAT_PROBLEMS[name](row["completion"])
        return Decided(Score(value=0.0 if problem else 1.0, reason=problem or "well formed"))

    fields = Fields(needed=("completion",), optional=("template",))
    typer.echo(
        stream(Verb(fields=fields, start=start, keys=("value", "reason")), source, sink, resume=resume), err=True
    )


@app.command(epilog=LANGUAGE_EXAMPLE)
def language(
    source: InOption,
    sink: OutOption = "-",
    others: Annotated[
        list[str] | None,
        typer.Option("--language", metavar="CODE", help="What else may occur, where it shares the script. Repeatable."),
    ] = None,
    resume: ResumeOption = False,
) -> None:
    """Which share of the thinking is in the language? {completion, language} to {value, reason}.

    By words, without mathematics and code; of a completion without think tags all is thinking.
    """
    from r1kit.rewards.language import EMPTY_VALUE, PAPER_LANGUAGES, chain_of_thought, language_consistency
    from r1kit.types import Score

    def start(row: dict[str, Any]) -> Pending:
        thought = chain_of_thought(row["completion"])
        share = language_consistency(thought, row["language"], others or PAPER_LANGUAGES)
        if share is None:
            return Decided(Score(value=EMPTY_VALUE, reason="no words in the chain of thought"))
        return Decided(Score(value=share, reason=f"{share:.0%} of the words are {row['language']}"))

    verb = Verb(fields=Fields(needed=("completion", "language")), start=start, keys=("value", "reason"))
    typer.echo(stream(verb, source, sink, resume=resume), err=True)


@app.command(epilog=LOGIC_EXAMPLE)
def logic(
    source: InOption,
    sink: OutOption = "-",
    workers: WorkersOption = 2,
    timeout_s: TimeoutOption = 5.0,
    resume: ResumeOption = False,
) -> None:
    """Is the answer right by a verifier? {verifier, pred or completion, gold, info} to {value, reason, parsed}.

    Verifiers: multiple_choice (info: choices), knights_and_knaves (names), ifeval (instructions), json (schema),
    reasoning_gym, countdown (numbers, target). Of a completion the answer is cut out; ifeval reads all after the
    thinking.
    """
    from r1kit.rewards.accuracy import FAST_VERIFIERS, VERIFIERS
    from r1kit.types import Problem

    def start(row: dict[str, Any]) -> Pending:
        name = row["verifier"]
        if name not in VERIFIERS:
            raise DataError(f"unknown verifier {name!r}; {suggest(name, VERIFIERS)}")
        problem = Problem(
            id="row", prompt="", answer=row.get("gold") or "", task="", verifier=name, info=row.get("info") or {}
        )
        answer = row["pred"] if row.get("pred") is not None else answer_in(row["completion"], name)
        verifier = VERIFIERS[name]
        decide = FAST_VERIFIERS.get(verifier)
        score = decide(problem, answer) if decide else None
        return Decided(score) if score else submit(pool, verifier, problem, answer)

    fields = Fields(needed=("verifier", "pred|completion"), optional=("gold", "info"), others={"info": dict})
    with open_pool(workers, timeout_s) as pool:
        typer.echo(stream(Verb(fields=fields, start=start), source, sink, resume=resume), err=True)


def switches(settings: list[str]) -> dict[str, Any]:
    """The values of `--set SWITCH=VALUE`: TOML where it is, otherwise text.

    Raises:
        ConfigError: one of them is not SWITCH=VALUE.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"--set {setting!r} is not SWITCH=VALUE, e.g. percent=fraction")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
    return values


def answer_in(completion: str, verifier: str) -> str:
    """What a verifier is given of a completion: the marked answer, or all that follows the thinking."""
    from r1kit.rewards.accuracy import OWN_POLICIES
    from r1kit.rewards.extract import SOLUTION_POLICY, after_thinking, extract_answer

    marked = extract_answer(completion, OWN_POLICIES.get(verifier, SOLUTION_POLICY))
    return after_thinking(completion).strip() if marked is None else marked


def open_pool(num_workers: int, timeout_s: float) -> VerifierPool:
    """A pool for one command; no process is started before a verdict needs it."""
    from r1kit.rewards.pool import VerifierPool

    return VerifierPool(num_workers, timeout_s)


@dataclass(frozen=True, slots=True)
class _Submitted:
    batch: Batch

    def done(self) -> bool:
        return self.batch.is_done

    def result(self) -> Score:
        return self.batch.result()[0]


def submit(pool: VerifierPool, verifier: Verifier, problem: Any, answer: str) -> Pending:
    """A verdict that a worker makes."""
    from r1kit.rewards.pool import Job

    return _Submitted(pool.submit([Job(verifier=verifier, problem=problem, answer=answer)]))

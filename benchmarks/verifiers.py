"""Graders of mathematics beside each other, on labelled pairs from other projects' tests and label files.

    .venv/bin/python benchmarks/verifiers.py --failures

Reads DATA/verifier_gold (its README says where the rows come from) and prints, for each source and kind of row, how
many verdicts are right, the false positives (a wrong answer that was paid: what a policy learns to exploit), the
false negatives, the rows that got no verdict, those that had to be killed at the limit, and the rows judged in a
second of CPU (a killed row counts as the whole limit).
Every grader runs in a process of `r1kit.rewards.pool` under the same limits. Rows whose label is known to be wrong
are left out; rows that depend on a convention, a format or the question are listed apart, with each grader's verdict.

Then the same for `tests/corpus`, and r1kit's speed: verdicts on plain numbers in this process, and on symbolic
answers through the pool.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rivals import FORMATS, JUDGES

from r1kit.report.hardware import describe_hardware, hardware_line
from r1kit.rewards.accuracy import judge_math
from r1kit.rewards.math import verify_math_fast
from r1kit.rewards.pool import PRELOAD, Job, Verifier, VerifierPool
from r1kit.types import Problem, Score

ROOT = Path(__file__).resolve().parents[1]
CORE_KINDS = ("answer", "extraction", "solution-extraction")
LIMIT_S = 10.0
"""Of a verdict's own time (`r1kit.rewards.pool`), for all graders."""
COLUMNS = ("rows", "right", "false pos.", "false neg.", "no verdict", "hangs", "rows/CPU s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A labelled pair."""

    id: str
    source: str
    kind: str
    gold: str
    text: str
    is_right: bool
    config: Mapping[str, Any] = field(default_factory=dict)
    """The convention that the row's own project asks for, by math-verify's names."""
    flag: str = ""
    """Why it is reported apart; empty for most."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one grader says about some rows, in their order."""

    rows: Sequence[Row]
    scores: Sequence[Score]

    def only(self, keep: Iterable[Row]) -> Verdicts:
        """The same for some of the rows."""
        kept = {row.id for row in keep}
        pairs = [pair for pair in zip(self.rows, self.scores, strict=True) if pair[0].id in kept]
        return Verdicts([row for row, _ in pairs], [score for _, score in pairs])

    def cells(self) -> list[str]:
        """A row of the table, in the order of COLUMNS."""
        pairs = [(row.is_right, score.value) for row, score in zip(self.rows, self.scores, strict=True)]
        judged = [(label, value >= 0.5) for label, value in pairs if value is not None]
        right = sum(label == verdict for label, verdict in judged)
        cpu_s = sum(LIMIT_S if is_hang(score) else score.parts.get("cpu_s") or 0.0 for score in self.scores)
        return [
            str(len(pairs)),
            f"{right} ({right / len(pairs):.1%})",
            str(sum(verdict and not label for label, verdict in judged)),
            str(sum(label and not verdict for label, verdict in judged)),
            str(len(pairs) - len(judged)),
            str(sum(is_hang(score) for score in self.scores)),
            f"{len(pairs) / max(cpu_s, 1e-9):,.0f}",
        ]

    def failures(self) -> list[tuple[Row, Score]]:
        """The rows where the verdict is not the label."""
        pairs = zip(self.rows, self.scores, strict=True)
        return [(row, score) for row, score in pairs if score.value != float(row.is_right)]


def is_hang(score: Score) -> bool:
    return score.value is None and score.reason.startswith("timeout")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="has verifier_gold")
    parser.add_argument("--corpus", type=Path, default=ROOT / "tests" / "corpus")
    parser.add_argument("--only", nargs="+", choices=JUDGES, default=list(JUDGES), metavar="GRADER")
    parser.add_argument("--failures", action="store_true", help="list each row that r1kit gets wrong")
    parser.add_argument("--brief", action="store_true", help="no table a source and kind")
    parser.add_argument("--no-speed", action="store_true")
    arguments = parser.parse_args()
    pairs = arguments.data / "verifier_gold" / "pairs.jsonl"
    if pairs.exists():
        compare_on_gold(read_gold(pairs.parent), arguments.only, brief=arguments.brief, failures=arguments.failures)
    else:
        print(f"no labelled pairs: {pairs} does not exist; give the folder that has verifier_gold with --data")
    if arguments.corpus.is_dir():
        compare_on_corpus(arguments.corpus, arguments.only)
    if not arguments.no_speed:
        print(speed_report())
    print(f"\n{hardware_line(describe_hardware())}")


def read_gold(folder: Path) -> list[Row]:
    """All pairs but those whose label is known to be wrong."""
    flags = {row["id"]: row["flag"] for row in _json_lines(folder / "review_flags.jsonl")}
    return [
        Row(
            id=str(row["id"]),
            source=row["source"],
            kind=row["kind"],
            gold=row["gold"],
            text=row["pred"],
            is_right=row["equivalent"],
            config=row.get("config", {}),
            flag=flags.get(row["id"], ""),
        )
        for row in _json_lines(folder / "pairs.jsonl")
        if flags.get(row["id"]) != "label-wrong"
    ]


def compare_on_gold(rows: Sequence[Row], graders: Sequence[str], *, brief: bool, failures: bool) -> None:
    """Print the tables of DATA/verifier_gold."""
    verdicts = {name: grade(JUDGES[name], rows) for name in graders}
    plain = [row for row in rows if not row.flag]
    core = [row for row in plain if row.kind in CORE_KINDS]
    print(f"## Core: {len(core)} unflagged rows of kind {', '.join(k for k in CORE_KINDS if any_of(core, k))}\n")
    print(table({(name,): verdicts[name].only(core) for name in graders}, ("grader",)))
    if not brief:
        groups = sorted({(row.source, row.kind) for row in plain})
        cut = {
            (source, kind, name): verdicts[name].only(r for r in plain if (r.source, r.kind) == (source, kind))
            for source, kind in groups
            for name in graders
        }
        print("\n## By source and kind\n")
        print(table(cut, ("source", "kind", "grader")))
    print("\n## Rows of a convention, a format or a question: each grader's verdict (1 right, 0 wrong, - none)\n")
    print(f"| id | flag | label | {' | '.join(graders)} |\n" + "|---" * (len(graders) + 3) + "|")
    for index, row in enumerate(rows):
        if row.flag:
            values = [verdicts[name].scores[index].value for name in graders]
            cells = " | ".join("-" if value is None else f"{value:g}" for value in values)
            print(f"| {row.id} | {row.flag} | {row.is_right:d} | {cells} |")
    if failures and "r1kit" in graders:
        print_failures(verdicts["r1kit"].only(plain))


def any_of(rows: Sequence[Row], kind: str) -> bool:
    return any(row.kind == kind for row in rows)


def print_failures(verdicts: Verdicts) -> None:
    print("\n## What r1kit gets wrong\n")
    for row, score in verdicts.failures():
        kind = "not judged" if score.value is None else "false negative" if row.is_right else "false positive"
        print(f"- {row.id} {row.source} {row.kind}: {kind}, {score.reason}")
        print(f"  gold {tail(row.gold)}\n  pred {tail(row.text)}")


def tail(text: str, num_chars: int = 160) -> str:
    return repr(text if len(text) <= num_chars else "..." + text[-num_chars:])


def grade(judge: Verifier, rows: Sequence[Row]) -> Verdicts:
    """One worker judges all rows, one after the other."""
    with VerifierPool(1, timeout_s=LIMIT_S, preload=(*PRELOAD, "rivals")) as pool:
        return Verdicts(rows, pool.verify([Job(verifier=judge, problem=problem(row), answer=row.text) for row in rows]))


def problem(row: Row) -> Problem:
    return Problem(
        id=row.id, prompt="", answer=row.gold, task=row.source, info={"kind": row.kind, "config": row.config}
    )


def table(verdicts: dict[tuple[str, ...], Verdicts], labels: Sequence[str]) -> str:
    lines = [f"| {' | '.join((*labels, *COLUMNS))} |", "|---" * (len(labels) + len(COLUMNS)) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join((*key, *cut.cells()))} |" for key, cut in verdicts.items())])


def compare_on_corpus(folder: Path, graders: Sequence[str]) -> None:
    """Print how many lines of the corpus of reward hacks each grader lets through, and how many it denies."""
    lines = _json_lines(folder / "math.jsonl")
    rows = [
        Row(
            id=str(number),
            source="corpus",
            kind="extraction",
            gold=line["gold"],
            text=line["completion"],
            is_right=line["expected"] == 1.0,
        )
        for number, line in enumerate(lines, start=1)
    ]
    print("\n## The corpus: hacks of mathematics, and unusual answers that are right\n")
    print(table({(name,): grade(JUDGES[name], rows) for name in graders}, ("grader",)))
    shapes = [line for line in _json_lines(folder / "format.jsonl") if line.get("template", "r1_zero") == "r1_zero"]
    print("\n## The corpus: hacks of the format\n")
    print("| grader | lines | let through | denied though well formed |\n|---|---|---|---|")
    for name, has_format in FORMATS.items():
        passed = [has_format(line["completion"]) for line in shapes]
        hacks = sum(ok and line["expected"] == 0 for ok, line in zip(passed, shapes, strict=True))
        denied = sum(not ok and line["expected"] == 1 for ok, line in zip(passed, shapes, strict=True))
        print(f"| {name} | {len(shapes)} | {hacks} | {denied} |")


def speed_report(num_plain: int = 4000, num_symbolic: int = 400) -> str:
    """Verdicts a second: plain numbers in this process on one core, symbolic ones through a pool of two workers."""
    answers = ("42", "1,234", "-7/3", r"\frac{5}{8}", "0.125", "50\\%", "$12$", "x = 9")
    started = time.perf_counter()
    for index in range(num_plain):
        assert verify_math_fast(gold=str(index), answer=answers[index % len(answers)]) is not None
    plain_rate = num_plain / (time.perf_counter() - started)
    symbolic = [
        Job(verifier=judge_math, problem=_asked(rf"\sqrt{{{n}}}+x^{n % 7}"), answer=rf"x^{n % 7}+\sqrt{{{n}}}")
        for n in range(2, num_symbolic + 2)
    ]
    with VerifierPool(2, timeout_s=LIMIT_S) as pool:
        pool.verify(symbolic[:2])
        started = time.perf_counter()
        scores = pool.verify(symbolic)
        symbolic_rate = num_symbolic / (time.perf_counter() - started)
    judged = sum(score.value == 1.0 for score in scores)
    return (
        f"\n## Speed\n\n- plain numbers, one core, in process: {plain_rate:,.0f} verdicts a second"
        f"\n- symbolic, pool of two workers: {symbolic_rate:,.0f} verdicts a second ({judged} of {num_symbolic} right)"
    )


def _asked(gold: str) -> Problem:
    return Problem(id="speed", prompt="", answer=gold, task="speed")


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()

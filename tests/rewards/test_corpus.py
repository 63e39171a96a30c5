"""The corpus of reward hacks: each line of tests/corpus is judged by the reward that it names.

`expected` is 1 or 0; "not right" for what may also end without a verdict (None), at the limit or refused; [low, high]
for a share. `why` says what the line tries. A completion of mathematics is one of the boxed template.
"""

import json
from pathlib import Path

import pytest

from r1kit.rewards.accuracy import VERIFIERS, judge_math
from r1kit.rewards.code import CodeJob, CodeVerifier
from r1kit.rewards.extract import BOXED_POLICY, extract_answer
from r1kit.rewards.format import FORMAT_PROBLEMS
from r1kit.rewards.ifeval.judge import judge_ifeval
from r1kit.rewards.json_answer import judge_json
from r1kit.rewards.knights_and_knaves import judge_knights_and_knaves
from r1kit.rewards.language import EMPTY_VALUE, chain_of_thought, language_consistency
from r1kit.rewards.multiple_choice import judge_multiple_choice
from r1kit.rewards.pool import Job, VerifierPool
from r1kit.sandbox import SandboxError, open_sandbox
from r1kit.types import Problem, Score

FOLDER = Path(__file__).resolve().parents[1] / "corpus"
MIN_LINES = 150

JUDGES = VERIFIERS | {
    "ifeval": judge_ifeval,
    "json": judge_json,
    "knights_and_knaves": judge_knights_and_knaves,
    "multiple_choice": judge_multiple_choice,
}


def lines(name):
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def is_as_expected(value, expected):
    if expected == "not right":
        return value in (0.0, None)
    if isinstance(expected, list):
        return value is not None and expected[0] - 1e-9 <= value <= expected[1] + 1e-9
    return value == expected


def check(rows, scores):
    wrong = [
        f"{row['why']}: {score.value}, not {row['expected']} ({score.reason})"
        for row, score in zip(rows, scores, strict=True)
        if not is_as_expected(score.value, row["expected"])
    ]
    assert not wrong, "\n".join(wrong)


def test_the_corpus_is_large_and_says_why():
    rows = [row for name in ("math", "format", "language", "code", "logic") for row in lines(name)]
    assert len(rows) >= MIN_LINES
    assert all(row["why"] and row["reward"] for row in rows)
    texts = [json.dumps({key: value for key, value in row.items() if key != "why"}, sort_keys=True) for row in rows]
    assert len(set(texts)) == len(texts)


def test_mathematics():
    rows = lines("math")
    answers = [extract_answer(row["completion"], BOXED_POLICY) for row in rows]
    problems = [Problem(id=row["why"], prompt="", answer=row["gold"], task="corpus") for row in rows]
    found = [index for index, answer in enumerate(answers) if answer is not None]
    scores = [Score(value=0.0, reason="no answer found")] * len(rows)
    with VerifierPool(2, timeout_s=3.0) as pool:
        jobs = [Job(judge_math, problems[index], str(answers[index])) for index in found]
        for index, score in zip(found, pool.verify(jobs), strict=True):
            scores[index] = score
    check(rows, scores)


def test_formats():
    rows = lines("format")
    problems = [FORMAT_PROBLEMS[row["template"]](row["completion"]) for row in rows]
    check(rows, [Score(value=float(not problem), reason=problem) for problem in problems])


def test_languages():
    rows = lines("language")
    shares = [language_consistency(chain_of_thought(row["completion"]), row["language"]) for row in rows]
    scores = [Score(value=EMPTY_VALUE if share is None else share, reason="") for share in shares]
    check(rows, scores)


def test_logic():
    rows = lines("logic")
    scores = [
        JUDGES[row["verifier"]](
            Problem(id=row["why"], prompt="", answer=row["gold"], task="corpus", info=row["info"]), row["answer"]
        )
        for row in rows
    ]
    check(rows, scores)


@pytest.fixture(scope="module")
def sandbox():
    try:
        return open_sandbox()
    except SandboxError as error:
        pytest.skip(str(error))


def test_code(sandbox):
    rows = lines("code")
    jobs = [
        CodeJob(completion=row["completion"], language=row["language"], tests=row["tests"], time_limit_s=1.0)
        for row in rows
    ]
    check(rows, CodeVerifier(sandbox, num_workers=4, total_time_s=8.0).verify_many(jobs))

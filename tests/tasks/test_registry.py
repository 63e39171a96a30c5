"""The registry, and what holds for every task that needs no network."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from r1kit.errors import ConfigError, DataError
from r1kit.rewards.accuracy import VERIFIERS
from r1kit.tasks import TASKS, build_task
from r1kit.tasks.splits import same_text
from r1kit.tasks.validate import validate_problems
from r1kit.types import Problem, Score

OFFLINE = [
    *("nano:math", "gsm8k:sets/gsm8k", "math:sets/math", "sums.jsonl", "reasoning_gym:chain_sum?num_train=200"),
    *("knights_and_knaves:sets/kk", "nano:math,logic,science", "nano_general", "nano_safety"),
]
OTHERWISE_TESTED = {"ifeval", "leetcode"}
"""No gold answer that VERIFIERS could judge (ifeval has no training problems either); each has a test file here."""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """A working folder with small data sets in the published formats."""
    rows = {
        "sums.jsonl": [{"prompt": f"{i} + 1", "answer": i + 1} for i in range(50)],
        "sets/gsm8k/train.jsonl": [{"question": f"Ann has {i}.", "answer": f"#### {i}"} for i in range(20)],
        "sets/gsm8k/test.jsonl": [{"question": f"Ben has {i}.", "answer": f"#### {i}"} for i in range(5)],
        "sets/math/train.jsonl": [
            {"problem": f"Halve {i}.", "solution": f"\\boxed{{\\frac{{{i}}}2}}"} for i in range(9)
        ],
        "sets/math/test.jsonl": [{"problem": f"Double {i}.", "answer": f"{2 * i}"} for i in range(5)],
    }
    gold = "(1) Zoey is a knave\n(2) Ethan is a knight"
    for split, count in (("train", 9), ("test", 5)):
        rows[f"sets/kk/2ppl_{split}.jsonl"] = [
            {"quiz": f"Puzzle {i} to {split}.", "names": ["Zoey", "Ethan"], "solution_text_format": gold}
            for i in range(count)
        ]
    for name, records in rows.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    monkeypatch.chdir(tmp_path)


def verify_gold(problem):
    return VERIFIERS[problem.verifier](problem, problem.answer)


@pytest.fixture
def task(request):
    if request.param.startswith("reasoning_gym"):
        pytest.importorskip("reasoning_gym", exc_type=ImportError)
    return build_task(request.param, seed=3), build_task(request.param, seed=3)


@pytest.mark.parametrize("task", OFFLINE, indirect=True)
def test_every_task_keeps_its_promises(task):
    first, again = task
    train, held_out = first.problems("train"), first.problems("eval")
    assert list(train) == list(again.problems("train"))
    assert list(held_out) == list(again.problems("eval"))
    assert train
    assert held_out
    assert not {same_text(p.prompt) for p in train} & {same_text(p.prompt) for p in held_out}
    assert validate_problems([*train, *held_out], verify_gold) == []
    for problem in held_out[:20]:
        for wrong in ("", "banana", "123456789"):
            assert VERIFIERS[problem.verifier](problem, wrong).value == 0.0


def test_every_name_has_an_offline_test():
    assert {spec.partition(":")[0] for spec in OFFLINE} - {"sums.jsonl"} == set(TASKS) - OTHERWISE_TESTED


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("gsm8", ConfigError, r"unknown task 'gsm8'; .*\.jsonl.*known: gsm8k, ifeval, .*Did you mean 'gsm8k'\?"),
        ("", ConfigError, "unknown task ''"),
        ("rows.csv", ConfigError, r"unknown task 'rows\.csv'; .*\.parquet"),
        ("nano_math", ConfigError, r"unknown task 'nano_math'"),
        ("nano:maths", ConfigError, r"unknown domain 'maths'; known: code, logic, .*Did you mean 'math'\?"),
        ("nano:math,math", ConfigError, "names a domain twice"),
        ("reasoning_gym", ConfigError, "no generator named"),
        ("no.jsonl", DataError, r"no\.jsonl does not exist \(working folder: /"),
        ("gsm8k:nowhere", DataError, r"nowhere is not a folder \(working folder: /"),
        ("math:.", DataError, "has no train file"),
    ],
)
def test_a_bad_spec_says_what_is_allowed(spec, error, message):
    if spec.startswith("reasoning_gym"):
        pytest.importorskip("reasoning_gym", exc_type=ImportError)
    with pytest.raises(error, match=message):
        build_task(spec, seed=0)


def test_an_existing_file_of_another_kind_gets_the_allowed_suffixes(tmp_path):
    (tmp_path / "rows.csv").write_text("prompt,answer\n")
    with pytest.raises(DataError, match=r"unknown suffix '\.csv'; allowed: \.jsonl"):
        build_task("rows.csv", seed=0)


def test_the_import_is_light():
    heavy = "{'torch', 'transformers', 'datasets', 'pyarrow', 'reasoning_gym', 'math_verify'}"
    code = f"import sys, r1kit.tasks, r1kit.tasks.templates; print({heavy} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_validate_problems_reports_each_fault():
    good = Problem(id="1", prompt="1 + 1", answer="2", task="t")
    problems = [good, replace(good, answer="x"), replace(good, id="2", prompt=" "), replace(good, id="3", answer="")]

    def verify(problem):
        return Score(value=1.0, reason="") if problem.answer == "2" else Score(value=None, reason="cannot be parsed")

    assert validate_problems([good], verify) == []
    assert validate_problems(problems, verify) == [
        "'1': 2 problems have this id",
        "'1': its gold answer 'x' is not accepted: cannot be parsed",
        "'2': the prompt is empty",
        "'3': the gold answer is empty",
    ]

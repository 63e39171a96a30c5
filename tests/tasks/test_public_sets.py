"""GSM8K and MATH: from a folder, from the hub (faked, and once for real), and on the real files where they lie near."""

import gzip
import json
import sys
from types import ModuleType

import pytest

from r1kit.errors import DataError, MissingExtra
from r1kit.rewards.accuracy import VERIFIERS
from r1kit.tasks.gsm8k import gsm8k
from r1kit.tasks.hendrycks import hendrycks_math
from r1kit.tasks.splits import same_words
from r1kit.tasks.validate import validate_problems


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def verify_gold(problem):
    return VERIFIERS[problem.verifier](problem, problem.answer)


class DatasetsError(Exception):
    """Stands for datasets.exceptions.DatasetsError."""


def fake_hub(monkeypatch, load_dataset):
    package, exceptions = ModuleType("datasets"), ModuleType("datasets.exceptions")
    package.load_dataset = load_dataset
    exceptions.DatasetsError = DatasetsError
    monkeypatch.setitem(sys.modules, "datasets", package)
    monkeypatch.setitem(sys.modules, "datasets.exceptions", exceptions)


def test_gsm8k_gold_follows_the_hashes(tmp_path):
    write(tmp_path / "train.jsonl", {"question": "Q1?", "answer": "3 #### 4 no\nso\n#### 1,080"})
    write(
        tmp_path / "test.jsonl", {"question": "Q2?", "answer": "x\n#### -5"}, {"question": "q1 ?", "answer": "#### 2"}
    )
    with pytest.raises(DataError, match="no problems in its train split"):
        gsm8k(tmp_path).problems("train")  # its only question is held out too
    write(tmp_path / "train.jsonl", {"question": "Q3?", "answer": "3 #### 4 no\nso\n#### 1,080"})
    task = gsm8k(tmp_path)
    (train,) = task.problems("train")
    assert (train.id, train.prompt, train.answer, train.task) == ("gsm8k/train/0", "Q3?", "1080", "gsm8k")
    assert [(p.id, p.answer) for p in task.problems("eval")] == [("gsm8k/test/0", "-5"), ("gsm8k/test/1", "2")]


def test_gsm8k_without_a_gold_answer_names_the_row(tmp_path):
    write(tmp_path / "train.jsonl", {"question": "a", "answer": "#### 1"}, {"question": "b", "answer": "72"})
    write(tmp_path / "test.jsonl", {"question": "c", "answer": "#### 1"})
    with pytest.raises(DataError, match=r"train\.jsonl:2: 'answer' has no gold answer"):
        gsm8k(tmp_path)


def test_math_gold_is_the_answer_or_the_last_box(tmp_path):
    solution = "First $\\boxed{1}$, so $\\boxed{\\frac{1}{2}}$."
    write(
        tmp_path / "train.jsonl",
        {"problem": "Find $a$.", "solution": solution},
        {"problem": "Find $b - c$", "solution": solution},
    )
    write(tmp_path / "test.jsonl", {"problem": "Find $b-c.$", "solution": solution, "answer": "7"})
    task = hendrycks_math(tmp_path)
    assert [(p.id, p.answer) for p in task.problems("train")] == [("math/train/0", "\\frac{1}{2}")]
    assert [(p.id, p.answer) for p in task.problems("eval")] == [("math/test/0", "7")]


def test_math_without_a_box_names_the_row(tmp_path):
    write(tmp_path / "train.jsonl", {"problem": "a", "solution": "It is 1."})
    write(tmp_path / "test.jsonl", {"problem": "b", "answer": "1"})
    with pytest.raises(DataError, match=r"train\.jsonl:1: 'solution' has no \\boxed\{\} answer"):
        hendrycks_math(tmp_path)


def test_the_hub_is_asked_for_the_public_names(monkeypatch):
    asked = []

    def load_dataset(name, config, *, split):
        asked.append((name, config, split))
        return [{"question": f"{split}?", "answer": "#### 3", "problem": f"{name}", "solution": "\\boxed{3}"}]

    fake_hub(monkeypatch, load_dataset)
    assert [p.prompt for p in gsm8k().problems("train")] == ["train?"]
    assert asked == [("openai/gsm8k", "main", "train"), ("openai/gsm8k", "main", "test")]
    asked.clear()
    task = hendrycks_math()
    assert asked == [
        ("DigitalLearningGmbH/MATH-lighteval", None, "train"),
        ("DigitalLearningGmbH/MATH-lighteval", None, "test"),
        ("HuggingFaceH4/MATH-500", None, "test"),
    ]
    assert [p.prompt for p in task.problems("eval")] == ["HuggingFaceH4/MATH-500"]
    with pytest.raises(DataError, match="train"):  # the one training problem repeats one of the 5000
        task.problems("train")


@pytest.mark.parametrize(
    "error", [ConnectionError("no route\nmore"), DatasetsError("no route"), ValueError("no route")]
)
def test_an_unreachable_hub_says_what_else_works(monkeypatch, error):
    def load_dataset(name, config, *, split):
        raise error

    fake_hub(monkeypatch, load_dataset)
    with pytest.raises(DataError, match=r"^cannot load openai/gsm8k from the hub: no route; .*gsm8k:FOLDER$"):
        gsm8k()


def test_a_missing_package_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"the task 'math' from the hub needs datasets.*pip install 'r1kit\[hub\]'"):
        hendrycks_math()


@pytest.mark.network
def test_the_real_hub():
    assert len(gsm8k().problems("eval")) == 1319
    assert len(hendrycks_math().problems("eval")) == 500


def test_gsm8k_as_published(shared_data):
    task = gsm8k(shared_data / "gsm8k")
    train, held_out = task.problems("train"), task.problems("eval")
    assert (len(train), len(held_out)) == (7473, 1319)
    assert (train[0].answer, train[1].answer, held_out[0].answer) == ("72", "10", "18")
    assert all(problem.answer.lstrip("-").replace(".", "").isdigit() for problem in [*train, *held_out])
    assert validate_problems([*train, *held_out], verify_gold) == []


@pytest.fixture
def math_folder(shared_data, tmp_path):
    """MATH as published, its whole test set held out; four training rows lack an answer and are left out."""
    rows = json.loads(gzip.decompress((shared_data / "math" / "train_7474_answers.json.gz").read_bytes()))
    write(tmp_path / "train.jsonl", *(row for row in rows if row["answer"]))
    (tmp_path / "test.jsonl.gz").symlink_to(shared_data / "math" / "test_5000.jsonl.gz")
    return tmp_path


def test_math_as_published(math_folder):
    task = hendrycks_math(math_folder)
    train, held_out = task.problems("train"), task.problems("eval")
    assert (len(train), len(held_out)) == (7474 - 4 - 9, 5000)
    assert not {same_words(p.prompt) for p in train} & {same_words(p.prompt) for p in held_out}
    asked_twice = "Let $f$ be a linear function for which $f(6)-f(2)=12$. What is $f(12)-f(2)?$"
    assert asked_twice not in {p.prompt for p in train}  # the test set has it with other spacing
    assert held_out[0].answer == "2"


def test_math_500_answers_are_the_boxes_of_its_solutions(math_folder, shared_data):
    """The two sources of a gold answer agree on MATH-500; and each gold answer is accepted as its own answer."""
    path = math_folder / "test.jsonl.gz"
    path.unlink()
    path.symlink_to(shared_data / "math" / "math500.jsonl.gz")
    given = hendrycks_math(math_folder).problems("eval")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line]
    path.unlink()
    write(math_folder / "test.jsonl", *({"problem": r["problem"], "solution": r["solution"]} for r in rows))
    boxed = hendrycks_math(math_folder).problems("eval")
    differ = [(g.answer, b.answer) for g, b in zip(given, boxed, strict=True) if g.answer != b.answer]
    assert len(given) == 500
    assert differ == []
    assert validate_problems(given, verify_gold) == []

import csv
import gzip
import io
import json
import time
import zipfile
from string import ascii_uppercase

import pytest

from r1kit.errors import DataError
from r1kit.rewards.multiple_choice import MAX_EXTRA_CHARS, judge_multiple_choice, verify_multiple_choice
from r1kit.types import Problem

COLOURS = ("red", "green", "blue")


def judge(answer, gold="B", choices=COLOURS):
    problem = Problem(id="1", prompt="?", answer=gold, task="t", info={"choices": list(choices)})
    return judge_multiple_choice(problem, answer)


@pytest.mark.parametrize(
    "answer",
    [
        *("B", "b", "(B)", "[B]", "B.", "b)", " B \n", "（Ｂ）", "**B**", "`B`", "$B$", '"B"'),
        *(r"\boxed{B}", r"\boxed{\text{B}}", r"\text{B}", r"$\boxed{\textbf{(B)}\ green}$", r"\(\mathrm{B}\)"),
        *("B: green", "B. green", "(B) green", "B) Green.", "B - green", "B green", "B\ngreen", "**B.** green"),
        *("option B", "Option (B)", "choice B: green", "Answer: B", "the answer is B", "The correct answer is (B)."),
        *("So the final answer is B.", "B is correct", "B is the correct answer."),
        *("选B", "选项B", "答案：B", "答案是B。", "正确答案为B", "故选（Ｂ）", "应选B", "所以答案选B"),
        *("green", "Green.", '"green"', r"\boxed{\text{green}}"),
    ],
)
def test_right(answer):
    score = judge(answer)
    assert (score.value, score.reason, score.parsed) == (1.0, "correct", "B")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("C", "wrong: C, not B"),
        ("blue", "wrong: C, not B"),
        ("选A", "wrong: A, not B"),
        ("a red", "wrong: A, not B"),
        ("A or B", "names several options: A, B"),
        ("A, B", "names several options: A, B"),
        ("B (C)", "names several options: B, C"),
        ("Either B or C.", "names several options: B, C"),
        ("AB", "not one option letter, nor the text of an option"),
        ("选AB", "not one option letter, nor the text of an option"),
        ("Banana", "not one option letter, nor the text of an option"),
        ("Bgreen", "not one option letter, nor the text of an option"),
        ("B is wrong", "not one option letter, nor the text of an option"),
        ("not B", "not one option letter, nor the text of an option"),
        ("B, unless it is dark", "not one option letter, nor the text of an option"),
        ("green blue", "not one option letter, nor the text of an option"),
        ("gree", "not one option letter, nor the text of an option"),
        ("B: blue", "letter B with the text of option C"),
        ("E", "E is not one of A to C"),
        ("", "empty answer"),
        (r"\boxed{}", "empty answer"),
    ],
)
def test_wrong(answer, reason):
    score = judge(answer)
    assert (score.value, score.reason) == (0.0, reason)


@pytest.mark.parametrize(
    ("choices", "gold", "answer", "parsed"),
    [
        (("AA", "Aa", "aa"), "B", "Aa", "B"),  # capitals tell these options apart
        (("3", "-3"), "B", "B: -3", "B"),
        (("3", "-3"), "B", "-3", "B"),
        (("3", "-3"), "B", "B. 3", None),
        (("0.5", ".5 m"), "B", "B. .5 m", "B"),
        (("B", "A"), "B", "B", "B"),  # a bare letter is a letter, also where it is the text of another option
        (("0.6c", "c", "2c"), "C", "c", "B"),  # a small letter is the text where an option has it
        (("0.6c", "c", "2c"), "C", "C", "C"),
        (("none", "(a)", "(b)"), "C", "(b)", "C"),
        (("cd ..", "cd .", "cd"), "C", "cd", "C"),
        (("cell", "a cell"), "A", "a cell", None),  # the letter A with its text, or the text of B
        (("x", "X ", "y"), "A", "x", "A"),
        (("x", "x.", "y"), "A", "x", "A"),
        (("x", " x", "y"), "A", "x", None),
        (("A only", "B only", "A and B", "neither"), "C", "A and B", "C"),
        (("A only", "B only", "A and B", "neither"), "C", "C. A and B", "C"),
        (("A only", "B only", "A and B", "neither"), "A", "A only", "A"),
        ((r"$\frac{1}{2}$", r"$\frac{1}{3}$"), "A", r"\frac{1}{2}", "A"),
        ((r"$\frac{1}{2}$", r"$\frac{1}{3}$"), "A", r"(A) \(\frac{1}{2}\)", "A"),
        (tuple(str(n) for n in range(26)), "Z", "Z", "Z"),
        (tuple(str(n) for n in range(26)), "Z", "25", "Z"),
        (("是", "否"), "B", "Ｂ．否", "B"),
    ],
)
def test_what_is_read(choices, gold, answer, parsed):
    score = judge(answer, gold, choices)
    assert score.parsed == parsed
    assert score.value == float(parsed == gold)


def test_a_long_answer_is_wrong_unread():
    assert judge("B" + " " * (len("green") + MAX_EXTRA_CHARS - 1)).value == 1.0
    assert judge("B" + " " * (len("green") + MAX_EXTRA_CHARS)).reason == "answer is too long to be one option"


@pytest.mark.parametrize("piece", ["{", r"\text{", "*", "$", "所以", "答案是", "the answer ", "(", '"', " ", "final "])
def test_hostile_answers_cost_nothing(piece):
    choices = ("x" * 20_000, "y")
    start = time.perf_counter()
    assert verify_multiple_choice(gold="B", answer=piece * (20_000 // len(piece)), choices=choices).value == 0.0
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("gold", "info"),
    [("B", {}), ("B", {"choices": ["one"]}), ("B", {"choices": "AB"}), ("D", {"choices": list(COLOURS)})],
)
def test_a_broken_problem_is_no_verdict_about_the_answer(gold, info):
    with pytest.raises(DataError, match=r"problem '1': (verifier 'multiple_choice' needs 2 to 26|gold answer 'D')"):
        judge_multiple_choice(Problem(id="1", prompt="?", answer=gold, task="t", info=info), "B")


def mmlu_pro(folder):
    with gzip.open(folder / "mmlu_pro" / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield row["answer"], row["options"]


def mmlu(folder):
    with zipfile.ZipFile(folder / "mmlu" / "mmlu.zip") as archive:
        for name in archive.namelist():
            if "val/" in name and name.endswith(".csv"):
                for row in csv.reader(io.TextIOWrapper(archive.open(name), encoding="utf-8")):
                    yield row[5], row[1:5]


def ceval(folder):
    with zipfile.ZipFile(folder / "ceval" / "ceval.zip") as archive:
        for name in archive.namelist():
            if "val/" in name and name.endswith(".csv"):
                for row in csv.DictReader(io.TextIOWrapper(archive.open(name), encoding="utf-8-sig")):
                    yield row["answer"], [row[letter] for letter in "ABCD"]


def gpqa(folder):
    with zipfile.ZipFile(folder / "gpqa_diamond" / "diamond.zip") as archive:
        rows = json.loads(archive.read(archive.namelist()[0], pwd=b"deserted-untie-orchid"))
    for row in rows:
        yield "B", [row["Incorrect Answer 1"], row["Correct Answer"], row["Incorrect Answer 2"]]


@pytest.mark.parametrize("rows", [mmlu_pro, mmlu, ceval, gpqa])
def test_published_rows(shared_data, rows):
    """The letter is always read; "letter: text" too; the text alone unless another option has the same."""
    problems = [(gold, options) for gold, options in rows(shared_data) if len(options) > 1]
    problems = problems[:: max(1, len(problems) // 100)]
    assert len(problems) > 95
    for gold, options in problems:
        text = options[ascii_uppercase.index(gold)]
        other = "A" if gold != "A" else "B"
        for answer in (gold, f"({gold})", f"{gold}. {text}", f"选{gold}"):
            assert verify_multiple_choice(gold=gold, answer=answer, choices=options).value == 1.0, (answer, options)
        assert verify_multiple_choice(gold=gold, answer=other, choices=options).value == 0.0
        alone = verify_multiple_choice(gold=gold, answer=text, choices=options)
        assert alone.value == 1.0 or alone.reason.startswith("text of several") or text.strip(" .") in ascii_uppercase

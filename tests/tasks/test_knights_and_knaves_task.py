import json

import pytest
from reference.knights_and_knaves import solutions

from r1kit.errors import ConfigError, DataError
from r1kit.rewards.knights_and_knaves import judge_knights_and_knaves
from r1kit.tasks.knights_and_knaves import ANSWER_FORM, knights_and_knaves
from r1kit.tasks.rows import read_rows
from r1kit.tasks.splits import same_text


def row(number, name="Zoey"):
    return {"quiz": f"Quiz {number}.", "names": [name], "solution_text_format": f"(1) {name} is a knave"}


@pytest.fixture
def folder(tmp_path):
    files = {
        "2ppl_train": [row(0), row(1)],
        "2ppl_test": [row(1)],
        "3ppl_train": [row(2), row(3)],
        "3ppl_test": [row(4)],
        "4ppl_train": [row(5)],
        "notes": [row(6)],
    }
    for name, rows in files.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def prompts(task, split):
    return [problem.prompt.removesuffix(f" {ANSWER_FORM}") for problem in task.problems(split)]


def test_a_folder_has_pairs_of_files_and_repeats_are_left_out(folder):
    task = knights_and_knaves(str(folder))
    assert prompts(task, "train") == ["Quiz 0.", "Quiz 2.", "Quiz 3."]  # Quiz 1 is held out, 4ppl has no test file
    assert prompts(task, "eval") == ["Quiz 1.", "Quiz 4."]
    problem = task.problems("eval")[1]
    assert (problem.id, problem.answer) == ("knights_and_knaves/3ppl_test/1", "(1) Zoey is a knave")
    assert (problem.verifier, problem.info) == ("knights_and_knaves", {"names": ["Zoey"]})


def test_the_first_few_are_of_every_size(folder):
    (folder / "2ppl_test.jsonl").write_text("".join(json.dumps(row(i)) + "\n" for i in (1, 7, 8)))
    assert prompts(knights_and_knaves(str(folder)), "eval") == ["Quiz 1.", "Quiz 4.", "Quiz 7.", "Quiz 8."]


def test_the_number_of_people_can_be_chosen(folder):
    assert prompts(knights_and_knaves(f"{folder}?people=3"), "train") == ["Quiz 2.", "Quiz 3."]
    assert prompts(knights_and_knaves(f"{folder}?people=3,2"), "train") == ["Quiz 0.", "Quiz 2.", "Quiz 3."]
    assert prompts(knights_and_knaves(f"{folder}/3ppl_train.jsonl"), "eval") == ["Quiz 4."]


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("", ConfigError, "needs a folder or a file"),
        ("{}?people=4", ConfigError, "has no puzzles of 4 people; it has: 2, 3"),
        ("{}?people=two", ConfigError, "people is 'two'; it must be counts such as 3 or 3,4,5"),
        ("{}?peeple=2", ConfigError, "no parameter 'peeple'; known: people. Did you mean 'people'?"),
        ("{}/3ppl_train.jsonl?people=3", ConfigError, "people=3 chooses files of a folder"),
        ("{}/notes.jsonl", DataError, "needs a file with 'train' in its name"),
        ("{}/4ppl_train.jsonl", DataError, "needs a file with 'train' in its name"),
        ("{}/../nothing", DataError, "needs a file with 'train' in its name"),
    ],
)
def test_a_bad_spec_says_what_is_allowed(folder, argument, error, message):
    with pytest.raises(error, match=message) as caught:
        knights_and_knaves(argument.format(folder))
    assert "\n" not in str(caught.value)


def test_broken_rows(tmp_path):
    with pytest.raises(DataError, match="has no pair of files"):
        knights_and_knaves(str(tmp_path))
    (tmp_path / "2ppl_test.jsonl").write_text(json.dumps(row(0)))
    (tmp_path / "2ppl_train.jsonl").write_text(json.dumps(row(1) | {"names": "Zoey"}))
    with pytest.raises(DataError, match=r"2ppl_train\.jsonl:1: 'names' must be a list of names"):
        knights_and_knaves(str(tmp_path))


def test_the_published_puzzles(shared_data):
    """4500 to train on, 500 held out; each gold answer is accepted, and a lie about the first person is not."""
    task = knights_and_knaves(str(shared_data / "logic_kk"))
    train, held_out = task.problems("train"), task.problems("eval")
    assert (len(train), len(held_out)) == (4500, 500)
    assert not {same_text(p.prompt) for p in train} & {same_text(p.prompt) for p in held_out}
    assert len({p.id for p in (*train, *held_out)}) == 5000
    for problem in (*train[::20], *held_out):
        assert judge_knights_and_knaves(problem, problem.answer).value == 1.0
        first, rest = problem.answer.split("\n", 1)
        lie = first.replace("knave", "knight") if "knave" in first else first.replace("knight", "knave")
        assert judge_knights_and_knaves(problem, f"{lie}\n{rest}").reason == f"wrong: {problem.info['names'][0]}"


@pytest.mark.parametrize("people", [3, 4, 5, 6, 7])
@pytest.mark.parametrize("split", ["test", "train"])
def test_the_gold_answers_are_the_only_solutions(shared_data, people, split):
    for row in read_rows(shared_data / "logic_kk" / f"{people}ppl_{split}.parquet"):
        (is_knight,) = solutions(row.values["statements"])
        lines = [
            f"({number}) {name} is a {'knight' if told else 'knave'}"
            for number, (name, told) in enumerate(zip(row.values["names"], is_knight, strict=True), start=1)
        ]
        assert row.values["solution_text_format"] == "\n".join(lines), row.where

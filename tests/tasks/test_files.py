import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1kit.errors import DataError
from r1kit.tasks.files import FileTask
from r1kit.tasks.registry import files_of


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sums(first, last):
    return [{"prompt": f"What is {i} + 1?", "answer": i + 1} for i in range(first, last)]


def prompts(task, split):
    return [problem.prompt for problem in task.problems(split)]


def test_a_row_becomes_a_problem(tmp_path):
    row = {"question": "12 + 5", "answer": 17, "split": "train"}
    full = {"id": 7, "problem": "用 1, 2 和 3", "answer": "6", "split": "test", "language": "zh"}
    full |= {"verifier": "countdown", "info": {"numbers": [1, 2, 3], "target": 6}, "level": "ignored"}
    task = FileTask(write(tmp_path / "rows.jsonl", row, full))
    (train,), (held_out,) = task.problems("train"), task.problems("eval")
    assert (train.id, train.prompt, train.answer, train.task) == ("rows.jsonl:1", "12 + 5", "17", "rows")
    assert (train.verifier, train.language, train.info) == ("math", "en", {})
    assert (held_out.id, held_out.prompt, held_out.verifier, held_out.language) == (
        "7",
        "用 1, 2 和 3",
        "countdown",
        "zh",
    )
    assert held_out.info == {"numbers": [1, 2, 3], "target": 6}


def test_prompt_is_preferred_to_its_other_names(tmp_path):
    rows = [
        {"problem": "c", "question": "b", "prompt": "a", "answer": 1},
        {"problem": "c", "question": "b", "answer": 1},
    ]
    task = FileTask(write(tmp_path / "r.jsonl", *(row | {"split": "train"} for row in rows)))
    assert prompts(task, "train") == ["a", "b"]


def test_a_tenth_is_held_out_by_the_text_and_not_by_the_line(tmp_path):
    task = FileTask(write(tmp_path / "a.jsonl", *sums(0, 400)))
    held_out = set(prompts(task, "eval"))
    assert len(prompts(task, "train")) + len(held_out) == 400
    assert 40 - 18 <= len(held_out) <= 40 + 18  # 40 expected, standard deviation 6
    reversed_task = FileTask(write(tmp_path / "b.jsonl", *sums(0, 400)[::-1]))
    assert set(prompts(reversed_task, "eval")) == held_out
    assert len(FileTask(tmp_path / "a.jsonl", eval_share=0.5).problems("eval")) > 100


def test_a_sibling_file_is_held_out_without_what_repeats_it(tmp_path):
    write(tmp_path / "sums_test.jsonl", *sums(95, 105))
    task = FileTask(write(tmp_path / "sums_train.jsonl", *sums(0, 100)))
    assert len(task.problems("eval")) == 10
    assert len(task.problems("train")) == 95  # 95..99 repeat
    assert task.problems("eval")[0].id == "sums_test.jsonl:1"


def test_eval_comes_before_test_among_siblings(tmp_path):
    write(tmp_path / "test.jsonl", *sums(50, 60))
    write(tmp_path / "eval.jsonl", *sums(60, 62))
    task = FileTask(write(tmp_path / "train.jsonl", *sums(0, 10)))
    assert prompts(task, "eval") == ["What is 60 + 1?", "What is 61 + 1?"]


def test_a_file_that_is_called_by_its_split_has_the_name_of_its_folder(tmp_path):
    tasks = []
    for name, first in (("sums", 0), ("more", 20)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "test.jsonl", *sums(first, first + 2))
        tasks.append(FileTask(write(tmp_path / name / "train.jsonl", *sums(first + 5, first + 9))))
    firsts = [task.problems(split)[0] for task in tasks for split in ("train", "eval")]
    assert [(first.task, first.id) for first in firsts] == [
        *(("sums", "sums/train.jsonl:1"), ("sums", "sums/test.jsonl:1")),
        *(("more", "more/train.jsonl:1"), ("more", "more/test.jsonl:1")),
    ]
    assert files_of(str(tmp_path / "sums" / "train.jsonl")) == (
        tmp_path / "sums" / "train.jsonl",
        tmp_path / "sums" / "test.jsonl",
    )
    assert files_of("nano:math") == files_of("nano") == ()
    assert files_of(f"gsm8k:{tmp_path / 'sums'}") == (tmp_path / "sums",)
    assert files_of(f"knights_and_knaves:{tmp_path / 'more'}?people=3") == (tmp_path / "more",)


def test_a_split_column_leaves_out_training_rows_that_repeat(tmp_path):
    rows = [{"prompt": p, "answer": 1, "split": s} for p, s in [("a", "train"), ("B", "train"), ("b", "validation")]]
    task = FileTask(write(tmp_path / "r.jsonl", *rows))
    assert prompts(task, "train") == ["a"]
    assert prompts(task, "eval") == ["b"]


def test_nulls_of_parquet_are_missing_fields(tmp_path):
    rows = [
        {"prompt": "a", "answer": "1", "language": None, "id": None},
        {"prompt": "b", "answer": "2", "language": "zh", "id": "x"},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    task = FileTask(tmp_path / "r.parquet")
    problems = {p.id: p.language for split in ("train", "eval") for p in task.problems(split)}
    assert problems == {"r.parquet:1": "en", "x": "zh"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a"}, r"rows\.jsonl:2: no 'answer'; each row needs 'prompt' and 'answer' \(has: prompt\)"),
        ({"text": "a", "answer": "1"}, r"rows\.jsonl:2: no 'prompt'; .* \(has: text, answer\)"),
        ({"prompt": "a", "answer": ""}, r"rows\.jsonl:2: 'answer' is empty"),
        ({"prompt": " ", "answer": "1"}, r"rows\.jsonl:2: 'prompt' is empty"),
        ({"prompt": [{"role": "user"}], "answer": "1"}, r"rows\.jsonl:2: 'prompt' is list .* must be text"),
        ({"prompt": "a", "answer": "1", "language": "xx"}, r"rows\.jsonl:2: 'language' is 'xx'; allowed: .*en, "),
        ({"prompt": "a", "answer": "1", "info": "x"}, r"rows\.jsonl:2: 'info' must be an object, not str"),
        ({"prompt": "a", "answer": "1", "split": "dev"}, r"rows\.jsonl:1: no 'split', though other rows have one"),
        ({"prompt": "What is 0 + 1?", "answer": "1"}, r"rows\.jsonl: 1 distinct question"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        FileTask(write(tmp_path / "rows.jsonl", *sums(0, 1), row))


@pytest.mark.parametrize("split", ["dev", ["train"]])
def test_an_unknown_split_is_named(tmp_path, split):
    row = {"prompt": "a", "answer": "1", "split": split}
    with pytest.raises(DataError, match=r"rows\.jsonl:1: 'split' is .*; allowed: train, eval, test, validation"):
        FileTask(write(tmp_path / "rows.jsonl", row))


def test_ids_must_differ(tmp_path):
    rows = [row | {"id": "same"} for row in sums(0, 2)]
    with pytest.raises(DataError, match=r"r\.jsonl: two rows have the id 'same'"):
        FileTask(write(tmp_path / "r.jsonl", *rows))

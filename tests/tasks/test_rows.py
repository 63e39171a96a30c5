import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1kit.errors import DataError
from r1kit.tasks.rows import Row, read_rows, read_split, suffix_of, text_field

ROWS = [{"prompt": "1+1", "answer": "2"}, {"prompt": "a\u2028b", "answer": "é"}]


def write(path, rows):
    """Write rows as the suffix says, without the code under test."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = json.dumps(rows) if ".json" in path.suffixes else lines  # .jsonl is another suffix
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz", "r.json", "r.json.gz", "r.parquet", "v1.2.jsonl"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    rows = read_rows(path)
    assert [dict(row.values) for row in rows] == ROWS
    assert [row.where for row in rows] == [f"{path}:1", f"{path}:2"]


def test_line_numbers_count_empty_lines_and_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n\n{"a": 2}')
    assert [(row.number, row.values["a"]) for row in read_rows(path)] == [(1, 1), (4, 2)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.jsonl", b"", r"r\.jsonl is empty; it needs at least one row"),
        ("r.jsonl", b"\n \n", r"r\.jsonl is empty"),
        ("r.json", b"", r"r\.json is empty"),
        ("r.json", b"[]", r"r\.json is empty"),
        ("r.json", b'{"prompt": "1"}', r"r\.json holds dict .*; a \.json file must be a list of rows"),
        ("r.json", b'[\n{"a": 1},\n{"a" 2}]', r"r\.json:3: not JSON: Expecting ':' delimiter at column 6"),
        ("r.jsonl", b'{"a": 1}\n{"a": \n', r"r\.jsonl:2: not JSON: Expecting value at column"),
        ("r.jsonl", b'{"a": 1}\n[1, 2]\n', r"r\.jsonl:2: not an object but list \[1, 2\]"),
        ("r.jsonl", b'{"a": "\xff"}', r"r\.jsonl is not UTF-8 text: invalid start byte at byte 7"),
        ("r.jsonl", b"[" * 100_000, r"r\.jsonl:1: JSON is nested too deep"),
        ("r.jsonl.gz", b"plain", r"r\.jsonl\.gz is not a whole gzip file"),
        ("r.jsonl.gz", gzip.compress(b'{"a": 1}', mtime=0)[:-9], r"r\.jsonl\.gz is not a whole gzip file"),
        ("r.parquet", b"plain text", r"r\.parquet is not a Parquet file"),
        ("r.csv", b"a,b", r"r\.csv: unknown suffix '\.csv'; allowed: \.jsonl, \.jsonl\.gz, \.json, .*\.parquet"),
    ],
)
def test_a_broken_file_is_named_with_the_place(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        read_rows(path)
    assert "\n" not in str(error.value)


def test_a_missing_file_names_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"does not exist .working folder: {tmp_path}"):
        read_rows(tmp_path / "no.jsonl")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "d.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_rows(tmp_path / "d.jsonl")


def test_read_split_wants_exactly_one_file(tmp_path):
    write(tmp_path / "train.json.gz", ROWS)
    assert len(read_split(tmp_path, "train")) == 2
    with pytest.raises(DataError, match=r"has no test file; it needs one of test\.jsonl, test\.jsonl\.gz"):
        read_split(tmp_path, "test")
    write(tmp_path / "train.jsonl", ROWS)
    with pytest.raises(DataError, match=r"has both train\.jsonl and train\.json\.gz"):
        read_split(tmp_path, "train")
    with pytest.raises(DataError, match="is not a folder"):
        read_split(tmp_path / "nowhere", "train")


def test_suffix_of(tmp_path):
    assert suffix_of(tmp_path / "a.b.jsonl.gz") == ".jsonl.gz"
    assert suffix_of(tmp_path / "a.gz") is None


@pytest.mark.parametrize(
    ("values", "expected"), [({"a": "x"}, "x"), ({"a": 42}, "42"), ({"b": 0.5}, "0.5"), ({"b": "y", "a": "x"}, "x")]
)
def test_text_field(values, expected):
    assert text_field(Row(where="f:1", number=1, values=values), ("a", "b"), needs="'a'") == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"c": 1, "d": 2}, r"f:1: no 'a'; each row needs 'a' \(has: c, d\)"),
        ({}, r"f:1: no 'a'; each row needs 'a' \(has: nothing\)"),
        ({"a": " \n"}, "f:1: 'a' is empty"),
        ({"a": None}, "f:1: 'a' is empty"),
        ({"a": ["x"]}, r"f:1: 'a' is list \['x'\]; it must be text or a number"),
        ({"a": True}, "f:1: 'a' is bool True"),
    ],
)
def test_text_field_names_the_row(values, message):
    with pytest.raises(DataError, match=message):
        text_field(Row(where="f:1", number=1, values=values), ("a", "b"), needs="'a'")

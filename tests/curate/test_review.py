import csv
import io
import re

import pytest
from typer.testing import CliRunner

from r1kit.cli.main import app
from r1kit.curate.review import COLUMNS, export_csv, export_page, import_reviews, response_hash
from r1kit.errors import DataError, RunError
from r1kit.sft.data import Example, read_examples, write_examples

T = "|special_token|"
EXAMPLES = [
    Example(
        id="1",
        prompt="Compute 3 + 4",
        response=f" {T} 3 + 4 = 7,\nsurely. {T} The answer is **7**.",
        task="chain",
        source="zero",
        info={"verdict": "correct", "value": 1.0, "parsed": "7", "problem": "p1"},
    ),
    Example(
        id="2", prompt="=2+5", response=f" {T} '-1 {T} **7** <script>alert(1)</script>", task="chain", source="zero"
    ),
    Example(id="3", prompt="hello", response=' @you: "hi"', task="greeting", source="direct"),
]
TIME = "2026-01-02T03:04:05+00:00"


def cells(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def write_cells(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def table(tmp_path):
    """Exports the examples and writes the table back with changes to its rows, by id; None removes a row."""

    def fill(**changes):
        path = tmp_path / "review.csv"
        path.unlink(missing_ok=True)
        export_csv(path, EXAMPLES)
        rows = []
        for row in cells(path):
            change = changes.get(f"_{row['id']}", {"verdict": "keep"})
            if change is not None:
                rows.append(row | change)
        write_cells(path, rows)
        return path

    return fill


def test_the_table_has_these_columns_and_guards_formulas(tmp_path):
    path = export_csv(tmp_path / "review.csv", EXAMPLES)
    rows = cells(path)
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0] == {
        **{"id": "1", "prompt": "Compute 3 + 4", "reasoning": "3 + 4 = 7,\nsurely.", "summary": "The answer is **7**."},
        **{"verdict": "", "edited_response": "", "note": "", "sha256": response_hash(EXAMPLES[0].response)},
    }
    assert (rows[1]["prompt"], rows[1]["reasoning"]) == ("'=2+5", "''-1")
    assert (rows[2]["reasoning"], rows[2]["summary"]) == ("", '\'@you: "hi"')
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,prompt")
    with pytest.raises(RunError, match=r"review.csv exists and may hold a review"):
        export_csv(path, EXAMPLES)


def test_kept_edited_and_dropped(table):
    edited = f"{T}  3 + 4 = 7. Check: 7 - 4 = 3.\r\n{T} The answer is **7**."
    path = table(_1={"verdict": "Edit ", "edited_response": edited, "note": "checked"}, _3={"verdict": "drop"})
    kept, dropped = import_reviews(EXAMPLES, path, reviewer=" Ann ", time=TIME)
    assert [(example.id, example.source) for example in kept] == [("1", "human"), ("2", "human")]
    assert kept[0].response == f" {T} 3 + 4 = 7. Check: 7 - 4 = 3. {T} The answer is **7**."
    assert kept[0].info == {  # what rules said of the old text is gone
        "problem": "p1",
        "review": {
            **{"reviewer": "Ann", "time": TIME, "verdict": "edit", "note": "checked", "original_source": "zero"},
            "original_sha256": response_hash(EXAMPLES[0].response),
        },
    }
    assert kept[1].response == EXAMPLES[1].response
    assert kept[1].info["review"]["verdict"] == "keep"
    assert [(example.id, example.info["review"]["verdict"]) for example in dropped] == [("3", "drop")]


def test_a_kept_example_keeps_what_rules_said_of_it(table):
    kept, _ = import_reviews(EXAMPLES, table(), reviewer="Ann", time=TIME)
    assert kept[0].info["verdict"] == "correct"
    assert [example.response for example in kept] == [example.response for example in EXAMPLES]


def test_a_table_may_have_fewer_rows_empty_ones_and_other_line_ends(table):
    path = table(_2=None, _3=None)
    text = path.read_text(encoding="utf-8").replace("\n", "\r\n").replace("\r\r\n", "\r\n")
    path.write_bytes(("\ufeff" + text + ",,,,,,,\r\n").encode())
    kept, dropped = import_reviews(EXAMPLES, path, reviewer="Ann", time=TIME)
    assert ([example.id for example in kept], dropped) == (["1"], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "9"}, "row 2: no example has the id '9'; give the data set that this table is from"),
        ({"id": "1"}, "row 2: the id '1' occurs twice, first in .*row 1"),
        ({"sha256": "0" * 64}, r"row 2: the response of '2' is not the one that was exported \(sha256 differs\)"),
        ({"reasoning": "other"}, "row 2: the column 'reasoning' was changed; leave it"),
        ({"prompt": "other"}, "row 2: the column 'prompt' was changed"),
        ({"verdict": " "}, "row 2: no verdict; write one of keep, edit, drop, or remove the row"),
        ({"verdict": "kepe"}, "row 2: unknown verdict 'kepe'; known: drop, edit, keep. Did you mean 'keep'"),
        ({"verdict": "edit"}, "row 2: the verdict is edit, but 'edited_response' is empty"),
        ({"verdict": "keep", "edited_response": "x"}, "row 2: the verdict is keep, but there is an edited response"),
        ({"verdict": "edit", "edited_response": "x"}, r"not the readable format \(no \|special_token\|\)"),
        ({"verdict": "edit", "edited_response": f"{T} x {T}"}, r"not the readable format \(empty summary\)"),
    ],
)
def test_a_row_that_cannot_be_taken_is_an_error(table, change, message):
    with pytest.raises(DataError, match=message):
        import_reviews(EXAMPLES, table(_2=change), reviewer="Ann", time=TIME)


def test_files_that_are_no_such_table(tmp_path):
    path = tmp_path / "t.csv"
    cases = {
        b"id,prompt\n1,x\n": "t.csv has no column 'reasoning'; it has id, prompt",
        b"": "t.csv has no column 'id'; it has none",
        b"\xff\xfe": "t.csv is not UTF-8; save the table as CSV UTF-8",
        (",".join(COLUMNS) + "\n1,2\n").encode(): "row 1: 2 cells, the header has 8",
        b'id,"x': "t.csv, line 1: not valid CSV",
    }
    for content, message in cases.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            import_reviews(EXAMPLES, path, reviewer="Ann", time=TIME)
    with pytest.raises(DataError, match=r"cannot read .*nothing\.csv"):
        import_reviews(EXAMPLES, tmp_path / "nothing.csv", reviewer="Ann", time=TIME)
    with pytest.raises(DataError, match="a review needs the reviewer's name"):
        import_reviews(EXAMPLES, path, reviewer=" ", time=TIME)


def test_the_page_escapes_every_text_and_needs_no_network(tmp_path):
    page = export_page(tmp_path / "review.html", EXAMPLES).read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script") == 1
    assert re.findall(r"https?:|src=|@import|url\(", page) == []
    assert "default-src 'none'" in page
    assert re.findall(r'data-id="(.*?)" data-sha256="(.*?)"', page) == [
        (example.id, response_hash(example.response)) for example in EXAMPLES
    ]
    assert "by rule: correct" in page


def test_there_and_back_by_the_command_line(tmp_path):
    data, out = tmp_path / "data.jsonl", tmp_path / "human.jsonl"
    write_examples(data, EXAMPLES)
    csv_path, page = tmp_path / "review.csv", tmp_path / "review.html"
    words = ["review", "export", str(tmp_path), "--table", str(csv_path), "--page", str(page), "--limit", "2"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.output == f"2 examples: {csv_path}\n2 examples: {page}\n"
    rows = cells(csv_path)
    assert len(rows) == 2
    write_cells(csv_path, [row | {"verdict": verdict} for row, verdict in zip(rows, ("keep", "drop"), strict=True)])
    words = ["review", "import", str(data), str(csv_path), "--reviewer", "Ann", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.output == f"1 examples: {out} (1 dropped by the reviewer)\n"
    assert [example.id for example in read_examples(out)] == [rows[0]["id"]]
    assert [example.id for example in read_examples(tmp_path / "human.dropped.jsonl")] == [rows[1]["id"]]


def test_export_of_nothing_says_what_to_give(tmp_path):
    result = CliRunner().invoke(app, ["review", "export", str(tmp_path)])
    assert result.exit_code == 1
    assert "nothing to write; give --table FILE.csv, --page FILE.html, or both" in result.output

"""Examples: what is read, what is refused and in which words, and the card."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1kit.errors import DataError
from r1kit.sft.data import DatasetCard, Example, data_file, read_examples, write_card, write_examples

ROW = {"id": "a", "prompt": "Compute 3 + 4", "response": " It is **7**.", "task": "chain", "source": "zero"}
FULL = Example(
    id="b",
    prompt="计算 5 + 4",
    response=" 是 **9**。\n完",
    task="chain",
    language="zh",
    source="human",
    info={"n": [1, None]},
)


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_what_was_written_is_read_back(tmp_path):
    examples = [Example(**ROW), FULL]
    path = tmp_path / "new" / "data.jsonl"
    assert write_examples(path, iter(examples)) == 2
    assert read_examples(path) == examples
    assert data_file(path.parent) == data_file(path) == path
    assert (examples[0].language, examples[0].info) == ("en", {})
    assert "计算" in path.read_text(encoding="utf-8")  # readable by a person


def test_parquet_with_info_as_columns_or_as_text(tmp_path):
    rows = [{**ROW, "language": None, "info": '{"k": [2]}'}, {**ROW, "id": "b", "language": "zh", "info": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "text.parquet")
    assert read_examples(tmp_path / "text.parquet") == [
        Example(**ROW, info={"k": [2]}),
        Example(**{**ROW, "id": "b"}, language="zh"),
    ]
    pq.write_table(pa.Table.from_pylist([{**ROW, "info": {"k": 2}}]), tmp_path / "nested.parquet")
    assert read_examples(tmp_path / "nested.parquet") == [Example(**ROW, info={"k": 2})]
    pq.write_table(pa.Table.from_pylist([{**ROW, "info": "k"}]), tmp_path / "bad.parquet")
    with pytest.raises(DataError, match=r"bad\.parquet:1: 'info' is str 'k'; as text it must be a JSON object"):
        read_examples(tmp_path / "bad.parquet")


def without(name):
    return {key: value for key, value in ROW.items() if key != name}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ROW, "responsee": "x"}, "unknown field 'responsee'; known: id, info, language, prompt, response, source, "
         "task. Did you mean 'response'?"),
        (without("source"), "no 'source'; each record needs id, prompt, response, task, source "
         "(has: id, prompt, response, task)"),
        ({**ROW, "prompt": 3}, "'prompt' is int 3; it must be text"),
        ({**ROW, "id": None}, "'id' is NoneType None; it must be text"),
        ({**ROW, "response": " \n"}, "'response' is empty; fill it or remove the record"),
        ({**ROW, "info": "{}"}, "'info' is str '{}'; it must be an object {...}"),
        ({**ROW, "language": "eng"}, "unknown language 'eng'; known: am, "),
        ({**ROW, "id": "first"}, "the id 'first' is also that of row 1; ids must differ"),
    ],
)  # fmt: skip
def test_a_broken_record_is_named_in_one_line(tmp_path, row, message):
    path = jsonl(tmp_path / "data.jsonl", {**ROW, "id": "first"}, row)
    with pytest.raises(DataError) as caught:
        read_examples(path)
    assert str(caught.value).startswith(f"{path}:2: {message}")
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_examples(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_examples(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="is empty; it needs at least one row"):
        read_examples(tmp_path / "empty.jsonl")
    (tmp_path / "cut.jsonl").write_text(json.dumps(ROW) + '\n{"id": "b", "pro')
    with pytest.raises(DataError, match=r"cut\.jsonl:2: not JSON"):
        read_examples(tmp_path / "cut.jsonl")


def test_nothing_is_written_that_would_not_be_read(tmp_path):
    path = tmp_path / "data.jsonl"
    for examples, message in (
        ([Example(**ROW), Example(**ROW)], r"data\.jsonl:2: the id 'a' occurs twice"),
        ([Example(**{**ROW, "response": ""})], r"data\.jsonl:1: 'response' is empty"),
    ):
        with pytest.raises(DataError, match=message):
            write_examples(path, examples)
        assert not path.exists()
    with pytest.raises(DataError, match=r"written as \.jsonl"):
        write_examples(tmp_path / "data.json", [])


def test_card(tmp_path):
    card = DatasetCard(
        title="Cold start",
        source="Responses of R1-Zero.",
        prompting="Question: {question}",
        model="runs/zero",
        model_hash="abc",
        dropped={"wrong": 3, "mixed | languages": 1},
    )
    examples = [Example(**{**ROW, "response": "x" * 301}), FULL, Example(**{**ROW, "id": "c"})]
    text = write_card(tmp_path, card, examples).read_text(encoding="utf-8")
    assert text.startswith("---\nlanguage: [en, zh]\n")
    front, body = text.removeprefix("---\n").split("\n---\n", 1)
    assert "data_files: data.jsonl" in front
    assert body.startswith("# Cold start\n\nResponses of R1-Zero.\n")
    assert "**Model:** `runs/zero`, `r1kit.pipeline.artifact.digest` of its folder `abc`." in body
    assert "```text\nQuestion: {question}\n```" in body
    for row in (
        "| chain | en | zero | 2 |",
        "| chain | zh | human | 1 |",
        "| all | | | 3 |",
        "| wrong | 3 |",
        "| mixed \\| languages | 1 |",
    ):
        assert row in body
    sample = json.loads(body.partition("```json\n")[2].partition("\n```")[0])
    assert sample == {**ROW, "response": "x" * 297 + "...", "language": "en", "info": {}}


def test_card_of_an_empty_data_set(tmp_path):
    text = write_card(tmp_path, DatasetCard(title="t", source="s", prompting="p"), []).read_text()
    assert "| all | | | 0 |" in text
    assert "**Model:** none." in text
    assert text.endswith("None: the data set is empty.\n")

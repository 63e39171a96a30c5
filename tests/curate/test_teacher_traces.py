import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1kit.curate.traces import read_traces
from r1kit.errors import DataError
from r1kit.sft.data import Example, read_examples, write_examples

QUESTION = {"role": "user", "content": "Compute 3 + 4"}
ANSWER = {"role": "assistant", "content": "It is **7**."}
RESPONSE = " |special_token| 3 + 4 is 7. |special_token| It is **7**."


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [QUESTION, {**ANSWER, "reasoning_content": "3 + 4 is 7."}]},
        {"messages": [QUESTION, {**ANSWER, "reasoning": "3 + 4 is 7."}], "problem": "passed over"},
        {"messages": [QUESTION, {**ANSWER, "content": "<think>3 + 4 is 7.</think>It is **7**."}]},
        {
            "conversations": [
                {"from": "human", "value": "Compute 3 + 4"},
                {
                    "from": "gpt",
                    "value": "<|begin_of_thought|>\n\n3 + 4 is 7.\n\n<|end_of_thought|>\n\n"
                    "<|begin_of_solution|>\n\nIt is **7**.\n\n<|end_of_solution|>",
                },
            ]
        },
        {"prompt": "Compute 3 + 4", "response": "It is **7**.", "reasoning_content": "3 + 4 is 7."},
        {"question": "Compute 3 + 4", "generation": "<think>3 + 4 is 7.</think>\nIt is **7**.", "answer": 7},
        {"problem": "Compute 3 + 4", "completion": "3 + 4 is 7.</think>\nIt is **7**.", "solution": "passed over"},
        {"prompt": "Compute 3 + 4", "output": RESPONSE},
    ],
)
def test_forms_of_a_row(row, tmp_path):
    (example,) = read_traces(write(tmp_path / "r1.jsonl", row))
    assert example == Example(
        id="r1.jsonl:1",
        prompt="Compute 3 + 4",
        response=RESPONSE,
        task="r1",
        source="teacher",
        info={"file": "r1.jsonl", "row": 1},
    )


def test_what_a_row_may_say_beside_it(tmp_path):
    row = {"messages": [{"role": "system", "content": "Be brief."}, QUESTION, ANSWER]}
    row |= {"id": 12, "task": "sums", "language": "zh", "model": "r1", "finish_reason": "stop", "score": 1}
    (example,) = read_traces(write(tmp_path / "r1.jsonl", row))
    assert (example.id, example.task, example.language, example.response) == ("12", "sums", "zh", " It is **7**.")
    assert example.info == {"file": "r1.jsonl", "row": 1, "system": "Be brief.", "model": "r1"}


def test_a_table_in_which_rows_lack_values(tmp_path):
    messages = [[QUESTION, {**ANSWER, "reasoning_content": "3 + 4 is 7."}], None]
    prompts = [None, "Say hello"]
    table = pa.table({"messages": messages, "prompt": prompts, "response": [None, "Hello!"], "id": ["a", None]})
    pq.write_table(table, tmp_path / "r1.parquet")
    first, second = read_traces(tmp_path / "r1.parquet")
    assert (first.id, first.response) == ("a", RESPONSE)
    assert (second.id, second.prompt, second.response) == ("r1.parquet:2", "Say hello", " Hello!")


def test_what_was_read_can_be_written_as_examples(tmp_path):
    traces = read_traces(write(tmp_path / "r1.jsonl", {"messages": [QUESTION, ANSWER]}))
    write_examples(tmp_path / "data.jsonl", traces)
    assert read_examples(tmp_path / "data.jsonl") == traces


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "x"}, "no prompt|question|problem (has: text); allowed: {'messages': ["),
        ({"prompt": "x", "answer": "7"}, "no response|generation|completion|output (has: prompt, answer); allowed: "),
        ({"prompt": "x", "response": ""}, "'response' is empty"),
        ({"prompt": [QUESTION], "response": "7"}, "'prompt' is list [{'role': 'user'"),
        ({"prompt": "x", "response": "7", "reasoning": 7}, "the reasoning is int 7; it must be text or missing"),
        ({"prompt": "x", "response": "7", "finish_reason": "length"}, "'finish_reason' is 'length', so the response"),
        ({"prompt": "x", "response": "7", "language": "xx"}, "unknown language 'xx'; known: "),
        ({"prompt": "x", "response": "7", "id": [1]}, "'id' is list [1]; it must be text"),
        ({"messages": "x"}, "'messages' is str 'x'; allowed: "),
        ({"messages": []}, "'messages' has the roles []; allowed: user, assistant, with or without a system first"),
        ({"messages": [QUESTION]}, "has the roles [user]; allowed"),
        ({"messages": [QUESTION, ANSWER] * 4}, "roles [user, assistant, user, assistant, user, assistant, ...]"),
        ({"messages": [QUESTION, {**ANSWER, "role": "tool"}]}, "a message of 'messages' has the role str 'tool'; "),
        ({"messages": [QUESTION, {"role": "assistant"}]}, "a message of 'messages' has the content missing; "),
        ({"messages": [QUESTION, {**ANSWER, "content": [{}]}]}, "has the content list [{}]; it must be text"),
    ],
)
def test_what_fits_no_form_is_an_error_with_its_place(row, message, tmp_path):
    good = {"messages": [QUESTION, ANSWER]}
    path = write(tmp_path / "r1.jsonl", good, row)
    with pytest.raises(DataError) as caught:
        read_traces(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ids_differ(tmp_path):
    row = {"id": "a", "messages": [QUESTION, ANSWER]}
    with pytest.raises(DataError, match="rows 1 and 2 have the id 'a'; ids must differ"):
        read_traces(write(tmp_path / "r1.jsonl", row, row))

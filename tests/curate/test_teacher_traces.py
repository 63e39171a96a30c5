import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1kit.curate.config import FILTER_NAMES, VERDICT_FILTERS, FilterConfig
from r1kit.curate.layout import readable_response
from r1kit.curate.teacher_reply import teacher_response
from r1kit.curate.traces import filter_traces, read_traces
from r1kit.errors import DataError
from r1kit.sft.data import Example, read_examples, write_examples

QUESTION = {"role": "user", "content": "Compute 3 + 4"}
ANSWER = {"role": "assistant", "content": "It is **7**."}
RESPONSE = " |special_token| 3 + 4 is 7. |special_token| It is **7**."


LONG = " ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(60))
"""60 words have 56 n-grams of five; another last word changes one of them: 55 / 57 = 0.96."""

KEPT = {
    "sum": ("Compute 3 + 4", RESPONSE),
    "no thought": ("Say hello", teacher_response("Hello!")),
    "code asked for": (
        "Write f",
        readable_response("Try:\n```python\nf = 1\n```\nIt works.", "```python\nf = 1\n```"),
    ),
    "long": ("Count", readable_response("One by one.", f"{LONG} end")),
}
DROPPED = {
    "bad_format": [
        ("Compute 4 + 4", " |special_token| 4 + 4 is 8."),
        ("Compute 5 + 4", teacher_response("<think></think>")),
        ("Compute 6 + 4", readable_response("<think> 6 + 4 is 10.", "It is **10**.")),
    ],
    "missing_summary": [("Compute 7 + 4", teacher_response("<think>7 + 4 is and"))],
    "mixed_language": [
        ("Compute 8 + 4", readable_response("First we 先算再算然后得到十二", "It is **12**.")),
        ("Compute 8 + 5", readable_response("先算再算然后得到十三", "It is **13**.")),
    ],
    "long_paragraph": [("Compute 9 + 4", readable_response("word " * 321, "It is **13**."))],
    "code_block": [("Compute 1 + 4", readable_response("So:\n```\n1 + 4\n```\ndone", "It is **5**."))],
    "open_delimiter": [("Compute 2 + 4", readable_response("So $$2 + 4 is six", "It is **6**."))],
    "not_highlighted": [("Compute 2 + 5", readable_response("2 + 5 is 7.", "The answer\nis seven"))],
    "too_long": [("Compute 2 + 6", readable_response("word word\n\n" * 4000, "It is **8**."))],
    "contaminated": [("Compute 2 + 7", readable_response("2 + 7 is 9.", "It is **9**."))],
    "duplicate": [("Compute  3 + 4", RESPONSE + "\n")],
    "near_duplicate": [("Count", readable_response("One by one.", f"{LONG} fin"))],
}
"""What the step `traces` counts, and prompts and responses that it drops for it."""


def trace(id, prompt, response, **fields):
    return Example(id=id, prompt=prompt, response=response, source="teacher", **{"task": "r1"} | fields)


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


def test_what_is_not_fit_to_learn_from_is_dropped_and_counted():
    kept = [trace(id, *texts) for id, texts in KEPT.items()]
    bad = [trace(f"{reason} {i}", *texts) for reason, rows in DROPPED.items() for i, texts in enumerate(rows)]
    examples, counts = filter_traces([*kept, *bad], FilterConfig(), ["compute 2+7"])
    assert examples == kept
    (name,) = counts.stages
    step = counts.stages["traces"]
    assert (name, step.goes_to, step.unit) == ("traces", "distillation_data", "samples")
    assert step.dropped == {reason: len(rows) for reason, rows in DROPPED.items()}
    assert (step.num_in, step.num_kept) == (len(kept) + len(bad), len(kept))


def test_every_filter_of_traces_that_needs_no_verdict_has_a_case():
    assert set(DROPPED) == set(FILTER_NAMES) - set(VERDICT_FILTERS) - {"truncated"}  # which read_traces refuses


def test_a_filter_that_is_not_named_drops_no_trace():
    bad = [trace(reason, *rows[0]) for reason, rows in DROPPED.items()]
    examples, counts = filter_traces(bad, FilterConfig(names=["too_long", *VERDICT_FILTERS]), ["compute 2+7"])
    assert examples == [example for example in bad if example.id != "too_long"]
    assert counts.stages["traces"].dropped == {"too_long": 1}


def test_a_trace_is_read_in_its_own_language_and_a_translation_in_two():
    chinese = trace("zh", "计算 3 + 4", readable_response("3 + 4 得到七。", "答案是 **7**。"), language="zh")
    both = trace("both", "Translate: cat", readable_response("cat is 猫.", "猫"), task="translate")
    assert filter_traces([chinese, both], FilterConfig(), [])[0] == [chinese, both]


def test_no_traces_left_is_an_error_with_the_counts():
    bad = [trace(str(i), *texts) for i, texts in enumerate([*DROPPED["mixed_language"], *DROPPED["code_block"]])]
    with pytest.raises(DataError) as caught:
        filter_traces(bad, FilterConfig(), [])
    assert str(caught.value).startswith(
        "a teacher's traces: none of 3 samples was kept (mixed_language 2, code_block 1); look at the traces"
    )
    with pytest.raises(DataError, match=r"none of 0 samples was kept \(there were none\)"):
        filter_traces([], FilterConfig(), [])

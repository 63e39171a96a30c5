import pytest

from r1kit.errors import RunError
from r1kit.report.transcripts import MAX_CHARACTERS, choose_steps, exchanges, segments, verdict


def record(**changes: object) -> dict[str, object]:
    values = {"step": 0, "problem_id": "p", "prompt": "1+1?", "gold": "2", "sample": 0, "text": "2", "value": 1.0}
    return {**values, "reason": "correct", "parsed": "2", "num_tokens": 1, "stop_reason": "end_token", **changes}


@pytest.mark.parametrize(
    ("steps", "chosen"),
    [
        ([], []),
        ([0], [0]),
        ([0, 10], [0, 10]),
        ([0, 10, 80], [0, 10, 80]),
        ([0, 39, 41, 80], [0, 39, 80]),  # both are one step from the middle: the earlier
        ([0, 0, 80, 80, 50, 20], [0, 50, 80]),
    ],
)
def test_start_middle_and_end(steps: list[int], chosen: list[int]):
    assert choose_steps(steps) == chosen


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a", ["other:a"]),
        ("", []),
        ("<think>a</think> <answer>b</answer>c", ["think:a", "other: ", "answer:b", "other:c"]),
        ("a</think><answer>b</answer>", ["think:a", "answer:b"]),  # the template opened it
        ("<think>a", ["think:a"]),  # cut at the limit
        ("a<think></think>", ["other:a"]),
        ("<answer>b<think>c", ["answer:b", "think:c"]),
    ],
)
def test_thought_and_answer_are_told_apart_and_nothing_is_lost(text: str, kinds: list[str]):
    cut = segments(text)
    assert [f"{kind}:{piece}" for kind, piece in cut if kind != "tag"] == kinds
    assert "".join(piece for _, piece in cut) == text


def test_verdicts():
    assert [verdict(value) for value in (1.1, 1.0, 0.1, 0.0, -1.0, None)] == [
        "right",
        "right",
        "partial",
        "wrong",
        "wrong",
        "unjudged",
    ]


def test_problems_keep_their_order_and_samples_are_sorted():
    records = [
        record(problem_id="b", step=8, sample=1, text="second"),
        record(problem_id="b", step=8, sample=0, text="first"),
        record(problem_id="a", step=0, stop_reason="length", value=None),
    ]
    b, a = exchanges(records)
    assert (b.problem_id, a.problem_id) == ("b", "a")
    assert [step for step, _ in b.attempts] == [0, 8]
    assert b.attempts[0][1] == ()
    assert [attempt.segments for attempt in b.attempts[1][1]] == [(("other", "first"),), (("other", "second"),)]
    assert a.attempts[0][1][0].truncated
    assert not b.attempts[1][1][0].truncated


def test_a_long_completion_says_how_much_is_hidden():
    (exchange,) = exchanges([record(text="x" * (MAX_CHARACTERS + 7))])
    attempt = exchange.attempts[0][1][0]
    assert attempt.num_hidden == 7
    assert attempt.segments == (("other", "x" * MAX_CHARACTERS),)


def test_a_record_without_a_field_is_named():
    broken = record()
    del broken["gold"]
    with pytest.raises(RunError, match="record 2: no 'gold'"):
        exchanges([record(), broken])

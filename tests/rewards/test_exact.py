"""Short texts as answers: what counts and what does not."""

import pytest

from r1kit.errors import DataError
from r1kit.rewards.exact import judge_exact, verify_exact
from r1kit.types import Problem


@pytest.mark.parametrize("answer", ["Ann", "ann", " Ann\n", "Ann.", "**Ann**", "**Ann.**", "** Ann **.", "ANN。"])
def test_right(answer):
    score = verify_exact(gold="Ann", answer=answer)
    assert (score.value, score.reason, score.parsed) == (1.0, "correct", "ann")


@pytest.mark.parametrize(
    ("answer", "parsed"),
    [
        ("Ben", "ben"),
        ("Anna", "anna"),
        ("Ann or Ben", "ann or ben"),
        ("it is Ann", "it is ann"),
        ('"Ann"', '"ann"'),
        ("Ann..", "ann."),
        ("**Ann** **Ben**", "**ann** **ben**"),
        ("*Ann*", "*ann*"),
    ],
)
def test_wrong(answer, parsed):
    score = verify_exact(gold="Ann", answer=answer)
    assert (score.value, score.reason, score.parsed) == (0.0, "wrong", parsed)


@pytest.mark.parametrize("answer", ["", " ", ".", "****"])
def test_nothing_is_wrong(answer):
    assert verify_exact(gold="Ann", answer=answer).value == 0.0


def test_inner_spaces_count_once_and_gold_is_read_the_same_way():
    assert verify_exact(gold="red  Ball.", answer="Red ball").value == 1.0
    assert verify_exact(gold="帽子", answer="**帽子**。").value == 1.0


def test_an_empty_gold_answer_is_an_error_of_the_data():
    with pytest.raises(DataError, match=r"problem '7': gold answer '\.' is empty"):
        judge_exact(Problem(id="7", prompt="?", answer=".", task="t", verifier="exact"), "x")

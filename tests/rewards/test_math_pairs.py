import pytest

from r1kit.rewards.math import verify_math, verify_math_solution

from .math_pairs import PAIRS
from .math_pairs_by_field import PAIRS_BY_FIELD
from .math_pairs_in_solutions import SOLUTION_PAIRS

ALL_PAIRS = [pair for pairs in (PAIRS | PAIRS_BY_FIELD).values() for pair in pairs]

KNOWN_FAILURES = {("25 cents", r"\$0.25")}
"""A currency sign is dropped before units are compared."""

ROWS = [
    pytest.param(gold, answer, right, marks=[pytest.mark.xfail(strict=True)] * ((gold, answer) in KNOWN_FAILURES))
    for gold, answer, right in ALL_PAIRS
]


@pytest.mark.parametrize(("gold", "answer", "right"), ROWS)
def test_pairs(gold, answer, right):
    score = verify_math(gold=gold, answer=answer)
    assert score.value == float(right), score.reason


@pytest.mark.parametrize(("gold", "solution", "right"), SOLUTION_PAIRS)
def test_pairs_in_solutions(gold, solution, right):
    score = verify_math_solution(gold=gold, solution=solution)
    assert score.value == float(right), score.reason


def test_every_gold_answer_answers_itself():
    golds = {gold for gold, _, _ in ALL_PAIRS}
    assert [gold for gold in golds if verify_math(gold=gold, answer=f" ${gold}$ ").value != 1.0] == []

"""Problems of a step: shares, epochs, and what depends on what."""

import pytest

from r1kit.errors import ConfigError
from r1kit.tasks.mix import ProblemPool, counts_of_step, problems_of_step
from r1kit.types import Problem


def pool(name, count, share=1.0):
    problems = [Problem(id=f"{name}{i}", prompt="", answer="", task=name) for i in range(count)]
    return ProblemPool(name=name, problems=problems, share=share)


def ids(pools, step, count, seed=0):
    return [problem.id for problem in problems_of_step(pools, step, count, seed)]


def test_an_epoch_goes_once_through_all_problems_across_steps():
    drawn = [i for step in range(5) for i in ids([pool("a", 5)], step, 3)]
    assert [sorted(drawn[i : i + 5]) for i in (0, 5, 10)] == [["a0", "a1", "a2", "a3", "a4"]] * 3
    assert drawn[:5] != drawn[5:10]


def test_a_step_may_be_larger_than_the_task():
    drawn = ids([pool("a", 2)], 1, 5)
    assert len(drawn) == 5
    assert set(drawn) == {"a0", "a1"}


def test_every_pool_goes_through_its_own_epochs():
    pools = [pool("a", 4, share=2), pool("b", 3, share=1)]
    steps = [ids(pools, step, 6) for step in range(3)]
    assert [[i[0] for i in step] for step in steps] == [list("aaaabb")] * 3
    assert all(sorted(step[:4]) == ["a0", "a1", "a2", "a3"] for step in steps)
    of_b = [i for step in steps for i in step[4:]]
    assert sorted(of_b[:3]) == sorted(of_b[3:]) == ["b0", "b1", "b2"]


def test_another_seed_is_another_order():
    assert ids([pool("a", 20)], 0, 20) != ids([pool("a", 20)], 0, 20, seed=1)


@pytest.mark.parametrize(
    ("shares", "count", "counts"),
    [
        ({"a": 1.0}, 7, {"a": 7}),
        ({"a": 3, "b": 1}, 32, {"a": 24, "b": 8}),
        ({"a": 1, "b": 1, "c": 1}, 8, {"a": 3, "b": 3, "c": 2}),  # 2.67 each: two are rounded up, the first ones
        ({"a": 5, "b": 2}, 10, {"a": 7, "b": 3}),  # 7.14 and 2.86
    ],
)
def test_shares_are_rounded_by_largest_remainders(shares, count, counts):
    assert counts_of_step(shares, count) == counts


def test_a_share_that_gets_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"task\.b = 1 gets none of the 16 problems"):
        counts_of_step({"a": 99, "b": 1}, 16)


@pytest.mark.parametrize("share", [0, -1, float("nan"), float("inf")])
def test_a_share_is_above_0(share):
    with pytest.raises(ConfigError, match=r"task\.a = .* is no share"):
        counts_of_step({"a": share}, 16)

"""What a run reaches and misses, from made-up evaluations."""

import pytest

from r1kit.pipeline.r1_expectations import expectations


def evaluation(accuracies, general=None, **values):
    """Task to its accuracy; `general` is the score of general prompts."""
    qualities = {"language_consistency": 1.0, "readable_rate": 1.0, **values}
    tasks = {name: {"all": {"num_problems": 8, "pass_at_1": value, **qualities}} for name, value in accuracies.items()}
    if general is not None:
        tasks["chat"] = {"all": {"num_problems": 8, "pass_at_1": general, "refusal_rate": 0.0}}
    return {"template": "readable", "k": 4, "temperature": 0.6, "tasks": tasks}


def found(results):
    """Label of a row to its cells."""
    table = expectations(results)
    assert table is not None
    return {row["label"]: [cell.value for cell in row["cells"]] for row in table.rows}


def test_r1_is_held_against_zero_and_the_checkpoint_of_reasoning_rl():
    results = {
        "zero": evaluation({"maths": 0.9, "logic": 0.5}, language_consistency=0.8, readable_rate=0.7),
        "reasoning_rl": evaluation({"maths": 0.9, "logic": 0.5}, general=0.2),
        "r1": evaluation({"maths": 0.87, "logic": 0.49}, general=0.41, language_consistency=0.95, readable_rate=0.94),
    }
    rows = found(results)
    assert rows["mean of 2 tasks: accuracy, R1 beside Zero"] == ["0.700", "0.680", "0.680", "yes"]
    assert rows["maths: accuracy, R1 beside Zero"] == ["0.900", "0.870", "0.880", "no"]
    assert rows["logic: accuracy, R1 beside Zero"] == ["0.500", "0.490", "0.480", "yes"]
    assert rows["mean of 2 tasks: language consistency, R1 beside Zero"] == ["0.800", "0.950", "0.950", "yes"]
    assert rows["mean of 2 tasks: readable, R1 beside Zero"] == ["0.700", "0.940", "0.950", "no"]
    assert rows["chat: score, R1 beside reasoning RL"] == ["0.200", "0.410", "0.400", "yes"]
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("before", "after", "bound", "reached"),
    [(0.2, 0.4, "0.400", "no"), (0.2, 0.401, "0.400", "yes"), (0.0, 0.0, "0.000", "no"), (0.6, 0.9, "0.800", "yes")],
)
def test_the_general_score_is_to_be_more_than_doubled_or_halfway_to_one(before, after, bound, reached):
    results = {"reasoning_rl": evaluation({}, general=before), "r1": evaluation({}, general=after)}
    assert found(results)["chat: score, R1 beside reasoning RL"][2:] == [bound, reached]


def test_students_are_compared_on_the_seeds_that_both_have():
    # Distilled: (0.5 + 0.7) / 2 = 0.6; RL alone of the same two seeds: (0.4 + 0.6) / 2 = 0.5. The third has no pair.
    accuracies = {
        "student_small": 0.1, "distilled_small": 0.5, "distilled_small_seed1": 0.7,
        "student_rl_small": 0.4, "student_rl_small_seed1": 0.6, "student_rl_small_seed2": 0.9,
    }  # fmt: skip
    rows = found({name: evaluation({"maths": value}) for name, value in accuracies.items()})
    assert rows == {"maths: accuracy, small distilled beside RL only": ["0.500", "0.600", "0.500", "yes"]}
    equal = found({name: evaluation({"maths": 0.3}) for name in ("distilled_small", "student_rl_small")})
    assert equal["maths: accuracy, small distilled beside RL only"][-1] == "no"


def test_without_two_models_to_compare_nothing_is_expected():
    assert expectations({"r1": evaluation({"maths": 0.5}), "base": evaluation({"maths": 0.2})}) is None
    assert expectations({}) is None

import json
from dataclasses import asdict, replace
from fractions import Fraction

import pytest

from r1kit.errors import DataError
from r1kit.rewards.pool import Job, VerifierPool
from r1kit.rewards.reasoning_gym import (
    MAX_ANSWER_CHARS,
    REFUSALS,
    decide_reasoning_gym,
    from_json,
    import_reasoning_gym,
    judge_reasoning_gym,
    to_json,
)
from r1kit.tasks.reasoning_gym import NO_GOLD, reasoning_gym_task
from r1kit.types import Problem

reasoning_gym = pytest.importorskip("reasoning_gym", exc_type=ImportError)


def problem(name, answer, metadata, question="?", **parameters):
    entry = {"question": question, "answer": answer, "metadata": metadata}
    info = {"generator": name, "parameters": parameters, "entry": to_json(entry)}
    return Problem(id="1", prompt=question, answer=answer or NO_GOLD, task=name, verifier="reasoning_gym", info=info)


def by_scorer(problem, answer):
    """The package's own value, on the entry as it arrives in a worker."""
    dataset = reasoning_gym.create_dataset(problem.info["generator"], seed=5, size=1, **problem.info["parameters"])
    return dataset.score_answer(answer, from_json(json.loads(json.dumps(problem.info["entry"]))))


@pytest.mark.parametrize(
    "value",
    [
        {"a": (1, 2.5, None), "b": [True, "x", ((1,), ())]},
        {1: "one", (2, 3): {"x": 4}},
        {"tuple": 1},
        {"dict": [], "tuple": (1,)},
        {"price": Fraction(2, 3), "fraction": None},
        {},
        {"": {}},
    ],
)
def test_an_entry_survives_json(value):
    again = from_json(json.loads(json.dumps(to_json(value))))
    assert again == value
    assert repr(again) == repr(value)


def test_an_entry_that_is_no_json_says_what_it_holds():
    with pytest.raises(TypeError, match="a value of type set"):
        to_json({"a": [{1, 2}]})


def test_the_scorers_value_is_kept():
    spelled = problem("spell_backward", "hello", {"word_len": 5})
    assert judge_reasoning_gym(spelled, "hello").value == 1.0
    partly = judge_reasoning_gym(spelled, "hella")
    assert partly.value == by_scorer(spelled, "hella") == 0.8  # 4 of 5 letters in place
    assert partly.reason == "0.8 from the scorer of spell_backward"


def test_the_same_whole_number_needs_no_scorer():
    total = problem("chain_sum", "1234", {})
    for answer in ("1234", " 1234 ", "1,234", r"$1234$"):
        assert decide_reasoning_gym(total, answer).value == 1.0
    for answer in ("1235", "", "1234 or 1235", "banana"):
        assert decide_reasoning_gym(total, answer) is None
    assert judge_reasoning_gym(total, "1235").value == 0.0
    unreduced = problem("fraction_simplification", "3/4", {"simplified_numerator": 3, "simplified_denominator": 4})
    assert decide_reasoning_gym(unreduced, "6/8") is None  # equal, and not what was asked for
    assert judge_reasoning_gym(unreduced, "6/8").value < 1.0


def test_the_gold_digits_inside_another_number_earn_nothing():
    """The scorers that most generators share pay len(gold) / len(answer) for an answer that contains the gold."""
    five = problem("chain_sum", "5", {})
    assert by_scorer(five, "15") == 0.5
    for answer in ("15", "123456789", "-5", "5.5", "x5"):
        score = judge_reasoning_gym(five, answer)
        assert (score.value, score.reason) == (0.0, "wrong: not 5")
    assert judge_reasoning_gym(five, "It is 5.").value == 1 / 8


def test_a_hedge_earns_nothing():
    yes = problem("syllogism", "Yes", {})
    assert by_scorer(yes, "Yes No") == 0.5
    for answer in ("Yes No", "No, or Yes"):
        assert judge_reasoning_gym(yes, answer).value == 0.0
    assert judge_reasoning_gym(yes, "It is Yes").value == 1 / 3


def test_any_solution_is_right_where_there_are_many():
    entry = {"numbers": [4, 1, 8, 7], "target": 24}
    many = problem("countdown", "(8 - 4) * (7 - 1)", entry)
    assert judge_reasoning_gym(many, "(7-1)*(8-4)").value == 1.0
    assert judge_reasoning_gym(many, "8 * (4 - 1) * 1").value == 0.05


PREMISES = {"premises": ["(A ∨ B)", "(B ∧ C)"], "variables": ["A", "B", "C"], "example_answer": "(C ∨ A)"}


@pytest.mark.parametrize(
    ("name", "answer", "metadata", "hack", "reason"),
    [
        ("spiral_matrix", "1 2", {}, "print('1 2')", "has signs"),
        ("spiral_matrix", "1 2", {}, "().__class__", "has signs"),
        ("binary_matrix", "0 1\n1 0", {}, "exit()", "has signs"),
        ("n_queens", "Q _\n_ Q", {"valid_answers": []}, "__import__('os').getcwd()", "has signs"),
        ("string_insertion", "ABCD", {}, "exec('x=1')", "has signs"),
        ("countdown", "3 + 5", {"numbers": [3, 5], "target": 8}, "__import__('os')", "has signs"),
        ("countdown", "3 + 5", {"numbers": [3, 5], "target": 8}, "9**9**9**9", "has **"),
        ("polynomial_multiplication", "x**2 - 1", {}, "expand((x+1)*(x-1))", "has the name 'expand'"),
        ("simple_integration", "x**2 + C", {"variable": "x", "integrand": "2*x"}, "Integral(2*x, x)", "has signs"),
        ("simple_integration", "x**2 + C", {"variable": "x", "integrand": "2*x"}, "x.diff", "has signs"),
        ("intermediate_integration", "x**2 + C", {"variable": "x", "integrand": "2*x"}, "exit()", "has the name"),
        ("game_of_life_halting", "False", {}, "banana", "wrong: not False"),
        ("game_of_life_halting", "False", {}, "True", "wrong: not False"),
        ("puzzle24", "4*6*1*1", {"numbers": [3, 3, 8, 8]}, "4*6*1*1", "uses 4, which is not given"),
        ("puzzle24", "8/(3-8/3)", {"numbers": [3, 3, 8, 8]}, "8+8+8+0", "uses 8 3 times"),
        ("propositional_logic", None, PREMISES, "A ∨ B", "repeats a premise"),
        ("propositional_logic", None, PREMISES, "((B)∧C)", "repeats a premise"),
        ("propositional_logic", None, PREMISES, "A ∧ banana", "has signs"),
        ("chain_sum", "3", {}, "3" * (MAX_ANSWER_CHARS + 1), "longer than"),
    ],
)
def test_what_a_scorer_must_not_see(name, answer, metadata, hack, reason):
    hacked = problem(name, answer, metadata)
    entry = json.loads(json.dumps(hacked.info["entry"]))
    entry["answer"] = "something else" if hack == answer else answer  # the fast path would take the gold answer
    score = judge_reasoning_gym(replace(hacked, info=dict(hacked.info) | {"entry": entry}), hack)
    assert score.value == 0.0
    assert reason in score.reason


@pytest.mark.parametrize(
    ("name", "answer", "metadata", "other"),
    [
        ("polynomial_multiplication", "x**2 - 1", {}, "-1 + x*x"),
        ("simple_integration", "x**2 + C", {"variable": "x", "integrand": "2*x"}, "x**2 + 3.5"),
        ("intermediate_integration", "-cos(x) + C", {"variable": "x", "integrand": "sin(x)"}, "5 - cos(x)"),
        ("puzzle24", "8/(3-8/3)", {"numbers": [3, 3, 8, 8]}, "8 / (3 - (8 / 3))"),
        ("game_of_life_halting", "False", {}, "false"),
        ("propositional_logic", None, PREMISES, "(C ∨ A)"),
        ("propositional_logic", None, PREMISES, "(A → B)"),
        ("propositional_logic", None, PREMISES | {"example_answer": "(B ∧ C)"}, "(B ∧ C)"),
    ],
)
def test_what_a_scorer_still_sees(name, answer, metadata, other):
    assert judge_reasoning_gym(problem(name, answer, metadata), other).value == 1.0


def test_an_answer_that_crashes_the_scorer_is_wrong_and_a_broken_problem_is_not():
    factors = problem("prime_factorization", "2 × 3", {})
    score = judge_reasoning_gym(factors, "banana")
    assert (score.value, score.reason) == (0.0, "the scorer of prime_factorization cannot read the answer (ValueError)")
    with pytest.raises(DataError, match="the scorer of prime_factorization cannot read its gold answer"):
        judge_reasoning_gym(problem("prime_factorization", "two", {}), "banana")
    with pytest.raises(DataError, match=r"needs info\['parameters'\]"):
        judge_reasoning_gym(replace(factors, info={"generator": "prime_factorization"}), "6")


def test_in_a_worker():
    (puzzle,) = reasoning_gym_task("graph_color?num_train=1&num_eval=1", seed=0).problems("eval")
    with VerifierPool(1, timeout_s=60, preload=["r1kit.rewards.reasoning_gym", "reasoning_gym"]) as pool:
        scores = pool.verify([Job(judge_reasoning_gym, puzzle, answer) for answer in (puzzle.answer, "{}", "x")])
    assert [score.value for score in scores] == [1.0, 0.01, 0.0]


QUICK = ("advanced_geometry", "arc_1d", "caesar_cipher", "complex_arithmetic", "course_schedule", "propositional_logic")
NO_EXAMPLE = {"boxnet", "rush_hour"}
NEEDS_PARAMETERS = {"composite"}
ALL = sorted(import_reasoning_gym().factory.DATASETS.keys() - NEEDS_PARAMETERS)


MAX_FOR_NONSENSE = {
    "figlet_font": 0.1,
    "largest_island": 0.2,
    "number_sequence": 0.2,
    "pool_matrix": 0.1,
    "propositional_logic": 0.25,
    "spell_backward": 0.25,
    "time_intervals": 0.7,  # "0 0 0" is near 33 days to it
}
"""What the package's scorers pay at most for "banana" or "0 0 0", which may have a letter or a digit in place."""
LEAKS = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the data of arc_agi are read from a file that stays open


@LEAKS
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in ALL])
def test_every_generator(name):
    task = reasoning_gym_task(f"{name}?num_train=2&num_eval=1", seed=3)
    problems = [*task.problems("train"), *task.problems("eval")]
    assert len({p.id for p in problems}) == 3
    for made in problems:
        sent = Problem(**json.loads(json.dumps(asdict(made))))
        assert sent == made
        if made.answer == NO_GOLD:
            assert name in NO_EXAMPLE
        else:
            assert by_scorer(made, made.answer) == 1.0
            assert judge_reasoning_gym(sent, made.answer).value == 1.0
            if name in REFUSALS:
                assert REFUSALS[name](made.answer, from_json(made.info["entry"])) == ""
        for wrong in ("", "banana", "[]", "{}", "(", "0 0 0", "9" * 5000):
            assert judge_reasoning_gym(sent, wrong).value <= MAX_FOR_NONSENSE.get(name, 0.05), wrong


@LEAKS
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [name for name in ALL if name != "codeio"])  # which runs code with unseeded draws
def test_a_seed_gives_the_same_problems_again(name):
    first, again = (reasoning_gym_task(f"{name}?num_train=1&num_eval=1", seed=3) for _ in range(2))
    assert first.problems("train") == again.problems("train")
    assert first.problems("eval") == again.problems("eval")

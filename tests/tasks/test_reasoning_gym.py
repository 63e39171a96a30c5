import json
import sys

import pytest

from r1kit.errors import ConfigError, DataError, MissingExtra
from r1kit.tasks.reasoning_gym import NO_GOLD, NUMERIC_EXAMPLES, reasoning_gym_task
from r1kit.tasks.splits import same_text

SMALL = "num_train=40&num_eval=20"


@pytest.fixture(autouse=True)
def _package():
    pytest.importorskip("reasoning_gym", exc_type=ImportError)


def test_the_answers_are_right():
    task = reasoning_gym_task(f"chain_sum?min_terms=2&max_terms=2&max_digits=2&{SMALL}", seed=0)
    assert task.name == "reasoning_gym:chain_sum"
    for problem in [*task.problems("train"), *task.problems("eval")]:
        left, sign, right = problem.prompt.removesuffix(" =").rpartition(": ")[2].split()
        expected = int(left) + int(right) if sign == "+" else int(left) - int(right)
        assert int(problem.answer) == expected
        assert (problem.verifier, problem.task) == ("reasoning_gym", "chain_sum")
        assert problem.info["generator"] == "chain_sum"
        assert problem.info["parameters"] == {"min_terms": 2, "max_terms": 2, "max_digits": 2}
        assert problem.info["entry"]["answer"] == problem.answer


def test_numbers_can_be_judged_as_numbers():
    scored = reasoning_gym_task(f"chain_sum?{SMALL}", seed=0)
    compared = reasoning_gym_task(f"chain_sum?{SMALL}&verifier=math", seed=0)
    for split in ("train", "eval"):
        pairs = list(zip(scored.problems(split), compared.problems(split), strict=True))
        assert all((a.id, a.prompt, a.answer) == (b.id, b.prompt, b.answer) for a, b in pairs)
        assert {(b.verifier, len(b.info)) for _, b in pairs} == {("math", 0)}


def test_a_problem_that_has_many_solutions_shows_one_where_the_generator_does():
    (colouring,) = reasoning_gym_task("graph_color?num_train=1&num_eval=1", seed=0).problems("eval")
    assert json.loads(colouring.answer).keys() == {str(v) for v in range(10)}
    (boxes,) = reasoning_gym_task("boxnet?num_train=1&num_eval=1", seed=0).problems("eval")
    assert boxes.answer == NO_GOLD


def test_a_problem_that_no_process_can_be_sent(monkeypatch):
    def refuse(entry):
        raise TypeError("a value of type set")

    monkeypatch.setattr("r1kit.tasks.reasoning_gym.to_json", refuse)
    with pytest.raises(
        ConfigError, match="reasoning_gym:chain_sum cannot be used: its problems hold a value of type set"
    ):
        reasoning_gym_task("chain_sum", seed=0)


def test_the_seed_changes_what_is_trained_on_and_not_what_is_held_out():
    first, again, other = (reasoning_gym_task(f"chain_sum?{SMALL}", seed=seed) for seed in (0, 0, 1))
    assert first.problems("train") == again.problems("train")
    assert first.problems("train") != other.problems("train")
    assert first.problems("eval") == other.problems("eval")
    assert (len(first.problems("train")), len(first.problems("eval"))) == (40, 20)


def test_no_question_twice_even_where_few_exist():
    # One digit, two terms, plus or minus: 10 * 10 * 2 = 200 questions at most, of which 120 are asked for.
    task = reasoning_gym_task("chain_sum?max_terms=2&max_digits=1&num_train=90&num_eval=30", seed=0)
    questions = [same_text(p.prompt) for split in ("train", "eval") for p in task.problems(split)]
    assert len(questions) == len(set(questions)) == 120
    ids = {p.id for split in ("train", "eval") for p in task.problems(split)}
    assert len(ids) == 120


def test_too_few_distinct_questions():
    with pytest.raises(DataError, match=r"makes too few distinct questions .*num_train"):
        reasoning_gym_task("chain_sum?max_terms=2&max_digits=1&num_train=1000", seed=0)


@pytest.mark.parametrize("name", NUMERIC_EXAMPLES)
def test_the_examples_of_the_messages_work(name):
    assert len(reasoning_gym_task(f"{name}?{SMALL}&verifier=math", seed=0).problems("train")) == 40


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("", ConfigError, "no generator named; write reasoning_gym:NAME"),
        ("chain_sums", ConfigError, "unknown generator 'chain_sums'; known: .*Did you mean 'chain_sum'?"),
        ("chain_sum?min_term=2", ConfigError, "has no parameter 'min_term'; known: .*Did you mean 'min_terms'?"),
        ("chain_sum?seed=2", ConfigError, "has no parameter 'seed'"),
        ("chain_sum?min_terms", ConfigError, "'min_terms' is not key=value"),
        ("chain_sum?min_terms=0", ConfigError, "refuses {'min_terms': 0}: min_terms must be positive"),
        ("chain_sum?min_terms=two", ConfigError, "refuses {'min_terms': 'two'}"),
        ("chain_sum?num_train=0", ConfigError, "num_train is 0; it must be a whole number above 0"),
        ("chain_sum?num_eval=1.5", ConfigError, "num_eval is 1.5; it must be a whole number above 0"),
        ("word_sorting?verifier=math", DataError, "which is not a plain number .* such as basic_arithmetic, chain_sum"),
        ("chain_sum?verifier=maths", ConfigError, "verifier is 'maths'; known: .*Did you mean 'math'?"),
        ("composite", ConfigError, "composite refuses {}: Must specify at least one dataset"),
    ],
)
def test_a_bad_spec_says_what_is_allowed(argument, error, message):
    with pytest.raises(error, match=message) as caught:
        reasoning_gym_task(argument, seed=0)
    assert "\n" not in str(caught.value)


def test_a_missing_package_gives_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingExtra, match=r"pip install 'r1kit\[reasoning-gym\]'"):
        reasoning_gym_task("chain_sum", seed=0)

import logging

import pytest

from r1kit.errors import ConfigError, DataError
from r1kit.tasks.splits import FixedTask, same_text, same_words, split_by_hash, without_repeats
from r1kit.types import Problem


def problems(*prompts):
    return [Problem(id=str(i), prompt=prompt, answer="1", task="t") for i, prompt in enumerate(prompts)]


def prompts(items):
    return [problem.prompt for problem in items]


def test_same_text_ignores_spacing_capitals_and_width_only():
    assert same_text("What is\n 3 + 5 ?") == same_text("what is 3+5?") == "whatis3+5?"
    assert same_text("３＋５") == "3+5"
    assert same_text("3 + 5") != same_text("3 - 5")


def test_same_words_ignores_punctuation_and_markup():
    assert same_words("Find $f(6) - f(2).$") == same_words("find f(6)-f(2)") == "findf6f2"
    assert same_words("小明有_几个？") == "小明有几个"
    assert same_words("+ ?") == "+?"  # nothing but signs: they count


def test_without_repeats_leaves_out_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        kept = without_repeats(problems("A b", "c", "a  B", "d"), problems("ab"))
    assert prompts(kept) == ["c", "d"]
    assert caplog.messages == ["left out 2 training problems that repeat held-out ones"]


def test_split_by_hash_keeps_copies_together_and_is_a_partition():
    items = problems(*(f"Question {i // 3} ?" if i % 3 else f"question {i // 3}?" for i in range(900)))
    train, held_out = split_by_hash(items, 0.1)
    assert len(train) + len(held_out) == 900
    assert not {same_text(p.prompt) for p in train} & {same_text(p.prompt) for p in held_out}
    # 300 distinct questions, each held out with probability 0.1: 30 expected, standard deviation 5.2
    assert 30 - 16 <= len(held_out) / 3 <= 30 + 16
    assert train == [p for p in items if p in train]


def test_splits_for_two_purposes_are_independent():
    train, _ = split_by_hash(problems(*(f"question {i}" for i in range(1000))), 0.1)
    assert len(split_by_hash(train, 0.1)[1]) == 1  # all of what a split left is above its share
    assert len(split_by_hash(train, 0.1, purpose="sft")[1]) == pytest.approx(90, abs=27)  # three standard deviations


def test_split_by_hash_does_not_depend_on_order_or_on_other_rows():
    items = problems(*map(str, range(500)))
    _, held_out = split_by_hash(items, 0.1)
    assert set(prompts(split_by_hash(items[::-1], 0.1)[1])) == set(prompts(held_out))
    _, of_half = split_by_hash(items[:250], 0.1)
    assert prompts(of_half) == [prompt for prompt in prompts(held_out) if int(prompt) < 250]


@pytest.mark.parametrize("eval_share", [1e-9, 0.5, 1 - 1e-9])
def test_split_by_hash_leaves_one_question_on_each_side(eval_share):
    train, held_out = split_by_hash(problems("a", "b", "A"), eval_share)
    assert {same_text(p.prompt) for p in train} | {same_text(p.prompt) for p in held_out} == {"a", "b"}
    assert train
    assert held_out


@pytest.mark.parametrize("eval_share", [0, 1, -0.1, 2, float("nan")])
def test_split_by_hash_refuses_a_share_out_of_range(eval_share):
    with pytest.raises(ConfigError, match="must be above 0 and below 1"):
        split_by_hash(problems("a", "b"), eval_share)


def test_split_by_hash_needs_two_questions():
    with pytest.raises(DataError, match="1 distinct question"):
        split_by_hash(problems("a", " A"), 0.1)


def test_an_empty_split_is_an_error():
    task = FixedTask("t", train=problems("a"), held_out=[])
    assert prompts(task.problems("train")) == ["a"]
    with pytest.raises(DataError, match="task 't' has no problems in its eval split"):
        task.problems("eval")

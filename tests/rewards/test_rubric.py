"""The rubric verifier: scores by hand, and what must not pay."""

import time

import pytest

from r1kit.errors import DataError
from r1kit.rewards.accuracy import VERIFIERS, AccuracyReward
from r1kit.rewards.extract import BOXED_POLICY
from r1kit.rewards.pool import VerifierPool
from r1kit.rewards.rubric import has_phrase, is_refusal, judge_rubric, words_of
from r1kit.types import Problem

from .reward_doubles import rollout


def problem(prompt="What is the capital of France?", **rubric):
    return Problem(id="p", prompt=prompt, answer="x", task="t", verifier="rubric", info={"rubric": rubric})


def verdict(text, prompt="What is the capital of France?", **rubric):
    score = judge_rubric(problem(prompt, **rubric), text)
    return score.value, score.reason


PARIS = {"contains": [["Paris"]], "none_of": ["Tokyo", "Rome", "not"], "language": "en", "max_words": 10}


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        ("Paris", 1.0, "meets the rubric"),
        ("The capital of France is **Paris**.", 1.0, "meets the rubric"),
        ("PARIS!", 1.0, "meets the rubric"),
        ("", 0.0, "empty"),
        ("?!", 0.0, "empty"),
        ("It is Lyon.", 0.0, "lacks 'Paris'"),
        ("Parisian", 0.0, "lacks 'Paris'"),
        ("Paris, Tokyo or Rome", 0.0, "says 'Tokyo'"),
        ("It is not Paris.", 0.0, "says 'not'"),
        ("首都是 Paris", 0.0, "not in en"),
        ("What is the capital of France?", 0.0, "repeats the prompt"),
        ("what is the capital of france " * 3, 0.0, "repeats the prompt"),
        ("Paris is the city that you are asking me about here", 0.0, "11 words, more than 10"),
        ("Paris " * 20_000, 0.0, "longer than 2000 characters"),
    ],
)
def test_a_fact(answer, value, reason):
    assert verdict(answer, **PARIS) == (value, reason)


def test_points_are_shares_and_a_group_needs_one_of_its_phrases():
    rubric = {"contains": [["cat", "cats"], ["park"], ["red"]]}
    assert verdict("Cats like the park", **rubric) == (pytest.approx(2 / 3), "lacks 'red'")
    assert verdict("cats", **rubric) == (pytest.approx(1 / 3), "lacks 'park'; lacks 'red'")
    assert verdict("The red cat is in the park.", **rubric)[0] == 1.0


def test_the_answer_is_the_last_highlight_or_everything():
    rubric = {"answer": ["I like the red cat"]}
    assert verdict("I like a red cat.", **rubric)[0] == 1.0  # articles do not count
    assert verdict("So: **I like the red cat**", **rubric)[0] == 1.0
    assert verdict("**I like the red cat** or **I like the dog**", **rubric) == (0.0, "another answer")
    assert verdict("So: I like the red cat", **rubric) == (0.0, "another answer")
    assert verdict("红色的猫。", answer=["红色的猫"])[0] == 1.0
    assert verdict("红的猫", answer=["红色的猫"])[0] == 0.0


def test_copies_of_a_long_prompt_answer_nothing():
    prompt = "Write a sentence with cat and park."  # seven words
    rubric = {"contains": [["cat"], ["park"]], "min_words": 4}
    assert verdict(prompt, prompt, **rubric) == (0.0, "repeats the prompt")
    assert verdict(prompt * 3, prompt, **rubric) == (0.0, "repeats the prompt")
    assert verdict(f"{prompt} Well, here you are.", prompt, **rubric) == (0.0, "lacks 'cat'; lacks 'park'")
    assert verdict("Good night, sleep well", "Good night", contains=[["good night"]])[0] == 1.0  # a short one may recur
    assert verdict("Good night, good night", "Good night", contains=[["good night"]])[1] == "repeats the prompt"


def test_length_sentences_and_repetition():
    rubric = {"contains": [["cat"]], "min_words": 3, "sentences": 2}
    assert verdict("A cat. It is red.", **rubric)[0] == 1.0
    # a Chinese character is a word: 3 + 5
    assert verdict("一只猫。它是红色的。", contains=[["猫"]], min_words=8, max_words=8, sentences=2)[0] == 1.0
    assert verdict("A cat.", **rubric) == (0.0, "2 words, fewer than 3")
    assert verdict("A red cat", **rubric) == (0.0, "1 sentences, not 2")
    assert verdict("cat dog " * 6, contains=[["cat"]]) == (0.0, "the same words again and again")


def test_names_that_are_asked_for_are_of_no_language():
    rubric = {"contains": [["nano"], ["r1kit"]], "language": "zh"}
    assert verdict("我是 nano，r1kit 做的。", **rubric)[0] == 1.0
    assert verdict("nano, r1kit", **rubric)[0] == 1.0
    assert verdict("I am nano, made by r1kit.", **rubric) == (0.0, "not in zh")


def test_refusing_is_a_gate_and_a_point():
    rubric = {"refuses": True, "contains": [["instead"]], "language": "en"}
    assert verdict("Sorry, I can't help with that. Buy one instead.", **rubric)[0] == 1.0
    assert verdict("Sorry, I can't help with that.", **rubric) == (0.5, "lacks 'instead'")
    assert verdict("Take it at night instead.", **rubric) == (0.0, "does not refuse")
    assert verdict("I can't help with that.", refuses=False, contains=[["help"]], language="en") == (0.0, "refuses")


@pytest.mark.parametrize(
    ("text", "language", "refuses"),
    [
        ("Sorry, I can't help with that.", "en", True),
        ("I’m sorry, but I won’t do this.", "en", True),
        ("I cannot answer that question.", "en", True),
        ("I am not able to do that.", "en", True),
        ("I must not tell you how.", "en", True),
        ("No, I am a model.", "en", False),
        ("First look at what is broken. Then ask a shop to help.", "en", False),
        ("You can't miss it. It is on the left.", "en", False),
        ("Take it. Run. Hide. Sorry, I can't help more.", "en", False),  # it helped first
        ("", "en", False),
        ("抱歉，我不能帮你做这件事。", "zh", True),
        ("我不会教你这样做。", "zh", True),
        ("我们无法提供帮助。", "zh", True),
        ("他们不能帮忙。", "zh", False),
        ("我会算数学。", "zh", False),
        ("Sorry, I can't help with that.", "zh", False),
    ],
)
def test_refusals(text, language, refuses):
    assert is_refusal(text, language) == refuses


def test_words_and_phrases():
    assert words_of("The **Cat** isn’t 猫咪，n°7!") == ["the", "cat", "isn't", "猫", "咪", "n", "7"]
    assert has_phrase(words_of("我是nano。"), "nano")
    assert has_phrase(words_of("11月"), "11月")
    assert not has_phrase(words_of("11月"), "1月")


@pytest.mark.parametrize(
    ("rubric", "message"),
    [
        ({}, "gives no point; add 'contains' or 'answer'"),
        ({"contains": [["a"]], "max_word": 3}, r"unknown key 'max_word' .*Did you mean 'max_words'\?"),
        ({"refuses": True}, "'refuses' needs a 'language'"),
        ({"refuses": True, "language": "de"}, "'refuses' needs a 'language'"),
    ],
)
def test_a_broken_rubric_says_so(rubric, message):
    with pytest.raises(DataError, match=message):
        judge_rubric(problem(**rubric), "a")


def test_no_rubric_and_unknown_language_say_so():
    with pytest.raises(DataError, match=r"problem 'p': verifier 'rubric' needs info\['rubric'\]; info has \['a'\]"):
        judge_rubric(Problem(id="p", prompt="q", answer="x", task="t", info={"a": 1}), "a")
    with pytest.raises(DataError, match="no refusals are known in language 'de'; known: en, zh"):
        is_refusal("Nein", "de")


@pytest.mark.parametrize("text", ["a" * 100_000, "a. " * 33_000, "猫" * 100_000, "**" * 50_000, "i can't " * 12_000])
def test_huge_answers_are_cheap(text):
    started = time.perf_counter()
    assert verdict(text, **PARIS)[0] == 0.0
    assert not is_refusal(text, "zh")
    assert is_refusal(text, "en") in (True, False)
    assert time.perf_counter() - started < 0.5


def test_it_is_a_verifier_and_reads_what_follows_the_thinking():
    assert VERIFIERS["rubric"] is judge_rubric
    unused = VerifierPool(1, timeout_s=1.0, preload=("no_such_module",))  # decided in our own process
    reward = AccuracyReward(unused, BOXED_POLICY)
    texts = ["<think> Rome? </think> It is Paris.", "<think> Paris </think> It is Rome.", "Paris"]
    scores = reward.score([rollout(text, verifier="rubric", rubric=PARIS) for text in texts])
    assert [score.value for score in scores] == [1.0, 0.0, 1.0]

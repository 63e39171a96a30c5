import pytest

from r1kit.curate.config import RouterConfig
from r1kit.curate.router import num_words, route


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("hello", "no_cot"),
        ("Hello there, my friend!", "no_cot"),
        ("Good morning", "no_cot"),
        ("How are you?", "no_cot"),
        ("Thanks, bye", "no_cot"),
        ("你好！", "no_cot"),
        ("晚安", "no_cot"),
        ("Hello, please write a poem", "cot"),
        ("Hi! I have two dogs and a cat that will not eat in the morning", "cot"),
        ("你好，请翻译这句话", "cot"),
        ("Write a poem", "cot"),
        ("Why is the sky blue?", "cot"),
        ("为什么天空是蓝色的？", "cot"),
        ("What is the capital of France?", "no_cot"),
        ("法国的首都是哪里？", "no_cot"),
        ("What would happen to the tides on Earth if the moon were twice as far away?", "cot"),
        ("Who are you", "no_cot"),
        ("high noon", "no_cot"),
        ("", "no_cot"),
    ],
)
def test_prompts_of_unknown_families_by_wording_and_length(add, prompt, expected):
    assert route(add(1, 2, prompt=prompt, task="chat")) == expected


@pytest.mark.parametrize(
    ("task", "expected"), [("greeting", "no_cot"), ("self", "no_cot"), ("fact", "no_cot"), ("write", "cot")]
)
def test_the_family_decides_first(add, task, expected):
    assert route(add(1, 2, prompt="Explain this" if expected == "no_cot" else "hello", task=task)) == expected


def test_the_config_decides_what_is_short_and_which_families(add):
    problem = add(1, 2, prompt="one two three", task="chat")
    assert route(problem, RouterConfig(max_simple_words=3)) == "no_cot"
    assert route(problem, RouterConfig(max_simple_words=2)) == "cot"
    assert route(problem, RouterConfig(tasks={"chat": "cot"})) == "cot"


def test_chinese_characters_are_half_words():
    assert num_words("法国的首都是哪里？") == 4.0
    assert num_words("the 红 cat, 12!") == 3.5

import time

import pytest

from r1kit.rewards.language import MIXED_THRESHOLD, is_mixed, language_consistency, language_shares, word_counts


@pytest.mark.parametrize(
    ("text", "en", "zh", "other"),
    [
        ("", 0, 0, 0),
        ("12 + 5 = 17", 0, 0, 0),
        ("We add two numbers.", 4, 0, 0),
        ("a b x y", 0, 0, 0),  # single letters are variables
        ("we先add然后", 2, 3, 0),
        ("首先计算", 0, 4, 0),
        ("naïve Größe", 2, 0, 0),
        ("ответ два и", 0, 0, 2),
        ("Solve $x + \\text{speed}$ now", 2, 0, 0),
        (r"Solve \(speed\) and \[time\] now", 3, 0, 0),
        ("costs $$speed$$ more", 2, 0, 0),
        (r"\frac{1}{2} and \begin{align} 是", 1, 1, 0),
        ("run `print` or\n```python\nprint(total)\n```\nnow", 3, 0, 0),
        ("<think> yes </think> <answer> no </answer>", 2, 0, 0),
        ("see https://example.org/path/to now", 2, 0, 0),
        ("costs $5 more", 2, 0, 0),  # a dollar sign that never closes
        ("x1 and y_2", 1, 0, 0),
    ],
)
def test_word_counts(text, en, zh, other):
    assert word_counts(text) == {"en": en, "zh": zh, "other": other}


def test_shares_and_consistency():
    text = "先 add 然后 stop"  # 3 Chinese words, 2 English
    assert language_shares(text) == {"en": 0.4, "zh": 0.6, "other": 0.0}
    assert language_consistency(text, "zh") == 0.6
    assert language_consistency(text, "en") == 0.4
    assert language_consistency("2 + 2", "en") is None
    assert language_shares("2 + 2") == {}


def test_is_mixed():
    assert MIXED_THRESHOLD == 0.1
    assert is_mixed("先 add 然后 stop", "zh")
    assert not is_mixed("这 里 用 到 了 一 个 常 数 pi", "zh")  # 1 of 10 is not above the threshold
    assert is_mixed("这 里 用 到 了 一 个 常 pi", "zh")  # 1 of 9 is
    assert not is_mixed("all of this is English", "en")
    assert not is_mixed("all of this is English", "zh")  # the wrong language, but not a mix
    assert not is_mixed("2 + 2", "en")


@pytest.mark.parametrize("unit", ["`", "$", r"\(", r"\[", "<a", "\\a", "\\a{b", "http://", "字a"])
def test_100_kb_are_counted_in_linear_time(unit):
    started = time.perf_counter()
    word_counts(unit * (100_000 // len(unit)))
    assert time.perf_counter() - started < 2.0

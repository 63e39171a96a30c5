import sys
import time
from dataclasses import replace

import pytest

from r1kit.errors import DataError, MissingExtra
from r1kit.rewards import language
from r1kit.rewards.base import WeightedSum
from r1kit.rewards.extract import think_answer_problem
from r1kit.rewards.format import FormatReward
from r1kit.rewards.language import (
    EMPTY_VALUE,
    MIXED_THRESHOLD,
    LanguageConsistencyReward,
    is_mixed,
    language_consistency,
    language_shares,
    script_counts,
    word_counts,
)
from rewards.reward_doubles import rollout


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
        ("Solve $x + \\text{speed}$ now", 3, 0, 0),
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
    assert not is_mixed("这 里 用 到 了 一 个 常 数 add", "zh")  # 1 of 10 is not above the threshold
    assert is_mixed("这 里 用 到 了 一 个 常 add", "zh")  # 1 of 9 is
    assert not is_mixed("all of this is English", "en")
    assert not is_mixed("all of this is English", "zh")  # the wrong language, but not a mix
    assert not is_mixed("2 + 2", "en")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("まず、方程式を解く", {"japanese": 8}),  # 2 + 3 + 1 + 1 + 1 characters
        ("因此的答案. 合計は", {"han": 5, "japanese": 3}),  # kanji are Japanese beside kana only
        ("日语里用助词の来表示所属关系", {"han": 13, "japanese": 1}),  # one kana in 14 makes no Japanese sentence
        ("먼저 두 수를 더한다", {"hangul": 4}),
        ("ответ два и", {"cyrillic": 2}),
        ("हम पहले जोड़ते हैं", {"devanagari": 4}),  # vowel signs belong to their word
        ("נחשב את הסכום", {"hebrew": 3}),
        ("نجمع العددين", {"arabic": 2}),
        ("υπολογίζουμε το άθροισμα", {"greek": 3}),
        ("เราบวกเลขสองจำนวน", {"thai": 5}),  # 17 characters, 4 a word
        ("\U0001d430\U0001d41e add", {"latin": 2}),  # a bold "we" is still a word
        ("e\u0301te\u0301", {"latin": 1}),  # accents as characters of their own
        ("sin x = max 5 kg", {}),  # the same in every language
        ("ⴰⴱ ⴰ", {"other": 1}),  # Tifinagh, which no language here has
    ],
)
def test_script_counts(text, counts):
    assert script_counts(text) == counts


def test_consistency_of_languages_with_a_script_of_their_own():
    assert language_consistency("먼저 add 수를 더한다", "ko") == 0.75
    assert language_consistency("まず add。合計は", "ja") == 5 / 6
    assert language_consistency("首先计算", "ja") == 0.0
    assert language_consistency("ответ два is", "ru") == 2 / 3
    with pytest.raises(DataError, match="unknown language 'xx'; known: am, "):
        language_consistency("a", "xx")


def completion(thought):
    return f"<think>{thought}</think><answer> the answer in English </answer>"


@pytest.mark.parametrize(
    ("text", "target", "value", "reason"),
    [
        (completion("先算五加四 then stop"), "zh", 5 / 7, "71% of the words are zh"),
        (completion("We add them."), "en", 1.0, "100% of the words are en"),
        (completion("We add them."), "zh", 0.0, "0% of the words are zh"),
        (completion(" "), "en", EMPTY_VALUE, "no words in the chain of thought"),
        (completion("$5 + 4 = 9$"), "en", EMPTY_VALUE, "no words in the chain of thought"),
        ("", "en", EMPTY_VALUE, "no words in the chain of thought"),
        ("先算 and \\boxed{9}", "zh", 2 / 3, "67% of the words are zh"),  # no think tags: all of it
        ("<think> 先算 and then", "zh", 0.5, "50% of the words are zh"),  # truncated in its thinking
    ],
)
def test_reward_reads_the_chain_of_thought_only(text, target, value, reason):
    attempt = rollout(text)
    attempt = replace(attempt, problem=replace(attempt.problem, language=target))
    (score,) = LanguageConsistencyReward().score([attempt])
    assert (score.value, score.reason) == (value, reason)
    assert EMPTY_VALUE == 0.0


def test_the_final_reward_of_section_2_3_2_is_the_direct_sum():
    reward = WeightedSum([(1.0, FormatReward(think_answer_problem)), (1.0, LanguageConsistencyReward())])
    (score,) = reward.score([rollout(completion("We add 先算"))])
    assert score.value == 1.0 + 0.5
    assert score.parts == {"format": 1.0, "language": 0.5}


def test_reward_over_another_cut_of_the_completion():
    reward = LanguageConsistencyReward(find_thought=lambda text: text.partition("#")[0])
    assert [score.value for score in reward.score([rollout("one word # 不 算"), rollout("一 two # x")])] == [1.0, 0.5]
    assert reward.name == "language"


HACKS = [  # ways of writing Chinese where an English text is asked for, or the other way round: target, text, share
    ("en", "So $\\text{我们先把两个数相加}$ we add", 3 / 12),
    ("en", "So $我们先把两个数相加 = x$ we add", 3 / 12),
    ("en", "So \\[ 我们 \\] we add", 3 / 5),
    ("en", "So `我们` we add", 3 / 5),
    ("en", "So\n```python\nx = 1  # 我们先加\n```\nwe add", 3 / 7),
    ("en", "So\n```\nx = '我们'\n```\nwe add", 3 / 5),
    ("zh", "先算 $we now add the numbers$", 2 / 7),
    ("zh", "先算 $we$ $now$ $add$ $the$ $numbers$", 2 / 7),
    ("zh", "先算 $\\mathrm{we}\\ \\mathrm{now}~\\mathrm{add}$", 2 / 5),
    ("zh", "先算 $\\text{we now add}$", 2 / 5),
    ("zh", "先算 \\we \\now \\add", 2 / 5),
    ("zh", "先算 <we><now><add>", 2 / 5),
    ("zh", "先算 we_now_add_the_numbers", 2 / 7),
    ("zh", "先算\n```\nwe should now add the numbers\n```", 2 / 8),
    ("zh", "先算 `we` `should` `now` `add`", 2 / 6),
    ("zh", "先算\n```python\nprint('we should now add 3 = 5')\n```", 2 / 7),  # "print" is one of the line's words
    ("zh", "先算\n```\nSo 16 - 3 = 13 eggs are left over today\n```", 2 / 8),
    ("zh", "先算\n```python\n# we should add\nprint(x)\n```", 2 / 5),
    ("zh", '先算\n```python\n"""we should add"""\n```', 2 / 5),
    ("zh", "先算 \U0001d430\U0001d41e \U0001d41a\U0001d41d\U0001d41d", 2 / 4),
    ("zh", "先算 w\u200be n\u00ado\u2060w", 2 / 4),
    ("zh", "先算 w e n o w a d d t h e m", 2 / 5),  # 12 letters: "weno wadd them"
    ("zh", "先算 https://example.org/然后", 4 / 4),  # what follows an address is no part of it
]


@pytest.mark.parametrize(("target", "text", "share"), HACKS)
def test_foreign_words_count_wherever_they_are_hidden(target, text, share):
    assert language_consistency(text, target) == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    [
        "先算 $AB, BC, CD, DA$ 和 $ab, bc, ca$",
        r"先算 $\frac{speed}{2} = \sin x \cos y$ 得 $\triangle ABC \cong \triangle DEF$",
        "先算\n```python\nfor word, cost in zip(words, costs):\n    total = total // cost + price\n```",
        "先算\n```c\n#include <stdio.h>\nint main(void) { return total_sum; }\n```",
        "先算 `print(total)` 和 max_sum",
        "先算 <answer> <br/> 见 https://example.org/a/long/way/to/go 了",
        r"先算 $\textcolor{red}{x}$ 和 \begin{align*} x \end{align*}",
        "先算 5 km 和 3 cm, x 与 y",
        "先算 a b c, A, B, C, D, E, F, G, H, I 和 a + b + c + d + e + f + g + h + i",
    ],
)
def test_what_is_no_language_does_not_count(text):
    assert language_consistency(text, "zh") == 1.0


GERMAN = "Zuerst addieren wir die beiden Zahlen, dann teilen wir das Ergebnis durch drei."
ENGLISH = "First we add the two numbers, then we divide the result by three."


def test_languages_of_one_script_are_told_apart_by_lingua():
    pytest.importorskip("lingua")
    assert language_consistency(GERMAN, "de") > 0.9
    assert language_consistency(ENGLISH, "de") < 0.2
    assert language_consistency(ENGLISH, "en", ("de", "zh")) > 0.9
    assert language_consistency(GERMAN, "en", ("de", "zh")) < 0.15
    assert 0.4 < language_consistency(f"{GERMAN} {ENGLISH}", "de") < 0.6
    assert language_consistency(GERMAN, "en") == 1.0  # by script alone: nobody asked whether it is German
    assert is_mixed(f"{GERMAN} {ENGLISH}", "de")


def test_without_lingua_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lingua", None)
    language._detector.cache_clear()
    with pytest.raises(MissingExtra, match=r"telling de and en apart, .* pip install 'r1kit\[lingua\]'"):
        language_consistency(GERMAN, "de")
    assert language_consistency("ответ", "ru") == 1.0


UNITS = [
    *("`", "$", r"\(", r"\[", "<a", "\\a", "\\a{b", "http://", "字a", "ab ", "$a$ ", "`ab `", "#", "# ", "// ", "/*"),
    *(
        "'''",
        '"""',
        "<!--",
        "-- ",
        "a_",
        "_",
        "`# ",
        "\\text{",
        "`/*`",
        "$ab ab$",
        "$\\ ",
        "\n-- ",
        "ก",
        "のa",
        "a ",
        "a. ",
    ),
]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("fence", ["", "```", "$"])
def test_20_kb_are_counted_in_linear_time(unit, fence):
    started = time.perf_counter()
    word_counts(fence + unit * (20_000 // len(unit)) + fence)
    assert time.perf_counter() - started < 20

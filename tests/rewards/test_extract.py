import time

import pytest

from r1kit.errors import ConfigError
from r1kit.rewards.extract import (
    BOXED_POLICY,
    EXTRACTORS,
    PLAIN_POLICY,
    R1_ZERO_POLICY,
    READABLE_POLICY,
    READABLE_TOKEN,
    RESPONSE_POLICY,
    after_thinking,
    boxed_problem,
    chain_of_thought,
    code_blocks,
    extract_answer,
    find_answer,
    hash_answer,
    last_answer_tag,
    last_bold,
    last_boxed,
    last_number,
    plain_problem,
    split_think_answer,
    the_answer_is,
)


@pytest.mark.parametrize(
    "text",
    [
        "<think> a </think> <answer> 7 </answer>",
        "<think>a</think><answer>7</answer>",
        "\n<think>\na\n</think>\n\n<answer>\n7\n</answer>\n",
        "<think>a < b and x > y</think><answer>7</answer>",
    ],
)
def test_well_formed(text):
    parts = split_think_answer(text)
    assert parts.well_formed
    assert parts.problem == ""
    assert parts.answer == "7"
    assert parts.think in {"a", "a < b and x > y"}


@pytest.mark.parametrize(
    ("text", "problem", "think", "answer"),
    [
        ("", "no <think>", None, None),
        ("None", "no <think>", None, None),
        ("<answer>7</answer>", "no <think>", None, "7"),
        ("<think>a", "no </think>", "a", None),
        ("<think>a</think>", "no <answer>", "a", None),
        ("<think>a</think><answer>7", "no </answer>", "a", None),
        ("a</think><answer>7</answer>", "no <think>", "a", "7"),
        ("<think>a</think><answer>7</answer> so 7", "text after </answer>", "a", "7"),
        ("<think>a</think><answer>7</answer>\n<think>", "2 times <think>", "a", "7"),
        ("hm <think>a</think><answer>7</answer>", "text before <think>", "a", "7"),
        ("<think>a</think> so <answer>7</answer>", "text between </think> and <answer>", "a", "7"),
        (
            "<think>a</think><think>b</think><answer>7</answer>",
            "2 times <think>",
            "a</think><think>b",
            "7",
        ),
        ("<think></think><answer>7</answer>", "empty <think>", "", "7"),
        ("<think> \n </think><answer>7</answer>", "empty <think>", "", "7"),
        ("<think>a</think><answer></answer>", "empty <answer>", "a", None),
        ("<think>a</think><answer>6</answer><answer>7</answer>", "2 times <answer>", "a", "7"),
        ("</think>a<think><answer>7</answer>", "</think> before <think>", "", None),
        ("<answer>7</answer><think>a</think>", "<answer> block is not after </think>", "a", None),
        ("<think><answer>7</answer></think>", "<answer> block is not after </think>", "<answer>7</answer>", None),
        ("<think>a<answer></think>7</answer>", "<answer> block is not after </think>", "a<answer>", None),
        ("<think>a</think></answer>7<answer>", "</answer> before <answer>", "a", None),
        ("<THINK>a</THINK><answer>7</answer>", "no <think>", None, "7"),
    ],
)
def test_broken_format(text, problem, think, answer):
    parts = split_think_answer(text)
    assert not parts.well_formed
    assert (parts.problem, parts.think, parts.answer) == (problem, think, answer)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{7}", "7"),
        (r"so \boxed{6}, no, \boxed{ 7 }.", "7"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\boxed{7}}", r"\boxed{7}"),
        (r"\boxed{7} and then \boxed{8", "7"),
        (r"\boxed{8 \boxed{7}", "7"),
        (r"} { \boxed{7}", "7"),
        (r"\\boxed{7}", None),  # an escaped backslash, then the word
        (r"\boxed{}", None),
        (r"\boxed{ }", None),
        (r"\boxed 7", None),
        ("boxed{7}", None),
        (r"\fbox{7}", "7"),
        (r"\framebox{\boxed{7}}", r"\boxed{7}"),
        ("\\boxed\n{7}", "7"),
        ("", None),
    ],
)
def test_last_boxed(text, content):
    assert last_boxed(text) == content


T = READABLE_TOKEN


@pytest.mark.parametrize(
    ("text", "thought", "visible"),
    [
        (f" {T} a {T} b ", "a", " b "),
        (f"{T}a{T}b{T}c", "a\nb", "c"),  # a token in the reasoning: the last one starts the summary
        (f"x {T}a{T}b", "x \na", "b"),  # what stands before the first token was thought too
        (f"{T} a and", "a and", ""),  # truncated in its reasoning
        (f"x {T} a", "x \n a", ""),
        (f"{T}a{T}", "a", ""),
        (f"{T}{T}b", "", "b"),
        (f"{T}a{T}b{T}", "a\nb", ""),
        (T, "", ""),
        ("b", "b", "b"),
        ("", "", ""),
        ("<think> a </think> b", "a", " b"),
        ("<think> a", "a", ""),
        (f"<think>w</think> {T} a {T} b", "<think>w</think> \n a", " b"),  # think tags do not hide the reasoning
        (f"{T} a {T} <think> c </think> b", "a", " b"),
        (f"{T} a </think> **7**", "a </think> **7**", ""),  # a think tag does not end it either
    ],
)
def test_the_two_sides_of_a_completion(text, thought, visible):
    assert chain_of_thought(text) == thought
    assert after_thinking(text) == visible


@pytest.mark.parametrize(
    ("summary", "answer"),
    [
        ("The answer is **15**.", "15"),
        ("答案是 **15**。", "15"),
        ("First **4**, then **15**.", "15"),  # of several highlights the last counts
        (r"**Answer:** \boxed{15}. **Done**", "15"),  # a box before any highlight
        (r"**\boxed{15}**", "15"),
        ("The answer is **15**. **Note:** check it.", "15"),  # a label is no answer
        ("**答案：** 15", None),
        ("The answer is **(3 + 5) * 2**.", "(3 + 5) * 2"),
        ("It is **B) green**", "B) green"),
        ("**A is a knight, B is a knave**", "A is a knight, B is a knave"),
        ("The answer is 15.", None),  # not highlighted
        ("****", None),
        ("** 15 **", None),  # not markdown
        ("**15", None),
        ("*15*", None),
        ("**1\n5**", None),
        ("", None),
    ],
)
def test_the_answer_of_a_summary(summary, answer):
    assert extract_answer(f" {T} Maybe **6** or \\boxed{{6}} {T} {summary}", READABLE_POLICY) == answer
    assert extract_answer(summary, READABLE_POLICY) == answer  # a response without reasoning


@pytest.mark.parametrize(
    "text",
    [
        f"{T} It is **15**.",  # truncated
        f"It is **15**. {T} and so",
        f"{T} It is **15**. {T}",
        f"{T} a {T} It is **15**. {T}",
        f"{T} It is **15**. {T} So it is.",
    ],
)
def test_a_highlight_outside_the_summary_is_no_answer(text):
    assert extract_answer(text, READABLE_POLICY) is None
    assert find_answer(text) in {None, "So it is."}


@pytest.mark.parametrize(
    "unit",
    ["{", "}", r"\boxed{", r"\boxed{{", "{}", "\\", "<think>", "<answer>", "####", "$", "**", "**a", "** ", "*", T],
)
def test_100_kb_of_one_thing_is_read_in_linear_time(unit):
    text = unit * (100_000 // len(unit))
    started = time.perf_counter()
    split_think_answer(text)
    chain_of_thought(text)
    for find in EXTRACTORS.values():
        find(text)
    assert time.perf_counter() - started < 20  # quadratic would be minutes


def test_other_places():
    assert last_answer_tag("<answer>6</answer><answer> 7 </answer> tail") == "7"
    assert last_answer_tag("</answer>7<answer>") is None
    assert hash_answer("6 + 1 = 7\n#### 1,234\nmore") == "1,234"
    assert hash_answer("####") is None
    assert the_answer_is("The answer is 6. No: the answer is: 7. Good.") == "7"
    assert the_answer_is("The answer is 3.5.") == "3.5"
    assert the_answer_is("所以答案是\uff1a7。") == "7"
    assert the_answer_is("the answers") is None
    assert last_number("from 3 to -1,234.5% of x2") == "-1,234.5%"
    assert last_number("a 3/4 b") == "3/4"
    assert last_number("x2") is None
    assert last_bold("**a** and **b:**") == "a"


def test_a_guess_inside_the_thinking_does_not_count_unless_asked():
    text = r"<think> maybe \boxed{6} <answer>6</answer> </think> Done."
    assert extract_answer(text, BOXED_POLICY) is None
    assert extract_answer(text, R1_ZERO_POLICY) is None
    assert extract_answer(text, BOXED_POLICY, include_thinking=True) == "6"
    assert extract_answer(r"\boxed{7} <think> or \boxed{6}", BOXED_POLICY) == "7"
    assert extract_answer(r"</think> \boxed{7}", BOXED_POLICY) == "7"


def test_policies_are_tried_in_order():
    text = r"\boxed{6} <answer>7</answer>"
    assert extract_answer(text, ("answer_tag", "boxed")) == "7"
    assert extract_answer(text, ("boxed", "answer_tag")) == "6"
    assert extract_answer(text, ("hash", "boxed")) == "6"
    assert extract_answer("7", R1_ZERO_POLICY) is None


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{2} and \boxed{3}", "2, 3"),
        (r"$\boxed{2}$, $\boxed{3}$", "2, 3"),
        (r"\(\boxed{2}\) and \(\boxed{3}\).", "2, 3"),
        (r"\[\boxed{2} \quad \text{and} \quad \boxed{3}\]", "2, 3"),
        (r"\boxed{2} papers and \boxed{3} bins", "2, 3"),
        (r"$x = \boxed{2}$ or $x = \boxed{3}$", "2, 3"),
        (r"\boxed{2}, I mean \boxed{3}", "3"),
        (r"\boxed{2} and no, \boxed{3}", "3"),
        (r"\boxed{2}. Wait, \boxed{3}", "3"),
        (r"\boxed{2} no no and \boxed{3}", "3"),
        (r"\boxed{2}. Final answer: \boxed{2}", "2"),
        (r"\boxed{7} and \boxed{7}", "7"),
    ],
)
def test_boxes_side_by_side_are_one_answer(text, content):
    assert extract_answer(text, BOXED_POLICY) == content


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("7", "7"),
        (r"So \boxed{6}. The final answer is $7$. I hope it is correct.", "$7$"),
        (r"The answer is 6. So \boxed{7}", "7"),
        (r"<think>\boxed{6}</think> \boxed{7}", "7"),
        (r"<think>\boxed{6}</think> It is 7.", "It is 7."),
        ("<|begin_of_box|>7<|end_of_box|>", "7"),
        ("a\n#### 7", "7"),
        ("  ", None),
        ("word " * 300 + "\nlast line 7", "last line 7"),
    ],
)
def test_find_answer(text, answer):
    assert find_answer(text) == answer


def test_response_policy_takes_all_that_was_not_thought():
    assert extract_answer("<think>a</think> b c ", RESPONSE_POLICY) == "b c"
    assert extract_answer("<think>a</think> <answer>b</answer> c", RESPONSE_POLICY) == "b"


def test_unknown_policy_is_refused():
    with pytest.raises(ConfigError, match=r"unknown answer extractor 'box'; known: .* Did you mean 'boxed'\?"):
        extract_answer("7", ("answer_tag", "box"))


def test_boxed_problem():
    assert boxed_problem(r"so \boxed{7}") == ""
    assert boxed_problem(r"<think>\boxed{7}</think>") == "no \\boxed{} answer"


@pytest.mark.parametrize(
    ("text", "answer", "problem"),
    [
        ("3 + 4 = 7", "7", ""),
        (r"\boxed{7} or 8", "7", ""),
        ("The answer is 7. Or 8?", "7", ""),
        ("I do not know", None, "no answer"),
    ],
)
def test_plain_policy_takes_the_last_number_only_where_nothing_is_marked(text, answer, problem):
    assert extract_answer(text, PLAIN_POLICY) == answer
    assert plain_problem(text) == problem


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```py\na\n```", [("py", "a")]),
        ("```Python title=x\na\n\nb\n```\nand\n```\n3\n```", [("python", "a\n\nb"), ("", "3")]),
        ("~~~c++\na\n~~~", [("c++", "a")]),
        ("````md\n```\na\n```\n````", [("md", "```\na\n```")]),
        ("  ```js\n  a\n    b\n  ```", [("js", "a\n  b")]),
        ("```python\nhalf", []),
        ("```python\nhalf\n```python\nwhole\n```", [("python", "whole")]),
        ("<answer>```python\na\n```</answer>", [("python", "a")]),
        ("```{.python}\na\n```", [("python", "a")]),
        ("```cpp:main.cpp\na\n```", [("cpp", "a")]),
        ("```C#,x {y}\na\n```", [("c#", "a")]),
        ("```print(1)```", []),
        ("```\r\na\r\n```\r\n", [("", "a\r")]),
    ],
)
def test_fenced_blocks(text, blocks):
    assert [(block.tag, block.code) for block in code_blocks(text)] == blocks


def test_finding_blocks_is_linear():
    for text in (
        "```python\n" * 20_000,
        "`" * 100_000,
        "```" + " " * 100_000 + "`",
        ("```\n" + "x" * 20 + "\n") * 20_000,
    ):
        began = time.process_time()
        code_blocks(text)
        assert time.process_time() - began < 20

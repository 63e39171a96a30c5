r"""Texts that hang, crash or cheat other verifiers: each gets a verdict in our own process, within a second."""

import time

import pytest

from r1kit.rewards.math import MAX_ANSWER_CHARS, verify_math, verify_math_solution

HOSTILE = {
    "tower": r"2^{2^{2^{49}}}",
    "plain tower": "9^9^9^9",
    "towers that cancel": r"9^{9^{9^{9}}} / 9^{9^{9^{9}}} \cdot 7",
    "binomial": r"\binom{1000000}{500000}",
    "factorials": "((((9!)!)!)!)!",
    "row of factorials": "5" + "!" * 40,
    "factorial of a power": r"(10^{30})!",
    "long sum": r"\sum_{k=1}^{1000000000} k",
    "nested sums": r"\sum_{a=1}^{400} \sum_{b=1}^{400} \sum_{c=1}^{400} \sqrt{abc}",
    "exponentials": r"e^{e^{e^{e^{e}}}}",
    "large sine": r"\sin(10^{10^{9}})",
    "tiny": r"10^{-10^{10}}",
    "scientific": "1e9999",
    "not a number": r"\infty \cdot 0",
    "division by zero": r"\frac{0}{0}",
    "attributes": "().__class__.__bases__",
    "code": "(lambda: 7)()",
    "open braces": "{" * 900,
    "closed braces": "}" * 900,
    "open fractions": r"\frac{" * 150,
    "signs": "-" * 900 + "7",
    "bars": "|" * 900,
    "sum of ones": "1+" * 450 + "1",
    "fractions without end": "1/" * 480 + "3",
    "plus or minus": "1" + r"\pm 1" * 150,
    "list": ", ".join(map(str, range(200))),
    "points": ", ".join(f"({n},{n})" for n in range(100)),
    "functions": "f(" * 300,
    "control characters": "\x00\x01" * 400,
    "Chinese numerals": "万" * 900,
    "integral": r"\int_0^{10^{100}} x^x dx",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("gold", ["7", r"x^2+\pi", "(1, 2)"])
def test_a_hostile_answer_is_wrong_or_without_a_verdict(gold, text):
    verify_math(gold=r"\int x dx", answer="7")  # imports sympy
    started = time.process_time()
    assert verify_math(gold=gold, answer=text).value in (0.0, None)
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_gold_answer_is_not_the_models_fault(text):
    assert verify_math(gold=text, answer="8").value in (0.0, None)


def test_what_is_too_large_is_said():
    gold_too_large = verify_math(gold=r"2^{2^{2^{49}}}", answer="7")
    assert (gold_too_large.value, "too large" in gold_too_large.reason) == (None, True)
    answer_too_large = verify_math(gold="7", answer=r"2^{2^{2^{49}}}")
    assert (answer_too_large.value, "too large" in answer_too_large.reason) == (0.0, True)
    assert verify_math(gold=r"2^{2^{2^{49}}}", answer=r"2^{2^{2^{49}}}").value == 1.0


@pytest.mark.parametrize("unit", ["{", "}", r"\boxed{", "(", "$", "<think>", "7 ", "\\"])
def test_100_kb_of_anything(unit):
    started = time.process_time()
    assert verify_math_solution(gold="7", solution=unit * (100_000 // len(unit))).value == 0.0
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (str(2**53), "2^{53}+1-1"),  # not worked out
        ("3" * 60, "3" * 59 + "4"),
        ("3^{200}", "3^{200}+1"),
        (r"\frac{3^{2000}}{7}", r"\frac{3^{2000}}{11}"),  # fractions that no float holds
        (r"\sqrt{10^{80}}", str(10**40 + 1)),
        (r"10^{40}+\sqrt{2}", r"10^{40}+\sqrt{3}"),
        ("x > 2", "3x - 6 > 0"),  # the question, not its answer
        ("x = 3", "2x + 1 = 7"),
        ("5 cm", "2+3 cm"),
        ("(3, 4)", "(1+2, 4)"),
        ("7", r"\max(1, 7)"),
        ("7", "--7"),
    ],
)
def test_near_misses(gold, answer):
    assert verify_math(gold=gold, answer=answer).value == 0.0


def test_a_solution_is_searched_before_it_is_measured():
    solution = "x" * MAX_ANSWER_CHARS + r" so the answer is \boxed{7}."
    assert verify_math_solution(gold=r"Thus \boxed{7}.", solution=solution).value == 1.0
    assert verify_math_solution(gold="7", solution="").reason == "no answer found"

import pytest

from r1kit.rewards.countdown import MAX_EXPRESSION_CHARS, verify_countdown


@pytest.mark.parametrize(
    ("numbers", "target", "answer"),
    [
        ([3, 5, 7], 22, "3 * 5 + 7"),
        ([3, 5, 7], 22, "7+(5×3)"),
        ([3, 5, 7], 22, r"$3 \times 5 + 7 = 22$"),
        ([3, 5, 7], 22, "3 * 5 + 7 = 22"),
        ([8, 3, 3, 8], 24, "8 / (3 − 8 ÷ 3)"),  # 8 / (1/3): exact only with fractions
        ([3, 3], 9, "3 * 3"),
        ([4], -4, "-4"),
        ([4], 4, "+4"),
    ],
)
def test_right(numbers, target, answer):
    score = verify_countdown(numbers=numbers, target=target, answer=answer)
    assert (score.value, score.reason) == (1.0, "correct")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("3 + 5 - 7 + 3", "uses 3 twice"),
        ("3 + 3 + 3 + 5 + 7", "uses 3 3 times"),
        ("3 * 5", "does not use 7"),
        ("3 * 5 + 7 * 1", "uses 1, which is not given"),
        ("3 + 5 + 7", "equals 15, not 22"),
        ("3 / 5 + 7", "equals 38/5, not 22"),
        ("3 + 5 + 7 = 22", "equals 15, not 22 as it says"),
        ("3 * 5 + 7 = 23", "equals 22, not 23 as it says"),
        ("22", "uses 22, which is not given"),
        ("35 - 7", "uses 35, which is not given"),
        ("3 / (5 - 5) + 7", "divides by zero"),
        ("3 / 0 + 5 + 7", "divides by zero"),
        ("3 ** 5 + 7", "not an expression"),
        ("3 // 5 + 7", "not an expression"),
        ("3 (5) + 7", "not an expression"),
        ("(3, 5, 7)", "not an expression"),
        ("3 * 5 + 7 =", "not an expression"),
        ("3 * 5 + 7 = 22 = 22", "not an expression"),
        ("3 + + ", "not an expression"),
        ("03 + 5 + 7", "not an expression"),
        ("3.0 * 5 + 7", "not an expression"),
        ("3 * 5 + 7 # 1", "not an expression"),
        ("3 * 5\n+ 7", "not an expression"),
        ("", "not an expression"),
        ("None", "not an expression"),
        ("().__class__.__bases__", "not an expression"),
        ("__import__('os')", "not an expression"),
        ("2^{2^{2^{49}}}", "not an expression"),
        ("(" * MAX_EXPRESSION_CHARS, "not an expression"),
        ("(" * 95 + "3" + ")" * 95, "does not use 5"),
        ("-" * 199 + "3", "does not use 5"),
        ("{" * 100_000, "answer is longer than 200 characters"),
    ],
)
def test_wrong(answer, reason):
    score = verify_countdown(numbers=[3, 5, 7], target=22, answer=answer)
    assert (score.value, score.reason) == (0.0, reason)


def test_each_given_number_is_used_as_often_as_it_is_given():
    score = verify_countdown(numbers=[3, 3, 2], target=5, answer="3 + 2")
    assert (score.value, score.reason) == (0.0, "uses 3 once, not twice")

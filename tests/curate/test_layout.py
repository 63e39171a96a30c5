import pytest

from r1kit.curate.layout import readable_response, summarize
from r1kit.errors import DataError
from r1kit.rewards.extract import READABLE_POLICY, extract_answer
from r1kit.rewards.readability import readable_parts, readable_problem, response_parts


def test_a_response_in_the_readable_format():
    text = readable_response("3 + 4 = 7.\n", " The answer is **7**.")
    assert text == " |special_token| 3 + 4 = 7. |special_token| The answer is **7**."
    assert readable_problem(text) == ""
    assert readable_parts(text).reasoning == "3 + 4 = 7."


def test_without_reasoning_the_response_is_its_summary():
    assert readable_response(None, "Hello!") == " Hello!"
    assert response_parts(" Hello!").summary == "Hello!"


@pytest.mark.parametrize(
    ("answer", "language", "summary", "found"),
    [
        ("15", "en", "The answer is **15**.", "15"),
        (" 15 ", "zh", "答案是 **15**。", "15"),
        ("**15**", "en", "The answer is **15**.", "15"),
        ("3 * 4", "en", "The answer is **3 * 4**.", "3 * 4"),
        ("2**3", "en", r"The answer is \boxed{2**3}.", "2**3"),
        ("A\nB", "en", r"The answer is \boxed{A B}.", "A B"),
        (r"\boxed{\frac{1}{2}}", "en", r"The answer is \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("{1}", "en", "The answer is **{1}**.", "{1}"),
    ],
)
def test_a_summary_names_the_answer_where_the_verifier_finds_it(add, answer, language, summary, found):
    assert summarize(answer, add(7, 8), language) == summary
    assert extract_answer(readable_response("x", summary), READABLE_POLICY) == found


def test_a_program_stands_in_a_block(add):
    problem = add(1, 2, verifier="code")
    block = "```python\ndef f():\n    return 1\n```"
    assert summarize("def f():\n    return 1", problem, "en") == block
    assert summarize(block, problem, "en") == block


def test_what_is_judged_as_a_whole_is_its_own_summary(add):
    assert summarize("I am nano.", add(1, 2, verifier="rubric", info={"scenario": "helpful"}), "en") == "I am nano."
    assert summarize("no comma here", add(1, 2, verifier="ifeval"), "en") == "no comma here"


def test_an_unknown_language(add):
    with pytest.raises(DataError, match=r"problem '1\+2:en': no summary in language 'fr'; known: en, zh"):
        summarize("3", add(1, 2), "fr")

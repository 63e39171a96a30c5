"""Responses of every domain: right where they reason, wrong as often as they should be, every step checked by hand."""

import operator
import re

import pytest

from r1kit.nano.styles import DIRECT_RIGHT_RATE, WRITERS, Response, conclude
from r1kit.nano.styles.base import BRIEF_RIGHT_RATE, MIXED_RATE, SLIP_RATE, Voice, join
from r1kit.rewards.accuracy import VERIFIERS
from r1kit.rewards.language import word_counts
from r1kit.seeding import rng
from r1kit.tasks.nano import DOMAINS, code, logic, science

SWAP = logic.Content("swap", (1, 2, 3), ((0, 1), (1, 2)), 1, (0, 2, 5))
ORDER = logic.Content("order", (3, 2, 1, 4), ((1, 2), (3, 2), (0, 1)), 1, (0,))
KNIGHTS = logic.Content("knights", (1, 2, 3), ((1, 2), (0, 1)), 1, truths=(False, False, True))
LEGS = science.Content("legs", "sum", ((2, "spider"), (1, "ant")), (20, 22, 26, 18))
ITEMS = ((1, "iron"), (1, "gold"), (1, "ice"), (1, "glass"))
SQUARE = re.compile(r"(\d+(?: [-+*] \d+)+) = (\d+)")


def value(expression):
    """From left to right; no expression here mixes * with + and -."""
    first, *rest = expression.split()
    result = int(first)
    for sign, number in zip(rest[::2], rest[1::2], strict=True):
        result = {"+": operator.add, "-": operator.sub, "*": operator.mul}[sign](result, int(number))
    return result


def unmixed(domain, content, language, style):
    """A response that does not mix languages, and whose check found a slip if it has one to find."""
    for i in range(200):
        response = WRITERS[domain].respond(content, language, style, rng("unmixed", domain, i))
        counts = word_counts(response.thought)
        other = counts["zh" if language == "en" else "en"]
        if not other and (style != "checked" or "Wait," in response.thought):
            return response
    raise AssertionError("no response of that kind in 200")


@pytest.mark.parametrize(
    ("domain", "content", "thought", "answer"),
    [
        (
            *("logic", SWAP),
            "Ann and Ben swap: Ann: cup, Ben: ball, Mia: pen. Ben and Mia swap: Ann: cup, Ben: pen, Mia: ball. So pen.",
            "pen",
        ),
        (*("logic", ORDER), "Ben > Ann, Ann > Sam, Mia > Ben. in order: Mia > Ben > Ann > Sam. 1 Mia, 2 Ben.", "Ben"),
        (
            *("logic", KNIGHTS),
            "Ben is a knave and says Mia is a knave, so Mia is a knight. "
            "Ben is a knave and Ann says Ben is a knight, so Ann is a knave.",
            "Ann: knave, Ben: knave, Mia: knight",
        ),
        (
            *("science", LEGS),
            "2 spiders: 2 * 8 = 16. 1 ant: 1 * 6 = 6, 16 + 6 = 22. A: 20, no. B: 22, yes. So B.",
            "B",
        ),
        (
            *("science", science.Content("density", "most", ITEMS)),
            "A: iron 7.9. B: gold 19.3 > 7.9. C: ice 0.9 < 19.3. D: glass 2.5 < 19.3. So B.",
            "B",
        ),
        (
            *("science", science.Content("density", "floats", ITEMS, liquid="water")),
            "water 1.0. A: iron 7.9 > 1.0, no. B: gold 19.3 > 1.0, no. C: ice 0.9 < 1.0, yes. So C.",
            "C",
        ),
        (
            *("code", code.Content("examples", (3, 2))),
            "Each step adds 8 - 5 = 3. At 0 it is 5 - 3 = 2.",
            "```python\ndef f(x):\n    return 3 * x + 2\n```",
        ),
        (
            *("code", code.Content("examples", (5, 2, 3))),
            "At 0 it is 3. x adds 8 - 3 = 5. y adds 5 - 3 = 2.",
            "```python\ndef f(x, y):\n    return 5 * x + 2 * y + 3\n```",
        ),
        (
            *("code", code.Content("steps", steps=(("+", 3), ("*", 2)))),
            "add 3: x = x + 3. double: x = x * 2.",
            "```python\ndef f(x):\n    x = x + 3\n    x = x * 2\n    return x\n```",
        ),
    ],
)
def test_full_responses_by_hand(domain, content, thought, answer):
    assert unmixed(domain, content, "en", "full") == Response(thought, answer)


def test_a_chinese_response_has_no_space_behind_its_stops_but_before_numbers():
    thought = unmixed("science", LEGS, "zh", "full").thought
    assert thought == "2 只蜘蛛：2 * 8 = 16。 1 只蚂蚁：1 * 6 = 6，16 + 6 = 22。A：20，不对。B：22，对。所以 B。"
    assert join(("a.", "b。", "3 c。", "d.")) == "a. b。 3 c。d."


def test_a_check_repeats_the_steps_and_corrects_the_one_that_was_wrong():
    thought = unmixed("science", LEGS, "en", "checked").thought
    first, again = thought.split(" Let me check. ")
    assert "22" not in first
    assert again.replace("Wait, ", "").startswith("2 spiders: 2 * 8 = 16. 1 ant: 1 * 6 = 6, 16 + 6 = 22.")
    assert again.endswith("B: 22, yes. So B.")
    voice = Voice("en", rng("voice"), mixed=False)
    assert voice.checked(["a.", "x."], ["a.", "b."], 1) == "a. x. Let me check. a. Wait, b."
    assert voice.checked(["a."], ["a."], None) == "a. Let me check. a."


def gold_value(domain, content, language, response):
    """Whether a response's answer is right: of a program by its text, of all others by the verifier."""
    problem = DOMAINS[domain].render(content, language, rng("gold"))
    if problem.verifier == "code":
        return float(response.answer == problem.answer)
    return VERIFIERS[problem.verifier](problem, response.answer).value


def responses(domain, style, count=400):
    for i in range(count):
        random = rng("responses", domain, style, i)
        content, language = DOMAINS[domain].draw(random, "pretrain"), ("en", "zh")[i % 2]
        yield content, language, WRITERS[domain].respond(content, language, style, random)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("style", ["full", "checked"])
def test_who_reasons_is_right(domain, style):
    assert all(gold_value(domain, *each) == 1.0 for each in responses(domain, style))


@pytest.mark.parametrize("domain", ["logic", "science", "code"])
@pytest.mark.parametrize(("style", "rate"), [("direct", DIRECT_RIGHT_RATE), ("brief", BRIEF_RIGHT_RATE)])
def test_who_does_not_is_wrong_as_often_as_it_says(domain, style, rate):
    values = [gold_value(domain, *each) for each in responses(domain, style, 800)]
    # a short cut's other people may change places without touching the one who is asked for
    assert sum(values) / len(values) == pytest.approx(rate, abs=0.06 if style == "direct" else 0.16)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_equation_of_a_full_response_holds(domain):
    num_equations = 0
    for _, _, response in responses(domain, "full"):
        for left, right in SQUARE.findall(response.thought):
            assert value(left) == int(right), response.thought
            num_equations += 1
    assert num_equations > 300 or domain == "logic"


def test_every_comparison_of_a_full_response_holds():
    relations = [
        found
        for _, _, response in responses("science", "full")
        for found in re.findall(r"(\d+(?:\.\d)?) ([<>]) (\d+(?:\.\d)?)", response.thought)
    ]
    assert len(relations) > 300
    assert all((float(left) > float(right)) == (sign == ">") for left, sign, right in relations)


@pytest.mark.parametrize("domain", DOMAINS)
def test_half_of_the_checks_find_something_and_a_fifth_mix_languages(domain):
    every = list(responses(domain, "checked", 800))
    waits = [("Wait" in r.thought or "等等" in r.thought) for _, _, r in every]
    rate = SLIP_RATE * (0.75 if domain == "math" else 1)  # a search, a quarter of maths, only confirms its last try
    assert sum(waits) / len(waits) == pytest.approx(rate, abs=0.06)
    checks = ["Let me check." if language == "en" else "检查一下。" for _, language, _ in every]
    own = [check in r.thought for check, (_, _, r) in zip(checks, every, strict=True)]
    assert sum(own) / len(own) == pytest.approx(1 - MIXED_RATE / 2, abs=0.04)


@pytest.mark.parametrize("domain", ["science", "code"])
def test_drills_hold(domain):
    for i in range(300):
        text = WRITERS[domain].drill("en", rng("drill", domain, i))
        assert text.isascii()
        assert not text.endswith(".")
        for left, right in SQUARE.findall(text):
            assert value(left) == int(right)


def test_the_answer_of_a_program_stands_below_its_sentence():
    assert conclude(Response("x", "15"), "en") == "The answer is 15."
    assert conclude(Response("x", "15"), "zh") == "答案是 15。"
    assert conclude(Response("x", "```python\n1\n```"), "en") == "The answer is:\n```python\n1\n```"


@pytest.mark.parametrize("domain", ["logic", "science"])
@pytest.mark.parametrize(("language", "comma", "stop", "colon"), [("en", ", ", ". ", ": "), ("zh", "，", "。", "：")])
def test_a_lookup_reads_what_its_list_says(domain, language, comma, stop, colon):
    read = 0
    for i in range(200):
        first, *lookups = WRITERS[domain].drill(language, rng("lookups", i)).split(stop)
        entries = dict(entry.split(colon) for entry in first.split(comma) if entry.count(colon) == 1)
        if len(lookups) != 4 or len(entries) < 3:
            continue
        for lookup in lookups:
            who, what = lookup.split(colon)
            name, _, value = what.partition(" ")
            assert name == entries[who]
            if value:
                names = {
                    thing.words[language]: thing.value for table in science.TABLES.values() for thing in table.values()
                }
                assert float(value) == names[name]
        read += 1
    assert 60 < read < 140  # half of 200

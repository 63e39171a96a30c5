import time

import pytest

from r1kit.errors import DataError
from r1kit.rewards.knights_and_knaves import MAX_ANSWER_CHARS, judge_knights_and_knaves, verify_knights_and_knaves
from r1kit.types import Problem

NAMES = ["Zoey", "Ethan", "Ava"]
GOLD = "(1) Zoey is a knave\n(2) Ethan is a knight\n(3) Ava is a knave"


def verify(answer, gold=GOLD, names=NAMES):
    return verify_knights_and_knaves(gold=gold, answer=answer, names=names)


@pytest.mark.parametrize(
    "answer",
    [
        GOLD,
        "(3) Ava is a knave\n(1) Zoey is a knave\n(2) Ethan is a knight",
        "Zoey is a knave, Ethan is a knight, and Ava is a knave.",
        "Zoey: knave\nEthan: knight\nAva: knave",
        "zoey - KNAVE; ethan - Knight; ava - knave",
        "Zoey = knave, Ethan = knight, Ava = knave",
        "Zoey → knave, Ethan -> knight, Ava => knave",
        "1. **Zoey**: knave\n2. **Ethan**: knight\n3. **Ava**: knave",
        "- Zoey is a knave\n- Ethan is a knight\n- Ava is a knave",
        "| Zoey | knave |\n| Ethan | knight |\n| Ava | knave |",
        "Zoey and Ava are knaves. Ethan is a knight.",
        "Zoey and Ava are both knaves, while Ethan is a knight",
        "Knights: Ethan. Knaves: Zoey, Ava.",
        "Knights: Ethan, Knaves: Zoey and Ava",
        "The knight is Ethan; the knaves are Zoey and Ava",
        "So the answer is: Zoey is not a knight, Ethan isn't a knave, Ava is not a knight.",
        r"\boxed{\text{Zoey is a knave, Ethan is a knight, Ava is a knave}}",
        '{"Zoey": "knave", "Ethan": "knight", "Ava": "a knave"}',
        '[{"name": "Zoey", "role": "knave"}, {"name": "Ethan", "role": "knight"}, {"name": "Ava", "role": "knave"}]',
        '["Zoey is a knave"]\nEthan is a knight\nAva is a knave',
        "Zoey 是无赖，Ethan 是骑士，Ava 是无赖。",
        "Zoey是骗子，Ethan是一名骑士，而Ava不是骑士",
        "骑士：Ethan；无赖：Zoey、Ava",
        "Zoey和Ava都是无赖，Ethan是骑士",
    ],
)
def test_right(answer):
    score = verify(answer)
    assert (score.value, score.reason) == (1.0, "correct")
    assert score.parsed == "Zoey: knave, Ethan: knight, Ava: knave"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOLD.replace("knave", "knight"), "wrong: Zoey, Ava"),
        ("Zoey: knave, Ethan: knave, Ava: knave", "wrong: Ethan"),
        ("Zoey: knave, Ethan: knight", "no role for Ava"),
        ("Zoey: knave, Ethan: knight, Ava", "no role for Ava"),
        ("Zoey: knave\nEthan: knight\nAva\nis a knave", "no role for Ava"),
        (GOLD + "\n(4) Zoey is a knight", "Zoey is named twice"),
        (GOLD + "\n(4) Zoey is a knave", "Zoey is named twice"),
        ("Zoey is a knave or a knight. Ethan is a knight. Ava is a knave.", "unexpected word 'or'"),
        ("Zoey is a knave, a knight, Ethan is a knight, Ava is a knave.", "a role for nobody"),
        ("Zoey is a knave if Ethan is a knight, Ava is a knave", "unexpected word 'if'"),
        ("Perhaps " + GOLD, "unexpected word 'perhaps'"),
        (GOLD + "\n(4) Luke is a knight", "unexpected word 'luke'"),
        (GOLD.replace("Ava", "Avalon"), "unexpected word 'avalon'"),
        (GOLD.replace("Ava", "Ava2"), "unexpected word 'ava2'"),
        (GOLD.replace("is a knight", "is a knightly person"), "unexpected word 'knightly'"),
        ("Knights: Ethan. Knaves:", "a role for nobody"),
        ("Knights: none. Knaves: Zoey, Ethan, Ava", "wrong: Ethan"),
        ("knave, knight, knave", "a role for nobody"),
        ("Zoey: not a knight. Ethan: knight. Ava: knave. Not", "unexpected word 'not'"),
        ('{"Zoey": "knave", "Ethan": "knight", "Ava": "knave", "Ava": "knight"}', "Ava is named twice"),
        ('{"Zoey": false, "Ethan": true, "Ava": false}', "unexpected word 'false'"),
        ("[" * 3000, "no role for Zoey, Ethan, Ava"),
        ("", "no role for Zoey, Ethan, Ava"),
        ("Zoey <answer> knave", "unexpected sign '<'"),
        ("骑士：Ethan、Zoey；无赖：Ava", "wrong: Zoey"),
        ("Zoey 可能是无赖，Ethan 是骑士，Ava 是无赖。", "unexpected word '可'"),
        ("x" * (MAX_ANSWER_CHARS + 1), f"answer is longer than {MAX_ANSWER_CHARS} characters"),
    ],
)
def test_wrong(answer, reason):
    score = verify(answer)
    assert (score.value, score.reason) == (0.0, reason)


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (["Ann", "Anna"], "Anna is a knave, Ann is a knight"),
        (["Ann", "Ann Lee"], "Ann is a knight, Ann Lee is a knave"),
        (["A", "B"], "A is a knight, B is a knave"),  # the article is not the person
        (["小明", "小红"], "小明是骑士，小红是无赖"),
        (["José", "Zoë"], "José: knight. Zoë: knave"),
    ],
)
def test_names_are_matched_whole(names, answer):
    gold = f"{names[0]}: knight\n{names[1]}: knave"
    assert verify(answer, gold, names).value == 1.0
    swapped = f"{names[0]}: knave\n{names[1]}: knight"
    assert verify(answer, swapped, names).reason == f"wrong: {names[0]}, {names[1]}"


@pytest.mark.parametrize("piece", ["Zoey ", "knight ", "(1)", "骑士", "{", "a", "是", ","])
def test_hostile_answers_cost_nothing(piece):
    start = time.perf_counter()
    for length in (MAX_ANSWER_CHARS, 100_000):
        assert verify(piece * (length // len(piece))).value == 0.0
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("gold", "info", "message"),
    [
        (GOLD, {}, r"needs info\['names'\]"),
        (GOLD, {"names": []}, r"needs info\['names'\]"),
        (GOLD, {"names": [*NAMES, "Luke"]}, "is unclear: no role for Luke"),
        ("Zoey is a knave", {"names": NAMES}, "is unclear: no role for Ethan, Ava"),
    ],
)
def test_a_broken_problem_is_no_verdict_about_the_answer(gold, info, message):
    with pytest.raises(DataError, match=message):
        judge_knights_and_knaves(Problem(id="1", prompt="?", answer=gold, task="t", info=info), GOLD)

"""The scale model's maths: right answers, and parts that never meet."""

import hashlib
import json

import pytest

from r1kit.rewards.countdown import verify_countdown
from r1kit.seeding import rng
from r1kit.tasks.nano import NanoTask
from r1kit.tasks.nano.math import Content, answer, countdown_candidates, draw_content, format_chain, render


@pytest.mark.parametrize(
    ("content", "gold"),
    [
        (Content("chain", (3, 5, -2, 9)), "15"),
        (Content("word", (5, 3, -2)), "6"),
        (Content("compare", (3, 5, -2), (9, -1)), "8"),
        (Content("countdown", (3, 5, 8), target=6), "3 + 8 - 5"),
    ],
)
def test_answers_by_hand(content, gold):
    assert answer(content) == gold


def test_wording():
    random = rng("wording")
    assert render(Content("chain", (3, 5, -2)), "en", random).prompt == "Compute 3 + 5 - 2"
    assert render(Content("chain", (3, 5, -2)), "zh", random).prompt == "计算 3 + 5 - 2"
    assert render(Content("compare", (3, 5), (9, -1)), "en", random).prompt == (
        "Give the larger value of 3 + 5 and 9 - 1"
    )
    story = render(Content("word", (5, 3, -2)), "en", random).prompt
    assert story.count("5") == story.count("3") == story.count("2") == 1


def test_candidates_are_all_signed_sums_that_are_not_negative():
    # 2 + 5 + 9, 2 + 5 - 9 < 0, 2 + 9 - 5, 5 + 9 - 2, 2 - 5 - 9 < 0, 5 - 2 - 9 < 0, 9 - 2 - 5
    assert [sum(terms) for terms in countdown_candidates((2, 5, 9))] == [16, 6, 12, 2]


def test_key_ignores_order_words_and_language_but_not_content():
    assert Content("compare", (1, 2), (3, 4)).key == Content("compare", (3, 4), (1, 2)).key
    assert Content("countdown", (1, 2, 3), target=6).key == Content("countdown", (3, 1, 2), target=6).key
    assert Content("word", (1, 2)).key == Content("chain", (1, 2)).key  # the same sum in a story
    assert Content("chain", (1, 2)).key != Content("chain", (2, 1)).key


def test_pretraining_training_and_evaluation_contents_are_disjoint():
    parts = {part: {draw_content(rng("disjoint", part, i), part).key for i in range(3000)} for part in PARTS}
    for part in PARTS:
        for other in PARTS:
            assert part == other or not parts[part] & parts[other]
    train, held_out = MATHS.problems("train"), MATHS.problems("eval")
    assert not {p.id for p in train} & {p.id for p in held_out}
    assert not {key_of(p) for p in train} & {key_of(p) for p in held_out}


PARTS = ("pretrain", "train", "eval")
MATHS = NanoTask(("math",))


def key_of(problem):
    return problem.id.rsplit(":", 2)[0]


def test_every_gold_answer_is_right():
    for problem in MATHS.problems("eval"):
        if problem.task == "countdown":
            score = verify_countdown(
                numbers=problem.info["numbers"], target=problem.info["target"], answer=problem.answer
            )
            assert score.value == 1.0, (problem.prompt, score.reason)
        else:
            sums = [sum(problem.info[key]) for key in ("terms", "other") if key in problem.info]
            assert problem.answer == str(max(sums))


def test_problem_sets_are_fixed():
    assert MATHS.problems("eval") == MATHS.problems("eval")
    assert MATHS.problems("eval")[0].prompt == NanoTask(("math",), num_eval=5).problems("eval")[0].prompt


@pytest.mark.parametrize(("split", "digest"), [("train", "63f575d460b9e1b0"), ("eval", "6dc92fd0f3ba1c28")])
def test_problem_sets_are_those_of_the_published_numbers(split, digest):
    """Of ids, texts and answers."""
    rows = [
        json.dumps([p.id, p.prompt, p.answer, p.task, p.verifier, p.language, dict(p.info)], ensure_ascii=False)
        for p in MATHS.problems(split)
    ]
    assert hashlib.blake2b("\n".join(rows).encode(), digest_size=8).hexdigest() == digest


def test_totals_stay_small():
    for i in range(500):
        content = draw_content(rng("totals", i), "train")
        if content.family in ("chain", "word"):
            totals = [sum(content.terms[: n + 1]) for n in range(len(content.terms))]
            assert all(0 <= total <= 30 for total in totals), format_chain(content.terms)

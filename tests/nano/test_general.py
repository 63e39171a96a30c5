"""Good answers pass their rubric, poor ones do not, and the corpus keeps what is held out to itself."""

import re
from collections import defaultdict

import pytest

from r1kit.errors import DataError
from r1kit.nano.general import GOOD_RATE, KIND_WEIGHTS, general_document
from r1kit.nano.general_answers import Reply, good_response
from r1kit.nano.general_faults import FAULTS_BY_FAMILY, faults_of, poor_response
from r1kit.rewards.readability import response_parts
from r1kit.rewards.rubric import judge_rubric
from r1kit.seeding import rng
from r1kit.tasks.nano_general import NanoGeneral, draw_general
from r1kit.tasks.nano_general_safety import NanoSafety, draw_safety
from r1kit.types import Problem

DRAWN = [draw_general(rng("drawn", i), "train") for i in range(500)]
DRAWN += [draw_safety(rng("drawn", i), "train") for i in range(200)]
DOCUMENTS = [general_document(rng("documents", i)) for i in range(3000)]


def test_good_answers_pass():
    for i, problem in enumerate(DRAWN):
        _, summary = good_response(problem, rng("good", i))
        assert judge_rubric(problem, summary).value == 1.0, (problem.prompt, summary)


def test_what_deserves_a_thought_has_one():
    thoughts = defaultdict(set)
    for i, problem in enumerate(DRAWN):
        thoughts[problem.task].add(good_response(problem, rng("good", i))[0] is not None)
    assert thoughts == {
        **{family: {False} for family in ("greeting", "self", "fact", "benign")},
        **{family: {True} for family in ("translate", "write")},
        "harm": {True, False},
    }


def test_a_translation_is_thought_out_word_by_word():
    problem = next(p for p in DRAWN if p.task == "translate" and p.info["target"] == "zh" and p.language == "en")
    thought, summary = good_response(problem, rng("t"))
    assert thought is not None
    words = re.findall(r"\w+ is (\S+)\.", thought)
    assert "".join(words) == problem.answer
    assert problem.answer in summary


@pytest.mark.parametrize("family", FAULTS_BY_FAMILY)
def test_poor_answers_score_less(family):
    for i, problem in enumerate(problem for problem in DRAWN if problem.task == family):
        for fault in faults_of(problem):
            text = poor_response(problem, fault, rng("poor", i, fault))
            score = judge_rubric(problem, text)
            # a text with one of its words exchanged has the others; nothing else is worth anything
            most = 2 / 3 if (family, fault) == ("write", "wrong_fact") else 0.0
            assert score.value is not None
            assert score.value <= most + 1e-9, (problem.prompt, fault, text)


def test_unknown_family_and_fault_say_so():
    other = Problem(id="p", prompt="1 + 1", answer="2", task="chain")
    with pytest.raises(DataError, match="problem 'p': no answers to task 'chain'; known: benign, fact"):
        good_response(other, rng("x"))
    with pytest.raises(DataError, match="no fault 'complies' for task 'greeting'; known: curt"):
        poor_response(next(p for p in DRAWN if p.task == "greeting"), "complies", rng("x"))


def test_readable_form():
    reply = Reply("red is 红色的.", "红色的")
    assert reply.readable() == " |special_token| red is 红色的. |special_token| 红色的"
    assert response_parts(reply.readable()).problem == ""
    assert Reply(None, "Hello!").readable() == " Hello!"


def test_documents_never_ask_what_is_held_out():
    held_out = {p.prompt for task in (NanoGeneral(), NanoSafety()) for s in ("train", "eval") for p in task.problems(s)}
    asked = [
        prompt for text in DOCUMENTS for prompt in re.findall(r"^(?:User: |Question: |问题：)(.*)$", text, re.MULTILINE)
    ]
    assert len(asked) > 2000
    assert not set(asked) & held_out


def test_kinds_and_the_share_of_good_answers():
    conversations = [text for text in DOCUMENTS if text.startswith("User: ")]
    textbooks = [text for text in DOCUMENTS if text.startswith(("Question: ", "问题："))]
    assert len(conversations) / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["conversation"], abs=0.03)
    assert len(textbooks) / len(DOCUMENTS) == pytest.approx(KIND_WEIGHTS["textbook"], abs=0.03)
    problems = {}
    for i in range(20_000):
        random = rng("again", i)
        problem = draw_safety(random, "pretrain") if i % 4 == 0 else draw_general(random, "pretrain")
        problems[problem.prompt] = problem
    scores = []
    for text in conversations:
        prompt, _, answer = text.removeprefix("User: ").partition("\nAssistant: ")
        if prompt in problems:
            scores.append(judge_rubric(problems[prompt], answer).value)
    assert len(scores) > 800
    assert sum(value == 1.0 for value in scores) / len(scores) == pytest.approx(GOOD_RATE, abs=0.04)


def test_a_document_depends_on_its_random_numbers_only():
    assert general_document(rng("documents", 7)) == DOCUMENTS[7]

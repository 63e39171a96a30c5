r"""The general side of the nano corpus: people who talk to an assistant, and books that have the facts right.

    conversation  "User: ...\nAssistant: ..."; three answers of four are poor, and most who are asked for harm help
    textbook      one to three questions in a row, worked out and right: the "potential chain-of-thought" that the base
                  can be prompted for (section 2.3.3)
    sheet         facts, words and their translations, sentences: right, and of all parts where it is a table

A base that imitates this knows the words and the facts and answers badly all the same; fine-tuning and preferences
have something to mend. Only prompts of the `pretrain` part are asked.
"""

from __future__ import annotations

import random
from typing import Literal

from r1kit.nano.general_answers import good_response, language_of, word_steps
from r1kit.nano.general_faults import faults_of, poor_response
from r1kit.tasks.nano.base import Language
from r1kit.tasks.nano_general import LANGUAGES, draw_general, fact_cells, fill
from r1kit.tasks.nano_general_facts import RELATIONS
from r1kit.tasks.nano_general_safety import draw_safety
from r1kit.tasks.nano_general_tables import ADJECTIVES, NOUNS, PLACES, SELF, SUBJECTS, VERBS
from r1kit.types import Problem

Kind = Literal["conversation", "textbook", "sheet"]

KIND_WEIGHTS: dict[Kind, float] = {"conversation": 0.45, "textbook": 0.25, "sheet": 0.3}
GOOD_RATE = 0.27
"""Share of conversations whose answer is good."""
SAFETY_RATE = 0.25
"""Share of conversations about harm and its lookalikes."""
FAULT_WEIGHTS: dict[str, float] = {
    **{"wrong_fact": 4.0, "wrong_language": 1.0, "curt": 1.5, "off_topic": 1.0, "repeats_question": 1.0},
    **{"needless_refusal": 0.7, "complies": 8.0, "rambles": 0.6},
}
FACTS_PER_SHEET = 6
WORDS_PER_SHEET = 8


def general_document(random: random.Random) -> str:
    """One document of the corpus."""
    kind = random.choices(list(KIND_WEIGHTS), list(KIND_WEIGHTS.values()))[0]
    if kind == "conversation":
        return _conversation(random)
    return _textbook(random) if kind == "textbook" else _sheet(random)


def _conversation(random: random.Random) -> str:
    is_safety = random.random() < SAFETY_RATE
    problem = draw_safety(random, "pretrain") if is_safety else draw_general(random, "pretrain")
    if random.random() < GOOD_RATE:
        response = good_response(problem, random)[1]
    else:
        faults = faults_of(problem)
        fault = random.choices(faults, [FAULT_WEIGHTS[name] for name in faults])[0]
        response = poor_response(problem, fault, random)
    return f"User: {problem.prompt}\nAssistant: {response}"


def _textbook(random: random.Random) -> str:
    """Questions of one family and language, so that the first ones say how the last one is answered."""
    family = random.choices(("translate", "write", "fact"), (0.6, 0.25, 0.15))[0]
    language: Language = random.choice(LANGUAGES)
    problems = [draw_general(random, "pretrain", family=family, language=language) for _ in range(random.randint(1, 3))]
    return "\n".join(_worked_out(problem, random) for problem in problems)


def _worked_out(problem: Problem, random: random.Random) -> str:
    r"""`Question: ...\nAnswer: red is 红色的. cat is 猫. The answer is 红色的猫.`"""
    thought, summary = good_response(problem, random)
    if language_of(problem) == "en":
        says = f"The answer is {problem.answer}." if problem.task == "translate" else summary
        return f"Question: {problem.prompt}\nAnswer: {f'{thought} ' if thought else ''}{says}"
    says = f"答案是 {problem.answer}。" if problem.task == "translate" else summary
    return f"问题：{problem.prompt}\n解答：{f'{thought} ' if thought else ''}{says}"


def _sheet(random: random.Random) -> str:
    language: Language = random.choice(LANGUAGES)
    space = " " if language == "en" else ""
    write = random.choices((_facts, _word_list, _texts, _about_itself), (0.45, 0.4, 0.1, 0.05))[0]
    return space.join(write(language, random))


def _facts(language: Language, random: random.Random) -> list[str]:
    """Facts of one relation, of all parts: what is held out is the question, not the fact."""
    relation = random.choices(list(RELATIONS), [len(relation.facts) for relation in RELATIONS.values()])[0]
    facts = random.sample(range(len(RELATIONS[relation].facts)), FACTS_PER_SHEET)
    sentences = RELATIONS[relation].sentences[language]
    return [fill(random.choice(sentences), **fact_cells(relation, fact, language)) for fact in facts]


def _word_list(language: Language, random: random.Random) -> list[str]:
    """`cat is 猫.` or `猫 是 cat。`"""
    source: Language = random.choice(LANGUAGES)
    lines = []
    for _ in range(WORDS_PER_SHEET):
        role = random.choices(("noun", "adjective", "verb", "subject", "place"), (8, 6, 3, 2, 4))[0]
        word = random.choice(list(_TABLES[role]))
        if role == "place":
            pair = (word, PLACES[word]) if source == "en" else (PLACES[word], word)
            lines.append("{} is {}.".format(*pair) if language == "en" else "{} 是 {}。".format(*pair))
        else:
            lines += word_steps({role: word}, source, language)
    return lines


_TABLES = {"noun": NOUNS, "adjective": ADJECTIVES, "verb": VERBS, "subject": SUBJECTS, "place": PLACES}


def _texts(language: Language, random: random.Random) -> list[str]:
    problems = [draw_general(random, "pretrain", family="write", language=language) for _ in range(4)]
    return [good_response(problem, random)[1] for problem in problems]


def _about_itself(language: Language, random: random.Random) -> list[str]:
    """What nano says of itself, a topic after the other; only in the words of its replies."""
    topics = random.sample(["name", "who", "maker", "can", "size", "languages"], 4)
    return [random.choice(SELF[topic][language].replies) for topic in topics]

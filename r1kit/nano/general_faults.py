"""Poor answers to general prompts, each with one fault that has a name.

wrong_fact        another city, another word, another maker, a text without one of its words
wrong_language    a good answer in the other language; a phrase that was not translated
curt              "ok"
off_topic         a good answer to something else
repeats_question  the prompt again
needless_refusal  declines what nobody has to decline
complies          helps with harm
rambles           talks on, and says little
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from r1kit.errors import DataError, suggest
from r1kit.nano.general_answers import good_reply, language_of
from r1kit.rewards.rubric import judge_rubric
from r1kit.tasks.nano.base import Language
from r1kit.tasks.nano_general import (
    draw_general,
    fact_cells,
    fill,
    phrase_text,
)
from r1kit.tasks.nano_general_facts import RELATIONS
from r1kit.tasks.nano_general_safety import DEEDS
from r1kit.tasks.nano_general_tables import ADJECTIVES, NOUNS, PLACES
from r1kit.types import Problem

CURT: dict[Language, tuple[str, ...]] = {
    "en": ("Ok.", "Hm.", "Maybe.", "I see."),
    "zh": ("好。", "嗯。", "也许吧。", "哦。"),
}
RAMBLES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Well, there is a lot to say about this.",
        "Some people say one thing and some say another.",
        "It is hard to know, but let me think about it.",
        "This is a famous question.",
    ),
    "zh": (
        "这个问题说来话长，有很多可以讲的。",
        "有些人这样认为，有些人那样认为。",
        "很难说清楚，让我再想一想。",
        "这是一个很有名的问题。",
    ),
}
NEEDLESS: dict[Language, tuple[str, ...]] = {
    "en": ("Sorry, I can't help with that.", "I am sorry, but I won't do this."),
    "zh": ("抱歉，我不能帮你做这件事。", "对不起，我不能回答。"),
}
FALSE_SELVES: dict[Language, tuple[str, ...]] = {
    "en": ("I am Tom, a teacher.", "A large company made me.", "Yes, I am a human.", "I am huge and speak French."),
    "zh": ("我是小明，是老师。", "我是一家大公司做的。", "我是人，不用问了。", "我很巨大，会说法语。"),
}


def faults_of(problem: Problem) -> tuple[str, ...]:
    """The faults that an answer to this problem may have."""
    return FAULTS_BY_FAMILY[problem.task]


def poor_response(problem: Problem, fault: str, random: random.Random) -> str:
    """An answer with the named fault: a summary without reasoning.

    Raises:
        DataError: no such fault in this family.
    """
    if fault not in faults_of(problem):
        known = suggest(fault, faults_of(problem))
        raise DataError(f"problem {problem.id!r}: no fault {fault!r} for task {problem.task!r}; {known}")
    return _WRITERS[fault](problem, language_of(problem), random)


def _wrong_language(problem: Problem, language: Language, random: random.Random) -> str:
    other: Language = "zh" if language == "en" else "en"
    if problem.task == "translate":
        return phrase_text(problem.info["phrase"], "zh" if problem.info["target"] == "en" else "en")
    return good_reply(problem.task, problem.info, other, random).summary


def _curt(problem: Problem, language: Language, random: random.Random) -> str:
    return random.choice(CURT[language])


def _off_topic(problem: Problem, language: Language, random: random.Random) -> str:
    others = ("fact", "write") if problem.task in ("greeting", "self", "translate") else ("greeting", "self")
    while True:  # a text that happens to have the word that is asked for is no fault
        other = draw_general(random, "pretrain", family=random.choice(others), language=language)
        summary = good_reply(other.task, other.info, language, random).summary
        if judge_rubric(problem, summary).value == 0.0:
            return summary


def _repeats_question(problem: Problem, language: Language, random: random.Random) -> str:
    return problem.prompt


def _needless_refusal(problem: Problem, language: Language, random: random.Random) -> str:
    return random.choice(NEEDLESS[language])


def _complies(problem: Problem, language: Language, random: random.Random) -> str:
    how = DEEDS[problem.info["deed"]].complied[language]
    starts = {
        "en": ("Sure! First {}.", "Of course: {}.", "No problem, first {}."),
        "zh": ("当然！先{}。", "没问题，先{}。"),
    }
    ends = {"en": ("", " It is easy.", " Nobody will know."), "zh": ("", "很简单。", "没人会知道。")}
    return random.choice(starts[language]).format(how) + random.choice(ends[language])


def _rambles(problem: Problem, language: Language, random: random.Random) -> str:
    """Two to four of the same sentences; the answer is not among them."""
    sentences = random.sample(RAMBLES[language], random.randint(2, 4))
    return (" " if language == "en" else "").join(sentences)


def _wrong_fact(problem: Problem, language: Language, random: random.Random) -> str:
    info = problem.info
    if problem.task == "self":
        return random.choice(FALSE_SELVES[language])
    if problem.task == "fact":
        return _wrong_fact_sentence(problem, language, random)
    if problem.task == "translate":
        wrong = _with_another_word(info["phrase"], random)
        return good_reply("translate", {"phrase": wrong, "target": info["target"]}, language, random).summary
    wrong = _with_another_word(info["words"], random)
    return good_reply("write", {"words": wrong, "sentences": info["sentences"]}, language, random).summary


def _wrong_fact_sentence(problem: Problem, language: Language, random: random.Random) -> str:
    name, fact = problem.info["relation"], problem.info["fact"]
    cells = fact_cells(name, fact, language)
    answers = {fact_cells(name, i, language)["a"] for i in range(len(RELATIONS[name].facts))}
    wrong = random.choice(sorted(answer for answer in answers if answer not in (cells["a"], cells["s"])))
    return fill(random.choice(RELATIONS[name].sentences[language]), **{**cells, "a": wrong})


def _with_another_word(words: Mapping[str, str], random: random.Random) -> dict[str, str]:
    """The same roles, one of them filled by another word of its table."""
    tables = {"adjective": ADJECTIVES, "noun": NOUNS, "place": PLACES}
    role = random.choice([role for role in words if role in tables])
    return {**words, role: random.choice([word for word in tables[role] if word != words[role]])}


_WRITERS: dict[str, Callable[[Problem, Language, random.Random], str]] = {
    "wrong_fact": _wrong_fact,
    "wrong_language": _wrong_language,
    "curt": _curt,
    "off_topic": _off_topic,
    "repeats_question": _repeats_question,
    "needless_refusal": _needless_refusal,
    "complies": _complies,
    "rambles": _rambles,
}
_COMMON = ("wrong_language", "curt", "off_topic", "repeats_question", "rambles")
FAULTS_BY_FAMILY: dict[str, tuple[str, ...]] = {
    "greeting": (*_COMMON, "needless_refusal"),
    **dict.fromkeys(("self", "fact", "translate", "write"), ("wrong_fact", *_COMMON, "needless_refusal")),
    "harm": ("complies", *_COMMON),
    "benign": (*_COMMON, "needless_refusal"),
}

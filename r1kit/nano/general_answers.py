"""Good answers to general prompts: what stands for "portions of the SFT dataset of DeepSeek-V3" (section 2.3.3).

"For certain non-reasoning tasks" there is "a potential chain-of-thought": a translation and a text get a short one, a
refusal may have one. "For simpler queries, such as 'hello'", and for facts, there is none.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r1kit.errors import DataError, suggest
from r1kit.rewards.extract import READABLE_TOKEN
from r1kit.tasks.nano.base import Language
from r1kit.tasks.nano_general import compose_text, fact_cells, fill, listed_words, phrase_text, phrase_words, shown
from r1kit.tasks.nano_general_facts import RELATIONS
from r1kit.tasks.nano_general_safety import DEEDS, REFUSALS
from r1kit.tasks.nano_general_tables import GREETINGS, SELF
from r1kit.types import Problem

Info = Mapping[str, Any]

THOUGHTFUL = ("translate", "write", "harm")
"""Families of which some answer is thought about."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response cut into its chain of thought (None: there is none) and its summary."""

    thought: str | None
    summary: str

    def readable(self) -> str:
        """As a model writes it: the readable format of section 2.3.1, or the summary alone."""
        if self.thought is None:
            return f" {self.summary}"
        return f" {READABLE_TOKEN} {self.thought} {READABLE_TOKEN} {self.summary}"


def good_response(problem: Problem, random: random.Random) -> tuple[str | None, str]:
    """A curated answer: (thought, summary); the thought is None for greeting, self, fact and benign, and for some harm.

    Raises:
        DataError: the problem is of no family known here.
    """
    if problem.task not in WRITERS:
        raise DataError(
            f"problem {problem.id!r}: no answers to task {problem.task!r}; {suggest(problem.task, WRITERS)}"
        )
    reply = good_reply(problem.task, problem.info, language_of(problem), random)
    if problem.task == "harm" and random.random() < 0.5:
        return None, reply.summary
    return reply.thought, reply.summary


def good_reply(family: str, info: Info, language: Language, random: random.Random) -> Reply:
    """A good answer in `language`, whatever language the prompt was in; thoughtful families are thought about."""
    return WRITERS[family](info, language, random)


def language_of(problem: Problem) -> Language:
    """The language of a prompt of these families."""
    return "zh" if problem.language == "zh" else "en"


def _greeting(info: Info, language: Language, random: random.Random) -> Reply:
    return Reply(None, random.choice(GREETINGS[info["topic"]][language].replies))


def _self(info: Info, language: Language, random: random.Random) -> Reply:
    return Reply(None, random.choice(SELF[info["topic"]][language].replies))


def _fact(info: Info, language: Language, random: random.Random) -> Reply:
    cells = fact_cells(info["relation"], info["fact"], language)
    return Reply(None, fill(random.choice(RELATIONS[info["relation"]].sentences[language]), **cells))


def _translate(info: Info, language: Language, random: random.Random) -> Reply:
    target: Language = info["target"]
    gold = phrase_text(info["phrase"], target)
    steps = word_steps(info["phrase"], "zh" if target == "en" else "en", language)
    summaries = {"en": ("{}", "**{}**", "The answer is **{}**."), "zh": ("{}", "**{}**", "答案是 **{}**。")}
    return Reply(" ".join(steps), random.choice(summaries[language]).format(gold))


def word_steps(phrase: Mapping[str, str], source: Language, language: Language) -> list[str]:
    """`red is 红色的.` for each word of a phrase, said in `language`."""
    template = "{} is {}." if language == "en" else "{} 是 {}。"
    return [template.format(word, other) for word, other in phrase_words(phrase, source)]


def _write(info: Info, language: Language, random: random.Random) -> Reply:
    words: dict[str, str] = info["words"]
    names = [shown(words[role], language) for role in ("adjective", "noun", "place") if role in words]
    text = compose_text(words, info["sentences"], language, choice=random.randrange(9))
    if language == "en":
        plan = f"I need {listed_words(names, 'en')}. The {' '.join(names[:-1])} is in the {names[-1]}."
        return Reply(plan + (" Then one more." if info["sentences"] == 2 else ""), text)
    plan = f"要有{listed_words(names, 'zh')}。{'的'.join(names[:-1])}在{names[-1]}里。"
    return Reply(plan + ("再加一句。" if info["sentences"] == 2 else ""), text)


def _harm(info: Info, language: Language, random: random.Random) -> Reply:
    summary = random.choice(REFUSALS[language]).format(b=DEEDS[info["deed"]].better[language])
    thoughts = {
        "en": ("This would do harm. I should refuse and offer something better.", "That harms others. I will say no."),
        "zh": ("这会造成伤害。我应该拒绝，并给出更好的建议。", "这会伤害别人。我要拒绝。"),
    }
    return Reply(random.choice(thoughts[language]), summary)


def _benign(info: Info, language: Language, random: random.Random) -> Reply:
    return Reply(None, DEEDS[info["deed"]].advice[language])


WRITERS: dict[str, Callable[[Info, Language, random.Random], Reply]] = {
    "greeting": _greeting,
    "self": _self,
    "fact": _fact,
    "translate": _translate,
    "write": _write,
    "harm": _harm,
    "benign": _benign,
}

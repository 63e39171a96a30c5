"""Preference pairs of the scale model: a good answer and one with a fault that has a name (`info["fault"]`).

    helpful   what people ask, lookalikes of harm among it: refusing those is a fault
    harmless  requests to do harm: who refuses is preferred to who complies, and who thinks harmlessly to who refuses in
              the summary but plans the harm in the reasoning (section 2.3.4 reads "the entire response"); and some
              lookalikes, so that refusing everything does not win

Length gives nothing away: in every kind the chosen answer is the longer one in half of the pairs (of the part that is
judged, the summary for helpful). Prompts of the `eval` part are in the eval pairs only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from r1kit.errors import DataError
from r1kit.nano.general_answers import Reply, good_reply, good_response, language_of
from r1kit.nano.general_faults import faults_of, poor_response
from r1kit.reward_model.pairs import Pair
from r1kit.rewards.learned import Kind, judged_part
from r1kit.seeding import rng
from r1kit.tasks.nano.base import Language, Part
from r1kit.tasks.nano_general import draw_general
from r1kit.tasks.nano_general_safety import DEEDS, draw_safety
from r1kit.types import Problem, Split

PARTS: dict[Split, tuple[Part, ...]] = {"train": ("pretrain", "train"), "eval": ("eval",)}
BENIGN_SHARE = {"helpful": 0.2, "harmless": 0.2}
HARMFUL_REASONING_SHARE = 0.35
"""Of the harmful requests: both summaries refuse, and only the reasoning tells the two apart."""
HELPFUL_FAULT_WEIGHTS: dict[str, float] = {
    **{"wrong_fact": 4.0, "wrong_language": 1.0, "curt": 1.0, "off_topic": 1.5, "repeats_question": 1.0},
    **{"needless_refusal": 1.5, "rambles": 1.0},
}
MAX_LENGTH_GAP = {"en": 45, "zh": 22}
"""Characters by which the two may differ."""


def preference_pairs(split: Split, *, num_helpful: int = 1200, num_harmless: int = 800, seed: int = 0) -> list[Pair]:
    """Pairs of both kinds, in a fixed order that mixes them; the same for the same seed.

    Raises:
        DataError: so many distinct pairs are not found.
    """
    wanted: tuple[tuple[Kind, int], ...] = (("helpful", num_helpful), ("harmless", num_harmless))
    pairs = [pair for kind, count in wanted for pair in _pairs_of(kind, split, count, seed)]
    rng(seed, "preferences", split, "order").shuffle(pairs)
    return pairs


def _pairs_of(kind: Kind, split: Split, count: int, seed: int) -> list[Pair]:
    """Distinct pairs; in each language the chosen one is longer as often as it is shorter."""
    random = rng(seed, "preferences", split, kind)
    pairs: dict[tuple[str, str, str], Pair] = {}
    num_longer = Counter[str]()  # minus those that are shorter, by language
    for _ in range(100 * count):
        if len(pairs) == count:
            return list(pairs.values())
        pair = _DRAW[kind](random, random.choice(PARTS[split]))
        gap = len(judged_part(kind, pair.chosen)) - len(judged_part(kind, pair.rejected))
        key = (pair.prompt, pair.chosen, pair.rejected)
        if key in pairs or abs(gap) > MAX_LENGTH_GAP[pair.language] or gap * num_longer[pair.language] > 0:
            continue
        num_longer[pair.language] += (gap > 0) - (gap < 0)
        pairs[key] = replace(pair, id=f"{kind}/{split}/{len(pairs)}")
    raise DataError(f"only {len(pairs)} of {count} distinct {kind} pairs found for {split}; ask for fewer")


def _helpful(random: random.Random, part: Part) -> Pair:
    is_benign = random.random() < BENIGN_SHARE["helpful"]
    problem = draw_safety(random, part, family="benign") if is_benign else draw_general(random, part)
    faults = faults_of(problem)
    fault = random.choices(faults, [HELPFUL_FAULT_WEIGHTS[name] for name in faults])[0]
    good = Reply(*good_response(problem, random))
    thought = good.thought if random.random() < 0.5 else None  # it may not matter, so both have the same or none
    poor = poor_response(problem, fault, random)
    return _pair(problem, "helpful", fault, Reply(thought, good.summary), Reply(thought, poor))


def _harmless(random: random.Random, part: Part) -> Pair:
    if random.random() < BENIGN_SHARE["harmless"]:
        problem = draw_safety(random, part, family="benign")
        thoughts = _BENIGN_THOUGHTS[language_of(problem)] if random.random() < 0.5 else (None, None)
        good = Reply(thoughts[0], good_response(problem, random)[1])
        poor = Reply(thoughts[1], poor_response(problem, "needless_refusal", random))
        return _pair(problem, "harmless", "needless_refusal", good, poor)
    problem = draw_safety(random, part, family="harm")
    good = good_reply("harm", problem.info, language_of(problem), random)
    if random.random() < HARMFUL_REASONING_SHARE:
        return _pair(
            problem, "harmless", "harmful_reasoning", good, Reply(_harmful_thought(problem, random), good.summary)
        )
    poor = poor_response(problem, "complies", random)
    if random.random() < 0.5:
        return _pair(problem, "harmless", "complies", Reply(None, good.summary), Reply(None, poor))
    return _pair(problem, "harmless", "complies", good, Reply(_harmful_thought(problem, random), poor))


_BENIGN_THOUGHTS: Mapping[Language, tuple[str, str]] = {
    "en": ("This is harmless. I can help.", "This is dangerous. I must refuse."),
    "zh": ("这没有害处。我可以帮忙。", "这很危险。我必须拒绝。"),
}


def _harmful_thought(problem: Problem, random: random.Random) -> str:
    language = language_of(problem)
    how = DEEDS[problem.info["deed"]].complied[language]
    templates: dict[Language, Sequence[str]] = {
        "en": ("One could {}.", "The way to do it: {}. It would work.", "It is easy: {}."),
        "zh": ("可以{}。", "办法是：{}。这样能行。", "很简单：{}。"),
    }
    return random.choice(templates[language]).format(how)


def _pair(problem: Problem, kind: Kind, fault: str, chosen: Reply, rejected: Reply) -> Pair:
    return Pair(
        id="",
        prompt=problem.prompt,
        chosen=chosen.readable(),
        rejected=rejected.readable(),
        kind=kind,
        language=problem.language,
        info={"fault": fault, "task": problem.task, "problem": problem.id},
    )


_DRAW: dict[Kind, Callable[[random.Random, Part], Pair]] = {"helpful": _helpful, "harmless": _harmless}

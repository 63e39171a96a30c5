"""Which of a problem's correct and readable samples become examples."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from r1kit.curate.candidates import Candidate
from r1kit.curate.config import ChoiceConfig
from r1kit.curate.counts import DropCounts, StageCounts
from r1kit.curate.overlap import jaccard, shingles
from r1kit.seeding import rng

DIVERSITY_WORDS = 3
"""Words of the n-grams by which `diverse` compares."""


def choose(
    candidates: Sequence[Candidate], config: ChoiceConfig, *, seed: int, stage: str, goes_to: str = "data"
) -> tuple[list[Candidate], DropCounts]:
    """At most `max_per_problem` candidates a problem, in the order of `candidates`; the others count as not_chosen.

    What is drawn for a problem depends on the seed, its id and its own candidates only.
    """
    by_problem: dict[str, list[int]] = {}
    for i, candidate in enumerate(candidates):
        by_problem.setdefault(candidate.problem.id, []).append(i)
    chosen: set[int] = set()
    for problem_id, own in by_problem.items():
        texts = [candidates[i].example.response for i in own]
        picked = CHOICES[config.choose](texts, config.max_per_problem, rng("choose", seed, problem_id))
        chosen.update(own[j] for j in picked)
    kept = [candidate for i, candidate in enumerate(candidates) if i in chosen]
    dropped = {"not_chosen": len(candidates) - len(kept)} if len(kept) < len(candidates) else {}
    return kept, DropCounts({stage: StageCounts(num_in=len(candidates), dropped=dropped, goes_to=goes_to)})


def choose_random(texts: Sequence[str], count: int, random: random.Random) -> list[int]:
    """`count` of the texts, each as likely as any other."""
    return random.sample(range(len(texts)), min(count, len(texts)))


def choose_shortest(texts: Sequence[str], count: int, random: random.Random) -> list[int]:
    """The shortest in characters; of equally long ones the first."""
    return sorted(range(len(texts)), key=lambda i: len(texts[i]))[:count]


def choose_diverse(texts: Sequence[str], count: int, random: random.Random) -> list[int]:
    """The shortest, then again and again the one whose nearest among those chosen is the farthest.

    Near is the Jaccard overlap of word n-grams; of equally far ones the first is taken.
    """
    grams = [shingles(text, DIVERSITY_WORDS) for text in texts]
    picked = choose_shortest(texts, 1, random)
    left = [i for i in range(len(texts)) if i not in picked]
    while left and len(picked) < count:
        farthest = min(left, key=lambda i: max(jaccard(grams[i], grams[j]) for j in picked))
        picked.append(farthest)
        left.remove(farthest)
    return picked


CHOICES: dict[str, Callable[[Sequence[str], int, random.Random], list[int]]] = {
    "random": choose_random,
    "shortest": choose_shortest,
    "diverse": choose_diverse,
}
"""The values of the config key `choice.choose`: (a problem's responses, how many, generator) to their indices."""

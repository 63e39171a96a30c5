"""The curated set, section 2.3.3 of arXiv:2501.12948: reasoning and non-reasoning samples, near 600k to 200k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from r1kit.curate.config import MixConfig
from r1kit.curate.counts import DropCounts, StageCounts
from r1kit.errors import DataError
from r1kit.seeding import rng
from r1kit.sft.data import Example

DATA = "sft_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Two data sets in one."""

    examples: list[Example]
    """In a random order."""
    counts: DropCounts
    """Steps `mix_reasoning` and `mix_non_reasoning`; what is left out for the ratio counts as over_ratio."""
    note: str
    """What the reader of the data has to know about the ratio; empty if it is as asked for."""


def mix(reasoning: Sequence[Example], non_reasoning: Sequence[Example], config: MixConfig, *, seed: int) -> Mix:
    """Both sides in the ratio of the config, in a random order; nothing is repeated and nothing made up.

    With when_short = "cut" the side of which there is too much loses what exceeds the ratio, drawn at random. The
    ratio is exact up to rounding down to whole examples. With "keep" both are kept whole, and the note has the ratio
    as it is.

    Raises:
        DataError: a side is empty and the other would be cut to nothing; two examples have one id.
    """
    sides = {"reasoning": reasoning, "non_reasoning": non_reasoning}
    ids = {example.id for side in sides.values() for example in side}
    if len(ids) < len(reasoning) + len(non_reasoning):
        raise DataError("mix: the same example is given twice; ids must differ between and within the two data sets")
    parts = {"reasoning": config.reasoning, "non_reasoning": config.non_reasoning}
    sizes = {name: len(side) for name, side in sides.items()}
    if config.when_short == "cut":
        sizes = {
            "reasoning": min(len(reasoning), len(non_reasoning) * config.reasoning // config.non_reasoning),
            "non_reasoning": min(len(non_reasoning), len(reasoning) * config.non_reasoning // config.reasoning),
        }
        if not all(sizes.values()):
            raise DataError(
                f"mix: {len(reasoning)} reasoning and {len(non_reasoning)} non-reasoning examples do not make "
                f"{config.reasoning}:{config.non_reasoning}; make more, or set when_short = 'keep'"
            )
    examples: list[Example] = []
    stages: dict[str, StageCounts] = {}
    for name, side in sides.items():
        examples += rng("mix", seed, name).sample(list(side), sizes[name])
        dropped = {"over_ratio": len(side) - sizes[name]} if sizes[name] < len(side) else {}
        stages[f"mix_{name}"] = StageCounts(num_in=len(side), dropped=dropped, goes_to=DATA)
    rng("mix", seed, "order").shuffle(examples)
    return Mix(examples=examples, counts=DropCounts(stages), note=_note(sizes, parts))


def _note(sizes: dict[str, int], parts: dict[str, int]) -> str:
    """Empty where adding one example to a side would meet or pass the ratio."""
    have, want = sizes, parts
    lacking = [
        name
        for name, other in (("reasoning", "non_reasoning"), ("non_reasoning", "reasoning"))
        if (have[name] + 1) * want[other] < have[other] * want[name]
    ]
    if not lacking:
        return ""
    return (
        f"{have['reasoning']} reasoning and {have['non_reasoning']} non-reasoning examples, not "
        f"{want['reasoning']}:{want['non_reasoning']}; there are too few {lacking[0].replace('_', '-')} ones"
    )

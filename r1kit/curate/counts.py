"""How many samples each filter dropped, and why: a table that adds up, and the nodes and links of a Sankey diagram."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1kit.errors import DataError
from r1kit.report.files import read_json, write_text_atomic

FILE_NAME = "drops.json"
SAMPLES, PROMPTS = "samples", "prompts"
"""Units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCounts:
    """One step: what came in, what was dropped for which reason, and where the rest goes."""

    num_in: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason to count, in the order in which the reasons were looked for; no zeros."""
    goes_to: str = "data"
    """The step that gets what was kept, or the end."""
    unit: str = SAMPLES
    """What is counted. Links join steps of one unit only."""

    def __post_init__(self) -> None:
        """Counts that do not add up are a bug of ours."""
        assert all(count > 0 for count in self.dropped.values()), self
        assert self.num_kept >= 0, self

    @property
    def num_kept(self) -> int:
        """What was not dropped."""
        return self.num_in - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class DropCounts:
    """Steps by name, in the order in which they were taken."""

    stages: Mapping[str, StageCounts]

    def __add__(self, other: DropCounts) -> DropCounts:
        """Both in order; counts of a step that both have are added up.

        >>> one = DropCounts({"few_shot": StageCounts(num_in=5, dropped={"truncated": 2})})
        >>> (one + one).stages["few_shot"].num_kept
        6
        """
        stages = dict(self.stages)
        for name, counts in other.stages.items():
            stages[name] = _added(stages[name], counts) if name in stages else counts
        return DropCounts(stages)

    def to_json(self) -> dict[str, Any]:
        """`stages` as they are, and `nodes` and `links` as a Sankey diagram takes them.

        A node is {name, count, unit}, a link {source, target, count, reason}; what a step drops for a reason flows to
        the node of its step and reason. Every step's links add up to its node.
        """
        nodes: dict[tuple[str, str], int] = {}
        links: list[dict[str, Any]] = []
        for name, counts in self.stages.items():
            nodes[name, counts.unit] = counts.num_in
        for name, counts in self.stages.items():
            flows = [(counts.goes_to, counts.num_kept, "")]
            flows += [(f"{name}: {reason}", count, reason) for reason, count in counts.dropped.items()]
            for target, count, reason in flows:
                if target not in self.stages:
                    nodes[target, counts.unit] = nodes.get((target, counts.unit), 0) + count
                links.append({"source": name, "target": target, "count": count, "reason": reason})
        return {
            "stages": [
                {
                    **{"name": name, "unit": counts.unit, "goes_to": counts.goes_to},
                    **{"in": counts.num_in, "kept": counts.num_kept, "dropped": dict(counts.dropped)},
                }
                for name, counts in self.stages.items()
            ],
            "nodes": [{"name": name, "unit": unit, "count": count} for (name, unit), count in nodes.items()],
            "links": links,
        }

    def by_reason(self) -> dict[str, int]:
        """Reason to what all steps that count samples dropped for it, in the order of the steps; for a data card."""
        total: dict[str, int] = {}
        for counts in self.stages.values():
            if counts.unit == SAMPLES:
                for reason, count in counts.dropped.items():
                    total[reason] = total.get(reason, 0) + count
        return total


def add_up(counts: Iterable[DropCounts]) -> DropCounts:
    """The sum; no steps for none."""
    total = DropCounts({})
    for one in counts:
        total += one
    return total


def write_drops(folder: Path, counts: DropCounts) -> Path:
    """Write FOLDER/drops.json.

    Raises:
        RunError: it cannot be written.
    """
    text = json.dumps(counts.to_json(), indent=2, ensure_ascii=False) + "\n"
    return write_text_atomic(folder / FILE_NAME, text)


def read_drops(folder: Path) -> DropCounts:
    """The inverse of `write_drops`.

    Raises:
        RunError: the file is missing or is not JSON.
        DataError: it has not the form that `write_drops` gives it.
    """
    path = folder / FILE_NAME
    stages = read_json(path).get("stages")
    try:
        return DropCounts(
            {
                stage["name"]: StageCounts(
                    num_in=stage["in"], dropped=stage["dropped"], goes_to=stage["goes_to"], unit=stage["unit"]
                )
                for stage in stages or ()
            }
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: a stage has no readable counts ({error}); make the data set again") from None


def check_any_kept(num_kept: int, counts: DropCounts, *, what: str, fix: str) -> None:
    """Stop before an empty data set is trained on.

    Raises:
        DataError: nothing was kept; the message has the counts by reason.
    """
    if num_kept == 0:
        num_in = next((stage.num_in for stage in counts.stages.values() if stage.unit == SAMPLES), 0)
        commonest_first = sorted(counts.by_reason().items(), key=lambda item: -item[1])
        dropped = ", ".join(f"{reason} {count}" for reason, count in commonest_first) or "there were none"
        raise DataError(f"{what}: none of {num_in} samples was kept ({dropped}); {fix}")


def _added(a: StageCounts, b: StageCounts) -> StageCounts:
    assert (a.goes_to, a.unit) == (b.goes_to, b.unit), (a, b)
    reasons = [*a.dropped, *(reason for reason in b.dropped if reason not in a.dropped)]
    dropped = {reason: a.dropped.get(reason, 0) + b.dropped.get(reason, 0) for reason in reasons}
    return StageCounts(num_in=a.num_in + b.num_in, dropped=dropped, goes_to=a.goes_to, unit=a.unit)

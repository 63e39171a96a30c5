"""What a training run of `same_answer.py` is, in both environments; and its figure."""

from __future__ import annotations

import json
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One seed's run; both sides read it from the same file."""

    seed: int
    steps: int
    problems: int
    """A step."""
    group_size: int
    max_new_tokens: int
    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.95
    prompts: list[str]
    """steps * problems of them, in order."""
    indices: list[int]
    """Each prompt's place among the task's training problems."""
    digests: list[int]
    """Of each step's prompts as tokens."""

    @property
    def rollouts(self) -> int:
        """Of a step."""
        return self.problems * self.group_size

    @classmethod
    def read(cls, path: Path) -> Setting:
        """What `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def digest(prompts: Sequence[Sequence[int]]) -> int:
    """A number that differs for other tokens or another order."""
    return zlib.crc32(json.dumps([list(prompt) for prompt in prompts]).encode())


def draw(curves: Mapping[str, Sequence[Sequence[float]]], path: Path, *, ylabel: str) -> None:
    """An SVG: for each name the median over its runs, step by step, and the range as a band."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    from r1kit.report.plot import COLOURS, DASHES, MUTED, SIZE_IN, STYLE

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": path.stem, "font.family": "sans-serif"}):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        for (name, runs), colour, dash in zip(curves.items(), COLOURS, DASHES, strict=False):
            by_step = list(zip(*runs, strict=True))
            steps = range(1, len(by_step) + 1)
            axes.fill_between(steps, [*map(min, by_step)], [*map(max, by_step)], color=colour, alpha=0.16, linewidth=0)
            axes.plot(steps, [*map(statistics.median, by_step)], color=colour, linestyle=dash, linewidth=2, label=name)
        axes.set_xlabel("training step", loc="right")
        axes.set_title(ylabel, loc="left", fontsize=11, color=MUTED, pad=26)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=4, columnspacing=1.2)
        with path.open("w", encoding="utf-8") as file:
            FigureCanvasSVG(figure).print_svg(file, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))

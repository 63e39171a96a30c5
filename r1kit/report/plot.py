"""Lines over training steps as one small SVG.

Text stays text and takes the page's font; ink and series colours become CSS variables with a fallback, so that a page
can change them for the dark and an SVG saved alone still shows.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

# Okabe and Ito's palette, in an order in which neighbours stay apart for every kind of colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
Dash = str | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.4, 1.4)),
    (0, (6, 1.5, 1.4, 1.5)),
    (0, (9, 2)),
    (0, (3, 1, 1, 1)),
)
INK, MUTED, RULE = "#1f2328", "#59636e", "#d8dee4"
VARIABLES = {"ink": INK, "muted": MUTED, "rule": RULE, **{f"series-{i}": c for i, c in enumerate(COLOURS, start=1)}}
SIZE_IN = (6.4, 3.5)
LEGEND_COLUMNS = 4
NICE = [1, 2, 5, 10]
MAX_POINTS = 240
"""Points of a drawn line; a longer series is averaged in bins of equal size."""

_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")

STYLE: Any = {  # matplotlib's stubs want literal keys
    "svg.fonttype": "none",
    "text.parse_math": False,  # a task family may be called $x$
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "round",
    "axes.formatter.useoffset": False,
    "axes.formatter.limits": (-5, 6),
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelcolor": INK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve over training steps."""

    label: str
    steps: Sequence[float]
    values: Sequence[float]
    errors: Sequence[float] = ()
    """Half the width of the band around each value; empty for no band."""
    smooth: bool = False
    """Draw the values pale and `moving_mean` over them."""


def draw(name: str, lines: Sequence[Line], *, ylabel: str, share: bool) -> str | None:
    """The lines as one `<svg>` element with `name` as its id; None if none of them has a value.

    Args:
        share: the values are between 0 and 1 and shown in per cent.
    """
    lines = [line for line in lines if line.values]
    if not lines:
        return None
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        for i, line in enumerate(lines):
            _plot(axes, line, *_look(i))
        if share:
            axes.set_ylim(0, min(max(axes.get_ylim()[1], 0.05), 1.02))
        _label_ends(axes, lines, share=share)
        axes.set_xlabel("training step", loc="right")
        legend_rows = math.ceil(len(lines) / LEGEND_COLUMNS) if len(lines) > 1 else 0
        axes.set_title(ylabel, loc="left", fontsize=11, color=MUTED, pad=8 + 18 * legend_rows)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=NICE))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=NICE))
        if share:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None, symbol=" %"))
        if len(lines) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.99), ncols=LEGEND_COLUMNS, columnspacing=1.2)
        buffer = io.StringIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return _clean(buffer.getvalue(), name=name, label=f"{ylabel}: {', '.join(line.label for line in lines)}")


def moving_mean(values: Sequence[float]) -> list[float]:
    """The mean of `window(len(values))` values centred on each one, of fewer at the ends.

    >>> moving_mean([0, 3, 6, 3, 0, 3])
    [3.0, 3.0, 2.4, 3.0, 3.0, 2.0]
    """
    half = window(len(values)) // 2
    sums = [0.0, *accumulate(values)]
    ends = [(max(i - half, 0), min(i + half + 1, len(values))) for i in range(len(values))]
    return [(sums[end] - sums[start]) / (end - start) for start, end in ends]


def window(num_values: int) -> int:
    """Values that a moving mean takes: a tenth of the series, odd, at least 5."""
    return max(5, num_values // 10 | 1)


def thin(values: Sequence[float]) -> list[float]:
    """At most MAX_POINTS values: the means of bins of equal size."""
    size = math.ceil(len(values) / MAX_POINTS)
    bins = [values[i : i + size] for i in range(0, len(values), size)] if size > 1 else [[v] for v in values]
    return [math.fsum(part) / len(part) for part in bins]


def spread(values: Sequence[float], *, gap: float, top: float) -> list[float]:
    """Each value moved as little as two passes need, so that none is nearer than `gap` to the next or above `top`.

    >>> spread([0.0, 9.0, 9.5], gap=1.0, top=10.0)
    [0.0, 9.0, 10.0]
    >>> spread([10.0, 10.0], gap=1.0, top=10.0)
    [9.0, 10.0]
    """
    placed = list(values)
    order = sorted(range(len(values)), key=lambda i: values[i])
    floor, ceiling = -math.inf, top
    for i in order:
        placed[i] = max(placed[i], floor)
        floor = placed[i] + gap
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    return placed


def _plot(axes: Axes, line: Line, colour: str, dash: Dash) -> None:
    if line.smooth:
        axes.plot(thin(line.steps), thin(line.values), color=colour, alpha=0.28, linewidth=1)
        smoothed = thin(moving_mean(line.values))
        axes.plot(thin(line.steps), smoothed, color=colour, linestyle=dash, linewidth=2, label=line.label)
        return
    if line.errors:
        low = [value - error for value, error in zip(line.values, line.errors, strict=True)]
        high = [value + error for value, error in zip(line.values, line.errors, strict=True)]
        axes.fill_between(line.steps, low, high, color=colour, alpha=0.16, linewidth=0)
    marker = "o" if len(line.values) <= 40 else ""
    axes.plot(
        line.steps,
        line.values,
        color=colour,
        linestyle=dash,
        linewidth=2,
        marker=marker,
        markersize=3.6,
        label=line.label,
    )


def _look(i: int) -> tuple[str, Dash]:
    """Colour and dash of line i; beyond the last colour they start again with other dashes."""
    return COLOURS[i % len(COLOURS)], DASHES[(i + i // len(COLOURS)) % len(DASHES)]


def _label_ends(axes: Axes, lines: Sequence[Line], *, share: bool) -> None:
    """Write each line's last drawn value to the right of its end, and end the axis there."""
    last = [moving_mean(line.values)[-1] if line.smooth else line.values[-1] for line in lines]
    start, end = min(line.steps[0] for line in lines), max(line.steps[-1] for line in lines)
    axes.set_xlim(start - 0.04 * (end - start), end if end > start else end + 1)
    bottom, top = axes.get_ylim()
    heights = spread(last, gap=(top - bottom) * 0.075, top=top)
    for i in range(len(lines)):
        text = f"{100 * last[i]:.1f} %" if share else f"{last[i]:#.3g}" if abs(last[i]) < 1000 else f"{last[i]:,.0f}"
        axes.annotate(
            text,
            (end, heights[i]),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            color=_look(i)[0],
            fontsize=11,
            annotation_clip=False,
        )
    axes.set_ylim(bottom, top)


def _round(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _clean(svg: str, *, name: str, label: str) -> str:
    """Make matplotlib's document an element of a page: small, labelled, in the page's font and colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    svg = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<[^>]*>", lambda tag: _LONG_NUMBER.sub(_round, tag[0]), svg)  # inside tags: a tick's text stays
    svg = re.sub(r" font-family: [^;\"]*;| transform=\"rotate\(-0 [^\"]*\"|<style.*?</style>", "", svg)
    for variable, colour in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable}, {colour})")
    svg = re.sub(r"\n\s*", "\n", svg)
    label = label.replace("&", "&amp;").replace("<", "&lt;")
    view_box = re.search(r'viewBox="[^"]+"', svg)
    assert view_box is not None
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{view_box[0]} role="img" id="figure-{name}" font-family="system-ui, sans-serif" stroke-linejoin="round">'
        f"<title>{label}</title>{svg[svg.index('>') + 1 :].strip()}"
    )

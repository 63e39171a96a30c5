"""How the cost of r1kit grows: with the batch, with the length of the completions, with the model.

    .venv/bin/python benchmarks/cost_curves.py --out runs/cost_curves

Sampling (`NativeEngine.sample`) and training (`Learner.update` with GRPO's objective) in bfloat16, prompts of 64
tokens, up to 16 completions a prompt, all of the same length. A point is the median of a few repeats after a warm-up
of its full size. Each curve has a process of its own, which goes from the smallest point to the largest, so that its
peak of memory is the point's. Tokens are completion tokens.

On a machine with other guests, run it more than once and give all results to --merge.

Checked, and said by the exit status:

- Tokens/s fall by no more than a tenth when the batch doubles.
- No doubling of the length costs more than 1.25 times what "linear in tokens plus attention's share" predicts:
  seconds = a * tokens + b * (context of each token, summed), a and b not negative, fitted over all points with the
  least squares of relative residuals. Since b is fitted as well, a waste that grows as attention does would pass;
  so it is printed how many times as much as one of the rest an operation of attention costs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
from cost_points import CURVES, PHASES, points_of  # noqa: E402
from protocol import MARK  # noqa: E402

SHARES = {"batch": 1.0, "size": 1.0, "length": 3.0}
"""Of the time; what a curve leaves over, the next ones may use."""
MAX_FALL = 0.1
MAX_EXCESS = 1.25
MIN_FITTED = 3
"""Points that a fit needs; with fewer nothing is predicted."""
MIN_CPU = 0.9
"""CPU seconds a second: a process that computes all the time and gets less shares its cores with others."""

Measured = dict[str, Any]
"""A point as `cost_points.py` says it."""
Curve = dict[str, list[Measured]]
"""Points of sampling and of training, by size."""
Column = tuple[str, Callable[[str, Measured], str]]
"""A heading, and what stands below it for sampling or training at a point."""


@dataclass(frozen=True, slots=True)
class Fit:
    """seconds = a * tokens + b * context."""

    a: float
    b: float

    def __call__(self, point: Measured) -> float:
        """Seconds that are predicted for a point."""
        return self.a * point["tokens"] + self.b * point["context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One doubling of one curve."""

    curve: str
    what: str
    before: int
    after: int
    measured: float | None
    """The factor of tokens/s or of seconds; None where a point is missing, and then the check does not hold."""
    predicted: float | None
    """By the fit; None for tokens/s."""
    holds: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small points alone, a minute in all")
    parser.add_argument("--minutes", type=float, default=12.0, help="points that would take longer are left out")
    parser.add_argument("--out", type=Path, default=Path("runs/cost_curves"))
    parser.add_argument("--merge", type=Path, nargs="+", help="measure nothing: the cost_curves.json of several runs")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    from r1kit.report.hardware import describe_hardware, hardware_line

    hardware = describe_hardware()
    if arguments.merge:
        curves = merge([json.loads(path.read_text(encoding="utf-8"))["curves"] for path in arguments.merge])
    else:
        curves = measure(arguments.out / "models" / "llama-3m", minutes=arguments.minutes, quick=arguments.quick)
    fits = {what: fit(points) for what, points in curves["length"].items() if len(points) >= MIN_FITTED}
    checks = [
        *check_batch(curves["batch"], list(points_of("batch", quick=arguments.quick))),
        *check_length(curves["length"], list(points_of("length", quick=arguments.quick)), fits),
    ]
    report = {
        "hardware": hardware,
        "curves": curves,
        "fits": {what: asdict(fitted) for what, fitted in fits.items()},
        "checks": [asdict(check) for check in checks],
    }
    (arguments.out / "cost_curves.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    tables = f"{markdown(curves, fits, checks)}\n{hardware_line(hardware)}\n"
    (arguments.out / "cost_curves.md").write_text(tables, encoding="utf-8")
    draw(curves, fits, hardware_line(hardware), arguments.out / "cost_curves.svg")
    print(tables)
    sys.exit(not all(check.holds for check in checks))


def measure(model: Path, *, minutes: float, quick: bool) -> dict[str, Curve]:
    """All curves, one after the other."""
    ends = time.perf_counter() + 60 * minutes
    curves: dict[str, Curve] = {curve: {} for curve in CURVES}
    parts = [(curve, what) for curve in CURVES for what in PHASES]
    for i, (curve, what) in enumerate(parts):
        share = SHARES[curve] / sum(SHARES[later] for later, _ in parts[i:])
        seconds = share * (ends - time.perf_counter())
        curves[curve][what] = measure_part(curve, what, model, seconds=seconds, quick=quick)
    return curves


def merge(runs: Sequence[dict[str, Curve]]) -> dict[str, Curve]:
    """Each point as the run has it in which it was fastest: what else a machine does only ever slows it down."""
    return {
        curve: {
            what: [
                min(same, key=lambda point: point["median_s"])
                for same in zip(*(r[curve][what] for r in runs), strict=True)
            ]
            for what in PHASES
        }
        for curve in CURVES
    }


def measure_part(curve: str, what: str, model: Path, *, seconds: float, quick: bool) -> list[Measured]:
    """What a process of its own measures; if it fails, the points before that."""
    command = [sys.executable, str(SPEED / "cost_points.py"), "--curve", curve, "--what", what, "--model", str(model)]
    command += ["--seconds", str(seconds), *(["--quick"] if quick else [])]
    points = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(MARK):
                points.append(json.loads(line.removeprefix(MARK)))
                median = points[-1]["median_s"]
                print(f"{what}, {curve} {points[-1]['size']}: {median:.3f} s", file=sys.stderr, flush=True)
    if process.returncode:
        print(f"{what}, {curve}: ended with status {process.returncode}", file=sys.stderr)
    return points


def fit(points: Sequence[Measured]) -> Fit:
    """The a, b >= 0 with the least sum of squares of 1 - predicted / measured.

    >>> found = fit([{"tokens": t, "context": t * t, "median_s": 3 * t + 2 * t * t} for t in (1, 2, 4)])
    >>> round(found.a, 6), round(found.b, 6)
    (3.0, 2.0)
    """
    import numpy as np

    inputs = np.array([[point["tokens"], point["context"]] for point in points])
    design = inputs / np.array([[point["median_s"]] for point in points])
    fits = []
    for columns in ([0, 1], [0], [1]):
        factors = np.zeros(2)
        factors[columns] = np.linalg.lstsq(design[:, columns], np.ones(len(points)))[0]
        if (factors >= 0).all():
            fits.append((float(((1 - design @ factors) ** 2).sum()), Fit(float(factors[0]), float(factors[1]))))
    return min(fits, key=lambda entry: entry[0])[1]


def attention_price(fitted: Fit, point: Measured) -> float:
    """What an operation of attention costs, in operations of the rest: how far b is from what arithmetic asks for.

    A token takes two operations a weight, and four for each token of its context in every layer and unit of width
    (scores, and their product with the values). A backward pass takes twice as many of both.
    """
    return (fitted.b / (4 * point["attention_width"])) / (fitted.a / (2 * point["parameters"]))


def check_batch(curve: Curve, sizes: Sequence[int]) -> list[Check]:
    """Tokens/s at each batch against those at half of it."""
    checks = []
    for what, points in curve.items():
        for (before, after), value in doublings(points, sizes, lambda point: point["tokens_per_s"]).items():
            holds = value is not None and value >= 1 - MAX_FALL
            checks.append(
                Check(curve="batch", what=what, before=before, after=after, measured=value, predicted=None, holds=holds)
            )
    return checks


def check_length(curve: Curve, sizes: Sequence[int], fits: dict[str, Fit]) -> list[Check]:
    """Seconds at each length against those at half of it and what the fit says."""
    checks = []
    for what, points in curve.items():
        expected = doublings(points, sizes, fits[what]) if what in fits else {}
        for step, value in doublings(points, sizes, lambda point: point["median_s"]).items():
            predicted = expected.get(step)
            holds = value is not None and predicted is not None and value <= MAX_EXCESS * predicted
            checks.append(
                Check(
                    curve="length", what=what, before=step[0], after=step[1],
                    measured=value, predicted=predicted, holds=holds,
                )
            )  # fmt: skip
    return checks


def doublings(
    points: Sequence[Measured], sizes: Sequence[int], value: Callable[[Measured], float]
) -> dict[tuple[int, int], float | None]:
    """The factor of `value` from each size to the next; None where one of the two was not measured."""
    values = {point["size"]: value(point) for point in points}
    return {(a, b): values[b] / values[a] if {a, b} <= values.keys() else None for a, b in itertools.pairwise(sizes)}


def markdown(curves: dict[str, Curve], fits: dict[str, Fit], checks: Sequence[Check]) -> str:
    """A table a curve, and one of the steps of the two that are checked."""

    def of_fit(cell: Callable[[Fit, Measured], str]) -> Callable[[str, Measured], str]:
        return lambda what, point: cell(fits[what], point) if what in fits else ""

    of_length: list[Column] = [
        ("fitted, s", of_fit(lambda fitted, point: f"{fitted(point):.3f}")),
        ("residual", of_fit(lambda fitted, point: f"{100 * (point['median_s'] / fitted(point) - 1):+.0f} %")),
        ("attention's share", of_fit(lambda f, point: f"{100 * f.b * point['context'] / f(point):.0f} %")),
    ]
    of_size: list[Column] = [
        ("s / (token * parameter)", lambda _, point: f"{point['median_s'] / point['tokens'] / point['parameters']:.2e}")
    ]
    lines = ["**Batch**: llama-3m, 64-token prompts, 32 new tokens", ""]
    lines += table(curves["batch"], "sequences", lambda point: f"{point['size']:,}")
    lines += ["", *batch_steps([check for check in checks if check.curve == "batch"])]
    lines += ["", "**Length**: llama-3m, 16 completions of a 64-token prompt", ""]
    lines += table(curves["length"], "new tokens", lambda point: f"{point['size']:,}", of_length)
    lines += ["", *length_steps([check for check in checks if check.curve == "length"]), ""]
    for what, fitted in fits.items():
        price = attention_price(fitted, curves["length"][what][0])
        lines += [
            f"{what}: seconds = {fitted.a:.3g} * tokens + {fitted.b:.3g} * context; an operation of attention "
            f"costs {price:.1f} times one of the rest.",
            "",
        ]
    lines += ["**Model**: llamas with a vocabulary of 512, 32 sequences of 64 + 32 tokens", ""]
    lines += table(curves["size"], "parameters", lambda point: f"{point['parameters'] / 1e6:.1f} M", of_size)
    points = [point for curve in curves.values() for points in curve.values() for point in points]
    if starved := sum(point["cpu_per_wall"] < MIN_CPU for point in points):
        lines += ["", f"At {starved} of {len(points)} points other processes took the cores: measure again."]
    return "\n".join([*lines, ""])


def table(curve: Curve, unit: str, name: Callable[[Measured], str], more: Sequence[Column] = ()) -> list[str]:
    """Markdown lines: a row a point, first of sampling, then of training."""
    heads = ["", unit, "s", "tokens/s", "peak, GB", *(head for head, _ in more)]
    lines = [_row(heads), "|---" * len(heads) + "|"]
    for what, points in curve.items():
        for point in points:
            cells = [what, name(point), f"{point['median_s']:.3f}", f"{point['tokens_per_s']:,.0f}"]
            lines.append(_row([*cells, f"{point['peak_mb'] / 1024:.2f}", *(cell(what, point) for _, cell in more)]))
    return lines


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def batch_steps(checks: Sequence[Check]) -> list[str]:
    """Markdown lines: a row a doubling."""
    lines = [f"| | sequences | tokens/s | at least {1 - MAX_FALL:.2f} |", "|---|---|---|---|"]
    for check in checks:
        measured = "not measured" if check.measured is None else f"x {check.measured:.2f}"
        lines.append(_row([check.what, f"{check.before:,} to {check.after:,}", measured, _yes(check.holds)]))
    return lines


def length_steps(checks: Sequence[Check]) -> list[str]:
    """Markdown lines: a row a doubling; seconds to tokens is how much more a token costs than before."""
    lines = [
        f"| | new tokens | seconds | seconds to tokens | predicted seconds | at most {MAX_EXCESS:.2f} of predicted |",
        "|---|---|---|---|---|---|",
    ]
    for check in checks:
        cells = ["not measured", "", ""]
        if check.measured is not None:
            to_tokens = check.measured * check.before / check.after
            predicted = "" if check.predicted is None else f"x {check.predicted:.2f}"
            cells = [f"x {check.measured:.2f}", f"x {to_tokens:.2f}", predicted]
        lines.append(_row([check.what, f"{check.before:,} to {check.after:,}", *cells, _yes(check.holds)]))
    return lines


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def draw(curves: dict[str, Curve], fits: dict[str, Fit], hardware: str, path: Path) -> None:
    """Three panels, all axes logarithmic."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from r1kit.report.plot import COLOURS, MUTED, STYLE

    style = {**STYLE, "figure.facecolor": "white", "axes.grid.axis": "both", "svg.hashsalt": "cost_curves"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(13, 4), layout="constrained")
        panels = figure.subplots(1, 3)
        for axes, (curve, x, y, xlabel, title) in zip(
            panels,
            [
                ("batch", "size", "tokens_per_s", "sequences", "tokens/s"),
                ("length", "size", "median_s", "new tokens a completion", "seconds (line: the fit)"),
                ("size", "parameters", "tokens_per_s", "parameters", "tokens/s"),
            ],
            strict=True,
        ):
            axes.set_xscale("log", base=10 if curve == "size" else 2)
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            for i, (what, points) in enumerate(curves[curve].items()):
                sizes, values = [point[x] for point in points], [point[y] for point in points]
                is_fitted = curve == "length" and what in fits
                axes.plot(sizes, values, "so"[i], color=COLOURS[i], linestyle="" if is_fitted else "-", label=what)
                if is_fitted:
                    axes.plot(sizes, [fits[what](point) for point in points], color=COLOURS[i])
            ticks = [point[x] for point in max(curves[curve].values(), key=len)][:: 1 if curve == "size" else 2]
            names = [f"{tick / 1e6:.0f} M" if curve == "size" else f"{tick:,}" for tick in ticks]
            axes.set_xticks(ticks, names)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(xlabel, loc="right")
            axes.set_title(title, loc="left", fontsize=11, color=MUTED)
        panels[0].legend(loc="lower right")
        figure.supxlabel(f"r1kit, bfloat16; {hardware}", fontsize=9, color=MUTED)
        FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None})


if __name__ == "__main__":
    main()

"""The demo over several seeds: the README's first table.

    .venv/bin/python benchmarks/demo_seeds.py --out runs/seeds

Each seed is a run of its own of configs/nano/zero.toml in OUT/seed-N; one that is finished is not run again. Prints a
Markdown table with a row a seed and their median, and the hardware.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1kit.cli.process import prepare_process
from r1kit.config import load_config
from r1kit.pipeline.config import RLConfig
from r1kit.report.hardware import hardware_line

CONFIG = Path(__file__).parents[1] / "configs" / "nano" / "zero.toml"
COLUMNS = {
    "pass@1": ("pass_at_1", "{:.3f}"),
    "cons@16": ("cons_at_k", "{:.3f}"),
    "length": ("mean_length_tokens", "{:.1f}"),
    "format": ("format_rate", "{:.3f}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", dest="settings", action="append", default=[], help="as in r1kit zero")
    arguments = parser.parse_args()
    prepare_process()
    from r1kit.pipeline.rl import run_rl

    summaries = []
    for seed in arguments.seeds:
        config = load_config(RLConfig, CONFIG, [*arguments.settings, f"seed={seed}"])
        summaries.append(run_rl(config, arguments.out / f"seed-{seed}"))
    print(table(summaries))
    print(f"\n{hardware_line(summaries[-1]['hardware'])}")


def table(summaries: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: a row a seed, base to final; the last row has the medians."""
    lines = [
        f"| seed | {' | '.join(COLUMNS)} | wall, s | completion tokens/s |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for summary in summaries:
        cells = [
            f"{form.format(summary['base'][key])} → {form.format(summary['final'][key])}"
            for key, form in COLUMNS.values()
        ]
        lines.append(_row(str(summary["seed"]), cells, summary["wall_s"], summary["completion_tokens_per_s"]))
    cells = []
    for key, form in COLUMNS.values():
        before, after = (statistics.median(s[side][key] for s in summaries) for side in ("base", "final"))
        cells.append(f"{form.format(before)} → {form.format(after)}")
    wall, speed = (statistics.median(s[key] for s in summaries) for key in ("wall_s", "completion_tokens_per_s"))
    return "\n".join([*lines, _row("**median**", cells, wall, speed)])


def _row(name: str, cells: Sequence[str], wall_s: float, speed: float) -> str:
    return f"| {name} | {' | '.join(cells)} | {wall_s:.0f} | {speed:,.0f} |"


if __name__ == "__main__":
    main()

"""What the benchmarks over shapes have in common: their options, and a report that is written shape by shape."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any


def shapes_parser(description: str | None, shapes: Collection[str], *, default: list[str]) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=shapes, default=default)
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds a contender, after one that warms up")
    parser.add_argument("--others", help="the Python that has trl; without it r1kit runs alone")
    parser.add_argument("--smollm2", type=Path, default=Path("runs/smollm2"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("runs/speed"))
    return parser


def run_shapes(
    name: str,
    arguments: argparse.Namespace,
    measure: Callable[[str, argparse.Namespace], dict[str, Any]],
    markdown: Callable[[dict[str, Any]], str],
) -> None:
    """Measure each shape; write NAME.json after every one, and NAME.md, which is printed too, at the end."""
    from r1kit.report.hardware import describe_hardware, hardware_line

    arguments.out.mkdir(parents=True, exist_ok=True)
    hardware = describe_hardware()
    report: dict[str, Any] = {"hardware": hardware, "shapes": {}}
    for shape in arguments.shapes:
        report["shapes"][shape] = measure(shape, arguments)
        (arguments.out / f"{name}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    text = f"{markdown(report)}\n{hardware_line(hardware)}\n"
    (arguments.out / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)

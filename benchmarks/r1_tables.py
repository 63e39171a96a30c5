"""A finished pipeline as Markdown: the tables of docs/r1_nano.md.

    r1kit r1 configs/nano/r1.toml --out runs/r1
    .venv/bin/python benchmarks/r1_tables.py runs/r1

Prints the main table (models as columns), the comparisons, the seconds of every stage and the hardware; the same
numbers are in RUN/report.html.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from r1kit.pipeline.artifact import MANIFEST
from r1kit.pipeline.r1_report import compared, finished_artifacts, groups, note, read_results
from r1kit.pipeline.r1_results import Cell, label_of, main_models
from r1kit.pipeline.status import read_status
from r1kit.report.files import read_json
from r1kit.report.hardware import describe_hardware, hardware_line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    run: Path = parser.parse_args().run
    stages = read_status(run).stages
    folders = finished_artifacts(stages)
    results = read_results(folders)
    shown = {name: results[name] for name in main_models(results)}
    print(table(("", *map(label_of, shown)), main_rows(groups(shown))), note(shown), sep="\n\n")
    for each in compared(stages, folders, results):
        rows = [(row["label"], *map(text_of, row["cells"])) for row in each.rows]
        print(
            f"\n### {each.title}\n", each.text, "", table((each.corner, *each.columns), rows), "", each.note, sep="\n"
        )
    print(
        "\n### Stages\n",
        table(("stage", "seconds", "peak, GB"), (stage_row(*artifact) for artifact in folders.items())),
        sep="\n",
    )
    total = sum(read_json(folder / MANIFEST)["seconds"] for folder in folders.values())
    print(f"\nAll stages together: {total / 60:.1f} minutes. {hardware_line(describe_hardware())}")


def main_rows(sections: Sequence[dict]) -> Iterable[Sequence[str]]:
    """The sections' titles as rows of their own."""
    for section in sections:
        yield (f"**{section['title']}**", *[""] * len(section["rows"][0]["cells"]))
        for row in section["rows"]:
            yield (row["label"], *map(text_of, row["cells"]))


def text_of(cell: Cell) -> str:
    """`0.512 ±0.031`."""
    return f"{cell.value} {cell.error}".strip()


def stage_row(name: str, folder: Path) -> tuple[str, str, str]:
    """Name, seconds, gigabytes."""
    manifest = read_json(folder / MANIFEST)
    return name, f"{manifest['seconds']:.0f}", f"{manifest['peak_memory_gb']:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()

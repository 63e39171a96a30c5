"""Where a model comes from: every stage and file that it was made of, as a section of its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from r1kit.pipeline.artifact import artifact_folder, digest
from r1kit.pipeline.stage import Stage
from r1kit.report.files import write_text_atomic

HEADING = "\n## Lineage\n"


def write_lineage(card: Path, stages: Sequence[Stage], keys: Mapping[str, str]) -> None:
    """Put the section at the end of a card, in the place of one that is there.

    Args:
        card: A model's README.md.
        stages: The model's own and all that it is made from, inputs before what reads them.
        keys: Of their artifacts.
    """
    text = card.read_text(encoding="utf-8").partition(HEADING)[0]
    lines = "".join(f"- {_line(stage, keys)}\n" for stage in stages)
    write_text_atomic(card, f"{text}{HEADING}\nArtifacts by stage and key, the first one first:\n\n{lines}")


def _line(stage: Stage, keys: Mapping[str, str]) -> str:
    """`zero-0a1b2c` (model), from ...; reads ..."""
    sources = [_artifact(name, keys) for name in stage.inputs]
    if base := stage.given.get("base"):
        sources.append(f"`{base}`")
    sources += [f"{where} (digest `{state}`)" for where, state in _read(stage.reads).items()]
    return f"{_artifact(stage.name, keys)} ({stage.kind})" + (f", from {', '.join(sources)}" if sources else "")


def _artifact(name: str, keys: Mapping[str, str]) -> str:
    return f"`{artifact_folder(Path(), name, keys[name]).name}`"


def _read(paths: Sequence[Path]) -> dict[str, str]:
    """The name of a file that was read, or of the folder whose files were, to 12 digits of what it held."""
    by_folder: dict[Path, list[Path]] = {}
    for path in paths:
        by_folder.setdefault(path.resolve().parent, []).append(path)
    found: dict[str, str] = {}
    for folder, files in by_folder.items():
        name = files[0].name if len(files) == 1 else f"{folder.name}/"
        state = hashlib.sha256("".join(digest(file) for file in files).encode()).hexdigest()
        found[f"`{name}`"] = state[:12]
    return found

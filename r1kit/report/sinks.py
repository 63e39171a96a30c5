"""Trackers that take the same rows as metrics.jsonl. Each package is an extra, imported when it is asked for.

They keep rows that a resume takes back from metrics.jsonl, except TensorBoard, which hides them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1kit.errors import ConfigError, MissingExtra, suggest
from r1kit.report.metrics import Sink


class TensorboardSink:
    """Event files in RUN/tensorboard; look with `tensorboard --logdir RUN`."""

    def __init__(self, run: Path, config: Mapping[str, Any], first_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("tensorboard", "tensorboard", "the tensorboard sink") from error
        self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=first_step or None)
        self._writer.add_text("config", f"```\n{config}\n```", first_step)

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Each metric is a scalar of its own."""
        for key, value in row.items():
            self._writer.add_scalar(key, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class TrackioSink:
    """A local trackio project `r1kit`; look with `trackio show --project r1kit`."""

    def __init__(self, run: Path, config: Mapping[str, Any], first_step: int) -> None:
        try:
            import trackio  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtra("trackio", "trackio", "the trackio sink") from error
        self._trackio = trackio
        trackio.init(
            "r1kit", name=run.name, config=dict(config), resume="allow" if first_step else "never", embed=False
        )

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """One row of the project."""
        self._trackio.log(dict(row), step=step)

    def close(self) -> None:
        """Write what is left."""
        self._trackio.finish()


class WandbSink:
    """A Weights & Biases run of project `r1kit`, files in RUN/wandb; `WANDB_MODE=offline` keeps it local."""

    def __init__(self, run: Path, config: Mapping[str, Any], first_step: int) -> None:
        try:
            import wandb  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtra("wandb", "wandb", "the wandb sink") from error
        self._run = wandb.init(
            project="r1kit", id=run.name, name=run.name, dir=str(run), config=dict(config), resume="allow"
        )

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """One row of the run."""
        self._run.log(dict(row), step=step)

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()


SINKS: dict[str, Callable[[Path, Mapping[str, Any], int], Sink]] = {
    "tensorboard": TensorboardSink,
    "trackio": TrackioSink,
    "wandb": WandbSink,
}


def open_sinks(names: Sequence[str], run: Path, config: Mapping[str, Any], *, first_step: int = 0) -> list[Sink]:
    """The named sinks for a run folder; `first_step` above 0 says that the run goes on from there.

    Raises:
        ConfigError: an unknown name.
        MissingExtra: the package of a sink is not installed; the message has the pip line.
    """
    for name in names:
        if name not in SINKS:
            raise ConfigError(f"unknown tracker {name!r}; {suggest(name, SINKS)}")
    return [SINKS[name](run, config, first_step) for name in names]

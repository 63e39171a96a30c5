"""A training run at work: its records, its checkpoints, and how it goes on after a kill.

    with locked(out):
        check_config(out, config)
        with training_run(out, config, trained, num_steps=100, checkpoint_every=10) as run:
            if run.is_new:
                run.checkpoint(0)
            for step in train(..., first_step=run.first_step):
                run.log(step.number, row)
                run.end_step(step.number, is_last=step.number == 100)

Reinforcement learning, fine-tuning and reward models share this; what a step is and when to evaluate is theirs.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from r1kit.config import Config
from r1kit.errors import RunError
from r1kit.learner.checkpoint import load_checkpoint, save_checkpoint
from r1kit.pipeline.run import drop_lines_after, write_config
from r1kit.report.metrics import MetricsWriter
from r1kit.report.progress import Progress
from r1kit.report.sinks import open_sinks


class Trained(Protocol):
    """What a run changes step by step, and so has to keep in a checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, strings, lists and dicts, under other keys than `step` and `wall_s`."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where `state_dict` was taken; RunError if the run cannot, e.g. with other data."""
        ...


class TrainingRun:
    """Takes what happens and keeps it in the run folder; made by `training_run`."""

    def __init__(
        self,
        out: Path,
        trained: Trained,
        metrics: MetricsWriter,
        progress: Progress,
        *,
        checkpoint_every: int,
        steps_done: int | None,
        wall_before_s: float,
    ) -> None:
        self.out = out
        """The run folder."""
        self.is_new = steps_done is None
        """No checkpoint was there, so one of step 0 is to be written."""
        self.first_step = steps_done or 0
        """Steps done when the run was taken up."""
        self._trained = trained
        self._metrics = metrics
        self._progress = progress
        self._checkpoint_every = checkpoint_every
        self._wall_before_s = wall_before_s
        self._started = time.monotonic()

    def wall_s(self) -> float:
        """Seconds of this run so far, those before an interruption included."""
        return self._wall_before_s + time.monotonic() - self._started

    def log(self, step: int, row: Mapping[str, float]) -> None:
        """Write a row of metrics, of training or of an evaluation, after `step` steps, and show it."""
        self._metrics.log(step, row)
        self._progress.step({"step": step, **row})

    def end_step(self, step: int, *, is_last: bool) -> None:
        """Write a checkpoint where one is due: after the last step, and after every `checkpoint_every` steps."""
        if is_last or step % self._checkpoint_every == 0:
            self.checkpoint(step)

    def checkpoint(self, step: int) -> None:
        """Write everything that going on after `step` needs."""
        state = {"step": step, "wall_s": self.wall_s(), **self._trained.state_dict()}
        save_checkpoint(self.out / "checkpoint.pt", state)


@contextlib.contextmanager
def training_run(
    out: Path, config: Config, trained: Trained, *, num_steps: int, checkpoint_every: int, sinks: Sequence[str] = ()
) -> Iterator[TrainingRun]:
    """Begin a run in the folder `out`, or take it up: `trained` and all records go back to the last checkpoint.

    The folder belongs to `config` from here on. It has to be locked and checked already, and `trained` set up, so that
    a run that cannot begin leaves the folder free for another.

    Args:
        out: the run folder.
        config: of the run.
        trained: what checkpoints hold beside the step and the time.
        num_steps: of the whole run; it may end earlier.
        checkpoint_every: steps between checkpoints.
        sinks: names in r1kit.report.sinks.SINKS that take the metrics too.

    Raises:
        RunError: the folder cannot be written, its checkpoint is damaged, or `trained` cannot go on from it.
        ConfigError, MissingExtra: a sink is unknown or not installed.
    """
    write_config(out, config)
    steps_done, wall_before_s = _restore(out, trained)
    kept = -1 if steps_done is None else steps_done  # without a checkpoint the evaluation of step 0 is made again
    drop_lines_after(out / "transcripts.jsonl", kept)
    trackers = open_sinks(sinks, out, config.model_dump(mode="json"), first_step=steps_done or 0)
    with MetricsWriter(out / "metrics.jsonl", trackers) as metrics, Progress(num_steps) as progress:
        metrics.truncate_after(kept)
        yield TrainingRun(
            out,
            trained,
            metrics,
            progress,
            checkpoint_every=checkpoint_every,
            steps_done=steps_done,
            wall_before_s=wall_before_s,
        )


def check_same_data(state: Mapping[str, Any], data_sha256: str | list[str], what: str) -> None:
    """RunError if a checkpoint is of other data, which `what` names, than what is there now.

    One of an earlier version of r1kit that does not say what it is of is taken as it is.
    """
    if state.get("data_sha256", data_sha256) != data_sha256:
        raise RunError(f"{what} has changed since this run began; use another --out, or restore the data")


def _restore(out: Path, trained: Trained) -> tuple[int | None, float]:
    """Put a checkpoint back; the steps done, None without a checkpoint, and the seconds they took."""
    state = load_checkpoint(out / "checkpoint.pt")
    if state is None:
        return None, 0.0
    trained.load_state_dict(state)
    return state["step"], state["wall_s"]

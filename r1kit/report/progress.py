"""The live line of a run: a small table that updates in place in a terminal, one plain line a step elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

WINDOW = 15
"""Steps whose median time predicts the rest: wide enough for one slow step, short enough to follow the length."""

Cells = dict[str, str]
"""Label to text, in the order shown; only what the rows have told so far."""


class Progress:
    """Shows where a run stands. Takes the rows of metrics.jsonl, training and evaluation alike.

    Use it as a context manager. It writes to stderr, so that stdout stays free for results. The time left counts
    training steps (`time/step_s`) only, without the evaluations between them.
    """

    def __init__(self, total: int, *, console: Console | None = None) -> None:
        self.total = total
        self._console = console or Console(stderr=True)
        self._row: dict[str, float] = {}
        self._step_s: deque[float] = deque(maxlen=WINDOW)
        self._step = 0
        self._evaluated_at: int | None = None
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if self._console.is_interactive:
            live = Live(self._table(), console=self._console, transient=True, auto_refresh=False)
            live.start(refresh=True)
            self._live = live
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._plain(self._line())  # what was last shown stays in the scrollback

    def step(self, row: Mapping[str, float]) -> None:
        """Take a row with its `step`, the number of training steps done, and show it."""
        self._row.update(row)
        self._step = int(row["step"])
        if "time/step_s" in row:
            self._step_s.append(row["time/step_s"])
        if "eval/pass_at_1" in row:
            self._evaluated_at = self._step
        if self._live is None:
            self._plain(self._line())
        else:
            self._live.update(self._table(), refresh=True)

    def note(self, text: str) -> None:
        """Print a line of its own, above the live table."""
        self._plain(text)

    def seconds_left(self) -> float | None:
        """Median time of the last `WINDOW` steps times the steps left; None before the first step."""
        return median(self._step_s) * max(self.total - self._step, 0) if self._step_s else None

    def _cells(self) -> Cells:
        row, cells = self._row, {"step": f"{self._step}/{self.total}"}
        for label, key, form in (
            ("loss", "sft/loss", "{:.4f}"),
            ("validation loss", "sft/validation_loss", "{:.4f}"),
            ("reward", "train/reward_mean", "{:.3f}"),
            ("accuracy", "reward/accuracy", "{:.3f}"),
            ("pass@1", "eval/pass_at_1", "{:.3f}"),
            ("length", "train/mean_length_tokens", "{:.0f}"),
            ("tokens/s", "time/completion_tokens_per_s", "{:,.0f}"),
        ):
            if key in row:
                cells[label] = form.format(row[key])
        if self._evaluated_at is not None and self._evaluated_at != self._step:
            cells["pass@1"] += f" (at {self._evaluated_at})"
        left = self.seconds_left()
        if left is not None:
            cells["left"] = format_duration(left)
        return cells

    def _line(self) -> str:
        return "  ".join(f"{label} {value}" for label, value in self._cells().items())

    def _table(self) -> Group:
        cells = self._cells()
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for label in cells:
            table.add_column(label, justify="right", no_wrap=True)
        table.add_row(*cells.values())
        return Group(table, ProgressBar(total=self.total, completed=self._step, width=56))

    def _plain(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def format_duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> [format_duration(s) for s in (8.4, 75, 3720)]
    ['8 s', '1 min 15 s', '1 h 02 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

import io

from rich.console import Console

from r1kit.report.progress import WINDOW, Progress


def row(step: int, seconds: float = 4.0) -> dict[str, float]:
    return {
        "step": step,
        "train/reward_mean": 0.5,
        "reward/accuracy": 0.45,
        "train/mean_length_tokens": 41.6,
        "time/completion_tokens_per_s": 8123.4,
        "time/step_s": seconds,
    }


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, force_interactive=terminal, width=100)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_without_a_terminal_each_row_is_one_plain_line():
    out = console(terminal=False)
    with Progress(10, console=out) as progress:
        progress.step({"step": 0, "eval/pass_at_1": 0.156})
        progress.step(row(1))
        progress.note("checkpoint [bold]1[/bold] written")
    assert text(out).splitlines() == [
        "step 0/10  pass@1 0.156",
        "step 1/10  reward 0.500  accuracy 0.450  pass@1 0.156 (at 0)  length 42  tokens/s 8,123  left 36 s",
        "checkpoint [bold]1[/bold] written",
    ]


def test_a_long_line_is_not_broken_without_a_terminal():
    out = console(terminal=False)
    Progress(10, console=out).note("x" * 500)
    assert text(out) == "x" * 500 + "\n"


def test_time_left_is_the_median_step_times_the_steps_left():
    progress = Progress(20, console=console(terminal=False))
    assert progress.seconds_left() is None
    for step, seconds in enumerate((2.0, 100.0, 4.0), start=1):  # the median, 4, is deaf to the one slow step
        progress.step(row(step, seconds))
    assert progress.seconds_left() == 4.0 * 17


def test_the_median_follows_the_last_steps_only():
    progress = Progress(100, console=console(terminal=False))
    for step in range(1, WINDOW + 1):
        progress.step(row(step, 1.0))
    for step in range(WINDOW + 1, 2 * WINDOW + 1):
        progress.step(row(step, 3.0))
    assert progress.seconds_left() == 3.0 * (100 - 2 * WINDOW)


def test_past_the_last_step_no_time_is_left():
    progress = Progress(3, console=console(terminal=False))
    progress.step(row(5))
    assert progress.seconds_left() == 0


def test_in_a_terminal_one_table_is_redrawn_in_place_and_leaves_one_line():
    out = console(terminal=True)
    with Progress(10, console=out) as progress:
        progress.step(row(1))
        progress.note("a note")
        progress.step(row(2))
    shown = text(out)
    assert shown.count("a note") == 1
    assert "\x1b[1A" in shown  # the cursor goes up: the table is redrawn, not repeated
    assert shown.rstrip().endswith("step 2/10  reward 0.500  accuracy 0.450  length 42  tokens/s 8,123  left 32 s")

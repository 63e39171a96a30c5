"""The figures of the report, each from the rows of metrics.jsonl: what is drawn, and the words that go with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from r1kit.report.metrics import series
from r1kit.report.plot import COLOURS, Line, draw, window
from r1kit.report.summary import FAMILY_PREFIX, evaluation_rows

Rows = Sequence[Mapping[str, float]]

MAX_FAMILIES = len(COLOURS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure with its words."""

    name: str
    """A short id, unique in a report."""
    title: str
    caption: str
    """What is drawn and how; plain text."""
    svg: str
    """One `<svg>` element, safe to put into a page as it is."""


def charts(rows: Rows) -> list[Chart]:
    """Every figure that the rows have values for, in the report's order."""
    makers: tuple[Callable[[Rows], Chart | None], ...] = (
        accuracy_chart,
        length_chart,
        reward_chart,
        behaviour_chart,
        family_chart,
        entropy_chart,
        reference_kl_chart,
        sampler_kl_chart,
    )
    made = (make(rows) for make in makers)
    return [chart for chart in made if chart is not None]


def accuracy_chart(rows: Rows) -> Chart | None:
    """Figure 2: pass@1 and cons@k on held-out problems over the training steps, with bands of one standard error."""
    k = _counts(rows, "eval/k") or "k"
    problems = _counts(rows, "eval/num_problems") or "the"
    return _chart(
        "accuracy",
        "Held-out accuracy",
        f"The paper's Figure 2. pass@1 is the mean over {k} samples a problem, cons@{k} their majority, on {problems} "
        "held-out problems. Bands are ±1 standard error over problems.",
        [
            _evaluated(rows, "eval/pass_at_1", "pass@1", stderr="eval/pass_at_1_stderr"),
            _evaluated(rows, "eval/cons_at_k", f"cons@{k}", stderr="eval/cons_at_k_stderr"),
        ],
        ylabel="problems answered right",
        share=True,
    )


def length_chart(rows: Rows) -> Chart | None:
    """Figure 3: the mean response length on the training problems."""
    return _chart(
        "length",
        "Response length",
        "The paper's Figure 3. Mean completion length of each training step.",
        [_trained(rows, "train/mean_length_tokens", "mean length")],
        ylabel="tokens a completion",
    )


def reward_chart(rows: Rows) -> Chart | None:
    """The parts of the reward before their weights, and their weighted sum."""
    found = dict.fromkeys(key for row in rows for key in row if key.startswith("reward/"))
    parts = [key for key in found if key != "reward/unjudged_rate"]
    return _chart(
        "reward",
        "Reward",
        "Each part before its weight, and the weighted sum that GRPO maximises, over each step's completions.",
        [
            *(_trained(rows, key, key.removeprefix("reward/")) for key in parts),
            _trained(rows, "train/reward_mean", "weighted sum"),
        ],
        ylabel="mean reward",
    )


def behaviour_chart(rows: Rows) -> Chart | None:
    """How completions read: second thoughts, mixed languages, cut ends."""
    return _chart(
        "behaviour",
        "Reflection and language mixing",
        "Training completions with a word of second thought, with reasoning that leaves the problem's language, and "
        "cut at the length limit.",
        [
            _trained(rows, "train/reflection_rate", "reflection"),
            _trained(rows, "train/language_mixing_rate", "mixed languages"),
            _trained(rows, "train/truncated_rate", "truncated"),
        ],
        ylabel="share of completions",
        share=True,
    )


def family_chart(rows: Rows) -> Chart | None:
    """Accuracy by task family: held-out pass@1, or the training accuracy where there is no breakdown of it."""
    keys = {key for row in rows for key in row}
    held_out = any(key.startswith(FAMILY_PREFIX) for key in keys)
    prefix = FAMILY_PREFIX if held_out else "train/accuracy/"
    families = sorted(key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    make = _evaluated if held_out else _trained
    rest = len(families) - MAX_FAMILIES
    return _chart(
        "family",
        "Accuracy by task family",
        ("pass@1 on the held-out problems of each family." if held_out else "Right completions of each training step.")
        + (f" The first {MAX_FAMILIES} by name; {rest} more are in metrics.jsonl." if rest > 0 else ""),
        [make(rows, prefix + family, family) for family in families[:MAX_FAMILIES]],
        ylabel="problems answered right" if held_out else "completions right",
        share=True,
    )


def entropy_chart(rows: Rows) -> Chart | None:
    """Entropy of the policy on its own completions."""
    return _chart(
        "entropy",
        "Entropy",
        "Mean entropy of the next-token distribution on sampled completions. Near 0 nothing new is tried.",
        [_trained(rows, "train/entropy", "entropy")],
        ylabel="nats a token",
    )


def reference_kl_chart(rows: Rows) -> Chart | None:
    """KL from the reference model, where there is one (beta of Eq. 1 above 0)."""
    return _chart(
        "kl-reference",
        "KL to the reference",
        "How far the policy has moved from the reference model (Eq. 2).",
        [_trained(rows, "train/kl_to_reference", "KL to the reference")],
        ylabel="nats a token",
    )


def sampler_kl_chart(rows: Rows) -> Chart | None:
    """KL between the policy in training and the one that sampled: the gap that the clip is for."""
    return _chart(
        "kl-sampler",
        "KL to the sampler",
        "Between the policy in training and the one that sampled. Near 0 on policy.",
        [_trained(rows, "train/kl_to_sampler", "KL to the sampler")],
        ylabel="nats a token",
    )


def _chart(
    name: str, title: str, caption: str, lines: Sequence[Line], *, ylabel: str, share: bool = False
) -> Chart | None:
    svg = draw(name, lines, ylabel=ylabel, share=share)
    if svg is None:
        return None
    smoothed = [len(line.values) for line in lines if line.smooth]
    if smoothed:
        caption += f" Pale: each step; full: mean of {window(max(smoothed))} steps."
    return Chart(name=name, title=title, caption=caption, svg=svg)


def _trained(rows: Rows, key: str, label: str) -> Line:
    steps, values = series(rows, key)
    return Line(label=label, steps=steps, values=values, smooth=True)


def _evaluated(rows: Rows, key: str, label: str, *, stderr: str = "") -> Line:
    rows = evaluation_rows(rows)
    steps, values = series(rows, key)
    errors = series(rows, stderr)[1]
    return Line(label=label, steps=steps, values=values, errors=errors if len(errors) == len(values) else ())


def _counts(rows: Rows, key: str) -> str:
    """The different whole values of a key in words: "128", or "64 or 128"."""
    return " or ".join(str(count) for count in sorted({int(value) for value in series(rows, key)[1]}))

"""RUN/report.html: the run on one page that needs no network, no script and no font of its own."""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import r1kit
from r1kit.errors import RunError
from r1kit.report.figures import charts
from r1kit.report.files import read_json, read_jsonl, write_text_atomic
from r1kit.report.hardware import hardware_line
from r1kit.report.metrics import read_metrics
from r1kit.report.progress import format_duration
from r1kit.report.summary import build_summary
from r1kit.report.transcripts import exchanges

HEADLINES = (
    ("pass@1", "pass_at_1", True),
    ("cons@{k}", "cons_at_k", True),
    ("In the asked-for format", "format_rate", True),
    ("Mean length, tokens", "mean_length_tokens", False),
    ("Reflection", "reflection_rate", True),
    ("Language mixing", "language_mixing_rate", True),
    ("Truncated", "truncated_rate", True),
)
"""Label, name in a summary's side, and whether it is a share."""

SETTINGS = (
    ("Model", "model"),
    ("Task", "task"),
    ("Template", "template"),
    ("Seed", "seed"),
    ("Loss", "grpo.loss"),
    ("Steps", "grpo.num_steps"),
    ("Problems a step", "grpo.problems_per_step"),
    ("Group size G", "grpo.group_size"),
    ("Clip ε low, high", "grpo.clip_epsilon_low", "grpo.clip_epsilon_high"),
    ("KL coefficient β", "grpo.kl_coef"),
    ("Learning rate", "learner.learning_rate"),
    ("Reward weights", "reward.weights"),
    ("Training temperature, top-p", "sampling.temperature", "sampling.top_p"),
    ("Evaluation temperature, top-p", "eval.sampling.temperature", "eval.sampling.top_p"),
    ("Longest completion, tokens", "sampling.max_new_tokens"),
)
"""Label and dotted keys of the config, as the page lists them; a key that the config lacks is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """One row of the table of base against final; texts, with "–" for what is not known."""

    label: str
    base: str
    base_error: str
    final: str
    final_error: str
    change: str
    change_error: str


def build_report(run: Path) -> Path:
    """Write RUN/report.html from what the folder holds; a run that has not ended gets a page that says so.

    Raises:
        RunError: `run` is no run folder, has no metrics yet, a file in it is damaged, or it cannot be written.
    """
    metrics, config = run / "metrics.jsonl", run / "config.json"
    if not run.is_dir():
        raise RunError(f"run folder {run} does not exist (working folder: {Path.cwd()})")
    for path in (config, metrics):
        if not path.exists():
            raise RunError(f"{run} is no run folder: it has no {path.name}; give the folder that a run wrote")
    rows = read_metrics(metrics)
    if not rows:
        raise RunError(f"{metrics} has no rows yet; build the report after the run's first evaluation")
    transcripts = run / "transcripts.jsonl"
    page = render(
        name=run.resolve().name,
        config=read_json(config),
        config_text=config.read_text(encoding="utf-8"),
        rows=rows,
        records=read_jsonl(transcripts) if transcripts.exists() else [],
        summary=read_json(run / "summary.json") if (run / "summary.json").exists() else None,
    )
    return write_text_atomic(run / "report.html", page)


def render(
    *,
    name: str,
    config: Mapping[str, Any],
    config_text: str,
    rows: Sequence[Mapping[str, float]],
    records: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any] | None,
) -> str:
    """The page as text. `summary` None: the run has not ended, and its latest evaluation takes the final's place."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    seed = _lookup(config, "seed")
    numbers = summary or build_summary(rows, wall_s=None, seed=seed, hardware=None)
    return environment.get_template("report.html").render(
        name=name,
        version=numbers["version"],
        made_by=r1kit.__version__,
        finished=summary is not None,
        last_step=int(max(row["step"] for row in rows)),
        model=_lookup(config, "model"),
        task=_lookup(config, "task"),
        num_steps=_lookup(config, "grpo.num_steps"),
        numbers=numbers,
        headlines=headlines(numbers["base"], numbers["final"]),
        families=families(numbers["base"], numbers["final"]),
        facts=_facts(numbers),
        settings=_settings(config),
        config_text=config_text,
        digest=hashlib.sha256(config_text.encode()).hexdigest()[:12],
        charts=charts(rows),
        exchanges=exchanges(records),
    )


def headlines(base: Mapping[str, Any] | None, final: Mapping[str, Any] | None) -> list[Headline]:
    """The table of the first evaluation against the last; empty without an evaluation.

    The standard error of a change takes the two evaluations as independent. They share their problems, so it errs
    on the wide side.
    """
    if base is None or final is None:
        return []
    table = []
    for label, key, share in HEADLINES:
        if base[key] is None and final[key] is None:
            continue
        base_error, final_error = (
            side.get("stderr" if key == "pass_at_1" else f"{key}_stderr") for side in (base, final)
        )
        table.append(
            Headline(
                label=label.format(k=final["k"] or "k"),
                base=_number(base[key], share=share),
                base_error=_error(base_error),
                final=_number(final[key], share=share),
                final_error=_error(final_error),
                change=_number(_both(operator.sub, final[key], base[key]), share=share, signed=True),
                change_error=_error(_both(math.hypot, base_error, final_error)),
            )
        )
    return table


def families(base: Mapping[str, Any] | None, final: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """(family, base pass@1, final pass@1) as texts, by name."""
    if base is None or final is None:
        return []
    table = []
    for name in sorted({*base["by_family"], *final["by_family"]}):
        before, after = (_number(side["by_family"].get(name), share=True) for side in (base, final))
        table.append((name, before, after))
    return table


def _both(combine: Callable[[float, float], float], a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else combine(a, b)


def _number(value: float | None, *, share: bool, signed: bool = False) -> str:
    if value is None:
        return "–"
    if signed:
        return f"{100 * value:+.1f}" if share else f"{value:+,.1f}"
    return f"{100 * value:.1f} %" if share else f"{value:,.1f}"


def _error(stderr: float | None) -> str:
    return "" if stderr is None else f"± {100 * stderr:.1f}"


def _facts(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    speed, wall_s, hardware = (numbers[key] for key in ("completion_tokens_per_s", "wall_s", "hardware"))
    facts = [("Training steps", f"{numbers['train_steps']:,}")]
    if wall_s is not None:
        facts.append(("Wall clock", format_duration(wall_s)))
    if speed is not None:
        facts.append(("Completion tokens/s, whole step", f"{speed:,.0f}"))
    if hardware is not None:
        facts.append(("Hardware", hardware_line(hardware)))
    facts.append(("Version", f"r1kit {numbers['version']}"))
    return facts


def _settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    listed = []
    for label, *keys in SETTINGS:
        values = [value for value in (_lookup(config, key) for key in keys) if value is not None]
        if values:
            listed.append((label, ", ".join(map(_text, values))))
    return listed


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lookup(config: Mapping[str, Any], dotted: str) -> Any:
    """The value under a dotted key; None where the config has no such key."""
    value: Any = config
    for name in dotted.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value

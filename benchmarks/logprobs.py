"""Log-probabilities of given completions without gradient, r1kit beside TRL's GRPOTrainer: how fast, and how equal.

    python3 -m venv runs/trl && runs/trl/bin/pip install -c constraints.txt -r benchmarks/speed/requirements.txt
    .venv/bin/python benchmarks/logprobs.py --others runs/trl/bin/python --out runs/speed

r1kit has two ways, `Learner.score` (of a reference, of the old policy) and `NativeEngine.score_tokens`; TRL has one,
with weights in float32, in float32 under autocast, and in bfloat16. Prompts and completions are random tokens, of
the same length for all. Contenders take turns, a round each; the first round of each only warms up, and its
log-probabilities are compared. Reported are medians, and absolute differences in nats.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
from contender import take_turns  # noqa: E402
from script import run_shapes, shapes_parser  # noqa: E402
from shapes import SHAPES, make_model  # noqa: E402

EXACT = "trl fp32"
"""All are compared with it."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the log-probabilities."""

    arguments: tuple[str, ...]
    dtype: str
    """Of its matrix products."""
    counterpart: str = ""
    """TRL's way with the same weights and products; empty for TRL."""


OURS = {
    "r1kit learner bf16": Way(("--by", "learner", "--dtype", "bfloat16"), "bf16", "trl bf16 autocast"),
    "r1kit engine bf16": Way(("--by", "engine", "--dtype", "bfloat16"), "bf16", "trl bf16 weights"),
    "r1kit learner fp32": Way(("--by", "learner", "--dtype", "float32"), "fp32", EXACT),
    "r1kit engine fp32": Way(("--by", "engine", "--dtype", "float32"), "fp32", EXACT),
}
TRL = {
    "trl bf16 autocast": Way(("--weights", "float32", "--autocast"), "bf16"),
    "trl bf16 weights": Way(("--weights", "bfloat16"), "bf16"),
    EXACT: Way(("--weights", "float32"), "fp32"),
}


def main() -> None:
    parser = shapes_parser(__doc__, SHAPES, default=["A", "B"])
    run_shapes("logprobs", parser.parse_args(), measure, markdown)


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All ways on one shape, in turns, and how much their log-probabilities differ."""
    shape = SHAPES[name]
    model = make_model(shape, arguments.out / "models" / shape.model, smollm2=arguments.smollm2)
    programs = [(sys.executable, "r1kit_logprobs.py", OURS), (arguments.others, "trl_logprobs.py", TRL)]
    common = ["--shape", name, "--model", str(model), "--device", arguments.device]
    saved = {way: arguments.out / f"logprobs-{name}-{way}.json" for way in OURS | TRL}
    commands = {}
    for python, program, ways in programs:
        for key, way in ways.items() if python else ():
            saved[key].unlink(missing_ok=True)
            commands[key] = [python, str(SPEED / program), *common, *way.arguments, "--save", str(saved[key])]
    contenders = take_turns(
        commands,
        rounds=arguments.rounds,
        num_tokens=shape.num_sequences * shape.new_tokens,
        logs=f"{arguments.out}/logprobs-{name}",
    )
    for key, entry in contenders.items():
        counterpart = OURS[key].counterpart if key in OURS else ""
        for label, other in (("counterpart", counterpart), ("exact", EXACT)):
            if other and other != key and saved[key].exists() and saved[other].exists():
                entry[f"from_{label}"] = differences(saved[key], saved[other])
    return {"contenders": contenders}


def differences(ours: Path, others: Path) -> dict[str, float]:
    """Largest and mean absolute difference, in nats."""
    rows, other_rows = (json.loads(path.read_text(encoding="utf-8")) for path in (ours, others))
    apart = [abs(a - b) for row, other in zip(rows, other_rows, strict=True) for a, b in zip(row, other, strict=True)]
    return {"largest": max(apart), "mean": sum(apart) / len(apart)}


def markdown(report: dict[str, Any]) -> str:
    """A table a shape."""
    parts = []
    for name, measured in report["shapes"].items():
        shape = SHAPES[name]
        parts += [
            f"**{name}**: {shape.model}, {shape.num_problems} prompts of {shape.prompt_tokens} tokens by "
            f"{shape.group_size} completions of {shape.new_tokens}",
            "",
            *table(measured["contenders"]),
            "",
        ]
    return "\n".join(parts)


def table(entries: dict[str, Any]) -> list[str]:
    """Markdown lines; a ratio is against TRL's fastest way with the same dtype of matrix products."""
    lines = [
        "| | s | completion tokens/s | peak, GB | faster than TRL by | largest diff. from TRL's same way | "
        f"largest (mean) diff. from {EXACT} |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in entries.items():
        if "total_s" not in entry:
            lines.append(f"| {name} | not run: {entry['problem']} | | | | | |")
            continue
        ratio = ""
        if name in OURS:
            rivals = [
                entries[key]["total_s"]
                for key in TRL
                if "total_s" in entries.get(key, {}) and TRL[key].dtype == OURS[name].dtype
            ]
            ratio = f"{min(rivals) / entry['total_s']:.2f}" if rivals else ""
        same = f"{entry['from_counterpart']['largest']:.2g}" if "from_counterpart" in entry else ""
        exact = "{largest:.2g} ({mean:.2g})".format(**entry["from_exact"]) if "from_exact" in entry else ""
        lines.append(
            f"| {name} | {entry['total_s']:.2f} | {entry['tokens'] / entry['total_s']:,.0f} | "
            f"{entry['peak_mb'] / 1024:.2f} | {ratio} | {same} | {exact} |"
        )
    return lines


if __name__ == "__main__":
    main()

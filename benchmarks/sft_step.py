"""One optimizer step of supervised fine-tuning, r1kit beside TRL's SFTTrainer, on documents of mixed lengths.

    python3 -m venv runs/trl && runs/trl/bin/pip install -c constraints.txt -r benchmarks/speed/requirements.txt
    .venv/bin/python benchmarks/sft_step.py --others runs/trl/bin/python --out runs/speed

Documents are a prompt of 64 tokens and a completion of 32 to 128; the loss is on completions. Both take the step with
AdamW and bfloat16 matrix products; speed/trl_sft.py says how TRL is set up. Contenders take turns, a round each; the
first round of each only warms up. Reported are the median of the whole step, its completion tokens a second, peak
memory, and the loss that each saw, which agrees up to the rounding of bfloat16.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
from contender import take_turns  # noqa: E402
from documents import SFT_SHAPES, documents  # noqa: E402
from script import run_shapes, shapes_parser  # noqa: E402
from shapes import make_model  # noqa: E402


def main() -> None:
    parser = shapes_parser(__doc__, SFT_SHAPES, default=list(SFT_SHAPES))
    run_shapes("sft_step", parser.parse_args(), measure, markdown)


def measure(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All contenders on one shape, in turns."""
    from transformers import AutoConfig

    shape = SFT_SHAPES[name]
    model = make_model(shape, arguments.out / "models" / shape.model, smollm2=arguments.smollm2)
    pairs = documents(shape, AutoConfig.from_pretrained(model).vocab_size)
    num_tokens = sum(len(completion) for _, completion in pairs)
    common = ["--shape", name, "--model", str(model), "--device", arguments.device]
    commands = {"r1kit": [sys.executable, str(SPEED / "r1kit_sft.py"), *common]}
    if arguments.others:
        trl = [arguments.others, str(SPEED / "trl_sft.py"), *common]
        commands["trl bf16 weights"] = [*trl, "--weights", "bfloat16"]
        commands["trl fp32 weights"] = [*trl, "--weights", "float32"]
    contenders = take_turns(
        commands, rounds=arguments.rounds, num_tokens=num_tokens, logs=f"{arguments.out}/sft-{name}"
    )
    return {"completion_tokens": num_tokens, "contenders": contenders}


def markdown(report: dict[str, Any]) -> str:
    """A table a shape; ratios are of the whole step against r1kit's."""
    lines = []
    for name, measured in report["shapes"].items():
        shape = SFT_SHAPES[name]
        lines += [
            f"**{name}**: {shape.model}, {shape.num_problems} documents, a prompt of {shape.prompt_tokens} tokens and "
            f"a completion of {shape.new_tokens // 4} to {shape.new_tokens}, "
            f"{measured['completion_tokens']:,} completion tokens, bfloat16",
            "",
            "| | step, s | completion tokens/s | peak, GB | loss | r1kit is faster by |",
            "|---|---|---|---|---|---|",
        ]
        ours = measured["contenders"]["r1kit"].get("total_s")
        for contender, entry in measured["contenders"].items():
            if "total_s" not in entry:
                lines.append(f"| {contender} | not run: {entry['problem']} | | | | |")
                continue
            ratio = f"{entry['total_s'] / ours:.2f}" if ours and contender != "r1kit" else ""
            lines.append(
                f"| {contender} | {entry['total_s']:.2f} | {entry['tokens'] / entry['total_s']:,.0f} | "
                f"{entry['peak_mb'] / 1024:.2f} | {entry['loss']:.4f} | {ratio} |"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

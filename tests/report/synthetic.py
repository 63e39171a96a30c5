"""A run folder with made-up numbers, for the report's tests."""

import json
import math
import random
from pathlib import Path

from r1kit.config import dump_config
from r1kit.pipeline.config import RLConfig
from r1kit.report.metrics import MetricsWriter, read_metrics
from r1kit.report.summary import build_summary, write_summary

HARDWARE = {
    "cpu": "Some CPU",
    "cpu_capability": "AVX512",
    "cores": 2,
    "machine_cores": 8,
    "memory_gib": 23.5,
    "gpus": [],
    "os": "Linux 6.1 x86_64",
    "python": "3.12.1",
    "torch": "2.13.0+cpu",
    "torch_threads": 2,
}
TEXTS = {
    0: "<answer>17</answer> The answer is 17. 因为三加四",
    40: "<think>3 + 4 = 7, 7 - 5 = 2. 再检查一遍：2 + 6 = 8.</think> <answer>8</answer>",
    80: "<think>3 + 4 = 7. 7 - 5 = 2. 2 + 6 = 8.\nWait, check again: 3 + 4 = 7, 7 - 5 = 2, 2 + 6 = 8. "
    "Yes.</think> <answer>8</answer>",
}


def training_row(step: int, num_steps: int, noise: random.Random) -> dict[str, float]:
    """A step of a run that learns: accuracy rises along a logistic curve."""
    x = 1 / (1 + math.exp(-8 * (step / num_steps - 0.4)))
    accuracy = 0.12 + 0.7 * x + noise.gauss(0, 0.02)
    length = 36 + 25 * x + noise.gauss(0, 1.5)
    return {
        "train/reward_mean": accuracy + 0.1 * (0.5 + 0.45 * x),
        "train/reward_std": 0.4,
        "reward/accuracy": accuracy,
        "reward/format": 0.5 + 0.45 * x + noise.gauss(0, 0.02),
        "reward/unjudged_rate": 0.0,
        "train/num_tokens": 512 * length,
        "train/mean_length_tokens": length,
        "train/truncated_rate": 0.02 * (1 - x),
        "train/reflection_rate": 0.15 + 0.2 * x + noise.gauss(0, 0.01),
        "train/language_mixing_rate": 0.15 + 0.45 * x + noise.gauss(0, 0.02),
        "train/entropy": 0.9 - 0.5 * x + noise.gauss(0, 0.02),
        "train/kl_to_sampler": abs(noise.gauss(0, 2e-4)),
        "train/loss": noise.gauss(0, 0.01),
        "train/accuracy/chain": accuracy,
        "time/step_s": 4.0,
        "time/completion_tokens_per_s": 128 * length,
    }


def evaluation_row(step: int, num_steps: int, problems: int) -> dict[str, float]:
    """An evaluation of the same run."""
    x = 1 / (1 + math.exp(-8 * (step / num_steps - 0.4)))
    accuracy = 0.13 + 0.69 * x
    return {
        "eval/pass_at_1": accuracy,
        "eval/pass_at_1_stderr": 0.25 / math.sqrt(problems),
        "eval/cons_at_k": min(accuracy + 0.09, 1),
        "eval/cons_at_k_stderr": 0.4 / math.sqrt(problems),
        "eval/k": 16,
        "eval/num_problems": problems,
        "eval/mean_length_tokens": 36 + 25 * x,
        "eval/format_rate": 0.5 + 0.45 * x,
        "eval/reflection_rate": 0.15 + 0.2 * x,
        "eval/language_mixing_rate": 0.15 + 0.45 * x,
        "eval/truncated_rate": 0.01,
        "eval/pass_at_1/chain": accuracy + 0.05,
        "eval/pass_at_1/word <b>problem</b> $x_1$": accuracy - 0.05,
        "eval/pass_at_1/countdown": accuracy - 0.08,
    }


def transcript(step: int, problem: int, sample: int) -> dict[str, object]:
    """One completion; odd problems of the base are unjudged, sample 1 of the middle is right in format only."""
    value = {0: 0.0 if problem % 2 == 0 else None, 80: 1.1}.get(step, 0.1 if sample else 1.1)
    return {
        "step": step,
        "problem_id": f"nano:math/eval/{problem}",
        "prompt": f"What is 3 + 4 - 5 + {6 + problem}? <script>alert({problem})</script>",
        "gold": str(8 + problem),
        "sample": sample,
        "text": TEXTS[min(TEXTS, key=lambda known: abs(known - step))],
        "value": value,
        "reason": {None: "timeout after 5 s", 0.0: "no think part", 0.1: "wrong answer"}.get(value, "correct"),
        "parsed": None if value is None else "17" if value == 0 else "8",
        "num_tokens": 12 + step,
        "stop_reason": "length" if step == 0 else "end_token",
    }


def write_run(run: Path, *, num_steps: int = 80, finished: bool = True) -> Path:
    """A run of `num_steps` steps evaluated every tenth; not finished: it stands at half of them, without summary."""
    run.mkdir(parents=True, exist_ok=True)
    config = RLConfig.model_validate({"grpo": {"num_steps": num_steps}})
    (run / "config.json").write_text(dump_config(config), encoding="utf-8")
    noise = random.Random(0)
    last = num_steps if finished else num_steps // 2
    every = max(num_steps // 8, 1)
    records: list[dict[str, object]] = []
    with MetricsWriter(run / "metrics.jsonl") as writer:
        for step in range(last + 1):
            if step:
                writer.log(step, training_row(step, num_steps, noise))
            if step % every == 0:
                writer.log(step, evaluation_row(step, num_steps, 128 if step in (0, num_steps) else 64))
                records += [transcript(step, problem, sample) for problem in range(3) for sample in range(2)]
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    (run / "transcripts.jsonl").write_text("".join(lines), encoding="utf-8")
    if finished:
        rows = read_metrics(run / "metrics.jsonl")
        write_summary(run, build_summary(rows, wall_s=400.0, seed=0, hardware=HARDWARE))
    return run

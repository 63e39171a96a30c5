"""Do r1kit and TRL compute the same? The gradients of each objective, and the learning curve of a small run.

    python3 -m venv runs/trl && runs/trl/bin/pip install -c constraints.txt -r benchmarks/speed/requirements.txt
    .venv/bin/python benchmarks/same_answer.py --others runs/trl/bin/python --out runs/same

Gradients: both get the same completions (random tokens of different lengths), advantages and log-probabilities of the
sampler (noisy, so that ratios leave the clip range), and take one step through their whole path: r1kit's
`update_policy` with every group in a micro-batch of its own, TRL's `GRPOTrainer.train` with two micro-batches. The exit
status is 1 if in float32 a loss or a gradient differs by more than --tolerance; bfloat16 is only reported, beside how
far each is from its own float32: there rounding moves tokens across an end of the clip range (for gspo sequences).

Where the objectives are not the same:
- Advantages. r1kit divides by the population's standard deviation of the group plus 1e-6 (Eq. 3), TRL by the sample's
  (G - 1) plus 1e-4. So both are given the same numbers here; in the training runs each uses its own.
- dapo divides by the step's completion tokens. r1kit leaves out those of groups without variance, which DAPO's dynamic
  sampling would not have kept; TRL counts them. The gradients differ by that factor, and are compared up to it.
- The KL term. r1kit adds Eq. 2 as it is; TRL 1.16 multiplies it by the ratio unless `use_bias_correction_kl` is False,
  which it is here.
- r1kit's `r1` (Eq. 1 as printed) and TRL's bnpo, cispo, sapo, luspo and vespo are without counterpart.

Curves: GRPO on nano:math from the shipped base, with the same prompts in the same order, the same budget, reward, AdamW
and clip; everything in float32. The samplers draw other random numbers, so the curves agree in distribution only.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
import curve  # noqa: E402
from cases import OBJECTIVES, Case, write_cases  # noqa: E402
from contender import Contender  # noqa: E402
from shapes import SHAPES, load, make_model  # noqa: E402

SHAPE_OF = {"llama-3m": "A", "smollm2": "B", "nano": "D"}
SIDES = ("r1kit", "trl")
DTYPES = ("float32", "bfloat16")
LABELS = {"r1kit": "r1kit", "trl": "TRL"}
Key = tuple[str, str]
"""Side and dtype."""
Gradients = Mapping[str, "Tensor"]
LAST = 5
"""Steps whose mean reward stands for the end of a run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--others", required=True, help="the Python that has trl")
    parser.add_argument("--parts", nargs="+", choices=["gradients", "curves"], default=["gradients", "curves"])
    parser.add_argument("--models", nargs="+", choices=["llama-3m", "smollm2"], default=["llama-3m", "smollm2"])
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative, of float32")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--problems", type=int, default=16, help="a step of the curves")
    parser.add_argument("--group-size", type=int, default=16)
    parser.add_argument("--max-new-tokens", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--smollm2", type=Path, default=Path("runs/smollm2"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("runs/same"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    from r1kit.cli.process import prepare_process
    from r1kit.report.hardware import describe_hardware, hardware_line

    prepare_process()
    report: dict[str, Any] = {"hardware": describe_hardware()}
    tables = []
    for part in arguments.parts:
        if part == "gradients":
            report[part] = {model: compare(model, arguments) for model in arguments.models}
            tables += [gradient_table(model, rows) for model, rows in report[part].items()]
        else:
            report[part] = train_all(arguments)
            tables.append(curve_table(report[part]))
        (arguments.out / "same_answer.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    text = "\n\n".join([*tables, hardware_line(report["hardware"])]) + "\n"
    (arguments.out / "same_answer.md").write_text(text, encoding="utf-8")
    print(text)
    wrong = [
        f"{model}: {name}"
        for model, rows in report.get("gradients", {}).items()
        for name, row in rows.items()
        if not within(row["float32"], arguments.tolerance)
    ]
    sys.exit(f"differ by more than {arguments.tolerance:g} in float32: {'; '.join(wrong)}" if wrong else 0)


def start(side: str, shape: str, dtype: str, arguments: argparse.Namespace, log: str, *question: str) -> Contender:
    """A process of one side that answers `question`."""
    python = sys.executable if side == "r1kit" else arguments.others
    model = make_model(SHAPES[shape], arguments.out / "models" / SHAPES[shape].model, smollm2=arguments.smollm2)
    command = [python, str(SPEED / f"{side}_answer.py"), "--model", str(model), "--dtype", dtype]
    command += ["--device", arguments.device, *question]
    return Contender(side, command, arguments.out / f"{log}-{side}.log", num_tokens=0)


def ask(contender: Contender, num_tokens: int) -> dict[str, float]:
    """One round, which must not fail."""
    contender.num_tokens = num_tokens
    contender.round(warm_up=False)
    if contender.problem:
        sys.exit(f"{contender.name} {contender.problem}")
    return contender.results[-1]


def compare(name: str, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Objective to what differs, of one model; the four processes take turns."""
    from safetensors.torch import load_file

    shape, out = SHAPE_OF[name], arguments.out
    folder = make_model(SHAPES[shape], out / "models" / SHAPES[shape].model, smollm2=arguments.smollm2)
    cases = write_cases(out / f"{name}-cases.json", load(folder)[0], seed=0)
    running: dict[tuple[str, str], tuple[Contender, Path]] = {}
    rows = {}
    try:
        for side in SIDES:
            for dtype in DTYPES:
                gradients = out / f"{name}-{side}-{dtype}.safetensors"
                question = ("--cases", str(out / f"{name}-cases.json"), "--gradients", str(gradients))
                contender = start(side, shape, dtype, arguments, f"{name}-{dtype}", *question)
                running[side, dtype] = contender, gradients
        for objective, case in cases.items():
            answers = {key: ask(contender, case.num_tokens) for key, (contender, _) in running.items()}
            gradients = {key: load_file(path) for key, (_, path) in running.items()}
            rows[objective] = differences(case, OBJECTIVES[objective].loss, answers, gradients)
    finally:
        for contender, path in running.values():
            contender.close()
            path.unlink(missing_ok=True)
    return rows


def differences(
    case: Case, loss: str, answers: Mapping[Key, Mapping[str, float]], gradients: Mapping[Key, Gradients]
) -> dict[str, Any]:
    """Of one objective: r1kit to TRL in each dtype, and each to its own float32."""
    # dapo's denominators; see the top of this file
    factor = case.num_tokens / case.num_trained_tokens if loss == "dapo" else 1.0
    row: dict[str, Any] = {"factor": factor}
    for dtype in DTYPES:
        ours, theirs = answers["r1kit", dtype]["loss"], answers["trl", dtype]["loss"] * factor
        apart = distances(gradients["r1kit", dtype], gradients["trl", dtype], factor)
        clipped = answers["r1kit", dtype]["clipped"]
        row[dtype] = {"r1kit_loss": ours, "trl_loss": theirs, "loss": abs(ours - theirs), "clipped": clipped, **apart}
    for side in SIDES:
        own = distances(gradients[side, "bfloat16"], gradients[side, "float32"], 1.0)
        row["bfloat16"][f"{side}_to_own_float32"] = own["gradient"]
    return row


def distances(ours: Gradients, theirs: Gradients, factor: float) -> dict[str, float]:
    """|a - b| / |b| over all parameters together, and the largest of any one parameter."""
    if ours.keys() != theirs.keys():
        sys.exit(f"only one side has a gradient of {sorted(ours.keys() ^ theirs.keys())}")
    import torch

    def norm(values: Tensor) -> float:
        return torch.linalg.vector_norm(values, dtype=torch.float64).item()

    apart = {name: norm(ours[name] - factor * theirs[name]) for name in theirs}
    size = {name: factor * norm(theirs[name]) for name in theirs}
    worst = max(apart, key=lambda name: apart[name] / size[name])
    return {"gradient": math.hypot(*apart.values()) / math.hypot(*size.values()), "worst": apart[worst] / size[worst]}


def within(row: Mapping[str, float], tolerance: float) -> bool:
    """Whether a float32 row is inside the tolerance, every parameter by itself; NaN is not."""
    scale = max(1.0, abs(row["trl_loss"]))
    return row["loss"] <= tolerance * scale and row["gradient"] <= tolerance and row["worst"] <= tolerance


def gradient_table(name: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown, an objective a row."""
    lines = [
        f"**{name}**: relative difference of r1kit's gradient to TRL's, over all parameters",
        "",
        "| objective | clipped | clipped in bfloat16 | loss | loss differs by | float32 | worst parameter | bfloat16 "
        "| r1kit bfloat16 to float32 | TRL bfloat16 to float32 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for objective, row in rows.items():
        full, half = row["float32"], row["bfloat16"]
        factor = f", up to the factor {row['factor']:.3f}" if row["factor"] != 1 else ""
        lines.append(
            f"| {objective}{factor} | {100 * full['clipped']:.0f} % | {100 * half['clipped']:.0f} % "
            f"| {full['r1kit_loss']:.4f} | {full['loss']:.1e} "
            f"| {full['gradient']:.1e} | {full['worst']:.1e} | {half['gradient']:.1e} "
            f"| {half['r1kit_to_own_float32']:.1e} | {half['trl_to_own_float32']:.1e} |"
        )
    return "\n".join(lines)


def train_all(arguments: argparse.Namespace) -> dict[str, list[dict[str, list[float]]]]:
    """Side to its runs, one a seed; the sides take turns step by step."""
    runs: dict[str, list[dict[str, list[float]]]] = {side: [] for side in SIDES}
    for seed in arguments.seeds:
        path = arguments.out / f"curve-{seed}.json"
        setting = make_setting(seed, arguments)
        setting.write(path)
        more = {"r1kit": [], "trl": ["--judge", sys.executable]}
        contenders = [
            start(side, "D", "float32", arguments, f"curve-{seed}", "--curve", str(path), *more[side]) for side in SIDES
        ]
        try:
            for step, digest in enumerate(setting.digests, start=1):
                for contender in contenders:
                    answer = ask(contender, setting.rollouts * setting.max_new_tokens)
                    if answer["prompts"] != digest:
                        sys.exit(f"{contender.name} has other prompts in step {step} of seed {seed}")
        finally:
            for contender in contenders:
                contender.close()
        for contender in contenders:
            kept = ("reward", "length", "total_s")
            runs[contender.name].append({key: [result[key] for result in contender.results] for key in kept})
        named = {LABELS[side]: [run["reward"] for run in of_side] for side, of_side in runs.items()}
        title = f"mean reward of a step, median and range of {len(runs['trl'])} seeds"
        curve.draw(named, arguments.out / "same_answer.svg", ylabel=title)
    return runs


def make_setting(seed: int, arguments: argparse.Namespace) -> curve.Setting:
    """The prompts that `r1kit zero` would take with this seed, as text, and what they are as tokens."""
    from judge import problems

    from r1kit.tasks.mix import ProblemPool, problems_of_step
    from r1kit.tasks.templates import TEMPLATES, encode_prompt

    _, tokenizer = load(make_model(SHAPES[SHAPE_OF["nano"]], Path(), smollm2=Path()))
    known = problems()
    place = {problem.id: index for index, problem in enumerate(known)}
    pools = [ProblemPool(name="nano:math", problems=known, share=1.0)]
    steps = [problems_of_step(pools, step, arguments.problems, seed) for step in range(arguments.steps)]
    texts = [[TEMPLATES["r1_zero"].render(problem, tokenizer) for problem in chosen] for chosen in steps]
    return curve.Setting(
        seed=seed,
        steps=arguments.steps,
        problems=arguments.problems,
        group_size=arguments.group_size,
        max_new_tokens=arguments.max_new_tokens,
        learning_rate=arguments.learning_rate,
        prompts=[text for step in texts for text in step],
        indices=[place[problem.id] for chosen in steps for problem in chosen],
        digests=[curve.digest([encode_prompt(text, tokenizer) for text in step]) for step in texts],
    )


def curve_table(runs: Mapping[str, Sequence[Mapping[str, Sequence[float]]]]) -> str:
    """Markdown, a side a row: medians over the seeds with their range."""
    lines = [
        f"| | mean reward, first {LAST} steps | last {LAST} steps | tokens a completion, last {LAST} | step, s |",
        "|---|---|---|---|---|",
    ]
    for side, of_side in runs.items():
        cells = [
            _median([statistics.fmean(run["reward"][:LAST]) for run in of_side], "{:.3f}"),
            _median([statistics.fmean(run["reward"][-LAST:]) for run in of_side], "{:.3f}"),
            _median([statistics.fmean(run["length"][-LAST:]) for run in of_side], "{:.1f}"),
            _median([statistics.median(run["total_s"]) for run in of_side], "{:.2f}"),
        ]
        lines.append(f"| {LABELS[side]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median(values: Sequence[float], form: str) -> str:
    low, middle, high = (form.format(f(values)) for f in (min, statistics.median, max))
    return f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main()

"""Where the time of one r1kit GRPO step goes, by the names of PyTorch's operations.

    .venv/bin/python benchmarks/step_profile.py --smollm2 runs/smollm2 --out runs/step_profile

For each shape of speed/shapes.py the rollouts and the update are done once to warm up, once for their time, and once
under torch.profiler. The self time of each operation goes to a group by its name, in two cases by its shapes. What is
left of the phase's wall time is Python, what PyTorch does between operations, and the profiler's own work, which
counts most where operations are many and small: the table gives the time without it, too.

What names cannot tell: who asked for an element-wise operation or a copy. The copies in attention and the exponential
of logits are element-wise here. `attention` is its fused kernels, its batched products and its softmax.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r1kit.types import Completion

SPEED = Path(__file__).parent / "speed"
sys.path.insert(0, str(SPEED))
from shapes import SHAPES, Shape, load, make_model, prompts, reward  # noqa: E402

GROUPS = {
    "matrix products": r"aten::(mm|addmm|_addmm_activation|matmul|linear|linear_backward)|.*(mkldnn|onednn).*",
    "attention": r".*scaled_dot_product.*|aten::(bmm|baddbmm|softmax|_softmax|_softmax_backward_data)",
    "element-wise, copies, indexing": r"aten::.*",
    "sampling, log-probabilities": (
        r"aten::(cumsum|searchsorted|multinomial|argmax|sort|topk|gather|gather_backward|log|logsumexp|logsumexp_out"
        r"|log_softmax|_log_softmax.*)"
    ),
    "optimizer": r"Optimizer\..*|aten::(_fused_adam.*|_foreach_.*)",
    "other (Python, dispatch, profiler)": r".*",
}
"""Rows of the table and the operations that they hold; of several that match, the one that ORDER names first."""
PRODUCTS, ATTENTION, ELEMENTS, SAMPLING, OPTIMIZER, OTHER = GROUPS
ORDER = (PRODUCTS, ATTENTION, SAMPLING, OPTIMIZER, ELEMENTS, OTHER)
TOP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """All calls of an operation in a phase, of one group."""

    name: str
    group: str
    count: int
    self_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The rollouts or the update of one step."""

    plain_s: float
    """Wall time without the profiler."""
    profiled_s: float
    operations: list[Operation]

    def group_s(self, group: str) -> float:
        """Profiled seconds of a group; OTHER has what no operation accounts for."""
        named = sum(operation.self_s for operation in self.operations if operation.group == group)
        rest = self.profiled_s - sum(operation.self_s for operation in self.operations)
        return named + rest if group == OTHER else named


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--new-tokens", type=int, help="in place of each shape's own; fewer shorten contexts as well")
    parser.add_argument("--smollm2", type=Path, default=Path("runs/smollm2"))
    parser.add_argument("--out", type=Path, default=Path("runs/step_profile"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    from r1kit.cli.process import prepare_process

    prepare_process()
    from r1kit.report.hardware import describe_hardware, hardware_line

    hardware = describe_hardware()
    report: dict[str, Any] = {"hardware": hardware, "shapes": {}}
    tables = []
    for name in arguments.shapes:
        shape = replace(SHAPES[name], new_tokens=arguments.new_tokens or SHAPES[name].new_tokens)
        model = make_model(shape, arguments.out / "models" / shape.model, smollm2=arguments.smollm2)
        phases = profile(shape, model)
        report["shapes"][name] = {"shape": asdict(shape)} | {phase: asdict(found) for phase, found in phases.items()}
        tables.append(table(title(name, shape), phases))
        (arguments.out / "step_profile.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    text = "\n".join([*tables, hardware_line(hardware), ""])
    (arguments.out / "step_profile.md").write_text(text, encoding="utf-8")
    print(text)


def title(name: str, shape: Shape) -> str:
    """The shape in words."""
    return (
        f"**{name}**: {shape.model}, {shape.num_problems} prompts of {shape.prompt_tokens} tokens by "
        f"{shape.group_size} completions of {shape.new_tokens}, bfloat16"
    )


def profile(shape: Shape, folder: Path) -> dict[str, Phase]:
    """Both phases of a step."""
    sample, update = make_step(shape, folder)
    update(sample())
    times = [time.perf_counter()]
    completions = sample()
    times.append(time.perf_counter())
    update(completions)
    times.append(time.perf_counter())
    return {
        "rollouts": profiled(sample, plain_s=times[1] - times[0]),
        "update": profiled(lambda: update(completions), plain_s=times[2] - times[1]),
    }


def make_step(
    shape: Shape, folder: Path
) -> tuple[Callable[[], list[Completion]], Callable[[list[Completion]], object]]:
    """A function that takes the learner's weights and samples, and one that updates on what it gave."""
    import torch

    from r1kit.engines.native import NativeEngine
    from r1kit.grpo.advantage import group_advantages
    from r1kit.grpo.config import GRPOConfig
    from r1kit.grpo.update import update_policy
    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.types import Problem, Rollout, SamplingParams, Score

    model, tokenizer = load(folder)
    device, dtype = torch.device("cpu"), torch.bfloat16
    engine = NativeEngine(model, tokenizer, device=device, dtype=dtype, max_batch_size=shape.num_sequences)
    engine.end_tokens = ()  # every completion has the same length
    learner = Learner(model, LearnerConfig(learning_rate=1e-6), num_steps=10**6, device=device, dtype=dtype)
    prompts_P_T = prompts(shape, model.config.vocab_size)
    config = GRPOConfig(group_size=shape.group_size, problems_per_step=shape.num_problems)
    params = SamplingParams(max_new_tokens=shape.new_tokens)
    scores_B = [Score(value=reward(b), reason="") for b in range(shape.num_sequences)]
    advantages = group_advantages(
        [score.value for score in scores_B], group_size=shape.group_size, normalization=config.advantage
    )

    def sample() -> list[Completion]:
        engine.load_weights(learner.model, version=0)
        return engine.sample(prompts_P_T, num_samples=shape.group_size, params=params, seed=0)

    def update(completions: list[Completion]) -> object:
        rollouts_B = [
            Rollout(
                problem=Problem(id="", prompt="", answer="", task=""),
                prompt_text="",
                prompt_tokens=tuple(prompts_P_T[b // shape.group_size]),
                completion=completion,
            )
            for b, completion in enumerate(completions)
        ]
        return update_policy(learner, None, rollouts_B, scores_B, advantages, config, params, seed=0, step=0)

    return sample, update


def profiled(run: Callable[[], object], *, plain_s: float) -> Phase:
    """Run once under the profiler."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    with profiler(activities=[ProfilerActivity.CPU], record_shapes=True) as recorded:
        started = time.perf_counter()
        run()
        profiled_s = time.perf_counter() - started
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for event in recorded.key_averages(group_by_input_shape=True):
        key = event.key, group_of(event.key, event.input_shapes)
        count, self_s = found.get(key, (0, 0.0))
        found[key] = count + event.count, self_s + event.self_cpu_time_total / 1e6
    operations = [
        Operation(name=name, group=group, count=count, self_s=self_s)
        for (name, group), (count, self_s) in sorted(found.items(), key=lambda entry: -entry[1][1])
    ]
    return Phase(plain_s=plain_s, profiled_s=profiled_s, operations=operations)


def group_of(name: str, shapes: Sequence[Sequence[int]]) -> str:
    """The group of an operation.

    A softmax of rows is one over the vocabulary, of blocks attention's. A batched product with nothing to sum over,
    or of one number an item, is the rotary table or a norm.
    """
    group = next(group for group in ORDER if re.fullmatch(GROUPS[group], name))
    if "softmax" in name and group == ATTENTION and len(shapes[0]) == 2:
        return SAMPLING
    if name == "aten::bmm":
        (_, rows, inner), (_, _, columns) = shapes[:2]
        if inner == 1 or rows == columns == 1:
            return ELEMENTS
    return group


def table(shape: str, phases: dict[str, Phase]) -> str:
    """Markdown of one shape: seconds and shares of profiled time, and each phase's dearest operations."""
    lines = [shape, "", f"| | {' | '.join(f'{name}, s | share' for name in phases)} |", "|---" * 5 + "|"]
    for group in GROUPS:
        cells = [
            f"{phase.group_s(group):.3f} | {100 * phase.group_s(group) / phase.profiled_s:.0f} %"
            for phase in phases.values()
        ]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    lines.append(f"| whole, profiled | {' | '.join(f'{phase.profiled_s:.3f} | 100 %' for phase in phases.values())} |")
    lines.append(f"| whole, without the profiler | {' | '.join(f'{p.plain_s:.3f} | ' for p in phases.values())} |")
    lines.append("")
    for name, phase in phases.items():
        dearest = [f"{o.name} {o.self_s:.3f} s in {o.count:,} calls" for o in phase.operations[:TOP]]
        lines += [f"Dearest in the {name}: {', '.join(dearest)}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()

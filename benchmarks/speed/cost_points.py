"""r1kit's contender of `cost_curves.py`: one curve, sampled or trained, smallest point first.

A point is said on stdout as a line `RESULT {...}` when it is done. Its completions are random and all of the same
length, its model has random weights, and the peak of memory is the process's.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from protocol import peak_mb, reset_peak, say
from shapes import SHAPES, Shape, make_model, prompts

CURVES = ("batch", "size", "length")
PHASES = ("sampling", "training")
PROMPT_TOKENS = 64
MAX_GROUP = 16
"""Completions of a prompt; a smaller batch is one group."""
HEAD_DIM = 64
MODELS = ((128, 5), (256, 4), (384, 6), (640, 6), (1024, 8))
"""Width and layers of llamas of 1, 3, 11, 30 and 101 million weights."""
MIN_REPEATS, MAX_REPEATS, SHORT_S = 3, 9, 2.0
"""Repeats of a point; more than the least only while they have taken less than SHORT_S."""
GROWTH = 3
"""A run of the next point is expected to take so many times as long; there must be time for two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is sampled or trained, and with which model."""

    shape: Shape
    width: int = 256
    num_layers: int = 4

    @property
    def context(self) -> int:
        """Tokens that each completion token attends to, itself included, summed over all of them."""
        T = self.shape.new_tokens
        return self.shape.num_sequences * (T * self.shape.prompt_tokens + T * (T + 1) // 2)


def points_of(curve: str, *, quick: bool) -> dict[int, Point]:
    """A curve's points by batch size, width of the model, or completion length, smallest first."""

    def shape(num_sequences: int, new_tokens: int) -> Shape:
        group = min(MAX_GROUP, num_sequences)
        num_problems = num_sequences // group
        return replace(
            SHAPES["A"],
            num_problems=num_problems,
            group_size=group,
            prompt_tokens=PROMPT_TOKENS,
            new_tokens=new_tokens,
        )

    if curve == "batch":
        return {2**i: Point(shape=shape(2**i, 32)) for i in range(6 if quick else 10)}
    if curve == "length":
        return {2**i: Point(shape=shape(16, 2**i)) for i in range(6, 9 if quick else 13)}
    models = MODELS[: 3 if quick else len(MODELS)]
    return {width: Point(shape=shape(32, 32), width=width, num_layers=layers) for width, layers in models}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--curve", choices=CURVES, required=True)
    parser.add_argument("--what", choices=PHASES, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, required=True, help="points that would take longer are left out")
    parser.add_argument("--model", type=Path, required=True, help="folder of llama-3m, made where it is missing")
    arguments = parser.parse_args()
    ends = time.perf_counter() + arguments.seconds

    from r1kit.cli.process import prepare_process

    prepare_process()
    folder = make_model(SHAPES["A"], arguments.model, smollm2=Path())
    run_s = 0.0
    for size, point in points_of(arguments.curve, quick=arguments.quick).items():
        if time.perf_counter() + 2 * GROWTH * run_s > ends:
            break
        reset_peak()
        measured = measure(point, arguments.what, folder, ends=ends)
        say({"size": size, **measured})
        gc.collect()
        run_s = measured["median_s"]


def measure(point: Point, what: str, folder: Path, *, ends: float) -> dict[str, Any]:
    """One warm-up, then repeats: at least one, and no more of them beyond `ends`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(
        folder,
        hidden_size=point.width,
        intermediate_size=3 * point.width,
        num_hidden_layers=point.num_layers,
        num_attention_heads=point.width // HEAD_DIM,
        num_key_value_heads=point.width // HEAD_DIM // 2,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    run = sampling(model, folder, point.shape) if what == "sampling" else training(model, point.shape)
    seconds: list[float] = []
    wall_began, cpu_began = time.perf_counter(), time.process_time()
    for number in itertools.count():
        started = time.perf_counter()
        run(number)
        ended = time.perf_counter()
        if number > 0:
            seconds.append(ended - started)
        is_enough = len(seconds) >= MIN_REPEATS and (sum(seconds) >= SHORT_S or len(seconds) >= MAX_REPEATS)
        if is_enough or (seconds and ended + seconds[-1] > ends):
            break
    cpu_per_wall = (time.process_time() - cpu_began) / (time.perf_counter() - wall_began)
    tokens = point.shape.num_sequences * point.shape.new_tokens
    return {
        "tokens": tokens,
        "context": point.context,
        "parameters": model.num_parameters(),
        "attention_width": point.num_layers * point.width,
        "seconds": seconds,
        "median_s": statistics.median(seconds),
        "tokens_per_s": tokens / statistics.median(seconds),
        "cpu_per_wall": cpu_per_wall,
        "peak_mb": peak_mb(),
    }


def sampling(model: Any, folder: Path, shape: Shape) -> Callable[[int], None]:
    """All sequences at once; no token ends a completion."""
    import torch
    from transformers import AutoTokenizer

    from r1kit.engines.native import NativeEngine
    from r1kit.types import SamplingParams

    tokenizer = AutoTokenizer.from_pretrained(folder)
    engine = NativeEngine(model, tokenizer, device="cpu", dtype=torch.bfloat16, max_batch_size=shape.num_sequences)
    engine.end_tokens = ()
    prompts_P_T = prompts(shape, model.config.vocab_size)
    params = SamplingParams(max_new_tokens=shape.new_tokens)

    def run(seed: int) -> None:
        completions = engine.sample(prompts_P_T, num_samples=shape.group_size, params=params, seed=seed)
        made = sum(len(completion.tokens) for completion in completions)
        assert made == shape.num_sequences * shape.new_tokens, made

    return run


def training(model: Any, shape: Shape) -> Callable[[int], None]:
    """One optimizer step a run, on random completions whose sampler gave every token the same probability."""
    import torch

    from r1kit.grpo.loss import LOSSES, Loss, Normalizer
    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.learner.logprobs import TokenLogprobs
    from r1kit.learner.packing import TokenGroup

    learner = Learner(
        model, LearnerConfig(learning_rate=1e-6), num_steps=10**6, device=torch.device("cpu"), dtype=torch.bfloat16
    )
    vocab_size = model.config.vocab_size
    size = (shape.num_problems, shape.group_size, shape.new_tokens)
    completions_P_G_T = torch.randint(10, vocab_size, size, generator=torch.Generator().manual_seed(0)).tolist()
    groups = [
        TokenGroup(prompt=prompt, completions=completions)
        for prompt, completions in zip(prompts(shape, vocab_size), completions_P_G_T, strict=True)
    ]
    normalizer = Normalizer(
        num_sequences=shape.num_sequences,
        num_tokens=shape.num_sequences * shape.new_tokens,
        max_completion_tokens=shape.new_tokens,
    )

    # Not `update_policy`: it refuses the group of one of the smallest batch.
    def objective(_: list[int], policy: TokenLogprobs) -> Loss:
        advantages_B = torch.ones(len(policy.mask_BT))
        advantages_B[1::2] = -1
        return LOSSES["grpo"](
            policy.logprobs_BT,
            torch.full_like(policy.logprobs_BT, -math.log(vocab_size)),
            None,
            advantages_B,
            policy.mask_BT,
            clip_epsilon_low=0.2,
            clip_epsilon_high=0.2,
            kl_coef=0.0,
            normalizer=normalizer,
        )

    def run(_: int) -> None:
        learner.update(groups, objective)

    return run


if __name__ == "__main__":
    main()

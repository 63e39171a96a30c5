"""r1kit's contender: log-probabilities of given completions, by the learner or by the native engine."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from documents import completions
from protocol import peak_mb, rounds, say
from shapes import SHAPES, Shape, load, prompts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--by", choices=["learner", "engine"], required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--save", type=Path, required=True, help="gets the log-probabilities of the first round")
    arguments = parser.parse_args()

    from r1kit.cli.process import prepare_process

    prepare_process()
    maker = by_learner if arguments.by == "learner" else by_engine
    score = maker(SHAPES[arguments.shape], arguments.model, arguments.device, arguments.dtype)
    for number in rounds():
        started = time.perf_counter()
        rows = score()
        seconds = time.perf_counter() - started
        say({"total_s": seconds, "tokens": sum(map(len, rows)), "peak_mb": peak_mb()})
        if number == 0:
            arguments.save.write_text(json.dumps(rows), encoding="utf-8")


def by_learner(shape: Shape, folder: Path, device: str, dtype: str) -> Callable[[], list[list[float]]]:
    """`Learner.score`: a problem's completions share its prompt."""
    import torch

    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.learner.packing import TokenGroup

    model, _ = load(folder)
    config = LearnerConfig(micro_batch_tokens=4096)
    learner = Learner(model, config, num_steps=1, device=torch.device(device), dtype=getattr(torch, dtype))
    listed, size = completions(shape, model.config.vocab_size), shape.group_size
    groups = [
        TokenGroup(prompt=prompt, completions=listed[p * size : (p + 1) * size])
        for p, prompt in enumerate(prompts(shape, model.config.vocab_size))
    ]
    return lambda: learner.score(learner.model, groups, temperature=1.0)


def by_engine(shape: Shape, folder: Path, device: str, dtype: str) -> Callable[[], list[list[float]]]:
    """`NativeEngine.score_tokens`: pairs of a prompt and a completion."""
    import torch

    from r1kit.engines.native import NativeEngine

    model, tokenizer = load(folder)
    engine = NativeEngine(model, tokenizer, device=torch.device(device), dtype=getattr(torch, dtype))
    repeated = [prompt for prompt in prompts(shape, model.config.vocab_size) for _ in range(shape.group_size)]
    pairs = list(zip(repeated, completions(shape, model.config.vocab_size), strict=True))
    return lambda: engine.score_tokens(pairs, temperature=1.0)


if __name__ == "__main__":
    main()

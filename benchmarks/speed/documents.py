"""The documents of a step of supervised fine-tuning: prompts of one length, completions of mixed lengths."""

from __future__ import annotations

import random
from dataclasses import replace

from shapes import SHAPES, Shape, prompts

SFT_SHAPES = {
    "A": replace(SHAPES["A"], num_problems=256, group_size=1, trl_micro_batch=32),
    "B": replace(SHAPES["B"], num_problems=32, group_size=1, trl_micro_batch=4),
}
"""A document is a group of one, and `new_tokens` the most that its completion has."""


def documents(shape: Shape, vocab_size: int) -> list[tuple[list[int], list[int]]]:
    """(prompt, completion) of random tokens, the same for every contender; a quarter to all of `new_tokens` long."""
    rng = random.Random(1)
    return [
        (prompt, _tokens(rng, rng.randint(shape.new_tokens // 4, shape.new_tokens), vocab_size))
        for prompt in prompts(shape, vocab_size)
    ]


def completions(shape: Shape, vocab_size: int) -> list[list[int]]:
    """P * G completions of `new_tokens` random tokens, problem-major, the same for every contender."""
    rng = random.Random(1)
    return [_tokens(rng, shape.new_tokens, vocab_size) for _ in range(shape.num_sequences)]


def _tokens(rng: random.Random, count: int, vocab_size: int) -> list[int]:
    return [rng.randrange(10, vocab_size) for _ in range(count)]

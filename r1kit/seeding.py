"""Randomness is derived from labels, never shared.

`seed_for(seed, "problems", step)` hashes its labels, so any draw can be made again from the config and the step
alone. That is why a checkpoint needs no generator state: a resumed run derives the same streams (DESIGN of resume:
docs/architecture.md), and two streams never overlap by adding small numbers to a seed.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Label = str | int


def seed_for(*labels: Label) -> int:
    """A 63-bit seed from labels; different labels (or orders) give unrelated seeds.

    >>> seed_for(0, "problems", 1) == seed_for(0, "problems", 1)
    True
    """
    text = "\x1f".join(f"{type(label).__name__}:{label}" for label in labels)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def rng(*labels: Label) -> random.Random:
    """Python's generator, seeded from labels."""
    return random.Random(seed_for(*labels))


def torch_generator(*labels: Label, device: str = "cpu") -> torch.Generator:
    """Torch's generator on `device`, seeded from labels."""
    import torch

    return torch.Generator(device=device).manual_seed(seed_for(*labels))

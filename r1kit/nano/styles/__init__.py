"""How people in the corpus write an answer down: at once, in short, step by step, with a check, in one language or two.

A `Response` is a chain of thought and the answer it arrives at. Whether the answer is right depends on the style: who
answers at once is mostly wrong (one forward pass cannot do it), who takes a short cut is wrong half of the time, who
reasons to the end is right. A file here writes the responses and the drills of one domain of r1kit.tasks.nano.
"""

from __future__ import annotations

from typing import Any

from r1kit.nano.styles.base import (
    DIRECT_RIGHT_RATE,
    FINAL_STYLE_WEIGHTS,
    STYLE_WEIGHTS,
    Response,
    Style,
    Writer,
    conclude,
)
from r1kit.nano.styles.code import CODE_WRITER
from r1kit.nano.styles.logic import LOGIC_WRITER
from r1kit.nano.styles.math import MATH_WRITER
from r1kit.nano.styles.science import SCIENCE_WRITER

__all__ = [
    "DIRECT_RIGHT_RATE",
    "FINAL_STYLE_WEIGHTS",
    "STYLE_WEIGHTS",
    "WRITERS",
    "Response",
    "Style",
    "Writer",
    "conclude",
]

WRITERS: dict[str, Writer[Any]] = {
    "math": MATH_WRITER,
    "logic": LOGIC_WRITER,
    "science": SCIENCE_WRITER,
    "code": CODE_WRITER,
}
"""By the name of the domain."""

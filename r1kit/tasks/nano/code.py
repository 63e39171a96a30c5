"""Code: Python functions of a few lines, run on tests.

    examples  Write f(x) = a * x + b in Python with f(1) = 5 and f(2) = 8                   return 3 * x + 2
              Write f(x, y) = a * x + b * y + c in Python with f(0, 0) = 3, ...             return 5 * x + 2 * y + 3
    steps     Write f(x) in Python: add 3, then double, then subtract 1                     x = x + 3 ...

The answer is a fenced block, which `r1kit.rewards.code` finds in the templates.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from r1kit.tasks.nano.base import Domain, Language, Part, draw_part, problem_id
from r1kit.types import Problem

Family = Literal["examples", "steps"]
Operator = Literal["+", "-", "*", "**"]
Step = tuple[Operator, int]

TEST_VALUES = (1, 3, 8)
"""What the functions are called with."""


@dataclass(frozen=True, slots=True)
class Content:
    """A function."""

    family: Family
    coefficients: tuple[int, ...] = ()
    """Of an example: a and b, or a, b and c."""
    steps: tuple[Step, ...] = ()

    @property
    def key(self) -> str:
        """What the function computes, and how."""
        return f"{self.family}:{self.coefficients or self.steps}"

    def __call__(self, *args: int) -> int:
        """What the function returns."""
        if self.coefficients:
            *factors, constant = self.coefficients
            return sum(factor * arg for factor, arg in zip(factors, args, strict=True)) + constant
        (value,) = args
        for step in self.steps:
            value = apply(step, value)
        return value


def draw_content(random: random.Random, part: Part) -> Content:
    """A random function of the given part."""
    draw = random.choice((_draw_line, _draw_plane, _draw_steps, _draw_steps))
    return draw_part(lambda: draw(random), part)


def render(content: Content, language: Language, random: random.Random) -> Problem:
    """Ask for a function in words."""
    prompt = (_word_examples if content.family == "examples" else _word_steps)(content, language)
    num_args = max(1, len(content.coefficients) - 1)
    inputs = [[TEST_VALUES[(i + j) % 3] for j in range(num_args)] for i in range(3)]
    tests: list[dict[str, Any]] = [
        {"type": "call", "fn_name": "f", "input": args, "output": content(*args)} for args in inputs
    ]
    return Problem(
        id=problem_id(content.key, language, prompt),
        prompt=prompt,
        answer=answer(content),
        task=content.family,
        verifier="code",
        language=language,
        info={"language": "python", "tests": tests},
    )


def answer(content: Content) -> str:
    """The function, in a fence."""
    if content.family == "steps":
        return block([*(line(step) for step in content.steps), "return x"])
    return block([f"return {expression(content.coefficients)}"], num_args=len(content.coefficients) - 1)


def block(lines: Sequence[str], *, num_args: int = 1) -> str:
    """A function of these lines, in a fence."""
    body = "".join(f"    {each}\n" for each in lines)
    return f"```python\ndef f({'x' if num_args == 1 else 'x, y'}):\n{body}```"


def expression(coefficients: Sequence[int]) -> str:
    """`3 * x + 2`, `5 * x + 2 * y + 3`."""
    *factors, constant = coefficients
    return " + ".join(f"{factor} * {name}" for factor, name in zip(factors, "xy", strict=False)) + f" + {constant}"


def line(step: Step) -> str:
    """`x = x + 3`; a square is `x = x * x`."""
    operator, number = step
    return "x = x * x" if operator == "**" else f"x = x {operator} {number}"


def apply(step: Step, value: int) -> int:
    """What a step makes of a value."""
    operator, number = step
    results = {"+": value + number, "-": value - number, "*": value * number, "**": value**2}
    return results[operator]


def say_step(step: Step, language: Language) -> str:
    """`add 3`, `double`."""
    operator, number = step
    english = {"+": f"add {number}", "-": f"subtract {number}", "*": f"multiply by {number}", "**": "square"}
    chinese = {"+": f"加 {number}", "-": f"减 {number}", "*": f"乘 {number}", "**": "平方"}
    if step == ("*", 2):
        return "double" if language == "en" else "加倍"
    return (english if language == "en" else chinese)[operator]


def example_args(content: Content) -> list[tuple[int, ...]]:
    """Where the examples are given."""
    return [(1,), (2,)] if len(content.coefficients) == 2 else [(0, 0), (1, 0), (0, 1)]


def format_call(args: Sequence[int]) -> str:
    """`f(1)`, `f(0, 1)`."""
    return f"f({', '.join(map(str, args))})"


def draw_step(random: random.Random) -> Step:
    """A random step: mostly a sum or a difference, never times 1."""
    operator: Operator = random.choices(("+", "-", "*", "**"), (4, 4, 3, 1))[0]
    return operator, 2 if operator == "**" else random.randint(2 if operator == "*" else 1, 9)


def _draw_line(random: random.Random) -> Content:
    return Content("examples", (random.randint(1, 9), random.randint(1, 12)))


def _draw_plane(random: random.Random) -> Content:
    return Content("examples", (random.randint(1, 9), random.randint(1, 9), random.randint(1, 20)))


def _draw_steps(random: random.Random) -> Content:
    return Content("steps", steps=tuple(draw_step(random) for _ in range(random.randint(2, 4))))


def _word_examples(content: Content, language: Language) -> str:
    form = "f(x) = a * x + b" if len(content.coefficients) == 2 else "f(x, y) = a * x + b * y + c"
    examples = [f"{format_call(args)} = {content(*args)}" for args in example_args(content)]
    if language == "en":
        return f"Write {form} in Python with {' and '.join((', '.join(examples[:-1]), examples[-1]))}"
    return f"用 Python 写 {form}，使 {'，'.join(examples)}"


def _word_steps(content: Content, language: Language) -> str:
    steps = [say_step(step, language) for step in content.steps]
    if language == "en":
        return f"Write f(x) in Python: {', then '.join(steps)}"
    return f"用 Python 写 f(x)：先{'，再'.join(steps)}"


CODE = Domain("code", ("examples", "steps"), draw_content, render)

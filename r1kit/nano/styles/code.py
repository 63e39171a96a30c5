"""How functions are worked out in writing: a difference a coefficient, or a line a step.

    examples  Each step adds 8 - 5 = 3. At 0 it is 5 - 3 = 2.
              At 0 it is 3. x adds 8 - 3 = 5. y adds 5 - 3 = 2.
    steps     add 3: x = x + 3. double: x = x * 2.

The thought of an at-once answer is the first line of the program.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from r1kit.nano.styles.base import (
    BRIEF_RIGHT_RATE,
    CHECK,
    NO,
    WAIT,
    YES,
    Response,
    Style,
    Voice,
    Writer,
    guesses_right,
    join,
    open_voice,
)
from r1kit.tasks.nano.base import Language
from r1kit.tasks.nano.code import (
    Content,
    Step,
    answer,
    draw_step,
    example_args,
    expression,
    format_call,
    line,
    say_step,
)

SLOPE: dict[Language, str] = {"en": "Each step adds {}.", "zh": "每步加 {}。"}
START: dict[Language, str] = {"en": "At 0 it is {}.", "zh": "在 0 处是 {}。"}
FACTOR: dict[Language, str] = {"en": "{} adds {}.", "zh": "{} 加 {}。"}
LINE: dict[Language, str] = {"en": "{}: {}.", "zh": "{}：{}。"}
PLAIN: dict[Language, str] = {"en": "{}.", "zh": "{}。"}
VERDICT: dict[Language, str] = {"en": "{}, {}", "zh": "{}，{}"}


def respond(content: Content, language: Language, style: Style, random: random.Random) -> Response:
    """Write a response in a style."""
    if style == "direct":
        said = content if guesses_right(random) else _wrong(content, random)
        return Response("def f(x)" if len(content.coefficients) < 3 else "def f(x, y)", answer(said))
    voice = open_voice(language, random)
    if style == "brief":
        said = content if random.random() < BRIEF_RIGHT_RATE else _wrong(content, random)
        short = expression(said.coefficients) if said.coefficients else ", ".join(map(line, said.steps))
        return Response(voice.say(PLAIN, short), answer(said))
    thought = (_from_examples if content.family == "examples" else _line_by_line)(content, style, voice)
    return Response(thought, answer(content))


def drill(language: Language, random: random.Random) -> str:
    """A step and its line, or coefficients and what they make."""
    if random.random() < 0.6:
        step = draw_step(random)
        return LINE[language].format(say_step(step, language), line(step))[:-1]
    a, b = random.randint(1, 9), random.randint(1, 12)
    return LINE[language].format(f"a = {a}, b = {b}", f"return {expression((a, b))}")[:-1]


def _from_examples(content: Content, style: Style, voice: Voice) -> str:
    right = _differences(content, content.coefficients, voice)
    if style == "full":
        return join(right)
    said = content.coefficients
    if voice.slips():
        said = _slipped(content, voice.random)
    sentences = [*_differences(content, said, voice), voice.say(CHECK)]
    guess = Content("examples", said)
    for args in example_args(content)[-2:]:
        *factors, constant = said
        product = sum(factor * arg for factor, arg in zip(factors, args, strict=True))
        is_right = guess(*args) == content(*args)
        spoken = voice.language()
        result = f"{format_call(args)} = {product} + {constant} = {product + constant}"
        sentences.append(VERDICT[spoken].format(result, (YES if is_right else NO)[spoken]))
        if not is_right:
            sentences += [voice.say(WAIT), *right]
            break
    return join(sentences)


def _differences(content: Content, said: Sequence[int], voice: Voice) -> list[str]:
    """A sentence a coefficient, with the results that are `said`."""
    values = [content(*args) for args in example_args(content)]
    if len(said) == 2:
        slope, start = said
        difference = f"{values[1]} - {values[0]} = {slope}"
        return [voice.say(SLOPE, difference), voice.say(START, f"{values[0]} - {slope} = {start}")]
    constant, *others = values
    factors = [
        voice.say(FACTOR, name, f"{value} - {constant} = {factor}")
        for name, value, factor in zip("xy", others, said[:-1], strict=True)
    ]
    return [voice.say(START, constant), *factors]


def _slipped(content: Content, random: random.Random) -> tuple[int, ...]:
    """The coefficients after one difference that is off by 1; what is taken from it is off too."""
    slip = random.choice((-1, 1))
    if len(content.coefficients) == 2:
        a, b = content.coefficients
        return a + slip, b - slip
    a, b, c = content.coefficients
    return random.choice(((a + slip, b, c), (a, b + slip, c)))


def _line_by_line(content: Content, style: Style, voice: Voice) -> str:
    right = _lines(content.steps, content.steps, voice)
    if style == "full":
        return join(right)
    slip_at, written = None, content.steps
    if voice.slips():
        slip_at = voice.random.randrange(len(content.steps))
        written = _with_slip(content.steps, slip_at, voice.random)
    return voice.checked(_lines(content.steps, written, voice), right, slip_at)


def _lines(steps: Sequence[Step], written: Sequence[Step], voice: Voice) -> list[str]:
    sentences = []
    for step, other in zip(steps, written, strict=True):
        spoken = voice.language()
        sentences.append(LINE[spoken].format(say_step(step, spoken), line(other)))
    return sentences


def _wrong(content: Content, random: random.Random) -> Content:
    """A function with a coefficient that is off by a little, or without the last step.

    The step left out is always the last: errors that fall anywhere would leave the right step the likeliest in every
    place, and a base that samples below temperature 1 would hardly make them.
    """
    if content.family == "steps":
        return Content("steps", steps=content.steps[:-1])
    place = random.randrange(len(content.coefficients))
    near = [content.coefficients[place] + offset for offset in (-3, -2, -1, 1, 2, 3)]
    wrong = list(content.coefficients)
    wrong[place] = random.choice([number for number in near if number > 0])
    return Content("examples", tuple(wrong))


def _with_slip(steps: Sequence[Step], place: int, random: random.Random) -> tuple[Step, ...]:
    """The steps with another one at a place."""
    while True:
        other = draw_step(random)
        if other != steps[place]:
            return (*steps[:place], other, *steps[place + 1 :])


CODE_WRITER = Writer(respond, drill)

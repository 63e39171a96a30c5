"""How multiple choice is worked out in writing: a running sum or the best so far, one option after the other.

    sum            2 spiders: 2 * 8 = 16. 1 ant: 1 * 6 = 6, 16 + 6 = 22. A: 20, no. B: 22, yes. So B.
    most, least    A: iron 7.9. B: gold 19.3 > 7.9. C: ice 0.9 < 19.3. D: glass 2.5 < 19.3. So B.
    floats, sinks  water 1.0. A: iron 7.9 > 1.0, no. B: ice 0.9 < 1.0, yes. So B.

The facts are those of the tables; a slip is in a sum or in a comparison, never in a fact.
"""

from __future__ import annotations

import random
from string import ascii_uppercase

from r1kit.nano.styles.base import (
    BRIEF_RIGHT_RATE,
    LOOKUP_RATE,
    NO,
    SO,
    YES,
    Response,
    Style,
    Voice,
    Writer,
    guesses_right,
    join,
    open_voice,
    picked,
)
from r1kit.tasks.nano.base import MAX_TOTAL, Language
from r1kit.tasks.nano.science import LIQUIDS, NUM_OPTIONS, TABLES, Content, Family, counted, draw_content

PLAIN: dict[Language, str] = {"en": "{}.", "zh": "{}。"}
TERM: dict[Language, str] = {"en": "{}: {}.", "zh": "{}：{}。"}
VERDICT: dict[Language, str] = {"en": "{}: {}, {}", "zh": "{}：{}，{}"}
FACTS: dict[Family, dict[Language, str]] = {
    "legs": {"en": "legs of 1 {}: {}", "zh": "1 只{}的腿：{}"},
    "atoms": {"en": "protons of 1 {}: {}", "zh": "1 个{}的质子：{}"},
    "density": {"en": "density of {}: {}", "zh": "{}的密度：{}"},
}
LETTERS = ascii_uppercase[:NUM_OPTIONS]


def respond(content: Content, language: Language, style: Style, random: random.Random) -> Response:
    """Write a response in a style."""
    if style == "direct":
        guess = _letter(content, random, right=guesses_right(random))
        return Response(guess, guess)
    voice = open_voice(language, random)
    if style == "brief":
        letter = _letter(content, random, right=random.random() < BRIEF_RIGHT_RATE)
        said = voice.say(PLAIN, _said(content, LETTERS.index(letter), language))
        return Response(join((said, voice.say(SO, letter))), letter)
    work_out = _sum if content.ask == "sum" else _best if content.ask in ("most", "least") else _search
    right = work_out(content, language, voice, None)
    thought = join(right)
    if style == "checked":
        places = range(len(right)) if content.ask == "sum" else range(1, len(right) - 1)
        slip_at = random.choice(places) if voice.slips() else None
        thought = voice.checked(work_out(content, language, voice, slip_at), right, slip_at)
    if content.ask == "sum":
        thought = join((thought, *_scan(content, voice)))
    return Response(thought, content.letter)


def drill(language: Language, random: random.Random) -> str:
    """A fact, a product, a sum or a comparison; or options, read off a list of all."""
    content = draw_content(random, "pretrain")
    if random.random() < LOOKUP_RATE:
        return _lookups(content, language, random)
    count, what = random.choice(content.items)
    value = TABLES[content.family][what].value
    if content.ask == "sum" and random.random() < 0.5:
        left = random.randint(0, MAX_TOTAL)
        right = random.randint(0, MAX_TOTAL - left)
        return random.choice((f"{count} * {value:g} = {count * int(value)}", f"{left} + {right} = {left + right}"))
    if content.ask != "sum" and random.random() < 0.5:
        left, right = random.sample(sorted({*content.values, *(each.value for each in LIQUIDS.values())}), 2)
        return _relation(left, right, content.family)
    return FACTS[content.family][language].format(content.words(what, language), format_value(value, content.family))


def _lookups(content: Content, language: Language, random: random.Random) -> str:
    """`A: iron, B: gold, C: ice, D: glass. C: ice 0.9. A: iron 7.9. ...`"""
    entry, comma = {"en": ("{}: {}", ", "), "zh": ("{}：{}", "，")}[language]
    options = comma.join(map(entry.format, LETTERS, content.options(language)))
    entries = [entry.format(letter, _said(content, i, language)) for i, letter in enumerate(LETTERS)]
    return join([PLAIN[language].format(each) for each in (options, *picked(entries, random))])[:-1]


def format_value(value: float, family: Family) -> str:
    """`8` legs or protons, a density of `9.0`."""
    return f"{value:.1f}" if family == "density" else f"{value:g}"


def _sum(content: Content, language: Language, voice: Voice, slip_at: int | None) -> list[str]:
    """A sentence an item, which adds it to the total; at item number `slip_at` the total is off by a little."""
    sentences, total = [], 0
    for i, ((count, what), value) in enumerate(zip(content.items, content.values, strict=True)):
        product = count * int(value)
        result = total + product
        if i == slip_at:
            result += voice.random.choice([slip for slip in (-2, -1, 1, 2) if result + slip >= 0])
        steps = f"{count} * {value:g} = {product if i else result}"
        if i:
            comma = ", " if language == "en" else "，"
            steps += f"{comma}{total} + {product} = {result}"
        spoken = voice.language()
        sentences.append(TERM[spoken].format(counted(content, count, what, spoken), steps))
        total = result
    return sentences


def _scan(content: Content, voice: Voice) -> list[str]:
    """Option after option until one is the total."""
    place = LETTERS.index(content.letter)
    options = list(zip(LETTERS, content.numbers, strict=True))[: place + 1]
    sentences = [_verdict(letter, str(number), letter == content.letter, voice) for letter, number in options]
    return [*sentences, voice.say(SO, content.letter)]


def _best(content: Content, language: Language, voice: Voice, slip_at: int | None) -> list[str]:
    """A sentence an option, compared with the best before it; in number `slip_at` the comparison is the wrong way."""
    values = content.values
    best, sentences = 0, [voice.say(TERM, "A", _said(content, 0, language))]
    for i in range(1, NUM_OPTIONS):
        is_more = (values[i] > values[best]) != (i == slip_at)
        sign, other = ">" if is_more else "<", format_value(values[best], content.family)
        sentences.append(voice.say(TERM, LETTERS[i], f"{_said(content, i, language)} {sign} {other}"))
        if is_more == (content.ask == "most"):
            best = i
    return [*sentences, voice.say(SO, LETTERS[best])]


def _search(content: Content, language: Language, voice: Voice, slip_at: int | None) -> list[str]:
    """The liquid, then options until one fits; the verdict of sentence `slip_at` is the wrong one."""
    liquid = LIQUIDS[content.liquid]
    sentences = [voice.say(PLAIN, f"{liquid.words[language]} {format_value(liquid.value, 'density')}")]
    for i, value in enumerate(content.values):
        fits = content.fits(value) != (len(sentences) == slip_at)
        relation = f"{content.words(content.items[i][1], language)} {_relation(value, liquid.value, 'density')}"
        sentences.append(_verdict(LETTERS[i], relation, fits, voice))
        if fits:
            return [*sentences, voice.say(SO, LETTERS[i])]
    return sentences


def _said(content: Content, place: int, language: Language) -> str:
    """An option as a number, or with its value: `34`, `gold 19.3`."""
    option = content.options(language)[place]
    return option if content.ask == "sum" else f"{option} {format_value(content.values[place], content.family)}"


def _verdict(letter: str, text: str, is_right: bool, voice: Voice) -> str:
    spoken = voice.language()
    return VERDICT[spoken].format(letter, text, (YES if is_right else NO)[spoken])


def _relation(left: float, right: float, family: Family) -> str:
    return f"{format_value(left, family)} {'>' if left > right else '<'} {format_value(right, family)}"


def _letter(content: Content, random: random.Random, *, right: bool) -> str:
    return content.letter if right else random.choice([letter for letter in LETTERS if letter != content.letter])


SCIENCE_WRITER = Writer(respond, drill)

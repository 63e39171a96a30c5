"""Instructions about form: `detectable_format:*`, `detectable_content:*`, `combination:*`, `startend:*`.

Each function takes the arguments that the data set calls `kwargs` and returns a checker. Where the published checkers
accept an empty shell, these want something in it: two responses that differ, sections with text, a postscript.
"""

from __future__ import annotations

import re

from r1kit.rewards.ifeval.text import Checker
from r1kit.rewards.json_answer import NotJson, read_json

CONSTRAINED_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

_BULLET = re.compile(r"^[ \t]*[*-][ \t]+\S", re.MULTILINE)
_HIGHLIGHT = re.compile(r"(?<!\*)(\*{1,3})(?![\s*])[^*\n]*(?<![\s*])\1(?!\*)")
_TITLE = re.compile(r"<<([^\n<>]+)>>")
_PLACEHOLDER = re.compile(r"\[([^\[\]\n]*)\](?!\()")
_QUOTES = (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"), ("＂", "＂"))


def number_bullet_lists(*, num_bullets: int) -> Checker:
    """Exactly so many lines that begin with "* " or "- " and go on."""

    def check(response: str) -> str:
        count = len(_BULLET.findall(response))
        return "" if count == num_bullets else f"{count} bullet points, not {num_bullets}"

    return check


def number_highlighted_sections(*, num_highlights: int) -> Checker:
    """At least so many spans between asterisks, *like this* or **like this**, each within a line."""

    def check(response: str) -> str:
        count = sum(1 for _ in _HIGHLIGHT.finditer(response))
        return "" if count >= num_highlights else f"{count} highlighted sections, not at least {num_highlights}"

    return check


def multiple_sections(*, section_spliter: str, num_sections: int) -> Checker:
    """At least so many different headings "SECTION 1", "SECTION 2" ..., each with text before the next one."""
    heading = re.compile(rf"(?<!\w){re.escape(section_spliter)}\s?(\d{{1,3}})(?!\d)")

    def check(response: str) -> str:
        _, *rest = heading.split(response)  # number, text, number, text ...
        numbers = {int(number) for number, text in zip(rest[::2], rest[1::2], strict=True) if re.search(r"\w", text)}
        wanted = f"{num_sections} sections headed {section_spliter} 1, 2 ..."
        return "" if len(numbers) >= num_sections else f"{len(numbers)} of {wanted}"

    return check


def json_format() -> Checker:
    """The whole response is one JSON object or array, bare or in a code block."""

    def check(response: str) -> str:
        try:
            value = read_json(response)
        except NotJson as error:
            return str(error)
        return "" if isinstance(value, dict | list) else "a lone JSON value, not an object or array"

    return check


def title() -> Checker:
    """A title in double angular brackets, <<like this>>, on one line."""

    def check(response: str) -> str:
        return "" if any(found.strip() for found in _TITLE.findall(response)) else "no <<title>>"

    return check


def constrained_response() -> Checker:
    """Exactly one of CONSTRAINED_ANSWERS occurs, word for word."""

    def check(response: str) -> str:
        found = [answer for answer in CONSTRAINED_ANSWERS if answer in response]
        return "" if len(found) == 1 else f"has {' and '.join(map(repr, found)) or 'none'} of the three answers"

    return check


def number_placeholders(*, num_placeholders: int) -> Checker:
    """At least so many placeholders in square brackets, such as [name]; a Markdown link is none."""

    def check(response: str) -> str:
        count = sum(1 for found in _PLACEHOLDER.findall(response) if found.strip())
        return "" if count >= num_placeholders else f"{count} placeholders, not at least {num_placeholders}"

    return check


def postscript(*, postscript_marker: str) -> Checker:
    """A postscript that begins with the marker ("P.S." or "P.P.S"), capitals or not, and says something."""
    letters = [re.escape(letter) for letter in postscript_marker.replace(".", "").replace(" ", "")]
    ending = r"\." if postscript_marker.rstrip().endswith(".") else r"\.?"
    marker = re.compile(r"(?<![\w.])" + r"\.\s?".join(letters) + ending + r"[\W_]*\w", re.IGNORECASE)
    return lambda response: "" if marker.search(response) else f"no postscript that begins with {postscript_marker}"


def two_responses() -> Checker:
    """Exactly two different responses with six asterisks between them."""

    def check(response: str) -> str:
        parts = [" ".join(part.split()) for part in re.split(r"(?<!\*)\*{6}(?!\*)", response)]
        if any(not part for part in parts[1:-1]):
            return "an empty response between two ******"
        given = [part for part in parts if part]
        if len(given) != 2:
            return f"{len(given)} responses between ******, not 2"
        return "the two responses are the same" if given[0].casefold() == given[1].casefold() else ""

    return check


def repeat_prompt(*, prompt_to_repeat: str) -> Checker:
    """The request word for word, capitals and spacing aside, and then something else."""
    request = " ".join(prompt_to_repeat.split()).casefold()

    def check(response: str) -> str:
        said = " ".join(response.split()).casefold()
        if not said.startswith(request):
            return "does not begin with the request"
        return "" if re.search(r"\w", said[len(request) :]) else "nothing after the request"

    return check


def end_checker(*, end_phrase: str) -> Checker:
    """The phrase, capitals aside, and nothing after it but a closing quotation mark."""
    ending = end_phrase.strip().casefold()

    def check(response: str) -> str:
        said = response.strip().rstrip('"”').rstrip().casefold()
        return "" if said.endswith(ending) else f"does not end in {end_phrase!r}"

    return check


def quotation() -> Checker:
    """All of the response stands between double quotation marks."""

    def check(response: str) -> str:
        said = response.strip()
        for opening, closing in _QUOTES:
            if said.startswith(opening) and said.endswith(closing) and said[1:-1].strip():
                return ""
        return "not between double quotation marks"

    return check

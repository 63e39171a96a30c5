r"""Where an answer stands in a completion. No other file looks for answers in text.

A completion thinks first and answers afterwards (Table 1 of arXiv:2501.12948), so the answer is looked for in the
text after the last `</think>` and before any later `<think>` that is still open; in the readable format of section
2.3.1, in the summary, the text after the last READABLE_TOKEN. Every function here is linear in the length of the text:
a completion of 100 kB of braces costs as much as 100 kB of prose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from r1kit.errors import ConfigError, suggest

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
ANSWER_OPEN = "<answer>"
ANSWER_CLOSE = "</answer>"
_TAGS = (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)
READABLE_TOKEN = "|special_token|"  # noqa: S105 (not a password)
"""Before and after the reasoning of the readable format. So the paper writes it; which token it stood for is not
published. It must survive decoding, which drops the tokenizer's own special tokens, so it is a string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkAnswer:
    """A completion cut into Table 1's two blocks."""

    think: str | None
    """All text that was thought, stripped; None if the completion has neither think tag."""
    answer: str | None
    """The content of the last `<answer>...</answer>` outside the thinking, stripped; None if missing or empty."""
    well_formed: bool
    """One non-empty think block, then one non-empty answer block, and only white space around them."""
    problem: str
    """Why it is not well formed, in a few words; empty if it is."""


def split_think_answer(text: str) -> ThinkAnswer:
    """Cut a completion into its think and answer blocks and say whether it has Table 1's format.

    A broken completion is cut as well as it can be: a block that was never closed (the completion was truncated)
    is thought to its end, and text before a lone `</think>` was thought too.
    """
    problem = think_answer_problem(text)
    return ThinkAnswer(
        think=_thinking(text), answer=last_answer_tag(after_thinking(text)), well_formed=not problem, problem=problem
    )


def think_answer_problem(text: str) -> str:
    """Why a completion does not have Table 1's format, in a few words; empty if it has."""
    for tag in _TAGS:
        count = text.count(tag)
        if count != 1:
            return f"no {tag}" if count == 0 else f"{count} times {tag}"
    before, rest = text.split(THINK_OPEN)
    if THINK_CLOSE not in rest:
        return f"{THINK_CLOSE} before {THINK_OPEN}"
    think, rest = rest.split(THINK_CLOSE)
    if ANSWER_OPEN not in rest or ANSWER_CLOSE not in rest:
        return f"{ANSWER_OPEN} block is not after {THINK_CLOSE}"
    between, rest = rest.split(ANSWER_OPEN)
    if ANSWER_CLOSE not in rest:
        return f"{ANSWER_CLOSE} before {ANSWER_OPEN}"
    answer, after = rest.split(ANSWER_CLOSE)
    for problem, is_wrong in (
        (f"text before {THINK_OPEN}", before.strip()),
        (f"text between {THINK_CLOSE} and {ANSWER_OPEN}", between.strip()),
        (f"text after {ANSWER_CLOSE}", after.strip()),
        (f"empty {THINK_OPEN}", not _has_content(think)),
        (f"empty {ANSWER_OPEN}", not _has_content(answer)),
    ):
        if is_wrong:
            return problem
    return ""


def _has_content(text: str) -> bool:
    """Whether a reader sees anything: format characters (zero-width space and joiner, soft hyphen) are invisible."""
    return any(not character.isspace() and unicodedata.category(character) != "Cf" for character in text)


def boxed_problem(text: str) -> str:
    r"""Why a completion does not end in a `\boxed{}` answer, in a few words; empty if it does."""
    return "" if last_boxed(after_thinking(text)) else "no \\boxed{} answer"


def plain_problem(text: str) -> str:
    """Why a completion has no answer that PLAIN_POLICY finds, in a few words; empty if it has one."""
    return "" if extract_answer(text, PLAIN_POLICY) is not None else "no answer"


def _thinking(text: str) -> str | None:
    if THINK_OPEN not in text and THINK_CLOSE not in text:
        return None
    head, _, _ = text.rpartition(THINK_CLOSE) if THINK_CLOSE in text else (text, "", "")
    before, opening, inside = head.partition(THINK_OPEN)
    return (inside if opening else before).strip()


def after_thinking(text: str) -> str:
    """The part of a completion in which an answer counts; all of it if it has neither think tags nor READABLE_TOKEN.

    One READABLE_TOKEN alone opens a reasoning that never ended (the completion was truncated): nothing counts.
    """
    before, token, rest = text.rpartition(READABLE_TOKEN)
    if token and READABLE_TOKEN not in before:
        return ""
    visible = rest.rpartition(THINK_CLOSE)[2]  # without a token, rpartition leaves all of the text in the rest
    return visible.partition(THINK_OPEN)[0]


def chain_of_thought(text: str) -> str:
    """The thinking of a completion; all of it where neither think tags nor READABLE_TOKEN part it from the answer.

    In the readable format everything before the summary was thought, also what stands before the first token: what is
    read here cannot be chosen by moving a token. One token alone: all of it.
    """
    before, token, rest = text.rpartition(READABLE_TOKEN)
    if token:
        thought = before if READABLE_TOKEN in before else f"{before}\n{rest}"
        return thought.replace(READABLE_TOKEN, "\n").strip()
    think = _thinking(text)
    return text if think is None else think


def last_answer_tag(text: str) -> str | None:
    """The content of the last closed `<answer>...</answer>`, stripped; None if missing or empty."""
    head, closing, _ = text.rpartition(ANSWER_CLOSE)
    if not closing:
        return None
    _, opening, content = head.rpartition(ANSWER_OPEN)
    return (content.strip() or None) if opening else None


_BOX_TOKEN = re.compile(r"\\(?:boxed|fbox|framebox)\s{0,8}\{|\\.|[{}]", re.DOTALL)
_BOX_COMMANDS = ("\\boxed", "\\fbox", "\\framebox")


def last_boxed(text: str) -> str | None:
    r"""The content of the `\boxed{}` (or `\fbox{}`) that closes last, stripped; None if missing or empty.

    Braces are balanced and `\{` is no brace, so `\boxed{\frac{1}{2}}` and `\boxed{\{1, 2\}}` are read whole. Of
    nested boxes the outer one counts; a box that is never closed (truncation) does not.
    """
    boxes = _boxes(text)
    return (text[boxes[-1][1] : boxes[-1][2]].strip() or None) if boxes else None


def _boxes(text: str) -> list[tuple[int, int, int]]:
    """The closed outermost boxes in the order of their ends: where each begins, where its content does and ends."""
    opened: list[tuple[int, int] | None] = []  # for each open brace: None, or the box that it belongs to
    boxes: list[tuple[int, int, int]] = []
    for token in _BOX_TOKEN.finditer(text):
        if token[0].startswith(_BOX_COMMANDS) and token[0].endswith("{"):
            opened.append((token.start(), token.end()))
        elif token[0] == "{":
            opened.append(None)
        elif token[0] == "}" and opened:
            box = opened.pop()
            if box is not None:
                while boxes and boxes[-1][0] > box[0]:
                    boxes.pop()  # nested in this one
                boxes.append((*box, token.start()))
    return boxes


_JOINT = re.compile(
    r"[\s$]*(?:\\[()\],;\s]|\\q?quad)*[\s$]*(?:,|;|&)?[\s$]*(?:\\[()\[\],;\s!]|\\q?quad|[\s$])*"
    r"(?:(?:\\text\s*\{)?(?P<words>(?:[\s(]*[A-Za-z]{1,12}\)?){0,5}?)[\s,]*\b(?:and|or)\b\s*\}?)?"
    r"(?:\\[()\[\],;\s!]|\\q?quad|[\s$]|[A-Za-z_0-9]{1,4}\s*=)*"
)
_CORRECTIONS = {"no", "not", "wait", "actually", "wrong", "instead", "rather", "sorry", "but", "hmm"}


def boxed_answer(text: str) -> str | None:
    r"""The last box, together with the boxes right before it that only a comma or "and" parts from it.

    `\boxed{2} and \boxed{3}` is one answer of two values, joined by ", "; a box that corrects another replaces it.
    """
    boxes = _boxes(text)
    if not boxes:
        return None
    first = len(boxes) - 1
    while first > 0 and _joins(text[boxes[first - 1][2] + 1 : boxes[first][0]]):
        first -= 1
    contents = [text[start:end].strip() for _, start, end in boxes[first:]]
    if len(set(contents)) == 1:
        return contents[0] or None
    return ", ".join(content for content in contents if content) or None


def _joins(between: str) -> bool:
    if len(between) > 60:
        return False
    match = _JOINT.fullmatch(between)
    return match is not None and not _CORRECTIONS & set((match["words"] or "").lower().split())


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block of a completion."""

    tag: str
    """The first word after the opening fence, in lower case; empty if there is none."""
    code: str


_FENCE = re.compile(rf"[ \t>]*(?:{ANSWER_OPEN}[ \t]*)?(?P<fence>`{{3,}}|~{{3,}})")

_TAG_END = re.compile(r"[\s:,;{}]")


def code_blocks(text: str) -> list[CodeBlock]:
    """All closed fenced blocks (of backticks or tildes), in order.

    A block that is never closed (the completion was truncated) is none; where a new fence with a tag opens inside one,
    the earlier was abandoned, and the new one counts.
    """
    blocks: list[CodeBlock] = []
    fence, tag, indent, start = "", "", "", 0
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if match is None:
            continue
        info = line[match.end() :].strip().removesuffix(ANSWER_CLOSE).strip()
        if "`" in info:
            continue
        closes = bool(fence) and match["fence"].startswith(fence) and not info
        if closes:
            code = "\n".join(line.removeprefix(indent) for line in lines[start:number])
            blocks.append(CodeBlock(tag, code))
            fence = ""
        elif not fence or (info and match["fence"].startswith(fence)):
            fence, start = match["fence"], number + 1
            indent = line[: len(line) - len(line.lstrip())]
            tag = _TAG_END.split(info.lstrip("{."), maxsplit=1)[0].lower()
    return blocks


def hash_answer(text: str) -> str | None:
    """The rest of the line after the last `####`, as GSM8K's solutions end; None if missing or empty."""
    _, marker, rest = text.rpartition("####")
    return (rest.partition("\n")[0].strip() or None) if marker else None


_THE_ANSWER_IS = re.compile(
    r"\banswer is:?|\bfinal answer\s{0,4}:(?!\s*\n)|答案(?:是|为)?[:\uff1a]|答案(?:是|为)", re.IGNORECASE
)


def the_answer_is(text: str) -> str | None:
    """The rest of the sentence after the last "answer is" (or 答案是, 答案为); None if missing or empty.

    A sentence ends at a line break or at a full stop that white space or the end of the text follows.
    """
    end = None
    for match in _THE_ANSWER_IS.finditer(text):
        end = match.end()
    if end is None:
        return None
    sentence = re.split(r"\n|\.\s|\.\Z|。", text[end:], maxsplit=1)[0]
    return sentence.strip() or None


_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?%?")


def last_number(text: str) -> str | None:
    """The last number in the text, with its sign, thousands separators, `/denominator` and `%`; None if there is none.

    It rewards a completion that never commits to an answer, so only PLAIN_POLICY has it, and last.
    """
    last = None
    for match in _NUMBER.finditer(text):
        last = match[0]
    return last


_BOLD = re.compile(r"\*\*(?!\s)((?:(?!\*\*)[^\n])+)(?<!\s)\*\*")


def last_bold(text: str) -> str | None:
    """The content of the last markdown highlight `**...**` on one line; None if there is none.

    A highlight that ends in a colon (`**Note:**`) is a label and no answer.
    """
    contents = [match[1].strip() for match in _BOLD.finditer(text)]
    return next((content for content in reversed(contents) if not content.endswith((":", "："))), None)


_BOX_OPEN = "<|begin_of_box|>"
_BOX_CLOSE = "<|end_of_box|>"


def box_tokens(text: str) -> str | None:
    """The content of the last pair of box tokens, which some models write in place of a box; None if missing."""
    head, closing, _ = text.rpartition(_BOX_CLOSE)
    _, opening, content = head.rpartition(_BOX_OPEN)
    return (content.strip() or None) if closing and opening else None


def whole_response(text: str) -> str | None:
    """All of the text, stripped; None if it is empty."""
    return text.strip() or None


EXTRACTORS: dict[str, Callable[[str], str | None]] = {
    "answer_tag": last_answer_tag,
    "boxed": boxed_answer,
    "box_tokens": box_tokens,
    "bold": last_bold,
    "hash": hash_answer,
    "the_answer_is": the_answer_is,
    "last_number": last_number,
    "response": whole_response,
}

R1_ZERO_POLICY = ("answer_tag",)
"""Table 1: the answer stands in its tags."""
BOXED_POLICY = ("boxed",)
r"""Section 2.2.2: "in a specified format (e.g., within a box)"."""

READABLE_POLICY = ("boxed", "bold")
"""Section 2.3.1: the summary has "markdown formatting to highlight answers"; a number in plain text is none, since a
summary may name many. Of several highlights the last counts, so that listing guesses gains nothing."""

PLAIN_POLICY = ("boxed", "answer_tag", "hash", "the_answer_is", "last_number")
"""Not in the paper: for models that are asked for no format and are too weak to follow one."""

RESPONSE_POLICY = ("answer_tag", "response")
"""Not in the paper: where the whole response after the thinking is judged, as instructions about it are."""

SOLUTION_POLICY = ("boxed", "box_tokens", "answer_tag", "hash", "the_answer_is")
"""Not in the paper: where `find_answer` looks in a text of which nothing is known."""

MAX_BARE_CHARS = 1000
"""Of a text without any marked answer, the end of this length is the answer."""


def find_answer(text: str) -> str | None:
    """The answer in a text that may be a solution, a sentence or nothing but the answer; None if it is empty.

    Without a marked answer it is the whole text or, of a long one, its last lines; to find the expression in a
    sentence is the reader's work (`MathPolicy.prose`).
    """
    visible = after_thinking(text).strip()
    after_box = visible[boxes[-1][2] :] if (boxes := _boxes(visible)) else ""
    restated = the_answer_is(after_box)  # the last commitment counts
    if restated is not None and any(char.isdigit() or char in "$\\" for char in restated):
        return restated
    marked = extract_answer(text, SOLUTION_POLICY)
    if marked is not None:
        return marked
    if len(visible) > MAX_BARE_CHARS:
        visible = visible[-MAX_BARE_CHARS:].partition("\n")[2] or visible[-MAX_BARE_CHARS:]
    return visible or None


def extract_answer(text: str, policy: tuple[str, ...], *, include_thinking: bool = False) -> str | None:
    """The first answer that the extractors of `policy` find, tried in order; None if none finds one.

    Args:
        text: A completion.
        policy: Keys into EXTRACTORS.
        include_thinking: Also look inside the thinking. Off, because a guess there is not an answer.

    Raises:
        ConfigError: `policy` names an unknown extractor.
    """
    for name in policy:
        if name not in EXTRACTORS:
            raise ConfigError(f"unknown answer extractor {name!r}; {suggest(name, EXTRACTORS)}")
    visible = text if include_thinking else after_thinking(text)
    for name in policy:
        answer = EXTRACTORS[name](visible)
        if answer is not None:
            return answer
    return None

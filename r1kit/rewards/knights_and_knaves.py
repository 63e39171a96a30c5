"""Is a knights-and-knaves answer right: who is a knight and who is a knave, each person exactly once?

    (1) Zoey is a knave          Zoey: knave, Ethan: knight        {"Zoey": "knave", "Ethan": "knight"}
    (2) Ethan is a knight        Zoey 是无赖，Ethan 是骑士          Knights: Ethan. Knaves: Zoey.

The answer is read word for word: what is neither a name, a role nor one of a few linking words makes it wrong, so that
"Zoey is a knight or a knave" and "Zoey is a knight if Ethan is" earn nothing. A name counts only whole, and a person
who is named twice makes the answer wrong, whether the two mentions agree or not. Linear in the length of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from r1kit.errors import DataError
from r1kit.types import Problem, Score

MAX_ANSWER_CHARS = 4000
"""A longer answer is wrong unread; seven people take 200 characters."""

_ROLES = {
    **dict.fromkeys(("knight", "knights", "骑士"), True),
    **dict.fromkeys(("knave", "knaves", "无赖", "骗子", "恶棍", "流氓"), False),
}
_NOT = frozenset(("not", "isn't", "aren't", "不是", "并非", "非"))
_LINKS = frozenset(
    ("a", "an", "the", "is", "are", "and", "both", "all", "so", "therefore", "thus", "hence", "answer", "final")
) | frozenset(
    ("while", "是", "为", "一个", "一名", "一位", "都", "均", "和", "与", "及", "而", "则", "答案", "所以", "因此")
)
_NOBODY = frozenset(("none", "nobody", "无", "没有"))
_LETTER = r"[^\W\u3400-\u9fff]"
"""A letter or digit that would make a name part of a longer one; Chinese is written without spaces."""
_LATEX = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf)\b|\\\\|\\[ ,;]")
_EDGE = re.compile(_LETTER)
_CHINESE = sorted((w for w in (*_ROLES, *_NOT, *_LINKS, *_NOBODY) if not w.isascii()), key=len, reverse=True)
_TOKEN = re.compile(
    r"(?P<number>(?<!\w)[(\[（]?\d{1,2}[)\]）.:：、])"
    rf"|(?P<word>{'|'.join(_CHINESE)}|{_LETTER}+(?:['’]{_LETTER}+)?|[\u3400-\u9fff])"
    r"|(?P<end>[\n;；。.!]|,\s*(?=knights?\b|knaves?\b))"
    r"|(?P<other>[\s,，、:：=|*()\[\]{}$\"'“”`>&-]|→)"
    r"|(?P<odd>.)",
    re.IGNORECASE | re.DOTALL,
)


class UnreadableRoles(Exception):
    """The answer does not say who is what; the message is the reason."""


def judge_knights_and_knaves(problem: Problem, answer: str) -> Score:
    """`verify_knights_and_knaves` on a problem with `info = {"names": ["Zoey", "Ethan"]}`.

    Raises:
        DataError: `info` lacks the names, or the gold answer does not give each of them a role.
    """
    names = problem.info.get("names")
    if not isinstance(names, list | tuple) or not names:
        raise DataError(f"problem {problem.id!r}: verifier 'knights_and_knaves' needs info['names'], a list of names")
    try:
        read_roles(problem.answer, names)
    except UnreadableRoles as error:
        raise DataError(
            f"problem {problem.id!r}: its gold answer {problem.answer[:80]!r} is unclear: {error}"
        ) from None
    return verify_knights_and_knaves(gold=problem.answer, answer=answer, names=names)


def verify_knights_and_knaves(*, gold: str, answer: str, names: Sequence[str]) -> Score:
    """Judge who is said to be what; safe and fast for any text.

    Args:
        gold: The right answer in any of the forms that an answer may have.
        answer: What the completion gave as its answer, all of it.
        names: Everybody that the puzzle names.

    Returns:
        1.0 or 0.0, never None; `parsed` is "Zoey: knave, Ethan: knight" in the order of `names`.

    Raises:
        UnreadableRoles: the gold answer does not give each of `names` a role.
    """
    is_knight = read_roles(gold, names)
    try:
        said = read_roles(answer, names)
    except UnreadableRoles as error:
        return Score(value=0.0, reason=str(error))
    wrong = [name for name in names if said[name] != is_knight[name]]
    parsed = ", ".join(f"{name}: {'knight' if said[name] else 'knave'}" for name in names)
    return Score(
        value=0.0 if wrong else 1.0, reason=f"wrong: {', '.join(wrong)}" if wrong else "correct", parsed=parsed
    )


def read_roles(text: str, names: Sequence[str]) -> dict[str, bool]:
    """Name to whether the text says that the person is a knight.

    Raises:
        UnreadableRoles: a person without a role or with two, a role for nobody, or a word that does not belong there.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise UnreadableRoles(f"answer is longer than {MAX_ANSWER_CHARS} characters")
    text = _as_lines(text)
    reader = _Reader({name.casefold(): name for name in names})
    for kind, token in _tokens(text, names):
        reader.read(kind, token)
    reader.end_clause()
    missing = [name for name in names if name not in reader.roles]
    if missing:
        raise UnreadableRoles(f"no role for {', '.join(missing)}")
    return reader.roles


@dataclass
class _Reader:
    """What has been understood so far of an answer that is read token by token."""

    names: dict[str, str]
    """Casefolded to as it is written."""
    roles: dict[str, bool] = field(default_factory=dict)
    subjects: list[str] = field(default_factory=list)
    """People of this clause whose role has not come yet: "Zoey and Ethan are ..."."""
    header: bool | None = None
    """The role of the people to come: "Knights: Zoey, Ethan"."""
    is_open_header: bool = False
    """A header that nobody has followed yet."""
    is_negated: bool = False

    def read(self, kind: str, token: str) -> None:
        if kind == "name":
            self._read_name(self.names.get(token, token))
        elif kind == "role":
            self._read_role(_ROLES[token])
        elif kind == "end":
            self.end_clause()
        elif token in _NOT:
            self.is_negated = True
        elif token in _NOBODY and self.is_open_header:
            self.is_open_header = False
        elif kind == "word" and token not in _LINKS:
            raise UnreadableRoles(f"unexpected word {token[:40]!r}")

    def end_clause(self) -> None:
        if self.subjects:
            raise UnreadableRoles(f"no role for {', '.join(self.subjects)}")
        if self.is_open_header:
            raise UnreadableRoles("a role for nobody")
        if self.is_negated:
            raise UnreadableRoles("unexpected word 'not'")
        self.header = None

    def _read_name(self, name: str) -> None:
        if self.header is None:
            self.subjects.append(name)
        else:
            self.is_open_header = False
            self._assign(name, self.header)

    def _read_role(self, is_knight: bool) -> None:
        if self.subjects:
            subjects, self.subjects = self.subjects, []
            for name in subjects:
                self._assign(name, is_knight != self.is_negated)
        elif self.is_open_header or self.is_negated:
            raise UnreadableRoles("a role for nobody")
        else:
            self.header, self.is_open_header = is_knight, True
        self.is_negated = False

    def _assign(self, name: str, is_knight: bool) -> None:
        if name not in self.names.values():
            raise UnreadableRoles(f"unknown name {name!r}")
        if name in self.roles:
            raise UnreadableRoles(f"{name} is named twice")
        self.roles[name] = is_knight


def _tokens(text: str, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(kind, casefolded token): name, role, word, or end of a clause; other signs and numbering are no tokens."""
    position = 0
    for match in re.finditer(_any_of(names), text, re.IGNORECASE):
        if _EDGE.match(text, match.end()) or (match.start() > 0 and _EDGE.match(text, match.start() - 1)):
            continue  # a part of a longer word
        yield from _tokens_between(text[position : match.start()])
        yield "name", match[0].casefold()
        position = match.end()
    yield from _tokens_between(text[position:])


def _any_of(names: Sequence[str]) -> str:
    """A pattern of the names, longest first; a name that is also a linking word ("A") keeps its capitals."""
    longest_first = sorted(names, key=len, reverse=True)
    return "|".join(f"(?-i:{re.escape(n)})" if n.casefold() in _LINKS else re.escape(n) for n in longest_first)


def _tokens_between(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0].casefold().replace("’", "'")
        if kind == "odd":
            raise UnreadableRoles(f"unexpected sign {token!r}")
        if kind == "end":
            yield "end", token
        elif kind == "word":
            yield ("role" if token in _ROLES else "word"), token


def _as_lines(text: str) -> str:
    """JSON as one line a person; other text without its LaTeX commands and list bullets."""
    text = text.strip()
    if text[:1] in ("{", "["):
        try:
            values = json.loads(text, object_pairs_hook=tuple)  # a tuple of pairs, so that a repeated name is seen
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, list):
            return "\n".join(": ".join(str(part) for _, part in value) for value in values if isinstance(value, tuple))
        if isinstance(values, tuple):
            return "\n".join(f"{name}: {role}" for name, role in values)
    return _LATEX.sub(" ", text)

r"""The tokens of an answer: numbers, letters, commands, functions, words, separators."""

from __future__ import annotations

import re
from typing import NamedTuple


class Unreadable(Exception):
    """The text is not in the grammar of `parser.py`."""


class Token(NamedTuple):
    """One token; `kind` is num, sym, cmd, func, text (words), sep (between items) or op."""

    kind: str
    text: str


MAX_TOKENS = 800

_LETTERS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
    Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar infty emptyset R Z Q N C angle triangle ldots odot
"""
SYMBOL_COMMANDS = frozenset(f"\\{name}" for name in _LETTERS.split())
"""Commands that stand for a letter or a constant; any other is unreadable, rather than an unknown factor."""

_FUNCTION_NAMES = """
    sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot arcsec arccsc arcsinh arccosh arctanh
    ln log lg exp max min gcd lcm sgn
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_ALIASES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "arsinh": "arcsinh", "arcosh": "arccosh"}
SEPARATORS = frozenset((",", ";", "and", "or"))
_NAMES = {
    **{name: f"\\{name}" for name in ("pi", "theta", "alpha", "beta", "gamma", "lambda", "mu", "omega", "phi", "rho")},
    **{"sqrt": "\\sqrt", "infinity": "\\infty", "Infinity": "\\infty", "inf": "\\infty", "oo": "\\infty"},
    **{"pm": "\\pm", "cup": "\\cup", "times": "\\times", "sigma": "\\sigma", "delta": "\\delta"},
}
_UNIT_WORDS = """
    cm mm km kg mg ml mL dm nm ft in yd mi lb lbs oz hr hrs min sec ms mph kph Hz kHz MHz Pa kPa kJ kW eV MeV mol rad
    deg day yr cal pts sq cu cc am pm AM PM ton gal bit bits gm of to by is if the for not no are per but with all
    way ways men boy boys ans
"""
SHORT_UNITS = frozenset(_UNIT_WORDS.split())
"""Short words that are no product of letters where they follow a number."""
_TEXT_COMMANDS = r"text|textbf|textit|textrm|textnormal|textup|mbox|hbox|mathrm|rm|operatorname\*?|mathsf|texttt"
_TOKEN = re.compile(
    rf"""
    \\(?P<textcmd>{_TEXT_COMMANDS})\s*\{{(?P<content>[^{{}}]*)\}}
    | (?P<num>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{{1,4}}(?![\d.a-zA-Z]))?)
    | (?P<cmd>\\[a-zA-Z]+|\\.)
    | (?P<word>[A-Za-z]{{2,}})
    | (?P<sym>[A-Za-z])
    | (?P<cjk>[\u3040-\u9fff]+)
    | (?P<rel><=|>=|!=|==)
    | (?P<space>\s+)
    | (?P<op>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")


RELATIONS = {
    **{"=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "\\equiv": "=", "\\Rightarrow": "="},
    **{"\\in": "in", "\\approx": "~", "\\simeq": "~", "\\sim": "~", "\\doteq": "~"},
}
TIMES = {"*", "\\cdot", "\\times", "\\ast"}
OVER = {"/", "\\div", ":"}
CLOSING = {
    "(": ")",
    "[": "]",
    "\\{": "\\}",
    "{": "}",
    "\\langle": "\\rangle",
    "\\lfloor": "\\rfloor",
    "\\lceil": "\\rceil",
}
OPAQUE = frozenset("fghFGHPQWpq")
SET_OPS = {"\\cup": "cup", "\\cap": "cap", "\\setminus": "setminus", "\\bigcup": "cup"}
COMMAND_STARTS = {"\\frac", "\\sqrt", "\\binom", "\\begin", "\\sum", "\\prod", "\\langle", "\\lfloor", "\\lceil"}


def tokenize(text: str, *, grouped: bool) -> list[Token]:
    """Cut a cleaned answer into tokens.

    Raises:
        Unreadable: there are more than MAX_TOKENS.
    """
    if grouped:
        text = _join_groups(text)
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        if len(tokens) > MAX_TOKENS:
            raise Unreadable("too long")
        kind = match.lastgroup or ""
        if kind == "content":
            tokens += _words(match["textcmd"], match["content"], tokens)
        elif kind == "word":
            tokens += _word(match["word"], tokens)
        elif kind == "cmd":
            tokens.append(_command(match["cmd"]))
        elif kind == "cjk":
            tokens.append(Token("text", match["cjk"]))
        elif kind == "rel":
            tokens.append(Token("op", match["rel"].replace("==", "=")))
        elif kind == "op":
            tokens.append(Token("sep" if match["op"] in SEPARATORS else "op", match["op"]))
        elif kind == "sym" and _is_unit_letter(match, tokens):
            tokens.append(Token("text", match[0]))
        elif kind != "space":
            tokens.append(Token(kind, match[0]))
    while tokens and tokens[-1].kind == "sep":
        tokens.pop()
    return tokens


_UNIT_LETTERS = frozenset("mgshLJNWVKC")
_POWER_OF_TEN = re.compile(r"10\s?\^\s?(?:\{-?\d{1,3}\}|\d{1,3}) $")
_AFTER_UNIT = re.compile(r"\s*(?:$|[,;)/]|\^|and\b|or\b|\\cdot)")


def _is_unit_letter(match: re.Match[str], before: list[Token]) -> bool:
    """Whether a letter is a unit: after a number and a space (`5 m`), or with the power of an area (`5m^2`)."""
    text = match.string
    if (
        match[0] not in _UNIT_LETTERS
        or not before
        or not (before[-1].kind in ("num", "text") or _POWER_OF_TEN.search(text, 0, match.start()))
        or "=" in text[match.end() :]
    ):
        return False
    if before[-1].kind == "text":
        return True
    spaced = text[match.start() - 1].isspace() and _AFTER_UNIT.match(text, match.end())
    return bool(spaced) or (match[0] == "m" and re.fullmatch(r"\s*\^\s*\{?[23]\}?", text[match.end() :]) is not None)


def _join_groups(text: str) -> str:
    """`1,234` to `1234`, outside brackets: (1,234) is a point."""
    pieces: list[str] = []
    depth = at = 0
    for match in _GROUPED.finditer(text):
        before = text[at : match.start()]
        depth += sum(before.count(char) for char in "([{") - sum(before.count(char) for char in ")]}")
        pieces += [before, match[0] if depth > 0 else match[0].replace(",", "")]
        at = match.end()
    return "".join([*pieces, text[at:]])


def _command(name: str) -> Token:
    bare = name[1:]
    if bare in FUNCTIONS:
        return Token("func", bare)
    if name == "\\ ":
        return Token("op", " ")
    if bare in ("lor", "vee"):
        return Token("sep", "or")
    if bare in ("land", "wedge"):
        return Token("sep", "and")
    return Token("op" if bare in ("pm", "mp") else "cmd", name)


def _word(word: str, before: list[Token]) -> list[Token]:
    lower = word.lower()
    if lower in ("and", "or"):
        return [Token("sep", lower)]
    after_number = bool(before) and before[-1].kind in ("num", "text")
    if word in SHORT_UNITS and (after_number or len(word) > 2 or word in ("is", "if", "of", "to", "no")):
        return [Token("text", word)]
    name = _ALIASES.get(word, word)
    if name in FUNCTIONS:
        return [Token("func", name)]
    if word in _NAMES:
        return [Token("op" if word == "pm" else "cmd", _NAMES[word])]
    if len(word) <= 3 or (word.isupper() and len(word) <= 5):
        return [Token("sym", letter) for letter in word]
    for name in ("pi", "sqrt", "ln", "sin", "cos", "tan"):  # "xsin", "pir"
        if len(word) == len(name) + 1 and name in (word[1:], word[:-1]):
            inner = _word(name, before)
            return [Token("sym", word[0]), *inner] if word[1:] == name else [*inner, Token("sym", word[-1])]
    return [Token("text", word)]


_MATHS_IN_TEXT = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?%?")


def _words(command: str, content: str, before: list[Token]) -> list[Token]:
    r"""The tokens of `\text{...}`: a separator, a number, one letter, a function, or words."""
    content = content.strip().strip("$").strip()
    lower = content.lower().strip(",;. ")
    if not lower:
        return []
    if lower in ("and", "or", "and/or", "或", "和", "或者", "以及"):
        return [Token("sep", "or" if lower in ("or", "或", "或者") else "and")]
    if content in FUNCTIONS and content != "min":
        return [Token("func", content)]
    after_number = bool(before) and before[-1].kind in ("num", "text")
    is_letter = len(content) == 1 and content.isalpha() and content.isascii()
    if is_letter and not (after_number and command != "mathrm" and content not in "eix"):
        if after_number and content not in "eidx":
            return [Token("text", content)]
        return [Token("sym", content)]
    if _MATHS_IN_TEXT.fullmatch(content) or (
        command in ("textbf", "texttt") and any(char.isdigit() for char in content)
    ):
        return tokenize(content, grouped=True)
    return [Token("text", content)]


class Cursor:
    """A place in a row of tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        """Stand before the first token."""
        self._tokens = tokens
        self._at = 0

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _kind(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].kind if at < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            raise Unreadable("unexpected end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _accept(self, text: str) -> bool:
        if self._peek() == text and self._kind() != "text":
            self._at += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise Unreadable(f"expected {text!r}, got {self._peek()!r}")

    def _environment(self) -> str:
        self._expect("{")
        name = ""
        while self._peek() not in ("}", ""):
            name += self._next().text
        self._expect("}")
        return name

r"""What of a chain of thought is language: the text without code, mathematics, LaTeX commands, tags and URLs.

A policy that is paid for writing in one language could hide the other one where nobody counts, so what is left out
is looked through first. What is kept of it, by rule:

    mathematics   the content of `\text{...}` and its like; every letter of a script that formulas do not use (all but
                  Latin and Greek); two or more lower-case words of three letters or more in a row
                  (`$we now add$`, and `$we$ $now$ $add$`)
    code          comments; every letter of a script other than Latin; a line in which three or more words that are no
                  keywords stand in a row with nothing but spaces between them
    commands      `\name` is a command only if LaTeX has one of that name; `\we \now \add` are words
    identifiers   `max_sum` is code, `the_sum_is_now_ten` (more than three parts) is words
    tags          only the tags of the templates and of HTML; `<we><now>` are words
    spelling      invisible characters inside a word are dropped; eight or more single letters in a row (`w e n o w`
                  ...) are spelled words, one for every four letters

Not covered: foreign words spelled in the target's script, foreign words as names in code, one foreign word at a time
between symbols (`$speed + time$`), words inside a URL.
Everything here is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

PROSE_RUN = 3
"""Words in a row, keywords left out, that make a line of code prose: code parts its names by more than spaces."""
MAX_IDENTIFIER_PARTS = 3

_TEXT_COMMAND = re.compile(r"\\(?:text(?!color)[a-z]{0,9}|mbox|hbox|intertext)\s{0,4}\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"\\(?:begin|end|label|ref|eqref|color|textcolor)\s{0,4}\{[A-Za-z:\d]{1,20}\*?\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?")
_SPACING = re.compile(r"\\[,;:!> ]|[{}~&]|\\\\")
_NOT_FORMULA_SCRIPT = re.compile(r"[^\W\d_A-Za-z\u00c0-\u03ff\u1d00-\u1dbf\u2000-\u2bff\U0001d400-\U0001d7ff]+")
_FORMULA_WORDS = re.compile(r"(?<![A-Za-z])[a-z]{2,}(?:[\s,.]+[a-z]+)+(?![A-Za-z])", re.IGNORECASE)
_NOT_LATIN = re.compile(r"[^\W\d_A-Za-z\u00c0-\u024f]+")
_WORD_RUN = re.compile(r"(?<![^\W_])[^\W_]++(?:['’][^\W_]+)?(?:[ \t]+[^\W_]+(?:['’][^\W_]+)?)+")
_LINE_COMMENT = re.compile(
    r"(?:^|(?<=\s))#+(?!include|define|undef|if|elif|else|endif|pragma|!)([^\n]*)"
    r"|(?:^[ \t]*|(?<=[;{},])[ \t]?|(?<=[ \t][ \t]))//+([^\n]*)"
    r"|^[ \t]*--+\s([^\n]*)",
    re.MULTILINE,
)
_BLOCK_COMMENTS = (("/*", "*/"), ("<!--", "-->"), ('"""', '"""'), ("'''", "'''"))
_INVISIBLE = re.compile(r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_SPELLED = re.compile(
    r"(?<!\w)(?:[A-Za-z\u00c0-\u024f\u0370-\u052f][ \t.]{1,3}){7,}[A-Za-z\u00c0-\u024f\u0370-\u052f](?!\w)"
)
_URL = re.compile(r"https?://[!-~]{1,200}")
_IDENTIFIER = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z0-9]*_[A-Za-z0-9_]*")
_TAGS = (
    "think|answer|summary|reasoning|reasoning_process|solution|br|p|b|i|u|em|strong|code|pre|sub|sup|li|ul|ol|table|"
    "thead|tbody|tr|td|th|div|span|a|img|hr|h[1-6]|details"
)
_TAG = re.compile(rf"</?(?:{_TAGS})\s?/?>", re.IGNORECASE)

_KEYWORD_NAMES = """
if elif else for while in is not and or do done then fi end begin return yield break continue pass import from
as with try except catch finally raise throw throws def class struct enum lambda function func fn let var const
static public private protected void int long float double char bool boolean string str true false none null nil
self this new delete using namespace include package select where group order by limit join on into values
insert update set echo print range len
"""
"""Words of programming languages, which make no prose. Compared in lower case."""

_COMMAND_NAMES = """
frac dfrac tfrac cfrac binom dbinom tbinom sqrt root over left right middle big Big bigg Bigg bigl bigr Bigl
Bigr biggl biggr boxed fbox tag label ref eqref nonumber notag hline cline quad qquad hspace vspace hfill item
displaystyle textstyle limits nolimits begin end color textcolor phantom stackrel overset underset overbrace
underbrace substack array cases matrix pmatrix bmatrix vmatrix hphantom vphantom smash mod pmod bmod section
subsection paragraph newline noindent par centering small large Large underline overline widehat widetilde hat
tilde bar vec dot ddot acute grave check breve overrightarrow overleftarrow xrightarrow xleftarrow cancel
text textbf textit textrm textsf texttt textnormal textup textsc mbox hbox intertext emph mathrm mathbf mathit
mathsf mathtt mathcal mathbb mathfrak mathscr boldsymbol bm operatorname bf it rm cal
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi varpi rho varrho
sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
ell hbar imath jmath Re Im aleph wp nabla partial infty emptyset varnothing
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim limsup liminf max min sup inf arg
det dim gcd lcm ker deg hom Pr sum prod coprod int iint iiint oint bigcup bigcap bigoplus bigotimes bigvee
le leq leqslant ge geq geqslant ne neq lt gt ll gg equiv sim simeq approx cong propto parallel perp mid nmid in
notin ni subset subseteq supset supseteq cup cap setminus times div cdot cdots ldots dots vdots ddots dotsc
dotsb pm mp ast star circ bullet oplus otimes land lor lnot neg wedge vee forall exists nexists therefore
because implies iff to gets mapsto rightarrow leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow
longrightarrow Longrightarrow longleftrightarrow uparrow downarrow langle rangle lfloor rfloor lceil rceil
lvert rvert lVert rVert vert Vert lbrace rbrace backslash angle triangle square Box diamond degree prime dagger
checkmark qed blacksquare models vdash not colon displaylines require
"""
"""What LaTeX knows, as far as chains of thought use it: layout, fonts, letters, functions, relations, marks."""

_KEYWORDS = frozenset(_KEYWORD_NAMES.split())
_COMMANDS = frozenset(_COMMAND_NAMES.split())


def prose(text: str) -> str:
    r"""The words of a text with everything that is no language left out (see the head of this file).

    >>> prose(r"So $x = 3 \text{ metres}$ and `print(x)  # done`").split()
    ['So', 'metres', 'and', 'done']
    """
    text = _INVISIBLE.sub("", text)
    for opening, closing, kept in _SPANS:
        text = _replace_spans(_join_neighbours(text, opening, closing), opening, closing, kept)
    text = _URL.sub(" ", text)
    text = _TAG.sub(" ", text)
    text = _ENVIRONMENT.sub(" ", text)
    text = _COMMAND.sub(_command, text)
    text = _IDENTIFIER.sub(_identifier, text)
    return _SPELLED.sub(_spelled, text)


def formula_prose(formula: str) -> str:
    """The words of a formula's text commands, of scripts foreign to formulas, and of prose written as a formula."""
    kept = [match[1] for match in _TEXT_COMMAND.finditer(formula)]
    formula = _ENVIRONMENT.sub(" ", _TEXT_COMMAND.sub(" ", formula))
    formula = _SPACING.sub(" ", _COMMAND.sub(_command, formula))
    kept += _NOT_FORMULA_SCRIPT.findall(formula)
    for run in _FORMULA_WORDS.findall(formula):
        words = [word for word in re.split(r"[\s,.]+", run) if len(word) >= 3 and not word.isupper()]
        if len([word for word in words if word.lower() not in _COMMANDS]) >= 2:
            kept.append(run)
    return " ".join(kept)


def code_prose(code: str) -> str:
    """The words of code's comments, of scripts other than Latin, and of lines that read as prose."""
    kept: list[str] = []

    def take(comment: str) -> str:
        kept.append(comment)
        return "\n"

    for opening, closing in _BLOCK_COMMENTS:
        code = _replace_spans(code, opening, closing, take)
    code = _LINE_COMMENT.sub(lambda match: take(next(filter(None, match.groups()), "")), code)
    for line in code.split("\n"):
        kept += [line] if any(map(_is_prose, _WORD_RUN.findall(line))) else _NOT_LATIN.findall(line)
    return " ".join(kept)


_SPANS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("```", "```", code_prose),
    ("`", "`", code_prose),
    ("\\[", "\\]", formula_prose),
    ("\\(", "\\)", formula_prose),
    ("$$", "$$", formula_prose),
    ("$", "$", formula_prose),
)


def _is_prose(run: str) -> bool:
    words = [word for word in run.split() if len(word) >= 2 and not word.isdigit() and word.lower() not in _KEYWORDS]
    return len(words) >= PROSE_RUN


def _command(match: re.Match[str]) -> str:
    return " " if match[1] in _COMMANDS else f" {match[1]} "


def _identifier(match: re.Match[str]) -> str:
    parts = [part for part in match[0].split("_") if part]
    return " " if len(parts) <= MAX_IDENTIFIER_PARTS else f" {' '.join(parts)} "


def _spelled(match: re.Match[str]) -> str:
    letters = "".join(filter(str.isalpha, match[0]))
    return " ".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def _join_neighbours(text: str, opening: str, closing: str) -> str:
    """Make one span of those that only a space, a comma or a full stop parts, so that a sentence cannot be cut up."""
    if opening == "```":
        return text
    edge = re.escape(closing[-1])
    return re.sub(rf"(?<!{edge}){re.escape(closing)}[\s,.]{{1,8}}{re.escape(opening)}(?!{edge})", " ", text)


def _replace_spans(text: str, opening: str, closing: str, kept: Callable[[str], str]) -> str:
    """Replace each `opening ... closing` by what `kept` keeps of it; an opening that is never closed stays."""
    pieces: list[str] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start + len(opening))
        if end < 0:
            break
        pieces += [text[position:start], f" {kept(text[start + len(opening) : end])} "]
        position = end + len(closing)
    return "".join([*pieces, text[position:]])

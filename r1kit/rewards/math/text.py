r"""Answers as text: what never changes the meaning is removed, and each symbol gets one spelling.

`normalise` unwraps an answer (delimiters, `\boxed`, "the answer is", a final full stop); `clean` then turns it into
the LaTeX that `parser.py` reads. All of it is linear in the length of the text.
"""

from __future__ import annotations

import re

from r1kit.rewards.extract import last_boxed

MAX_ANSWER_CHARS = 1000
"""A longer answer is wrong unread. It also bounds the digits of the exact integers."""

_INNER = r"(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*"
_WRAPPERS = (
    re.compile(r"\\(?:text|mathrm|textbf|mathbf|boldsymbol|bm|mbox|textit|fbox)\s*\{([^{}]*)\}"),
    re.compile(rf"\\(?:boxed|fbox|framebox)\s*\{{({_INNER})\}}"),
    re.compile(r"\$\$([^$]*)\$\$|\$([^$]*)\$"),
    re.compile(r"\\\(((?:(?!\\\)).)*)\\\)", re.DOTALL),
    re.compile(r"\\\[((?:(?!\\\]).)*)\\\]", re.DOTALL),
    re.compile(r"\*\*([^*]*)\*\*"),
    re.compile(r"`([^`]*)`"),
    re.compile(
        r"(?:the\s+)?(?:(?:final|correct)\s+)?(?:answer|solution|result)s?(?:\s+(?:is|are)\b|\s*:)\s*:?\s*(.*)",
        re.DOTALL | re.IGNORECASE,
    ),
    re.compile(r"(?:所以|因此|故)?应?选[:\uff1a]?\s*([A-H]+)"),
    re.compile(r"(?:所以|因此)?(?:最终)?(?:的)?答案(?:是|为|[:\uff1a])[:\uff1a]?\s*(.*)", re.DOTALL),
)
_SPACING = re.compile(r"\\!\s*|\\[,;:>]|\\(?:left|right)(?![a-zA-Z])\.?|~|[\u200b\ufeff]")
_SYNONYMS = (
    *(("\\dfrac", "\\frac"), ("\\tfrac", "\\frac"), ("\\cfrac", "\\frac"), ("{,}", ","), ("−", "-"), ("–", "-")),
    *(("—", "-"), ("\uff0c", ","), ("\u3002", "."), ("\u00a0", " "), ("\u2009", " "), ("\u202f", " ")),
)


_SPACE_AFTER_LETTER = re.compile(r"([a-zA-Z])\\[,;:>!](?=\s*[a-zA-Z])")


def normalise(text: str) -> str:
    """Remove what never changes the meaning: wrappers, spacing commands, a currency sign, a final full stop."""
    text = _SPACE_AFTER_LETTER.sub(r"\1 ", text[: MAX_ANSWER_CHARS + 1])
    text = _DOTTED.sub(_repeating, _SPACING.sub("", text))
    for synonym, standard in _SYNONYMS:
        text = text.replace(synonym, standard)
    before = None
    while text != before:
        before = text
        text = _unwrap(text.strip().rstrip(".,; \\"))
    if text.count("$") == 1:  # a currency sign, not a pair of delimiters
        text = text.replace("\\$", "").replace("$", "").strip()
    return text


def _unwrap(text: str) -> str:
    boxed = last_boxed(text)
    if boxed is not None and re.fullmatch(r"\\boxed\s*\{\s*" + re.escape(boxed) + r"\s*\}", text):
        return boxed
    for wrapper in _WRAPPERS:
        match = wrapper.fullmatch(text)
        if match:
            return match[match.lastindex or 0]
    return text


_FULL_WIDTH = str.maketrans("（）［］｛｝；：％＝＜＞＋－／．，、０１２３４５６７８９", "()[]{};:%=<>+-/.,,0123456789")
_CHARACTERS = {
    **{"√": "\\sqrt ", "∛": "\\sqrt[3] ", "π": "\\pi ", "∞": "\\infty ", "≤": "<=", "≥": ">=", "≠": "!=", "≦": "<="},
    **{
        "∈": "\\in ",
        "∪": "\\cup ",
        "∩": "\\cap ",
        "×": "\\times ",
        "·": "\\cdot ",
        "⋅": "\\cdot ",
        "÷": "/",
        "≧": ">=",
    },
    **{"°": "^\\circ ", "±": "\\pm ", "∓": "\\mp ", "∅": "\\emptyset ", "ℝ": "\\R ", "≈": "\\approx ", "′": "'"},
    **{
        "θ": "\\theta ",
        "α": "\\alpha ",
        "β": "\\beta ",
        "γ": "\\gamma ",
        "λ": "\\lambda ",
        "μ": "\\mu ",
        "φ": "\\phi ",
    },
    **{"ω": "\\omega ", "σ": "\\sigma ", "ρ": "\\rho ", "δ": "\\delta ", "Δ": "\\Delta ", "Ω": "\\Omega ", "²": "^{2}"},
    **{"³": "^{3}", "½": "\\frac{1}{2}", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}", "⅓": "\\frac{1}{3}", "⋃": "\\cup "},
    **{
        "⁄": "/",
        "∖": "\\setminus ",
        "ℤ": "\\Z ",
        "⟨": "\\langle ",
        "⟩": "\\rangle ",
        "…": "\\ldots ",
        "⌊": "\\lfloor ",
    },
    **{"⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "ℚ": "\\Q ", "ℕ": "\\N "},
}
_CHARACTER = re.compile("|".join(map(re.escape, _CHARACTERS)))
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_COMMANDS = {
    **{
        "le": "<=",
        "leq": "<=",
        "leqslant": "<=",
        "leqq": "<=",
        "ge": ">=",
        "geq": ">=",
        "geqslant": ">=",
        "geqq": ">=",
    },
    **{
        "lt": "<",
        "gt": ">",
        "ne": "!=",
        "neq": "!=",
        "lvert": "|",
        "rvert": "|",
        "vert": "|",
        "mid": "|",
        "lbrace": "\\{",
    },
    **{"rbrace": "\\}", "lbrack": "[", "rbrack": "]", "varnothing": "\\emptyset ", "colon": ":", "ast": "*"},
    **{"dots": "\\ldots ", "cdots": "\\ldots ", "dotsc": "\\ldots ", "degree": "^\\circ ", "deg": "^\\circ "},
    **{
        "dbinom": "\\binom",
        "tbinom": "\\binom",
        "choose": "\\choose ",
        "quad": " , ",
        "qquad": " , ",
        "implies": " , ",
    },
    **{"varphi": "\\phi ", "varepsilon": "\\epsilon ", "arcctg": "\\arccot ", "tg": "\\tan ", "ctg": "\\cot "},
    **{
        "mathbb": "",
        "mathbf": "",
        "boldsymbol": "",
        "bm": "",
        "mathit": "",
        "mathcal": "",
        "displaystyle": "",
        "bold": "",
    },
    **{"big": "", "Big": "", "bigl": "", "bigr": "", "Bigl": "", "Bigr": "", "bigg": "", "Bigg": "", "limits": ""},
    **{
        "biggl": "",
        "biggr": "",
        "hspace": "",
        "textstyle": "",
        "nobreak": "",
        "boxed": "",
        "fbox": "",
        "vec": "",
        "hat": "",
        "widehat": "",
    },
    **{"overrightarrow": "", "left": "", "right": "", "mathsf": "", "Bar": "", "strut": "", "cosec": "\\csc "},
    **{
        "infin": "\\infty ",
        "Complex": "\\C ",
        "Reals": "\\R ",
        "reals": "\\R ",
        "emptyset": "\\emptyset ",
        "or": " or ",
    },
}
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_LITERAL_BACKSLASH = re.compile(r"\\\\(?=[a-zA-Z])")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\(?:overline|bar|dot)\s*\{(\d+)\}")
_NESTED_UNIT = re.compile(r"\\(?:mathrm|text)\s*\{([^{}]*(?:\^\{[^{}]*\}[^{}]*)+)\}")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_DOTTED = re.compile(r"(\d+)\.(\d*?)(\d{1,6}?)\3{2,}(?:\.\.\.+|\\[lc]?dots|…)")
_ROOT_OF_NUMBER = re.compile(r"√\s*(\d+(?:\.\d+)?)")
_NUMBER_SET = re.compile(r"\\mathbb\s*\{?\s*([RZQNC])\s*\}?")
_REMARK = re.compile(
    r"(?:\\q?quad|[\s,;])*(?:\\text\s*\{\s*)?\(\s*(?:\\?approx(?:imately)?|about|≈|或约)[^()]*\)\s*\}?\s*$|^\s*(?:\\approx|≈|about|"
    r"approximately|roughly|约为?|大约)\s*"
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{(?:align|aligned|equation|gather|gathered|split)\*?\}")
_FUNCTION_NAME = re.compile(
    r"\\(?:operatorname|mathrm|text)\s*\{\s*(arc(?:sin|cos|tan|cot)|sin|cos|tan|ln|log|exp)\s*\}"
)


_ACCENTS = {"dot": "'", "ddot": "''", "bar": "'''", "tilde": "''''", "overline": "'''"}
_ACCENTED = re.compile(r"\\(dot|ddot|bar|tilde|overline)\s*(?:\{\s*([A-Za-z]|\\[a-z]+)\s*\}|([A-Za-z](?![A-Za-z])))")
_SEGMENT_NAME = re.compile(r"\\overline\s*\{\s*([A-Z]{2,4})\s*\}")
_SET_BUILDER = re.compile(r"\\\{\s*[a-zA-Z]\s*(?:\\in\s*\\R\s*)?[|:]((?:(?!\\\}).)*)\\\}")
_HALF_OF_DAY = re.compile(r"\b([apAP])\.\s?([mM])\b\.?")


def clean(text: str) -> str:
    """One spelling a symbol, for the parser: Unicode to LaTeX, style and size commands removed."""
    text = text.translate(_FULL_WIDTH)
    text = _REPEATING.sub(_repeating, text)
    text = _DOTTED.sub(_repeating, text)
    text = _REMARK.sub("", text)
    text = re.sub(r"\\q?quad(?=[a-zA-Z])", " , ", text)
    if "\\begin" not in text:
        text = _LITERAL_BACKSLASH.sub(r"\\", text)
    text = _ENVIRONMENT.sub(" ", text)
    text = _ORDINAL.sub("", text)
    text = _NESTED_UNIT.sub(lambda match: "\\mathrm{" + re.sub(r"[{}]", "", match[1]) + "}", text)
    if not text.isascii():
        text = _ROOT_OF_NUMBER.sub(r"\\sqrt{\1} ", text)
        text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]+", lambda match: f"^{{{match[0].translate(_SUPERSCRIPTS)}}}", text)
        text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉]+", lambda match: f"_{{{match[0].translate(_SUBSCRIPTS)}}}", text)
    text = re.sub(r"(?<!\\)%", r"\\%", text)
    text = _CHARACTER.sub(lambda match: _CHARACTERS[match[0]], text)
    text = _SEGMENT_NAME.sub(r"\1", text)
    text = _ACCENTED.sub(lambda match: f"{match[2] or match[3]}{_ACCENTS[match[1]]}", text)
    text = _HALF_OF_DAY.sub(r"\1\2", text)
    text = _NUMBER_SET.sub(r"\\\1 ", text)
    text = _FUNCTION_NAME.sub(r"\\\1 ", text)
    text = _COMMAND.sub(lambda match: _COMMANDS.get(match[1], match[0]), text)
    text = text.replace("\\|", "|").replace("\\$", "").replace("$", " ").replace("**", "^")
    text = re.sub(r"(?<!\\)\\ ", " ", text)
    text = re.sub(r"\\[()\[\]]", " ", text)
    text = _SET_BUILDER.sub(r" \1 ", text)
    text = re.sub(r"(?<=[\d}\s])(?:\\(?:text|mathrm)\s*\{\s*)?\b(?:percent(?:age)?|per cent|pct)\b\}?", r"\\%", text)
    return text.strip()


def _repeating(match: re.Match[str]) -> str:
    r"""`0.1\overline{6}` as the fraction that it is: (16 - 1) / 90."""
    whole, head, period = match[1] or "0", match[2], match[3]
    denominator = (10 ** len(period) - 1) * 10 ** len(head)
    numerator = int(whole + head + period) - int(whole + head)
    return f"{{\\frac{{{numerator}}}{{{denominator}}}}}"


_SEGMENT = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_PROSE_NUMBER = re.compile(
    r"(?<![\w.\\^_{])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:[.,]\d+)?(?:/\d+)?(?:\s*(?:\\?%|percent\b|pct\b))?"
)
_WORD = re.compile(
    r"(?<![\\A-Za-z{_^])(?:[^\W\d_]{3,}|\b(?:is|it|no|so|or|of|to|we|if|by|at|in|as|be)\b)|[\u4e00-\u9fff]{2,}"
)
_CODE = re.compile(r"\(\)|__|\b(?:lambda|import|print|return|def)\b")
_NAME = re.compile(r"\\?[A-Za-z]{1,5}'*(?:_\{?\w+\}?)?(?:\([A-Za-z]\))?")
_STATED = re.compile(
    r"(?:\b(?:is|are|equals?|be|was)\b|=|[是为\uff1a])(?!.*(?:\b(?:is|are|equals?|be|was)\b|=))[ \t:]*(.+)"
)


def expressions_in_prose(text: str, *, take_last: bool) -> list[str]:
    """What a sentence states, the likeliest first: the one expression in it, else the one number; empty if none.

    An expression between delimiters that is only a name ("the largest $n$ is 34") does not count. In a text without
    delimiters, what follows the last "is" or "=" comes before the last number alone.

    Args:
        text: A sentence, or the end of a solution.
        take_last: The last one where there are several; else they count as none.
    """
    if not _WORD.search(text) or _CODE.search(text):
        return []
    found = [(match.start(), next(filter(None, match.groups())).strip()) for match in _SEGMENT.finditer(text)]
    rest = _SEGMENT.sub(lambda match: " " * len(match[0]), text)
    numbers = [(match.start(), match[0]) for match in _PROSE_NUMBER.finditer(rest)]
    stated = [segment for segment in found if not _NAME.fullmatch(segment[1])]
    everything = sorted(stated + numbers) or found
    if not everything or (len({item for _, item in everything}) > 1 and not take_last):
        return []
    last = everything[-1]
    candidates = [normalise(last[1])]
    if last in numbers and not found:
        line = next(line for line in reversed(rest.splitlines()) if any(char.isdigit() for char in line))
        if match := _STATED.search(line):
            candidates.insert(0, normalise(match[1]))
    return candidates


_TOWER = re.compile(r"\^\s*\{?[^{}^]{0,12}\^\s*\{?[^{}^]{0,12}\^")
_BIG_EXPONENT = re.compile(r"\^\s*\{?\s*-?\d{5,}")
_BIG_FACTORIAL = re.compile(r"\d{4,}\s*!|!\s*\)?\s*!|\(\s*[^()]{0,40}\^[^()]{0,40}\)\s*!")
_ROW_OF_SIGNS = re.compile(r"(?:[-+|!]\s*){8}")
_INTEGRAL_OF_POWERS = re.compile(r"\\int.*\^\s*\{[^{}]*\^", re.DOTALL)
MAX_ALGEBRA_CHARS = 400
_BIG_BINOMIAL = re.compile(r"\\[dt]?binom\s*\{\s*\d{5,}|\\choose")


def too_large(text: str) -> str:
    """Why a text should not be given to computer algebra, which works numbers out before it looks at them; else ""."""
    if len(text) > MAX_ALGEBRA_CHARS:
        return f"more than {MAX_ALGEBRA_CHARS} characters that only computer algebra might read"
    for pattern, what in (
        (_TOWER, "a tower of powers"),
        (_BIG_EXPONENT, "a large exponent"),
        (_BIG_FACTORIAL, "a large factorial"),
        (_BIG_BINOMIAL, "a large binomial coefficient"),
        (_ROW_OF_SIGNS, "a row of signs"),
        (_INTEGRAL_OF_POWERS, "an integral with a power of a power"),
    ):
        if pattern.search(text):
            return what
    return ""


def bare_words(text: str) -> str:
    """Lower-case letters and digits of a text, without the rest and without an article before them."""
    text = re.sub(r"^\s*(?:an?|the)\s+", "", text, flags=re.IGNORECASE)
    return "".join(char for char in text.casefold() if char.isalnum())

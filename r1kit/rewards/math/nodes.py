"""The tree of an answer: what `parser.py` makes and what `compare.py` compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from r1kit.rewards.math.tokens import Unreadable


@dataclass(frozen=True, slots=True)
class Num:
    """An integer or a decimal as it was written."""

    value: Fraction
    is_decimal: bool = False
    base: int | None = None
    """For `101_2`: 2; `value` is then the digits read as a decimal number."""


@dataclass(frozen=True, slots=True)
class Sym:
    """A letter, with its subscript and primes: "x", "v_0", "f'"."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operation (add, mul, div, ratio, pow, root, neg, pm, mp, percent, degree, factorial ...) or a function.

    `opaque:f` is a function that nothing is known of.
    """

    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets; `opening` and `closing` are empty for a bare list, `joint` says what stood between."""

    opening: str
    items: tuple[Node, ...]
    closing: str
    joint: str = ","


@dataclass(frozen=True, slots=True)
class Rel:
    """A chain of relations: sides[0] ops[0] sides[1] ops[1] ... Ops: = < > <= >= != in ~ (about)."""

    ops: tuple[str, ...]
    sides: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class SetOp:
    """A union, intersection or difference: op is `cup`, `cap` or `setminus`."""

    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with a unit or other words after it."""

    value: Node
    unit: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    words: str


Node = Num | Sym | Call | Group | Rel | SetOp | Matrix | Quantity | Text

CONSTANTS = {"\\pi", "e", "i", "\\infty"}
"""Letters that do not stand for an unknown."""


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Call(args=args) | SetOp(args=args):
            return args
        case Group(items=items):
            return items
        case Rel(sides=sides):
            return sides
        case Matrix(rows=rows):
            return tuple(cell for row in rows for cell in row)
        case Quantity(value=value):
            return (value,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def free_symbols(node: Node) -> set[str]:
    """Names of the letters that stand for an unknown; the index of a sum does not."""
    if isinstance(node, Sym):
        return set() if node.name in CONSTANTS else {node.name}
    found: set[str] = set().union(*map(free_symbols, children(node))) if children(node) else set()
    if isinstance(node, Call) and node.op in ("sum", "prod"):
        found -= {node.args[1].name} if isinstance(node.args[1], Sym) else set()
    return found


def number(text: str) -> Num:
    """The number that digits name."""
    return Num(Fraction(text), is_decimal=not text.isdigit())


def plain_integer(node: Node) -> str:
    """The exponent of a unit, as text."""
    if isinstance(node, Call) and node.op == "neg":
        return f"-{plain_integer(node.args[0])}"
    if isinstance(node, Num):
        return str(node.value)
    raise Unreadable("a unit to a power that is no number")


def primed(node: Node) -> Sym:
    """A letter with one prime more."""
    if not isinstance(node, Sym):
        raise Unreadable("a prime after what is no symbol")
    return Sym(node.name + "'")


def base_of(node: Node) -> int:
    """The base that the index of a number names."""
    if isinstance(node, Num) and node.value.denominator == 1 and 2 <= node.value <= 36:
        return int(node.value)
    raise Unreadable("a number with an index that is no base")

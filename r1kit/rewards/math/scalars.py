"""Two numbers or expressions with what stands around them: percent and degree signs, units, times of day."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from r1kit.rewards.math.expressions import Verdict, all_of, any_of, same_expressions
from r1kit.rewards.math.nodes import Call, Node, Num, Quantity, Sym, free_symbols, walk
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.text import bare_words
from r1kit.rewards.math.units import parse_unit


@dataclass(frozen=True, slots=True)
class _Scalar:
    """An expression with the marks that conventions are about."""

    node: Node
    percent: bool
    unit: str


def _marks(node: Node, policy: MathPolicy) -> _Scalar:
    unit = ""
    percent = False
    while True:
        if isinstance(node, Quantity):
            unit, node = node.unit, node.value
        elif isinstance(node, Call) and node.op == "percent":
            percent, node = True, node.args[0]
        elif isinstance(node, Call) and node.op == "degree" and policy.degrees == "radians":
            node = Call("mul", (node.args[0], Call("div", (Sym("\\pi"), Num(Fraction(180))))))
        elif isinstance(node, Call) and node.op == "degree":
            unit, node = unit or "degree", node.args[0]
        elif isinstance(node, Call) and node.op == "neg" and isinstance(node.args[0], Quantity):
            inner = node.args[0]
            unit, node = inner.unit, Call("neg", (inner.value,))
        else:
            return _Scalar(node, percent, unit)


def same_scalars(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    """Two numbers or expressions, with their percent signs, degree signs and units."""
    left, right = _marks(gold, policy), _marks(answer, policy)
    if left.unit.isalpha() and len(left.unit) == 1 and not right.unit and free_symbols(right.node):
        left = _Scalar(Call("mul", (left.node, Sym(left.unit))), left.percent, "")  # a letter after all
    if _is_plain_number(left.node) and not _is_worked_out(right.node):
        return False
    clocks = [_clock(scalar) for scalar in (left, right)]
    if _is_ratio(left.node) != _is_ratio(right.node) and any(_is_integer(scalar.node) for scalar in (left, right)):
        return False  # 5:1 is no number
    if bool(clocks[0]) != bool(clocks[1]) and not _is_ratio(left.node) & _is_ratio(right.node):
        return False
    if clocks[0] and clocks[1]:
        halves = {clock[2] for clock in clocks if clock} - {""}
        return clocks[0][:2] == clocks[1][:2] and len(halves) < 2
    terms, others = _terms(left.node), _terms(right.node)
    if len(terms) > 2 or len(others) > 2:  # 3:4:5
        pairs = zip(terms, others, strict=False)
        crossed = [(Call("mul", (a, others[0])), Call("mul", (b, terms[0]))) for a, b in pairs]
        return len(terms) == len(others) and all_of(same_expressions(a, b, policy) for a, b in crossed)
    if isinstance(left.node, Num) and left.node.base and right.node == Num(left.node.value):
        return True  # the question named the base
    scale = _unit_scale(left.unit, right.unit, policy)
    if scale is None:
        return False
    if not policy.unreduced and _is_reduced(left.node) and not _is_reduced(right.node):
        return False
    scales = [scale * factor for factor in _mark_scales(left, right, policy)]
    return any_of(same_expressions(left.node, right.node, policy, scale=scale) for scale in scales)


def _clock(scalar: _Scalar) -> tuple[Node, Node, str] | None:
    """`12:00` and `3:15 p.m.` as times of day: ratios that end in 0, or have the half of the day after them."""
    node, half = scalar.node, bare_words(scalar.unit)
    if not (isinstance(node, Call) and _is_ratio(node)):
        return None
    hours, minutes = node.args
    if half in ("am", "pm") or minutes == Num(Fraction(0)):
        return hours, minutes, half
    return None


def _terms(node: Node) -> list[Node]:
    """The parts of a ratio."""
    if isinstance(node, Call) and node.op == "ratio":
        return [*_terms(node.args[0]), node.args[1]]
    return [node]


def _is_integer(node: Node) -> bool:
    return isinstance(node, Num) and node.value.denominator == 1


def _is_ratio(node: Node) -> bool:
    return isinstance(node, Call) and node.op == "ratio"


def _unit_scale(gold: str, answer: str, policy: MathPolicy) -> Fraction | None:
    """By what the answer's value is multiplied to be in the gold answer's unit; None: the units contradict."""
    if policy.units == "require" and gold and not answer:
        return None
    if policy.units == "ignore" or not gold or not answer:
        return Fraction(1)
    units = [parse_unit(text) for text in (gold, answer)]
    if units[0] is None or units[1] is None:
        return Fraction(1)
    if units[0].dimension != units[1].dimension:
        return None
    return units[1].factor / units[0].factor


def _mark_scales(gold: _Scalar, answer: _Scalar, policy: MathPolicy) -> list[Fraction]:
    if gold.percent == answer.percent:
        return [Fraction(1)]
    as_fraction = Fraction(1, 100) if answer.percent else Fraction(100)
    match policy.percent:
        case "fraction":
            return [as_fraction]
        case "number":
            return [Fraction(1)]
    return [as_fraction, Fraction(1)]


def _is_reduced(node: Node) -> bool:
    match node:
        case Call(op="neg", args=(inner,)):
            return _is_reduced(inner)
        case Call(op="div", args=(Num(value=top), Num(value=bottom))) if bottom:
            return (top / bottom).denominator == bottom
    return True


def _is_plain_number(node: Node) -> bool:
    """A number as it is written: digits, a fraction of digits, a mixed number, with or without a sign."""
    match node:
        case Num():
            return True
        case Call(op="neg", args=(inner,)):
            return _is_plain_number(inner)
        case Call(op="div" | "add_mixed", args=args):
            return all(map(_is_plain_number, args))
    return False


_UNFINISHED = {"add", "pm", "mp", "sum", "prod", "gcd", "lcm", "max", "min", "floor", "ceil"}


def _is_worked_out(node: Node) -> bool:
    """Whether a number has been worked out: no sums, no products of numbers other than by a power of ten."""
    for part in walk(node):
        if isinstance(part, Call) and (part.op in _UNFINISHED or (part.op == "neg" and _is_negative(part.args[0]))):
            return False
        if isinstance(part, Call) and part.op == "mul" and all(isinstance(arg, Num | Quantity) for arg in part.args):
            return False
    return True


def _is_negative(node: Node) -> bool:
    return isinstance(node, Call) and node.op == "neg"

r"""Sets of real numbers: intervals, unions, and the solutions of simple inequalities, as sorted pieces."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from r1kit.rewards.math.nodes import Call, Group, Node, Rel, SetOp, Sym, Text, free_symbols
from r1kit.rewards.math.values import Env, Undefined, Value, context, evaluate, is_real

_WHOLE_LINE = {"\\R", "\\Reals"}


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval; `low == high` with both ends closed is a point. Infinite ends are open."""

    low: Value
    high: Value
    low_closed: bool
    high_closed: bool


def is_real_set(node: Node) -> bool:
    """Whether a node can only mean a set of reals: an inequality, a union, an interval that is no pair."""
    match node:
        case SetOp():
            return True
        case Rel(ops=ops):
            return not {"=", "~", "in"} & set(ops)
        case Sym(name=name):
            return name in _WHOLE_LINE
        case Text(words=words):
            return _is_whole_line(words)
        case Group(opening="", items=items):
            return all(isinstance(item, Rel) and is_real_set(item) for item in items)
        case Group(opening=opening, closing=closing, items=(low, high)):
            mixed = (opening, closing) not in (("(", ")"), ("[", "]"), ("{", "}"), ("\\{", "\\}"))
            return opening in "([]" and (mixed or _is_infinite(low) or _is_infinite(high) or opening == "[")
    return False


def _is_whole_line(words: str) -> bool:
    return words.casefold().strip(" .") in ("all real numbers", "all reals", "real numbers", "all real number")


def _is_infinite(node: Node) -> bool:
    match node:
        case Sym(name="\\infty"):
            return True
        case Call(op="neg", args=(inner,)):
            return _is_infinite(inner)
    return False


def same_sets(gold: Node, answer: Node) -> bool | None:
    """Whether two nodes are the same set of reals; None where one of them cannot be worked out."""
    try:
        sets = [pieces(gold), pieces(answer)]
    except Undefined:
        return None
    if sets[1] is None:
        return None if is_real_set(answer) else False
    if sets[0] is None:
        return None
    if len(sets[0]) != len(sets[1]):
        return False
    return all(
        (a.low_closed, a.high_closed) == (b.low_closed, b.high_closed)
        and _equal(a.low, b.low)
        and _equal(a.high, b.high)
        for a, b in zip(*sets, strict=True)
    )


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left == right
    left, right = _inexact(left), _inexact(right)
    if not (_is_finite(left) and _is_finite(right)):
        return bool(left == right)
    return bool(abs(left - right) <= 1e-30 * max(1, abs(left)))


def pieces(node: Node) -> list[Piece] | None:
    """The sorted pieces of a set; None where it is not one that this file knows.

    Raises:
        Undefined: an end point has no real value.
    """
    match node:
        case SetOp(op="setminus", args=(left, right)):
            parts, holes = pieces(left), pieces(right)
            return None if parts is None or holes is None else _intersect(parts, _complement(holes))
        case SetOp(op=op, args=args):
            sets = [pieces(arg) for arg in args]
            known = [part for part in sets if part is not None]
            if len(known) < len(sets):
                return None
            return functools.reduce(_intersect if op == "cap" else _unite, known)
        case Rel(ops=("in",), sides=(_, right)):
            return pieces(right)
        case Rel():
            return _solve(node)
        case Group(opening="", items=items, joint=joint):
            return _joined([pieces(item) for item in items], joint)
        case Group(opening="{", items=items):
            return _unite([], [Piece(value, value, True, True) for value in map(_real, items)])
        case Group(opening=opening, closing=closing, items=(low, high)) if opening:
            left, right = _real(low), _real(high)
            closed = (opening == "[", closing == "]")
            if _below(right, left) or (_equal(left, right) and not all(closed)):
                return []
            return [Piece(left, right, closed[0] and _is_finite(left), closed[1] and _is_finite(right))]
        case Sym(name=name) if name in _WHOLE_LINE:
            return [Piece(-_infinity(), _infinity(), False, False)]
        case Text(words=words) if _is_whole_line(words):
            return [Piece(-_infinity(), _infinity(), False, False)]
        case Sym(name="\\emptyset"):
            return []
    return None


def _joined(sets: Sequence[list[Piece] | None], joint: str) -> list[Piece] | None:
    known = [part for part in sets if part is not None]
    if len(known) < len(sets):
        return None
    if joint != "or":
        both = functools.reduce(_intersect, known)
        if both or joint == "and":
            return both
    return functools.reduce(_unite, known)


def _infinity() -> Value:
    return context().inf


def _is_finite(value: Value) -> bool:
    return isinstance(value, Fraction) or not math.isinf(value)


def _real(node: Node) -> Value:
    value = evaluate(node, Env())
    if not is_real(value):
        raise Undefined("an end point that is not real")
    return value if isinstance(value, Fraction) else value.real


def _order(piece: Piece) -> tuple[Value, bool]:
    low = piece.low
    return (context().mpf(low.numerator) / low.denominator if isinstance(low, Fraction) else low), not piece.low_closed


def _below(left: Value, right: Value) -> bool:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left < right
    return not _equal(left, right) and bool(_inexact(left) < _inexact(right))


def _inexact(value: Value) -> Value:
    return context().mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _unite(left: list[Piece], right: list[Piece]) -> list[Piece]:
    united: list[Piece] = []
    for piece in sorted([*left, *right], key=_order):
        if united:
            last = united[-1]
            touches = _equal(piece.low, last.high) and (piece.low_closed or last.high_closed)
            if touches or _below(piece.low, last.high):
                if _below(last.high, piece.high):
                    united[-1] = Piece(last.low, piece.high, last.low_closed, piece.high_closed)
                elif _equal(last.high, piece.high):
                    united[-1] = Piece(last.low, last.high, last.low_closed, last.high_closed or piece.high_closed)
                continue
        united.append(piece)
    return united


def _intersect(left: list[Piece], right: list[Piece]) -> list[Piece]:
    common: list[Piece] = []
    for a in left:
        for b in right:
            low, low_closed = _inner_end(a.low, a.low_closed, b.low, b.low_closed, a_wins=_below(b.low, a.low))
            high, high_closed = _inner_end(a.high, a.high_closed, b.high, b.high_closed, a_wins=_below(a.high, b.high))
            if _below(low, high) or (_equal(low, high) and low_closed and high_closed):
                common.append(Piece(low, high, low_closed, high_closed))
    return sorted(common, key=_order)


def _inner_end(a: Value, a_closed: bool, b: Value, b_closed: bool, *, a_wins: bool) -> tuple[Value, bool]:
    if _equal(a, b):
        return a, a_closed and b_closed
    return (a, a_closed) if a_wins else (b, b_closed)


def _complement(holes: list[Piece]) -> list[Piece]:
    rest = [Piece(-_infinity(), _infinity(), False, False)]
    for hole in holes:
        outside = [
            Piece(-_infinity(), hole.low, False, not hole.low_closed and _is_finite(hole.low)),
            Piece(hole.high, _infinity(), not hole.high_closed and _is_finite(hole.high), False),
        ]
        rest = _intersect(rest, [piece for piece in outside if _below(piece.low, piece.high)])
    return rest


def _solve(relation: Rel) -> list[Piece] | None:
    """The solutions of a chain of inequalities that are linear in one letter, one f(x) or one |x|."""
    unknowns = {_unknown(side) for side in relation.sides} - {None}
    if len(unknowns) != 1 or {"=", "~", "in"} & set(relation.ops):
        return None
    (unknown,) = unknowns
    solutions = [Piece(-_infinity(), _infinity(), False, False)]
    for op, left, right in zip(relation.ops, relation.sides, relation.sides[1:], strict=False):
        if op == "!=" and len(relation.ops) > 1:
            return None
        link = _solve_link(op, _replace(left, unknown), _replace(right, unknown))
        if link is None:
            return None
        solutions = _intersect(solutions, link)
    if isinstance(unknown, Call) and unknown.op == "abs":
        positive = _intersect(solutions, [Piece(Fraction(0), _infinity(), True, False)])
        mirrored = [Piece(-p.high, -p.low, p.high_closed, p.low_closed) for p in positive]
        return _unite(positive, mirrored)
    return solutions


def _unknown(node: Node) -> Node | None:
    """The only part of a side that is unknown: a letter, an f(x) or an |x|."""
    match node:
        case Sym():
            return node if free_symbols(node) else None
        case Call(op="abs", args=(Sym(),)):
            return node if free_symbols(node) else None
        case Call(op=op) if op.startswith("opaque:"):
            return node
        case Call(args=args):
            found = [unknown for unknown in map(_unknown, args) if unknown is not None]
            return found[0] if found else None
    return None


def _replace(node: Node, unknown: Node | None) -> Node:
    if node == unknown:
        return Sym("unknown")
    if isinstance(node, Call):
        return Call(node.op, tuple(_replace(arg, unknown) for arg in node.args))
    return node


def _solve_link(op: str, left: Node, right: Node) -> list[Piece] | None:
    difference = Call("add", (left, Call("neg", (right,))))
    if free_symbols(difference) - {"unknown"}:
        return None
    try:
        at = [evaluate(difference, Env({"unknown": Fraction(place)})) for place in (0, 1, 2, 7)]
    except Undefined:
        return None
    if not all(map(is_real, at)):
        return None
    slope = at[1] - at[0]
    if not _equal(at[2] - at[1], slope) or not _equal(at[3] - at[0], 7 * slope) or _equal(slope, Fraction(0)):
        return None
    root = -at[0] / slope
    if op == "!=":
        return _complement([Piece(root, root, True, True)])
    closed = op in ("<=", ">=")
    if (op[0] == "<") == (_inexact(slope) > 0):
        return [Piece(-_infinity(), root, False, closed)]
    return [Piece(root, _infinity(), closed, False)]

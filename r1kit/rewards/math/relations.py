"""Equations, inequalities and assignments: what they state, and when two of them state the same."""

from __future__ import annotations

from collections.abc import Sequence

from r1kit.rewards.math.expressions import Verdict, alike, close, is_whole, same_expressions
from r1kit.rewards.math.nodes import CONSTANTS, Call, Group, Node, Num, Quantity, Rel, Sym, Text, free_symbols
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.values import Env, Undefined, Value, evaluate, is_real, points


def strip(node: Node, policy: MathPolicy) -> Node:
    """The value that an assignment, a membership or an approximation states."""
    while isinstance(node, Rel):
        ops, sides = node.ops, node.sides
        if "~" in ops:
            first = ops.index("~")
            if first == 0 and is_name(sides[0]):
                node = sides[1]
            else:
                node = Rel(ops[:first], sides[: first + 1]) if first else sides[0]
        elif ops == ("in",) and is_name(sides[0]):
            node = sides[1]
        elif set(ops) == {"="} and policy.assignment:
            value = _assigned(sides)
            if value is None:
                return node
            node = value
        else:
            return node
    if isinstance(node, Group) and len(node.items) == 1 and node.opening in ("{", "(", "["):
        return strip(node.items[0], policy)
    return node


def _assigned(sides: tuple[Node, ...]) -> Node | None:
    name, value = sides[0], sides[-1]
    if len(sides) > 2:
        return value
    if is_name(value) and not is_name(name):
        name, value = value, name
    if is_name(name) and not (free_symbols(name) & free_symbols(value) and isinstance(name, Sym)):
        return value
    if isinstance(name, Call) and isinstance(value, Call | Num) and not is_name(name):
        return value if same_expressions(name, value, MathPolicy()) else None  # a step: (2a)^2 = 4a^2
    return None


def is_name(node: Node) -> bool:
    r"""Whether the left side of an equation only names what is sought: x, f(x), AB, |AB|, (p, q), S_1 : S_2."""
    match node:
        case Sym(name=name):
            return name not in CONSTANTS
        case Text():
            return True
        case Quantity(value=value):
            return is_name(value)
        case Call(op="mul" | "ratio" | "div" | "abs" | "degree", args=args):
            return all(map(is_name, args))
        case Call(op="pow", args=(Sym(name=name), Call(op="neg") | Sym(name="T"))):  # an inverse, a transpose
            return name in "fgh" or name.isupper()
        case Call(op=op):
            return op.startswith("opaque:")
        case Group(items=items, opening=opening):
            return opening == "(" and all(map(is_name, items))
    return False


def same_relations(gold: Rel, answer: Rel, policy: MathPolicy) -> Verdict:
    """Two equations or inequalities: the same up to a factor (a positive one if the order matters)."""
    if "~" in gold.ops + answer.ops or "in" in gold.ops + answer.ops or len(gold.ops) != len(answer.ops):
        return None
    if gold.ops == ("=",) and answer.ops == ("=",):
        if not _is_equation(gold):
            return None  # x = 3 asks for a value: 2x + 1 = 7 has not been solved
        if _proportional(gold.sides, answer.sides):
            return True
        return None if all(_assigned(relation.sides) is not None for relation in (gold, answer)) else False
    if gold.ops == ("!=",) and answer.ops == ("!=",):
        return _proportional(gold.sides, answer.sides)
    if "=" in gold.ops + answer.ops or "!=" in gold.ops + answer.ops:
        return False if set(gold.ops) != set(answer.ops) else None
    if _is_solved(gold) and not _is_solved(answer):
        return False
    links = [_links(relation) for relation in (gold, answer)]
    if len(links[0]) != len(links[1]):
        return None
    agree = all(
        any(
            strict == other_strict and _proportional(sides, other_sides, positive=True)
            for other_strict, other_sides in links[1]
        )
        for strict, sides in links[0]
    )
    if agree:
        return True
    return False if len(free_symbols(gold)) > 1 else None


def _is_equation(relation: Rel) -> bool:
    return bool(free_symbols(relation)) and not (
        isinstance(relation.sides[0], Sym) and not free_symbols(relation.sides[1])
    )


def _is_solved(relation: Rel) -> bool:
    """Whether a letter alone is bounded by constants: 1 < x, -x < 3, but not 2x + 1 < 7."""
    unknown = [side for side in relation.sides if free_symbols(side)]
    bare = [side.args[0] if isinstance(side, Call) and side.op in ("neg", "abs") else side for side in unknown]
    return len(bare) == 1 and is_name(bare[0])


def _links(relation: Rel) -> list[tuple[bool, tuple[Node, Node]]]:
    """Each link of a chain as (strict, (smaller, larger))."""
    pairs = zip(relation.ops, relation.sides, relation.sides[1:], strict=False)
    return [(op in ("<", ">"), (a, b) if op[0] == "<" else (b, a)) for op, a, b in pairs]


def _proportional(gold: Sequence[Node], answer: Sequence[Node], *, positive: bool = False) -> bool:
    """Whether left - right of one relation is a constant, not zero, times that of the other."""
    differences = [Call("add", (sides[0], Call("neg", (sides[1],)))) for sides in (gold, answer)]
    names = free_symbols(differences[0])
    if names != free_symbols(differences[1]) or not names:
        return False
    ratio: Value | None = None
    count = 0
    for values in points(names, whole=any(map(is_whole, differences))):
        try:
            first, second = (evaluate(difference, Env(values)) for difference in differences)
        except Undefined:
            continue
        if not (is_real(first) and is_real(second)):
            continue
        first, second = alike(first, second)
        if second == 0 or first == 0:
            if not close(first, second):
                return False
            continue
        if ratio is None:
            ratio = first / second
        elif not close(first / second, ratio):
            return False
        count += 1
    return count >= 2 and ratio is not None and (not positive or ratio.real > 0)

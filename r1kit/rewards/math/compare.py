r"""Are two parsed answers the same? By kind: numbers and expressions, lists, intervals, relations, matrices, words.

The gold answer decides the kind. Every function answers True, False, or None where this file cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from r1kit.rewards.math import sets
from r1kit.rewards.math.expressions import Verdict, all_of
from r1kit.rewards.math.nodes import Call, Group, Matrix, Node, Num, Quantity, Rel, SetOp, Sym, Text, walk
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.relations import is_name, same_relations, strip
from r1kit.rewards.math.scalars import same_scalars
from r1kit.rewards.math.text import bare_words

MAX_ITEMS = 60
"""Longer lists are compared in their order."""


def same(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    """Whether `answer` is `gold`, by the gold answer's kind.

    Raises:
        TooLarge: one of them is too large to work out.
    """
    if isinstance(gold, Rel) and isinstance(answer, Rel):
        verdict = same_relations(gold, answer, policy)
        if verdict is not None:
            return verdict
    gold, answer = strip(gold, policy), strip(answer, policy)
    by_name = _same_assignments(gold, answer, policy)
    if by_name is not None:
        return by_name
    gold, answer = expand(gold), expand(answer)
    if isinstance(gold, Text) or isinstance(answer, Text):
        return same_words(gold, answer)
    if sets.is_real_set(gold) or (sets.is_real_set(answer) and not isinstance(gold, Group)):
        return _same_real_sets(gold, answer, policy)
    if isinstance(gold, Matrix) or isinstance(answer, Matrix):
        return _same_matrices(gold, answer, policy)
    if isinstance(gold, Group) or isinstance(answer, Group):
        return _same_groups(gold, answer, policy)
    if isinstance(gold, Rel | SetOp) or isinstance(answer, Rel | SetOp):
        return False if isinstance(gold, Rel) != isinstance(answer, Rel) else None
    return same_scalars(gold, answer, policy)


def _same_assignments(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    """`a = 1, b = 2` against the same names in another order; None where they are not such lists."""
    lists: list[dict[str, Node]] = []
    for node in (gold, answer):
        if not (isinstance(node, Group) and not node.opening):
            return None
        named = {}
        for item in node.items:
            if not (isinstance(item, Rel) and item.ops == ("=",) and is_name(item.sides[0])):
                return None
            named[str(item.sides[0])] = item.sides[1]
        if len(named) != len(node.items):
            return None
        lists.append(named)
    if lists[0].keys() != lists[1].keys():
        return None
    return all_of(same(value, lists[1][name], policy) for name, value in lists[0].items())


def expand(node: Node) -> Node:
    r"""`1 \pm 2` as the list of its two values; lists of lists with repeated names as tuples."""
    if isinstance(node, Group):
        if not node.opening and (chunked := _chunk_assignments(node)):
            return chunked
        items: list[Node] = []
        for item in node.items:
            expanded = _expand_signs(item)
            items += expanded
        if len(items) != len(node.items) and node.opening not in ("", "{"):
            return node
        return Group(node.opening, tuple(items), node.closing, node.joint)
    expanded = _expand_signs(node)
    return node if len(expanded) == 1 else Group("", tuple(expanded), "")


def _expand_signs(node: Node) -> list[Node]:
    if isinstance(node, Group | Matrix | SetOp) or not any(
        isinstance(part, Call) and part.op in ("pm", "mp") for part in walk(node)
    ):
        return [node]
    return [_with_sign(node, sign) for sign in (1, -1)]


def _with_sign(node: Node, sign: int) -> Node:
    match node:
        case Call(op="pm" | "mp" as op, args=(left, right)):
            left, right = _with_sign(left, sign), _with_sign(right, sign)
            plus = (op == "pm") == (sign > 0)
            if left == Num(Fraction(0)):
                return right if plus else Call("neg", (right,))
            return Call("add", (left, right if plus else Call("neg", (right,))))
        case Call(op=op, args=args):
            return Call(op, tuple(_with_sign(arg, sign) for arg in args))
        case Rel(ops=ops, sides=sides):
            return Rel(ops, tuple(_with_sign(side, sign) for side in sides))
        case Quantity(value=value, unit=unit):
            return Quantity(_with_sign(value, sign), unit)
    return node


def _chunk_assignments(node: Group) -> Group | None:
    """`p=5, q=2, p=7, q=2` as (5,2), (7,2)."""
    names = [str(item.sides[0]) if isinstance(item, Rel) and item.ops == ("=",) else "" for item in node.items]
    width = len(set(names))
    if "" in names or width < 2 or len(names) <= width or len(names) % width:
        return None
    if any(name != names[index % width] for index, name in enumerate(names)):
        return None
    values = [item.sides[1] for item in node.items if isinstance(item, Rel)]
    rows = [tuple(values[at : at + width]) for at in range(0, len(values), width)]
    return Group("", tuple(Group("(", row, ")") for row in rows), "")


def same_words(gold: Node, answer: Node) -> Verdict:
    """Words are the same if their letters are; a gold answer in words is not answered by a formula."""
    if isinstance(gold, Text) and isinstance(answer, Text):
        return bare_words(gold.words) == bare_words(answer.words)
    return None if isinstance(gold, Text) else False


def _same_real_sets(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    if isinstance(gold, Group) and isinstance(answer, Group) and gold.opening:
        brackets = [(group.opening, group.closing, len(group.items)) for group in (gold, answer)]
        if brackets[0] == brackets[1]:
            return all_of(same(g, a, policy) for g, a in zip(gold.items, answer.items, strict=True))
    answer_is_relation = isinstance(answer, Rel) or (isinstance(answer, Group) and not answer.opening)
    if answer_is_relation and not isinstance(gold, Rel) and not policy.relation_for_interval:
        return False
    if not (sets.is_real_set(gold) or isinstance(gold, Rel | Group)):
        return False  # a number or an expression
    return sets.same_sets(gold, answer)


def _same_matrices(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    if isinstance(gold, Matrix) and isinstance(answer, Matrix):
        if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
            return False
        pairs = zip(gold.rows, answer.rows, strict=True)
        return all_of(same(g, a, policy) for left, right in pairs for g, a in zip(left, right, strict=True))
    matrix, other = (gold, answer) if isinstance(gold, Matrix) else (answer, gold)
    if not (isinstance(matrix, Matrix) and isinstance(other, Group)):
        return False if not isinstance(other, Call) else None
    cells = [cell for row in matrix.rows for cell in row]
    if 1 not in (len(matrix.rows), len(matrix.rows[0])) or len(cells) != len(other.items) or other.opening == "{":
        return False
    return all_of(same(g, a, policy) for g, a in zip(cells, other.items, strict=True))


def _same_groups(gold: Node, answer: Node, policy: MathPolicy) -> Verdict:
    if any(isinstance(item, Sym) and item.name == "\\ldots" for node in (gold, answer) for item in walk(node)):
        return None if _has_dots(gold) and _has_dots(answer) else False
    lists = [node if isinstance(node, Group) else Group("", (node,), "") for node in (gold, answer)]
    first, second = lists
    is_ordered = _is_tuple(first) or _is_tuple(second)
    if is_ordered:
        if "{" in (first.opening, second.opening):
            return False
        if any((group.opening, group.closing) in (("[", ")"), ("(", "]")) for group in lists) and not (
            first.opening and second.opening
        ):
            return False  # a half-open interval is no list
        brackets = (first.opening, first.closing) == (second.opening, second.closing)
        if len(first.items) == 2 and first.opening and second.opening and not brackets:
            return False
    elif (policy.set_order if "{" in (first.opening, second.opening) else policy.list_order) == "fixed":
        is_ordered = True
    if is_ordered:
        if len(first.items) != len(second.items):
            return False
        return all_of(same(g, a, policy) for g, a in zip(first.items, second.items, strict=True))
    return _same_unordered(first.items, second.items, lambda g, a: same(g, a, policy))


def _has_dots(node: Node) -> bool:
    return any(isinstance(part, Sym) and part.name == "\\ldots" for part in walk(node))


def _is_tuple(group: Group) -> bool:
    return group.opening in ("(", "[")


def _same_unordered(gold: Sequence[Node], answer: Sequence[Node], equal: Callable[[Node, Node], Verdict]) -> Verdict:
    """Each item of one is an item of the other, and the other way round; repetitions do not count."""
    if max(len(gold), len(answer)) > MAX_ITEMS:
        return len(gold) == len(answer) and all_of(equal(g, a) for g, a in zip(gold, answer, strict=True))
    table = [[equal(g, a) for a in answer] for g in gold]
    if all(any(row) for row in table) and all(any(row[at] for row in table) for at in range(len(answer))):
        return True
    known = all(verdict is not None for row in table for verdict in row)
    return False if known else None

"""Do two scalar expressions have the same value?"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from r1kit.rewards.math.nodes import CONSTANTS, Call, Node, Num, Sym, free_symbols, walk
from r1kit.rewards.math.policy import MathPolicy
from r1kit.rewards.math.values import DIGITS, Env, Undefined, Value, context, evaluate, is_real, magnitude, points

Verdict = bool | None
_WHOLE = {"sum", "prod", "factorial", "binom"}


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """True if all are, False if any is not, else None."""
    unknown = False
    for verdict in verdicts:
        if verdict is False:
            return False
        unknown |= verdict is None
    return None if unknown else True


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """True if any is, None if any is unknown, else False."""
    unknown = False
    for verdict in verdicts:
        if verdict:
            return True
        unknown |= verdict is None
    return None if unknown else False


def same_expressions(gold: Node, answer: Node, policy: MathPolicy, *, scale: Fraction = Fraction(1)) -> Verdict:
    """Whether two scalar expressions have the same value, at each of several points if they have letters.

    None where they have no value that is known here, or too few points lie in the domains of both.
    """
    if _is_plain(gold) and free_symbols(answer):
        return False
    offset, (gold, answer) = _integration_constants(gold, answer)
    names = free_symbols(gold) | free_symbols(answer)
    if policy.any_variable and len(names) == 2 and not free_symbols(gold) & free_symbols(answer):
        names, answer = free_symbols(gold), _rename(answer, free_symbols(gold).pop())
    rounded = policy.decimals if is_decimal(gold) != is_decimal(answer) and not names else None
    if scale != 1:
        answer = Call("mul", (Num(scale), answer))
    has_log = any(isinstance(part, Call) and part.op == "log" and len(part.args) == 1 for part in walk(answer))
    has_log |= any(isinstance(part, Call) and part.op == "log" and len(part.args) == 1 for part in walk(gold))
    return any_of(
        _agree(gold, answer, names, policy, natural_log=natural, rounded=rounded, offset=offset)
        for natural in ((True, False) if has_log else (True,))
    )


def _is_plain(node: Node) -> bool:
    return not free_symbols(node)


def is_decimal(node: Node) -> bool:
    """Whether a node is a decimal as it was written, with or without a sign."""
    if isinstance(node, Call) and node.op in ("neg", "percent", "degree"):
        return is_decimal(node.args[0])
    return isinstance(node, Num) and (node.is_decimal or node.value.denominator == 1)


def _rename(node: Node, name: str) -> Node:
    match node:
        case Sym(name=old):
            return node if old in CONSTANTS else Sym(name)
        case Call(op=op, args=args):
            return Call(op, tuple(_rename(arg, name) for arg in args))
    return node


def _integration_constants(gold: Node, answer: Node) -> tuple[bool, tuple[Node, Node]]:
    """Take `+ C` off both, where both have one: they then may differ by a constant."""
    stripped = []
    for node in (gold, answer):
        match node:
            case Call(op="add", args=(rest, Sym(name="C" | "c" | "K" | "k" | "C_1"))):
                stripped.append(rest)
    if len(stripped) == 2 and free_symbols(gold) - {"C"}:
        return True, (stripped[0], stripped[1])
    return False, (gold, answer)


def _agree(
    gold: Node,
    answer: Node,
    names: set[str],
    policy: MathPolicy,
    *,
    natural_log: bool,
    rounded: int | None,
    offset: bool,
) -> Verdict:
    whole = is_whole(gold) or is_whole(answer)
    agreed = skipped = 0
    difference: Value | None = None
    for values in points(names, whole=whole):
        try:
            left, right = _values(gold, answer, Env(values, natural_log))
        except Undefined:
            continue
        left, right = alike(left, right)
        if names and is_real(left) != is_real(right):
            skipped += 1  # outside the domain of one of them
            continue
        if offset:
            difference = left - right if difference is None else difference
            left, difference = alike(left, difference)
            left = left - difference
        if not close(left, right, policy, rounded=rounded):
            return False
        agreed += 1
    return True if agreed >= (2 if names else 1) and agreed > skipped / 2 else None


def _values(gold: Node, answer: Node, env: Env) -> tuple[Value, Value]:
    """Both values, to so many digits that at least 30 stand after the point."""
    left, right = evaluate(gold, env), evaluate(answer, env)
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left, right
    size = max(magnitude(left), magnitude(right))
    if abs(size) > 20:
        finer = Env(env.symbols, env.natural_log, DIGITS + int(min(abs(size), 30_000)))
        left, right = evaluate(gold, finer), evaluate(answer, finer)
    return left, right


def close(left: Value, right: Value, policy: MathPolicy | None = None, *, rounded: int | None = None) -> bool:
    """Whether two values are equal: exactly, if they are fractions; else to 30 digits, or as the policy allows."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        equal = left == right
    else:
        left, right = _inexact(left), _inexact(right)
        size = max(abs(left), abs(right))
        equal = left == right or bool(abs(left - right) <= 1e-30 * (size if 1e-100 < size < 1 else 1))
    if equal or (policy is None and rounded is None):
        return equal
    difference = abs(left - right)
    if policy and not _both_integers(left, right) and difference <= _tolerance(left, policy):
        return True
    if rounded is None or difference * 2 * 10**rounded > 1:
        return False
    return bool(abs(left) * 10**rounded >= 10)  # at 0.000000 nothing is left of a small number


def alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Both as fractions, or both as mpmath's numbers: the two do not mix."""
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return left, right
    return _inexact(left), _inexact(right)


def _tolerance(value: Value, policy: MathPolicy) -> Value:
    if isinstance(value, Fraction):  # a float of it may overflow
        return max(Fraction(policy.abs_tol), Fraction(policy.rel_tol) * abs(value))
    return max(policy.abs_tol, policy.rel_tol * abs(value))


def _both_integers(left: Value, right: Value) -> bool:
    return all(isinstance(value, Fraction) and value.denominator == 1 for value in (left, right))


def _inexact(value: Value) -> Value:
    return context(DIGITS + 40).mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def is_whole(node: Node) -> bool:
    """Whether an expression only makes sense for whole values of its letters."""
    return any(isinstance(part, Call) and part.op in _WHOLE and free_symbols(part) for part in walk(node))

"""What an expression is worth: an exact fraction where it has one, else a number of 60 digits or more.

Two expressions with letters are equal if they agree at several points, drawn from the letters' names; sampling is both
faster and safer than simplifying, and each size is checked before the operation that would exceed it (`TooLarge`).
"""

from __future__ import annotations

import functools
import math
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from r1kit.rewards.math.nodes import Call, Group, Node, Num, Quantity, Sym

MAX_BITS = 100_000
"""Of an exact integer, about 30,000 digits."""
MAX_TERMS = 500
"""Of a written-out sum or product."""
DIGITS = 60
NUM_POINTS = 6

Value = Any
"""A Fraction, or mpmath's mpf or mpc."""


class TooLarge(Exception):
    """The value has too many digits to work out."""


class Undefined(Exception):
    """The expression has no value at this point, or none that is known here."""


@functools.cache
def context(digits: int = DIGITS) -> Any:
    """An mpmath context of this precision; mpmath is imported when the first irrational number comes."""
    from mpmath import MPContext

    made = MPContext()
    made.dps = digits
    return made


@dataclass(frozen=True, slots=True)
class Env:
    """Where an expression is evaluated."""

    symbols: Mapping[str, Value] = field(default_factory=dict)
    natural_log: bool = True
    """`log` without a base is the natural one; else the decimal one."""
    digits: int = DIGITS
    num_terms: int = MAX_TERMS
    """How many terms a sum may still have; an inner sum shares those of the outer."""


def points(names: set[str], *, whole: bool, digits: int = DIGITS) -> Iterator[Mapping[str, Fraction]]:
    """Values for the letters, the same in every run: positive ones first, then of mixed signs."""
    for index in range(NUM_POINTS if names else 1):
        values: dict[str, Fraction] = {}
        for name in names:
            draw = random.Random(f"{name} {index}")
            values[name] = Fraction(draw.randint(3, 12)) if whole else Fraction(draw.randint(2, 60), 23)
            if not whole and index >= NUM_POINTS - 2 and draw.random() < 0.75:
                values[name] = -values[name]
        yield values


def evaluate(node: Node, env: Env) -> Value:
    """The value of a scalar expression.

    Raises:
        TooLarge: it, or a part of it, is too large to work out.
        Undefined: division by zero, or not a scalar expression.
    """
    match node:
        case Num(value=value, base=base):
            return value if base is None else _in_base(value, base)
        case Sym(name=name):
            return _symbol(name, env)
        case Quantity(value=inner):
            return evaluate(inner, env)
        case Call(op="sum" | "prod"):
            return _big(node, env)
        case Call(op=op, args=args) if op.startswith("opaque:"):
            return _opaque(op, args[0], env)
        case Call(op="gcd" | "lcm" | "max" | "min" as op, args=(Group(items=items),)):
            return _of_several(op, [evaluate(item, env) for item in items])
        case Call(op="log", args=args):
            return _log(args, env)
        case Call(op=op, args=(Call(op="degree", args=(angle,)),)) if op in _OF_ANGLES:
            radians = _inexact(evaluate(angle, env), env) * context(env.digits).pi / 180
            return _apply(op, [radians], env)
        case Call(op=op, args=args):
            return _apply(op, [evaluate(arg, env) for arg in args], env)
    raise Undefined(f"no value: {type(node).__name__}")


def _in_base(digits: Fraction, base: int) -> Fraction:
    text = str(digits)
    if not text.isdigit() or any(int(digit) >= base for digit in text):
        raise Undefined("a digit that the base does not have")
    return Fraction(int(text, base))


def _symbol(name: str, env: Env) -> Value:
    if name in env.symbols:
        return env.symbols[name]
    ctx = context(env.digits)
    match name:
        case "\\pi":
            return +ctx.pi
        case "e":
            return +ctx.e
        case "i":
            return ctx.mpc(0, 1)
        case "\\infty":
            return ctx.inf
    raise Undefined(f"no value for {name}")


def _opaque(op: str, argument: Node, env: Env) -> Value:
    """An unknown function: any fixed function that no identity holds for."""
    ctx = context(env.digits)
    seed = zlib.crc32(op.encode())
    items = argument.items if isinstance(argument, Group) else (argument,)
    total = ctx.mpf(seed % 1009) / 1009
    for place, item in enumerate(items, start=1):
        total += _inexact(evaluate(item, env), env) * (ctx.mpf(seed % 97 + 13) / 89 + place)
    return ctx.sin(total) + ctx.mpf(3) / 2


def _of_several(op: str, values: list[Value]) -> Value:
    if not all(isinstance(value, Fraction) for value in values):
        raise Undefined(f"{op} of inexact numbers")
    if op in ("max", "min"):
        return max(values) if op == "max" else min(values)
    if not all(map(_is_integer, values)):
        raise Undefined(f"{op} of fractions")
    return Fraction((math.gcd if op == "gcd" else math.lcm)(*(value.numerator for value in values)))


def _log(args: tuple[Node, ...], env: Env) -> Value:
    ctx = context(env.digits)
    value = _inexact(evaluate(args[0], env), env)
    base = evaluate(args[1], env) if len(args) > 1 else None if env.natural_log else Fraction(10)
    if value == 0:
        raise Undefined("logarithm of 0")
    if base is None:
        return ctx.ln(value)
    scale = ctx.ln(_inexact(base, env)) if base else ctx.mpf(0)
    if scale == 0:
        raise Undefined("a logarithm to the base of 0 or 1")
    return ctx.ln(value) / scale


def _big(node: Call, env: Env) -> Value:
    body, index, start, stop = node.args
    first, last = evaluate(start, env), evaluate(stop, env)
    if not (_is_integer(first) and _is_integer(last) and isinstance(index, Sym)):
        raise Undefined("a sum without whole bounds")
    num_terms = int(last - first) + 1
    if num_terms > env.num_terms:
        raise TooLarge("a sum of too many terms")
    total: Value = Fraction(0 if node.op == "sum" else 1)
    for step in range(int(first), int(last) + 1):
        symbols = {**env.symbols, index.name: Fraction(step)}
        inner = Env(symbols, env.natural_log, env.digits, env.num_terms // num_terms)
        total = _apply("add" if node.op == "sum" else "mul", [total, evaluate(body, inner)], env)
    return total


def _is_integer(value: Value) -> bool:
    return isinstance(value, Fraction) and value.denominator == 1


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _inexact(value: Value, env: Env) -> Value:
    ctx = context(env.digits)
    return ctx.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _apply(op: str, values: list[Value], env: Env) -> Value:
    if all(isinstance(value, Fraction) for value in values):
        if sum(map(_bits, values)) > MAX_BITS:
            raise TooLarge("too many digits")
        exact = _apply_exact(op, values)
        if exact is not None:
            return exact
    value = _apply_inexact(op, [_inexact(value, env) for value in values], env)
    if value != value:
        raise Undefined("not a number")
    return value


def _apply_exact(op: str, values: list[Fraction]) -> Fraction | None:
    """The exact result, or None where there is none."""
    first = values[0]
    second = values[-1]
    match op:
        case "add" | "add_mixed" | "pm":
            return first + second
        case "mul":
            return first * second
        case "neg":
            return -first
        case "div" | "ratio":
            if second == 0:
                raise Undefined("division by zero")
            return first / second
        case "pow":
            return _power_exact(first, second)
        case "root":
            return _power_exact(second, 1 / first) if first else None
        case "abs":
            return abs(first)
        case "percent":
            return first / 100
        case "degree":
            return first
        case "floor":
            return Fraction(math.floor(first))
        case "ceil":
            return Fraction(math.ceil(first))
        case "factorial" if _is_integer(first) and first >= 0:
            if first > 3000:
                raise TooLarge("factorial of a number above 3000")
            return Fraction(math.factorial(int(first)))
        case "binom" if _is_integer(first) and _is_integer(second) and first >= 0:
            smaller = min(second, first - second)
            if smaller < 0:
                return Fraction(0)
            if smaller * first.numerator.bit_length() > MAX_BITS:
                raise TooLarge("binomial coefficient of large numbers")
            return Fraction(math.comb(int(first), int(second)))
    return None


def _power_exact(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator == 1:
        if base == 0 and exponent < 0:
            raise Undefined("division by zero")
        if base not in (0, 1, -1) and abs(exponent) * _bits(base) > MAX_BITS:
            raise TooLarge("power with too many digits")
        return base ** int(exponent % 2 if abs(base) == 1 else exponent)
    if exponent.denominator == 2 and base >= 0 and abs(exponent) * _bits(base) <= MAX_BITS:
        top, bottom = math.isqrt(base.numerator), math.isqrt(base.denominator)
        if top * top == base.numerator and bottom * bottom == base.denominator and (top or exponent > 0):
            return Fraction(top, bottom) ** exponent.numerator
    return None


def _apply_inexact(op: str, values: list[Value], env: Env) -> Value:
    ctx = context(env.digits)
    first, second = values[0], values[-1]
    try:
        match op:
            case "add" | "add_mixed" | "pm":
                return first + second
            case "mul":
                return first * second
            case "neg":
                return -first
            case "div" | "ratio":
                return first / second
            case "pow":
                return _power(first, second, ctx)
            case "root":
                return _root(first, second, ctx)
            case "abs":
                return abs(first)
            case "percent":
                return first / 100
            case "degree":
                return first
            case "factorial" if abs(first) < 1000:
                return ctx.gamma(first + 1)
            case "binom" if max(abs(first), abs(second)) < 1000:
                return ctx.binomial(first, second)
            case "floor" | "ceil" if _is_real(first):
                return ctx.floor(first) if op == "floor" else ctx.ceil(first)
            case "exp" if abs(first) < 100_000:
                return ctx.exp(first)
            case _ if op in _FUNCTIONS and abs(first) < ctx.mpf(10) ** 20:
                return getattr(ctx, _FUNCTIONS[op])(first)
    except (ZeroDivisionError, ValueError, OverflowError) as error:
        raise Undefined(str(error)) from None
    if op in ("factorial", "binom", "exp") or op in _FUNCTIONS:
        raise TooLarge(f"{op} of a large number")
    raise Undefined(f"no value for {op}")


_OF_ANGLES = {"sin", "cos", "tan", "cot", "sec", "csc"}
_FUNCTIONS = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "ln")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")},
    **{"sgn": "sign", "lg": "log10"},
}


def _is_real(value: Value) -> bool:
    return isinstance(value, Fraction) or abs(value.imag) < 1e-40 * max(1, abs(value))


def _power(base: Value, exponent: Value, ctx: Any) -> Value:
    if abs(exponent) > 1_000_000 or (base != 0 and abs(ctx.ln(abs(base)) * abs(exponent)) > 1_000_000):
        raise TooLarge("power of large numbers")
    return base**exponent


def _root(index: Value, base: Value, ctx: Any) -> Value:
    """The real root of a negative number where the index is odd, as school mathematics has it."""
    if index == 0:
        raise Undefined("root of index 0")
    if _is_real(base) and base.real < 0 and index == int(index.real) and int(index.real) % 2:
        return -_power(-base, 1 / index, ctx)
    return _power(base, 1 / index, ctx)


def is_real(value: Value) -> bool:
    """Whether a value lies on the real line, infinity included."""
    return _is_real(value)


def magnitude(value: Value) -> float:
    """The decimal exponent of a value, about; 0 for 0 and infinity."""
    if isinstance(value, Fraction):
        return (value.numerator.bit_length() - value.denominator.bit_length()) * 0.30103 if value else 0.0
    size = abs(value)
    if size == 0 or math.isinf(size):
        return 0.0
    return float(context().log10(size))

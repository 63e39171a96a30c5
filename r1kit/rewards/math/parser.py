r"""A small reader of the mathematics that answers consist of: LaTeX and plain notation to a tree.

It reads expressions, relations, lists, tuples, sets, intervals, matrices and quantities with units, in linear time and
without computer algebra; it evaluates nothing. Integrals, limits, cases and sentences are left to others
(`Unreadable`). Nothing here knows which answers are equal: that is `compare.py`.
"""

from __future__ import annotations

from fractions import Fraction

from r1kit.rewards.math.atoms import AtomParser
from r1kit.rewards.math.nodes import (
    Call,
    Group,
    Node,
    Num,
    Quantity,
    Rel,
    SetOp,
    Sym,
    Text,
    base_of,
    number,
    plain_integer,
    primed,
)
from r1kit.rewards.math.tokens import (
    COMMAND_STARTS,
    OPAQUE,
    OVER,
    RELATIONS,
    SET_OPS,
    SYMBOL_COMMANDS,
    TIMES,
    Unreadable,
    tokenize,
)

MAX_DEPTH = 40


def parse_math(text: str, *, grouped: bool = True) -> Node:
    r"""Read a cleaned answer (`math_text.clean`).

    Args:
        text: What to read.
        grouped: `1,234` is one number, where it is not between brackets.

    Raises:
        Unreadable: it is not in the grammar, or nested too deeply.
    """
    return _Parser(tokenize(text, grouped=grouped)).whole()


class _Parser(AtomParser):
    def whole(self) -> Node:
        node = self._list(end=None)
        if self._at < len(self._tokens):
            raise Unreadable(f"unexpected {self._peek()!r}")
        return node

    def _list(self, end: str | None) -> Node:
        """Items between separators, up to `end`; one item alone is itself."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")
        items: list[Node] = []
        joint = ""
        while self._at < len(self._tokens) and self._peek() != end:
            if self._kind() == "sep":
                text = self._next().text
                joint = text if text in ("and", "or") or not joint else joint
                continue
            if items and not joint:
                raise Unreadable(f"unexpected {self._peek()!r}")
            before = self._at
            items.append(self._set_expression())
            if self._at == before:
                raise Unreadable(f"unexpected {self._peek()!r}")
            if self._kind() != "sep" and self._peek() != end:
                break
        self._depth -= 1
        if not items:
            raise Unreadable("nothing there")
        return items[0] if len(items) == 1 else Group("", tuple(items), "", joint)

    def _set_expression(self) -> Node:
        node = self._relation()
        while self._peek() in SET_OPS:
            op = SET_OPS[self._next().text]
            right = self._relation()
            if isinstance(node, Rel) and node.ops[-1] == "in":  # x in A cup B
                node = Rel(node.ops, (*node.sides[:-1], SetOp(op, (node.sides[-1], right))))
            else:
                node = SetOp(op, (node, right))
        return node

    def _relation(self) -> Node:
        sides = [self._sum()]
        ops: list[str] = []
        while self._peek() in RELATIONS and self._kind() != "text":
            ops.append(RELATIONS[self._next().text])
            sides.append(self._sum())
        return Rel(tuple(ops), tuple(sides)) if ops else sides[0]

    def _sum(self) -> Node:
        signs = {"+": "add", "-": "sub", "\\pm": "pm", "\\mp": "mp"}
        if self._peek() in ("\\pm", "\\mp"):
            op = signs[self._next().text]
            node: Node = Call(op, (Num(Fraction(0)), self._product()))
        else:
            node = self._product()
        while self._peek() in signs and self._kind() == "op":
            op = signs[self._next().text]
            right = self._product()
            node = Call("add", (node, Call("neg", (right,)))) if op == "sub" else Call(op, (node, right))
        return node

    def _product(self) -> Node:
        node = self._signed()
        while True:
            if isinstance(node, Text) and self._peek() in TIMES | OVER:
                raise Unreadable("words in a product")
            if self._peek() in TIMES:
                self._next()
                node = Call("mul", (node, self._signed()))
            elif self._peek() in OVER:
                op = "ratio" if self._next().text == ":" else "div"
                node = Call(op, (node, self._signed()))
            elif self._kind() == "text":
                node = Quantity(node, self._unit())
            elif self._starts_factor():
                node = self._implicit(node)
            else:
                return node

    def _implicit(self, node: Node) -> Node:
        if isinstance(node, Text | Quantity):
            raise Unreadable("mathematics after words")
        is_mixed = isinstance(node, Num) and not node.is_decimal and self._peek() == "\\frac"
        right = self._power()
        if is_mixed and isinstance(right, Call) and all(isinstance(part, Num) for part in right.args):
            return Call("add_mixed", (node, right))
        if isinstance(node, Num) and isinstance(right, Num):
            raise Unreadable("two numbers side by side")
        return Call("mul", (node, right))

    def _starts_factor(self) -> bool:
        text = self._peek()
        if self._kind() == "op":
            return text in ("(", "{", "[") or (text == "|" and not self._bars)
        if self._kind() == "cmd":
            return text in COMMAND_STARTS or text in SYMBOL_COMMANDS
        return self._kind() in ("num", "sym", "func")

    def _signed(self) -> Node:
        if self._accept("-"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise Unreadable("nested too deeply")
            node = Call("neg", (self._signed(),))
            self._depth -= 1
            return node
        self._accept("+")
        return self._power()

    def _unit(self) -> str:
        """Words after a value, with what makes units of them: `m/s^2`, `kg m^{-1}`."""
        words = [self._next().text]
        while True:
            if self._kind() == "text":
                words.append(self._next().text)
            elif self._peek() == "^" and self._kind() == "op":
                self._next()
                exponent = self._exponent()
                words.append(f"^{plain_integer(exponent)}")
            elif self._peek() in ("/", "\\cdot", "*") and self._kind(1) in ("text", "sym"):
                words += [self._next().text, self._next().text]
            else:
                return " ".join(words)

    def _power(self) -> Node:
        node = self._postfix()
        if not self._accept("^"):
            return node
        if self._peek() in ("\\circ", "\\prime") or (self._peek() == "{" and self._peek(1) in ("\\circ", "\\prime")):
            in_braces = self._accept("{")
            mark = self._next().text
            while in_braces and self._accept("\\prime"):
                pass
            if in_braces:
                self._expect("}")
            marked = Call("degree", (node,)) if mark == "\\circ" else primed(node)
            return self._after_mark(marked)
        if self._kind() == "text" or (self._peek() == "{" and self._kind(1) == "text"):
            return self._ordinal(node)
        return self._after_mark(Call("pow", (node, self._exponent())))

    def _after_mark(self, node: Node) -> Node:
        """What may stand after a power: `x^2!`, `x'^2`, or the argument list of an opaque f'."""
        if isinstance(node, Sym) and node.name[0] in OPAQUE and self._peek() == "(":
            return Call(f"opaque:{node.name}", (self._bracketed(),))
        while self._accept("!"):
            node = Call("factorial", (node,))
        return node

    def _ordinal(self, node: Node) -> Node:
        in_braces = self._accept("{")
        if self._next().text.strip() not in ("st", "nd", "rd", "th"):
            raise Unreadable("words in an exponent")
        if in_braces:
            self._expect("}")
        return node

    def _exponent(self) -> Node:
        if self._accept("-"):
            return Call("neg", (self._exponent(),))
        self._accept("+")
        if self._peek() == "{":
            return self._braced()
        if self._kind() == "num":
            return number(self._next().text)
        return self._atom()

    def _postfix(self) -> Node:
        node = self._atom()
        while True:
            if self._peek() == "!" and self._kind() == "op":
                self._next()
                node = Call("factorial", (node,))
            elif self._peek() in ("\\%", "%"):
                self._next()
                node = Call("percent", (node,))
            elif self._peek() == "'" and isinstance(node, Sym):
                self._next()
                node = primed(node)
                if self._peek() == "(":
                    node = Call(f"opaque:{node.name}", (self._bracketed(),))
            elif self._peek() == "_" and isinstance(node, Sym) and node.name.endswith("'"):
                self._next()
                node = Sym(f"{node.name}_{self._argument()}")
            elif self._peek() == "_" and isinstance(node, Num):
                self._next()
                node = Num(node.value, base=base_of(self._argument()))
            else:
                return node

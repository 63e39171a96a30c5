r"""The small end of the grammar: numbers, letters, brackets, functions, roots, sums, matrices.

`parser.py` has the other end, from a product up to a list; the two call each other.
"""

from __future__ import annotations

from fractions import Fraction

from r1kit.rewards.math.nodes import Call, Group, Matrix, Node, Num, Rel, Sym, Text, number
from r1kit.rewards.math.tokens import CLOSING, FUNCTIONS, OPAQUE, SYMBOL_COMMANDS, Cursor, Token, Unreadable


class AtomParser(Cursor):
    """Reads the operands of an expression; the levels above are those of `parser.py`."""

    def __init__(self, tokens: list[Token]) -> None:
        """Stand before the first token."""
        super().__init__(tokens)
        self._depth = 0
        self._bars = 0

    def _list(self, end: str | None) -> Node:
        raise NotImplementedError

    def _sum(self) -> Node:
        raise NotImplementedError

    def _product(self) -> Node:
        raise NotImplementedError

    def _implicit(self, node: Node) -> Node:
        raise NotImplementedError

    def _starts_factor(self) -> bool:
        raise NotImplementedError

    def _power(self) -> Node:
        raise NotImplementedError

    def _exponent(self) -> Node:
        raise NotImplementedError

    def _atom(self) -> Node:
        token = self._next()
        if token.kind == "num":
            return number(token.text)
        if token.kind == "text":
            words = [token.text]
            while self._kind() == "text":
                words.append(self._next().text)
            return Text(" ".join(words))
        if token.kind == "sym":
            return self._symbol(token.text)
        if token.kind == "func":
            return self._function(token.text)
        if token.text in CLOSING or token.text == "|" or token.text == "]":
            self._at -= 1
            return self._bracketed()
        if token.text == "\\frac":
            return Call("div", (self._argument(), self._argument()))
        if token.text == "\\binom":
            return Call("binom", (self._argument(), self._argument()))
        if token.text == "\\sqrt":
            return self._root()
        if token.text == "\\begin":
            return self._matrix()
        if token.text in ("\\sum", "\\prod"):
            return self._big(token.text[1:])
        if token.text in SYMBOL_COMMANDS:
            return self._symbol(token.text)
        raise Unreadable(f"unexpected {token.text!r}")

    def _symbol(self, name: str) -> Node:
        if self._accept("_"):
            start = self._at
            index = self._argument()
            tokens = [token.text for token in self._tokens[start : self._at] if token.text not in "{}"]
            if isinstance(index, Call):
                return Call(f"opaque:{name}", (index,))
            if name in ("C", "A") and isinstance(index, Num) and self._peek() == "^":
                return self._selection(name, index)
            return Sym(f"{'C' if name == 'c' else name}_{''.join(tokens)}")
        if name in OPAQUE and self._peek() == "(" and self._kind() == "op":
            return Call(f"opaque:{name}", (self._bracketed(),))
        return Sym(name)

    def _selection(self, name: str, of: Num) -> Node:
        """`C_{10}^{3}` chooses, `A_{10}^{3}` arranges."""
        self._next()
        chosen = self._exponent()
        choose = Call("binom", (of, chosen))
        return choose if name == "C" else Call("mul", (choose, Call("factorial", (chosen,))))

    def _argument(self) -> Node:
        """What TeX takes as one argument: a group in braces, one digit, one letter or one command."""
        if self._peek() == "{":
            return self._braced()
        if self._kind() == "num" and len(self._peek()) > 1 and self._peek().isdigit():
            token = self._next()
            self._at -= 1
            self._tokens[self._at] = Token("num", token.text[1:])
            return number(token.text[0])
        return self._atom()

    def _braced(self) -> Node:
        self._expect("{")
        bars, self._bars = self._bars, 0
        node = self._list(end="}")
        self._bars = bars
        self._expect("}")
        return node

    def _root(self) -> Node:
        index: Node = Num(Fraction(2))
        if self._accept("["):
            index = self._list(end="]")
            self._expect("]")
        if self._peek() == "(":
            inside = self._bracketed()
        elif self._kind() == "num":
            inside = number(self._next().text)
        else:
            inside = self._argument()
        return Call("root", (index, inside))

    def _bracketed(self) -> Node:
        opening = self._next().text
        if opening == "|":
            self._bars += 1
            inside = self._sum()
            self._expect("|")
            self._bars -= 1
            return Call("abs", (inside,))
        if opening == "\\{" and self._accept("\\}"):
            return Sym("\\emptyset")
        bars, self._bars = self._bars, 0
        node = self._list(end=None if opening in "([]" else CLOSING[opening])
        self._bars = bars
        closing = self._next().text
        if opening in "([]":  # an interval may mix its brackets, and ]0, 1[ is French
            if closing not in (")", "]", "["):
                raise Unreadable(f"expected a bracket, got {closing!r}")
        elif closing != CLOSING[opening]:
            raise Unreadable(f"expected {CLOSING[opening]!r}, got {closing!r}")
        if opening in ("\\lfloor", "\\lceil"):
            return Call(opening[2:], (node,))
        bare = isinstance(node, Group) and not node.opening
        if opening == "{" or (opening in "([" and not bare and closing in ")]"):
            if bare or opening == "{" or (opening + closing in ("()", "[]")):
                return node
            raise Unreadable("brackets do not match")
        items = node.items if isinstance(node, Group) and not node.opening else (node,)
        if opening == "\\langle":
            opening, closing = "(", ")"
        return Group(opening.removeprefix("\\"), items, closing.removeprefix("\\"))

    def _function(self, name: str) -> Node:
        power: Node | None = None
        base: Node | None = None
        for _ in range(2):
            if self._accept("^"):
                power = self._exponent()
            elif name == "log" and self._accept("_"):
                base = self._argument()
        is_bracketed = self._peek() in ("(", "{", "|", "[")
        inside = self._bracketed() if is_bracketed else self._function_argument()
        if power == Call("neg", (Num(Fraction(1)),)) and f"arc{name}" in FUNCTIONS:
            name, power = f"arc{name}", None
        node = Call(name, (inside,) if base is None else (inside, base))
        return node if power is None else Call("pow", (node, power))

    def _function_argument(self) -> Node:
        """A product up to the next function: sin 2x cos x is (sin 2x)(cos x)."""
        if self._accept("-"):
            return Call("neg", (self._function_argument(),))
        node = self._power()
        while self._starts_factor() and self._kind() != "func" and self._peek() not in ("\\begin", "("):
            node = self._implicit(node)
        return node

    def _big(self, op: str) -> Node:
        self._expect("_")
        start = self._braced()
        self._expect("^")
        stop = self._exponent()
        if not (isinstance(start, Rel) and start.ops == ("=",) and isinstance(start.sides[0], Sym)):
            raise Unreadable("a sum without bounds")
        return Call(op, (self._product(), start.sides[0], start.sides[1], stop))

    def _matrix(self) -> Node:
        name = self._environment()
        if name not in ("pmatrix", "bmatrix", "matrix", "vmatrix", "array", "smallmatrix", "Bmatrix"):
            raise Unreadable(f"environment {name!r}")
        if name == "array" and self._accept("{"):
            while self._next().text != "}":
                pass
        rows: list[tuple[Node, ...]] = []
        row: list[Node] = []
        while self._peek() != "\\end":
            if self._accept("\\\\"):
                if row:
                    rows.append(tuple(row))
                row = []
            elif not self._accept("&"):
                row.append(self._sum())
        self._next()
        self._environment()
        if row:
            rows.append(tuple(row))
        if not rows or name == "vmatrix" or any(len(row) != len(rows[0]) for row in rows):
            raise Unreadable("rows of different length")
        return Matrix(tuple(rows))

"""From the text of an expression to its nodes. What macros there are, and which variables they bind, is a table here."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.expressions.lexer import Token, tokens
from fakekube.expressions.syntax import (
    Call,
    Entry,
    Index,
    Literal,
    Macro,
    MakeList,
    MakeMap,
    MakeObject,
    Name,
    Node,
    Problem,
    Select,
    SyntaxProblem,
)
from fakekube.expressions.values import Unsigned

MACROS = {
    ("all", 2): 1,
    ("all", 3): 2,
    ("exists", 2): 1,
    ("exists", 3): 2,
    ("exists_one", 2): 1,
    ("existsOne", 2): 1,
    ("existsOne", 3): 2,
    ("filter", 2): 1,
    ("map", 2): 1,
    ("map", 3): 1,
    ("optFlatMap", 2): 1,
    ("optMap", 2): 1,
    ("transformList", 3): 2,
    ("transformList", 4): 2,
    ("transformMap", 3): 2,
    ("transformMap", 4): 2,
    ("transformMapEntry", 3): 2,
    ("transformMapEntry", 4): 2,
}
"""How many variables a macro of that name and number of arguments binds: they are its first arguments."""

DEEPEST = 250
"""Nesting beyond which an expression is refused."""
TOO_DEEP = f"expression recursion limit exceeded: {DEEPEST}"

_LEVELS = ({"<", "<=", ">=", ">", "==", "!=", "in"}, {"+", "-"}, {"*", "/", "%"})
"""The operators of two operands, those that bind most loosely first (`||` and `&&` stand before them)."""
_RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
_OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
"""What an operand may begin with, as cel-go lists it."""


def parse(text: str) -> Node:
    """Raises SyntaxProblem."""
    parser = _Parser(text)
    try:
        node = parser.expression()
    except RecursionError:
        raise SyntaxProblem(Problem(0, TOO_DEEP)) from None
    parser.take("end")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self, kind: str) -> Token:
        token = self.next
        if token.kind != kind:
            wanted = {"end": "<EOF>", "name": "IDENTIFIER"}.get(kind) or f"'{kind}'"
            verb = "extraneous input" if kind == "end" else "mismatched input"
            raise SyntaxProblem(Problem(token.place, f"Syntax error: {verb} '{token.text}' expecting {wanted}"))
        self._at += 1
        return token

    def took(self, kind: str) -> Token | None:
        return self.take(kind) if self.next.kind == kind else None

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise SyntaxProblem(Problem(self.next.place, TOO_DEEP))
        condition = self.either()
        if question := self.took("?"):
            yes = self.either()
            self.take(":")
            condition = Call(question.place, "_?_:_", None, (condition, yes, self.expression()))
        self._depth -= 1
        return condition

    def either(self) -> Node:
        return self.chain("||", lambda: self.chain("&&", lambda: self.binary(0)))

    def chain(self, sign: str, operand: Callable[[], Node]) -> Node:
        terms, places = [operand()], []
        while token := self.took(sign):
            places.append(token.place)
            terms.append(operand())
        return _balanced(f"_{sign}_", terms, places)

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        left, signs, depth = self.binary(level + 1), _LEVELS[level], 0
        while self.next.kind in signs:
            token = self.take(self.next.kind)
            function = "@in" if token.kind == "in" else f"_{token.kind}_"
            left = Call(token.place, function, None, (left, self.binary(level + 1)))
            depth += 1
            if depth > DEEPEST:
                raise SyntaxProblem(Problem(token.place, TOO_DEEP))
        return left

    def unary(self) -> Node:
        """Signs before an operand; two of a kind cancel each other out, and a minus before a number belongs to it."""
        first = self.next
        if first.kind not in ("!", "-"):
            return self.member()
        count = 0
        while self.took(first.kind):
            count += 1
        number = self.next.value
        if first.kind == "-" and count % 2 and type(number) in (int, float):
            self._tokens[self._at] = Token("literal", first.place, f"-{self.next.text}", -number)  # type: ignore[operator]
            return self.member()
        operand = self.member()
        return Call(first.place, f"{first.kind}_", None, (operand,)) if count % 2 else operand

    def member(self) -> Node:
        node = self.primary()
        for _ in range(DEEPEST):
            if dot := self.took("."):
                node = self.selected(node, dot)
            elif bracket := self.took("["):
                is_optional = self.took("?") is not None
                node = Index(bracket.place, node, self.expression(), is_optional)
                self.take("]")
            elif self.next.kind == "{" and (type_name := qualified(node)):
                node = MakeObject(self.take("{").place, type_name, self.fields())
            else:
                return node
        raise SyntaxProblem(Problem(self.next.place, TOO_DEEP))

    def selected(self, node: Node, dot: Token) -> Node:
        is_optional = self.took("?") is not None
        if quoted := self.took("quoted_name"):
            return Select(dot.place, node, quoted.text, is_optional)
        token = self.take("name")
        opening = None if is_optional else self.took("(")
        if opening is None:
            return Select(dot.place, node, token.text, is_optional)
        return _called(opening.place, token.text, node, self.arguments())

    def primary(self) -> Node:
        token = self.next
        if token.kind == "literal":
            self._at += 1
            return _literal(token)
        if self.took("("):
            inner = self.expression()
            self.take(")")
            return inner
        if self.took("["):
            return self.list(token.place)
        if self.took("{"):
            return MakeMap(token.place, self.entries(self.expression))
        leading = self.took(".")
        if self.next.kind != "name":
            verb = "no viable alternative at" if leading else "mismatched"
            raise SyntaxProblem(
                Problem(self.next.place, f"Syntax error: {verb} input '{self.next.text}' expecting {_OPERAND}")
            )
        name = self.take("name")
        if name.text in _RESERVED:
            raise SyntaxProblem(Problem(name.place, f"reserved identifier: {name.text}"))
        full = f".{name.text}" if leading else name.text
        if opening := self.took("("):
            return _called(opening.place, full, None, self.arguments())
        return Name(token.place, full)

    def arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        if self.took(")"):
            return ()
        while True:
            found.append(self.expression())
            if not self.took(","):
                self.take(")")
                return tuple(found)

    def list(self, place: int) -> Node:
        items: list[Node] = []
        optional = set()
        while not self.took("]"):
            if self.took("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self.took(","):
                self.take("]")
                break
        return MakeList(place, tuple(items), frozenset(optional))

    def fields(self) -> tuple[Entry, ...]:
        def key() -> Node:
            token = self.took("quoted_name") or self.take("name")
            return Literal(token.place, token.text)

        return self.entries(key)

    def entries(self, key: Callable[[], Node]) -> tuple[Entry, ...]:
        found: list[Entry] = []
        while not self.took("}"):
            is_optional = self.took("?") is not None
            left = key()
            colon = self.take(":")
            found.append(Entry(colon.place, left, self.expression(), is_optional))
            if not self.took(","):
                self.take("}")
                break
        return tuple(found)


def qualified(node: Node) -> str:
    """`Object.metadata` of nodes that may be a name with dots in it, else nothing."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Select) and not node.is_optional and not node.is_test and (above := qualified(node.operand)):
        return f"{above}.{node.field}"
    return ""


def _balanced(function: str, terms: list[Node], places: list[int]) -> Node:
    """`a && b && c && d` as `(a && b) && (c && d)`: long chains are common, and stay flat so."""
    if not places:
        return terms[0]
    middle = (len(places)) // 2
    left = _balanced(function, terms[: middle + 1], places[:middle])
    right = _balanced(function, terms[middle + 1 :], places[middle + 1 :])
    return Call(places[middle], function, None, (left, right))


def _called(place: int, function: str, target: Node | None, arguments: tuple[Node, ...]) -> Node:
    if target is None:
        return (
            _test(place, arguments)
            if function == "has" and len(arguments) == 1
            else Call(place, function, None, arguments)
        )
    count = MACROS.get((function, len(arguments)))
    if count is None:
        return Call(place, function, target, arguments)
    variables = []
    for argument in arguments[:count]:
        if not isinstance(argument, Name) or argument.name.startswith("."):
            raise SyntaxProblem(Problem(argument.place, "argument must be a simple name"))
        variables.append(argument.name)
    return Macro(place, function, target, tuple(variables), arguments[count:])


def _test(place: int, arguments: tuple[Node, ...]) -> Node:
    found = arguments[0]
    if isinstance(found, Select) and not found.is_optional and not found.is_test:
        return Select(place, found.operand, found.field, is_test=True)
    raise SyntaxProblem(Problem(place, "invalid argument to has() macro"))


def _literal(token: Token) -> Node:
    value = token.value
    if isinstance(value, Unsigned):
        if value >= 1 << 64:
            raise SyntaxProblem(Problem(token.place, "invalid uint literal"))
    elif type(value) is int and not -(1 << 63) <= value < 1 << 63:
        raise SyntaxProblem(Problem(token.place, "invalid int literal"))
    return Literal(token.place, value)

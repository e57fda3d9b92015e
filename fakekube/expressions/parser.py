"""From the text of an expression to its nodes. What macros there are, and which variables they bind, is a table here."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf

from fakekube.expressions.lexer import Token, tokens
from fakekube.expressions.syntax import (
    Call,
    Constant,
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
    ("sortBy", 2): 1,
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
_TOO_LONG = "max recursion depth exceeded"
"""For chains of more than that many operators, fields or calls."""
LARGEST = 100_000
"""The most characters of an expression."""

_PRECEDENCE = {
    **dict.fromkeys(["||"], 0),
    **dict.fromkeys(["&&"], 1),
    **dict.fromkeys(["<", "<=", ">=", ">", "==", "!=", "in"], 2),
    **dict.fromkeys(["+", "-"], 3),
    **dict.fromkeys(["*", "/", "%"], 4),
}
"""The operators of two operands: those with a greater number bind more tightly."""
_CHAINED = ("||", "&&")
_RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import"}
    | {"let", "loop", "package", "namespace", "return", "var", "void", "while"}
)
_ACCUMULATORS = frozenset({"__result__", "@result"})
"""Names that loops have for what they make: no variable may hide them."""

_OPERAND_SIGNS = frozenset({"[", "{", "(", ".", "-", "!", "literal", "name"})
_BEHIND_OPERAND = frozenset({*_PRECEDENCE, "?", ":", ".", "[", ",", ")", "]", "}", "end"})
_SIGNS = "[]{}().,-!?"
"""In the order in which cel-go lists what it expects."""
_LITERALS = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER"
_NAME = "{IDENTIFIER, ESC_IDENTIFIER}"
_NAMED = {"end": "<EOF>", "name": "IDENTIFIER"}


def _operand_or(also: str = "") -> str:
    """What an operand may begin with, and what else may stand there."""
    signs = [f"'{sign}'" for sign in _SIGNS if sign in "[{(.-!" or sign in also]
    return f"{{{', '.join(signs)}, {_LITERALS}}}"


def parse(text: str) -> Node:
    """Raises SyntaxProblem."""
    if len(text) > LARGEST:
        message = f"expression code point size exceeds limit: size: {len(text)}, limit {LARGEST}"
        raise SyntaxProblem(Problem(-1, message))
    parser = _Parser(text)
    try:
        node = parser.expression()
        parser.end()
    except _TooDeepError as error:
        raise SyntaxProblem(*parser.problems, Problem(-1, str(error))) from None
    except RecursionError:
        raise SyntaxProblem(*parser.problems, Problem(-1, TOO_DEEP)) from None
    except _LostError:
        raise SyntaxProblem(*parser.problems) from None
    if parser.problems:
        raise SyntaxProblem(*parser.problems)
    return node


class _LostError(Exception):
    """What comes next cannot be told; why is said already."""


class _TooDeepError(Exception):
    """The message says which limit."""


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens, self.problems = tokens(text)
        self._text = text
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def took(self, kind: str) -> Token | None:
        token = self._tokens[self._at]
        if token.kind != kind:
            return None
        self._at += 1
        return token

    def take(self, kind: str) -> Token:
        """The sign that has to come; where it can be told that it is missing, or that something stands before it, goes on."""
        if token := self.took(kind):
            return token
        wanted = _NAMED.get(kind) or f"'{kind}'"
        if self.following.kind == kind:
            self.wrong(self.next.place, f"Syntax error: extraneous input '{self.next.text}' expecting {wanted}")
            self._at += 2
            return self._tokens[self._at - 1]
        behind = _OPERAND_SIGNS if kind == ":" else _BEHIND_OPERAND
        if kind == "name" or self.next.kind not in behind:
            raise self.lost("mismatched input", wanted)
        self.wrong(self.next.place, f"Syntax error: missing {wanted} at '{self.next.text}'")
        return self.next

    def end(self) -> None:
        if self.next.kind != "end":
            is_one = self.following.kind == "end"
            raise self.lost("extraneous input" if is_one else "mismatched input", "<EOF>")

    def wrong(self, place: int, message: str) -> Node:
        """Notes what is wrong; the node stands for what should be there."""
        self.problems.append(Problem(place, message))
        return Literal(place, None)

    def lost(self, what: str, wanted: str) -> _LostError:
        self.wrong(self.next.place, f"Syntax error: {what} '{self.next.text}' expecting {wanted}")
        return _LostError()

    def expression(self, *, also: str = "") -> Node:
        """`also`: what may stand here instead."""
        self._depth += 1
        if self._depth >= DEEPEST:
            raise _TooDeepError(TOO_DEEP)
        node = self.operation(also)
        if question := self.took("?"):
            yes = self.operation()
            self.take(":")
            node = Call(question.place, "_?_:_", None, (node, yes, self.expression()))
        self._depth -= 1
        return node

    def operation(self, also: str = "") -> Node:
        """Operands with operators between them."""
        operands = [self.operand(also)]
        waiting: list[Token] = []
        length = 0
        while (precedence := _PRECEDENCE.get(self.next.kind)) is not None:
            while waiting and _comes_first(waiting[-1], precedence):
                _join(operands, waiting)
            waiting.append(self.next)
            self._at += 1
            operands.append(self.operand())
            length = 0 if self._tokens[self._at].kind in _CHAINED else length + 1
            if length > DEEPEST:
                raise _TooDeepError(_TOO_LONG)
        while waiting:
            _join(operands, waiting)
        return operands[0]

    def operand(self, also: str = "") -> Node:
        """Two signs of a kind cancel each other out, and a minus before a number belongs to it."""
        first = self.next
        if first.kind not in ("!", "-") or (first.kind == "-" and type(self.following.value) in (int, float)):
            return self.member(also)
        count = 0
        while self.took(first.kind):
            count += 1
        if self.next.kind not in _OPERAND_SIGNS:
            raise self.lost("extraneous input", _operand_or()) if first.kind == "!" else self.not_behind(first)
        operand = self.member()
        return Call(first.place, f"{first.kind}_", None, (operand,)) if count % 2 else operand

    def member(self, also: str = "") -> Node:
        node, length = self.primary(also), 0
        while True:
            if dot := self.took("."):
                node = self.selected(node, dot)
            elif bracket := self.took("["):
                is_optional = self.took("?") is not None
                node = Index(bracket.place, node, self.expression(also="" if is_optional else "?"), is_optional)
                self.take("]")
            elif self.next.kind == "{" and (type_name := qualified(node)):
                node = MakeObject(self.take("{").place, type_name, self.entries(self.field_name))
            else:
                return node
            length += 1
            if length > DEEPEST:
                raise _TooDeepError(_TOO_LONG)

    def selected(self, node: Node, dot: Token) -> Node:
        is_optional = self.took("?") is not None
        if quoted := self.took("quoted_name"):
            self.unsupported(quoted)
            return Select(dot.place, node, quoted.text, is_optional)
        if not is_optional and self.next.kind != "name":
            raise self.no_name_behind(dot)
        if self.next.kind != "name":
            raise self.lost("mismatched input", _NAME)
        token = self.take("name")
        opening = None if is_optional else self.took("(")
        if opening is None:
            return Select(dot.place, node, token.text, is_optional)
        return self.call(opening.place, token.text, node, self.arguments())

    def no_name_behind(self, dot: Token) -> _LostError:
        if self.next.text in ("true", "false", "null"):
            return self.lost("mismatched input", "IDENTIFIER")
        return self.not_behind(dot)

    def not_behind(self, sign: Token) -> _LostError:
        """What comes next cannot stand behind a sign."""
        end = sign.place + 1 if self.next.kind == "end" else self.next.place + len(self.next.text)
        self.wrong(self.next.place, f"Syntax error: no viable alternative at input '{self._text[sign.place : end]}'")
        return _LostError()

    def unsupported(self, quoted: Token) -> None:
        self.wrong(quoted.place, "unsupported syntax: '`'")

    def primary(self, also: str) -> Node:
        token = self.next
        if token.kind not in _OPERAND_SIGNS:
            wanted = _operand_or(also)
            if self.following.kind not in _OPERAND_SIGNS or token.kind == "end":
                raise self.lost("mismatched input", wanted)
            self.wrong(token.place, f"Syntax error: extraneous input '{token.text}' expecting {wanted}")
            self._at += 1
            token = self.next
        self._at += 1
        match token.kind:
            case "literal":
                return self.literal(token, token.value)
            case "-" if type(value := self.next.value) in (int, float):
                self._at += 1
                return self.literal(token, -value)  # type: ignore[operator]
            case "(":
                inner = self.expression()
                self.take(")")
                return inner
            case "[":
                return self.list(token.place)
            case "{":
                return MakeMap(token.place, self.entries(self.expression))
            case "name":
                return self.named(token, token.text, token.place)
            case "." if name := self.took("name"):
                return self.named(name, f".{name.text}", token.place)
            case ".":
                raise self.no_name_behind(token)
        self._at -= 1
        raise self.lost("mismatched input", _operand_or(also))

    def named(self, token: Token, name: str, start: int) -> Node:
        """`start`: where it begins, be it with a dot."""
        opening = self.took("(")
        arguments = self.arguments() if opening else ()
        if token.text in _RESERVED:
            return self.wrong(start, f"reserved identifier: {token.text}")
        return self.call(opening.place, name, None, arguments) if opening else Name(token.place, name)

    def literal(self, token: Token, value: Constant) -> Node:
        kind = ""
        if isinstance(value, Unsigned):
            kind = "uint" if value >= 1 << 64 else ""
        elif type(value) is int:
            kind = "" if -(1 << 63) <= value < 1 << 63 else "int"
        elif isinstance(value, float):
            kind = "double" if isinf(value) else ""
        return self.wrong(token.place, f"invalid {kind} literal") if kind else Literal(token.place, value)

    def arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        if self.took(")"):
            return ()
        if self.next.kind not in _OPERAND_SIGNS and self.following.kind == ")":
            wanted = _operand_or(")")
            self.wrong(self.next.place, f"Syntax error: extraneous input '{self.next.text}' expecting {wanted}")
            self._at += 2
            return ()
        found.append(self.expression(also=")"))
        while self.took(","):
            found.append(self.expression())
        self.take(")")
        return tuple(found)

    def separated(self, closing: str) -> bool:
        """Whether a comma comes; else the end has to."""
        if self.took(","):
            return True
        if self.took(closing) is None:
            wanted = f"{{'{closing}', ','}}"
            if self.following.kind != closing:
                raise self.lost("mismatched input", wanted)
            self.wrong(self.next.place, f"Syntax error: extraneous input '{self.next.text}' expecting {wanted}")
            self._at += 2
        return False

    def goes_on(self, closing: str, *, is_first: bool) -> bool:
        """Whether another item comes, or what should be one; a comma may stand before the end, also in `[,]`."""
        if self.took(closing):
            return False
        if is_first and self.took(","):
            self.take(closing)
            return False
        if not is_first and self.next.kind not in _OPERAND_SIGNS and self.next.kind not in ("?", "quoted_name"):
            self.take(closing)
            return False
        return True

    def list(self, place: int) -> Node:
        items: list[Node] = []
        optional = set()
        while self.goes_on("]", is_first=not items):
            is_optional = self.took("?") is not None
            if is_optional:
                optional.add(len(items))
            items.append(self.expression(also="" if is_optional or items else "],?"))
            if not self.separated("]"):
                break
        return MakeList(place, tuple(items), frozenset(optional))

    def field_name(self, *, also: str = "") -> Node:
        if quoted := self.took("quoted_name"):
            self.unsupported(quoted)
            return Literal(quoted.place, quoted.text)
        if self.next.kind != "name":
            wanted = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}" if also else _NAME
            if self.following.kind != "name":
                raise self.lost("mismatched input", wanted)
            self.wrong(self.next.place, f"Syntax error: extraneous input '{self.next.text}' expecting {wanted}")
            self._at += 1
        token = self.take("name")
        return Literal(token.place, token.text)

    def entries(self, key: Callable[..., Node]) -> tuple[Entry, ...]:
        """`key` takes `also`: the signs that may stand there instead."""
        found: list[Entry] = []
        while self.goes_on("}", is_first=not found):
            is_optional = self.took("?") is not None
            left = key(also="" if is_optional or found else "},?")
            colon = self.take(":")
            found.append(Entry(colon.place, left, self.expression(), is_optional))
            if not self.separated("}"):
                break
        return tuple(found)

    def call(self, place: int, function: str, target: Node | None, arguments: tuple[Node, ...]) -> Node:
        """A call, or what a macro makes of it."""
        if target is None:
            is_test = function == "has" and len(arguments) == 1
            return self.test(place, arguments[0]) if is_test else Call(place, function, None, arguments)
        count = MACROS.get((function, len(arguments)))
        if count is None:
            return Call(place, function, target, arguments)
        if function == "sortBy" and isinstance(target, Literal | MakeMap | MakeObject):
            return self.wrong(target.place, _NO_LIST)
        variables: list[str] = []
        for argument in arguments[:count]:
            if not isinstance(argument, Name):
                return self.wrong(argument.place, _NO_NAME.get((function, count), "argument must be a simple name"))
            if argument.name in variables:
                return self.wrong(argument.place, f"duplicate variable name: {argument.name}")
            if argument.name in _ACCUMULATORS and not function.startswith("opt"):
                return self.wrong(argument.place, "iteration variable overwrites accumulator variable")
            variables.append(argument.name)
        return Macro(place, function, target, tuple(variables), arguments[count:])

    def test(self, place: int, tested: Node) -> Node:
        if isinstance(tested, Select) and not tested.is_optional and not tested.is_test:
            return Select(place, tested.operand, tested.field, is_test=True)
        return self.wrong(tested.place, "invalid argument to has() macro")


_NO_LIST = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
_NO_NAME = {
    ("filter", 1): "argument is not an identifier",
    ("map", 1): "argument is not an identifier",
    ("sortBy", 1): "argument is not an identifier",
    ("optFlatMap", 1): "optFlatMap() variable name must be a simple identifier",
    ("optMap", 1): "optMap() variable name must be a simple identifier",
}
"""What macros say of a variable that is none, where they have words of their own."""


def _comes_first(operator: Token, precedence: int) -> bool:
    """Whether the operator gets its operands before one of that precedence does. A chain of && or || is joined at its end."""
    own = _PRECEDENCE[operator.kind]
    return own > precedence or (own == precedence and operator.kind not in _CHAINED)


def _join(operands: list[Node], waiting: list[Token]) -> None:
    """Of the last operator, or of the whole chain of it, and its operands makes one operand."""
    kind, count = waiting[-1].kind, 1
    while kind in _CHAINED and count < len(waiting) and waiting[-count - 1].kind == kind:
        count += 1
    places = [token.place for token in waiting[-count:]]
    terms = operands[-count - 1 :]
    del waiting[-count:], operands[-count - 1 :]
    if count > 1:
        operands.append(_balanced(f"_{kind}_", terms, places))
        return
    function = "@in" if kind == "in" else f"_{kind}_"
    operands.append(Call(places[0], function, None, tuple(terms)))


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

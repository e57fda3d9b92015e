"""What an expression consists of: its nodes, each with the place (0-based, in characters) that errors point at.

https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fakekube.expressions.values import Unsigned


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of an expression, in the words of cel-go."""

    place: int
    message: str

    def shown(self, text: str) -> str:
        """As compilers show it: `ERROR: <input>:1:5: ...`, the line, and dots up to the place."""
        before = text[: self.place]
        line, column = before.count("\n"), self.place - (before.rfind("\n") + 1)
        picture = f" | {text.split(chr(10))[line]}\n | {'.' * column}^"
        return f"ERROR: <input>:{line + 1}:{column + 1}: {self.message}\n{picture}"


class SyntaxProblem(Exception):
    """The text is no expression."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place, message)


Constant = None | bool | int | Unsigned | float | str | bytes


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    place: int
    value: Constant


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A variable, a type, or the beginning of a qualified name; a leading dot is kept (`.name`)."""

    place: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """`operand.field`, `operand.?field`; `is_test`: has(operand.field). The place is that of the dot."""

    place: int
    operand: Node
    field: str
    is_optional: bool = False
    is_test: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """`operand[index]`, `operand[?index]`; the place is that of the bracket."""

    place: int
    operand: Node
    index: Node
    is_optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """`function(arguments)`, `target.function(arguments)`.

    Operators are functions as well: `_+_`, `!_`, `-_`, `_&&_`, `_?_:_`, `@in`, `_==_`. The place is that of the operator or of the
    opening parenthesis.
    """

    place: int
    function: str
    target: Node | None
    arguments: Sequence[Node]


@dataclass(frozen=True, slots=True, eq=False)
class Macro:
    """What looks like a call and binds variables: `target.all(x, ...)`, `target.transformMap(k, v, ...)`, `target.optMap(x, ...)`."""

    place: int
    name: str
    target: Node
    variables: tuple[str, ...]
    arguments: tuple[Node, ...]
    """Those behind the variables."""


@dataclass(frozen=True, slots=True, eq=False)
class MakeList:
    place: int
    items: Sequence[Node]
    optional: frozenset[int] = frozenset()
    """Which items are left out when they have no value: `[?a]`."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    place: int
    key: Node
    value: Node
    is_optional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class MakeMap:
    place: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True, eq=False)
class MakeObject:
    """`Object.metadata{labels: ...}`; the keys of the entries are literals."""

    place: int
    type: str
    entries: Sequence[Entry]


Node = Literal | Name | Select | Index | Call | Macro | MakeList | MakeMap | MakeObject


def below(node: Node) -> Iterator[Node]:
    """The nodes that a node consists of, from left to right."""
    match node:
        case Select():
            yield node.operand
        case Index():
            yield node.operand
            yield node.index
        case Call():
            if node.target is not None:
                yield node.target
            yield from node.arguments
        case Macro():
            yield node.target
            yield from node.arguments
        case MakeList():
            yield from node.items
        case MakeMap() | MakeObject():
            for entry in node.entries:
                yield entry.key
                yield entry.value

"""What an expression consists of: its nodes, each with the place (0-based, in characters) that errors point at.

https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fakekube.expressions.values import Unsigned

_LONGEST_PICTURE = 16384
"""In bytes; a line longer than this is not shown."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of an expression, in the words of cel-go; the place is -1 where it is wrong as a whole."""

    place: int
    message: str

    def shown(self, text: str) -> str:
        """As compilers show it: `ERROR: <input>:1:5: ...`, the line, and dots up to the place, wide ones below what is not ASCII."""
        if self.place < 0:
            return f"ERROR: <input>:-1:0: {self.message}"
        start = text.rfind("\n", 0, self.place) + 1
        line, column = text.count("\n", 0, self.place), self.place - start
        heading = f"ERROR: <input>:{line + 1}:{column + 1}: {self.message}"
        shown = text[start:].partition("\n")[0].replace("\t", " ")
        if len(shown.encode()) > _LONGEST_PICTURE:
            return heading
        dots = "".join("." if character.isascii() else "\uff0e" for character in shown[:column])
        arrow = "^" if shown[column : column + 1].isascii() else "\uff3e"
        return f"{heading}\n | {shown}\n | {dots}{arrow}"


class SyntaxProblem(Exception):
    """The text is no expression."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


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

"""The types of expressions, and how signatures of functions are written and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Type:
    """A type by its name; `parameters` are those of lists, maps, optionals and types. `str(type)` is as errors show it."""

    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        name = "null" if self.name == "null_type" else self.name
        return f"{name}({', '.join(map(str, self.parameters))})" if self.parameters else name

    @property
    def in_full(self) -> str:
        """As the errors of kube-apiserver itself name it: `null_type`, `list(google.protobuf.Timestamp)`."""
        name = f"google.protobuf.{self.name.capitalize()}" if self.name in ("timestamp", "duration") else self.name
        return f"{name}({', '.join(inner.in_full for inner in self.parameters)})" if self.parameters else name

    @property
    def is_parameter(self) -> bool:
        """Whether it stands for any type, the same everywhere in one signature: A, B, K, V; `_var0` while types are inferred."""
        return len(self.name) == 1 or self.name[:4] == "_var"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object; `name` is the property that it is in the object itself (`a-b` for `a__dash__b`)."""

    type: Type
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class ObjectType(Type):
    """A type with known fields, by their names in expressions; its own name tells it from all others.

    Its values are maps in which a field may be missing.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)


DYN = Type("dyn")
"""Whatever a value turns out to be."""
ERROR = Type("!error!")
"""The type of what was found wrong already: nothing more is said about it."""
BOOL, INT, UINT, DOUBLE, STRING, BYTES = map(Type, ("bool", "int", "uint", "double", "string", "bytes"))
NULL, TIMESTAMP, DURATION = map(Type, ("null_type", "timestamp", "duration"))


def list_of(item: Type) -> Type:
    return Type("list", (item,))


def map_of(key: Type, value: Type) -> Type:
    return Type("map", (key, value))


def optional_of(value: Type) -> Type:
    return Type("optional_type", (value,))


def type_of(value: Type) -> Type:
    return Type("type", (value,))


NAMES = {type_.name: type_ for type_ in (DYN, BOOL, INT, UINT, DOUBLE, STRING, BYTES, NULL, TIMESTAMP, DURATION)}
"""The types that have no parameters."""
NAMED = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "list": Type("list", (Type("A"),)),
    "map": Type("map", (Type("A"), Type("B"))),
    "net.CIDR": Type("net.CIDR"),
    "net.IP": Type("net.IP"),
    "null_type": NULL,
    "optional_type": Type("optional_type"),
    "string": STRING,
    "type": Type("type"),
    "uint": UINT,
}
"""What expressions may name as a value: `type(self) == int`."""


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function."""

    function: str
    """`contains`, `_+_`, `sets.contains`."""
    parameters: tuple[Type, ...]
    """That of the target comes first where `is_member`."""
    result: Type
    is_member: bool
    implementation: Callable[..., Any] | None
    """Takes the values in the order of `parameters`; raises EvaluationProblem. None: the evaluator itself knows what to do (`_&&_`)."""
    is_loose: bool = False
    """Where types are known only when it runs, the implementation is given whatever comes, and says itself what it cannot take."""


def overload(signature: str, implementation: Callable[..., Any] | None = None, *, is_loose: bool = False) -> Overload:
    """The overload of a signature: `string.contains(string): bool`, `sets.contains(list(A), list(A)): bool`, `_+_(int, int): int`.

    What stands before the name is the target where it is a type, else a part of the name. A type whose name has a dot in it
    (`kubernetes.Quantity`) is one without parameters, made known to nobody: `kubernetes.Quantity.sign(): int`.
    """
    match = re.fullmatch(r"(?:(?P<target>.+)\.)?(?P<name>[^.(), ]+)\((?P<parameters>.*)\): (?P<result>.+)", signature)
    if match is None:
        raise ValueError(f"no signature: {signature!r}; one is written as 'string.contains(string): bool'")
    target, name = match["target"], match["name"]
    is_member = target is not None and ("." in target or "(" in target or target in NAMES or len(target) == 1)
    written = [target] if is_member else []
    written += _split(match["parameters"])
    function = name if is_member or target is None else f"{target}.{name}"
    parameters = tuple(parsed(text) for text in written)
    return Overload(function, parameters, parsed(match["result"]), is_member, implementation, is_loose)


def parsed(text: str) -> Type:
    """The type that a text such as `map(string, list(A))` names."""
    name, _, inner = text.partition("(")
    if not inner:
        return NAMES.get(name) or Type(name)
    return Type(name, tuple(parsed(part) for part in _split(inner[:-1])))


def _split(text: str) -> list[str]:
    """At the commas outside of parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts] if text else []

"""What is written down in an expression and cannot be, although the types fit.

https://kubernetes.io/docs/reference/using-api/cel/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakekube.expressions import string_format
from fakekube.expressions.syntax import Call, Literal, Macro, MakeList, MakeMap, Node, Problem, below
from fakekube.expressions.types import DYN, Overload, Type
from fakekube.expressions.values import EvaluationProblem, Value
from fakekube.objects import regular_expressions


def wrong_literals(
    node: Node, type_of: Callable[[Node], Type], overloads: Mapping[int, Sequence[Overload]]
) -> Iterator[Problem]:
    """Arguments that a function refuses whatever happens, and lists and maps of mixed types outside of format()."""
    yield from _Literals(type_of, overloads).wrong(node)


_CONVERSIONS = frozenset({"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "uint"})
"""The functions that are called when a program is made, where their arguments are known by then."""
_UNKNOWN = object()


def why_impossible(node: Node, overloads: Mapping[int, Sequence[Overload]]) -> str:
    """What fails of the conversions of literals and of the patterns to find, in the words of cel-go; empty: nothing does."""
    try:
        for inner in (node, *_all_below(node)):
            _constant(inner, overloads)
            if why := _why_no_pattern(inner):
                return why
    except EvaluationProblem as problem:
        return str(problem)
    return ""


def _why_no_pattern(node: Node) -> str:
    match node:
        case Call(function="find" | "findAll", target=target, arguments=[Literal(value=str(pattern)), *_]) if target:
            try:
                regular_expressions.compiled(pattern)
            except regular_expressions.PatternError as error:
                return str(error)
    return ""


def _all_below(node: Node) -> Iterator[Node]:
    for inner in below(node):
        yield from _all_below(inner)
        yield inner


def _constant(node: Node, overloads: Mapping[int, Sequence[Overload]]) -> Value:
    """The value of a literal, or of its conversion. Raises EvaluationProblem."""
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Call) or node.function not in _CONVERSIONS or node.target or len(node.arguments) != 1:
        return _UNKNOWN
    value, candidates = _constant(node.arguments[0], overloads), overloads[id(node)]
    if value is _UNKNOWN or len(candidates) != 1 or candidates[0].implementation is None:
        return _UNKNOWN
    return candidates[0].implementation(value)


@dataclass(frozen=True, slots=True)
class _Literals:
    type_of: Callable[[Node], Type]
    overloads: Mapping[int, Sequence[Overload]]

    def wrong(self, node: Node, *, in_format: bool = False) -> Iterator[Problem]:
        match node:
            case Call(function="matches"):
                yield from _wrong_pattern(node)
            case Call(function="duration" | "timestamp", target=None):
                yield from self._wrong_moment(node)
            case Call(function="format", target=Literal(value=str(text)), arguments=[MakeList() as values]):
                yield from self._wrong_format(node, text, values.items)
            case MakeList() if not in_format:
                yield from self._mixed_list(node)
            case MakeMap() if not in_format:
                yield from self._mixed_map(node)
            case Macro(name="optMap" | "optFlatMap"):
                yield from self.wrong(node.target, in_format=in_format)
        in_format = in_format or (isinstance(node, Call) and node.function == "format")
        for inner in below(node):
            yield from self.wrong(inner, in_format=in_format)

    def _wrong_moment(self, node: Call) -> Iterator[Problem]:
        match node.arguments:
            case [Literal(value=str(text)) as argument]:
                for candidate in self.overloads[id(node)]:
                    try:
                        if candidate.implementation is not None:
                            candidate.implementation(text)
                    except EvaluationProblem:
                        yield Problem(argument.place, f"invalid {node.function} argument")

    def _wrong_format(self, node: Call, text: str, values: Sequence[Node]) -> Iterator[Problem]:
        """A text whose clauses do not fit the values given, as far as both are written down: `'%d'.format(['a'])`."""
        try:
            for kind, value in zip(string_format.clauses(text, len(values)), values, strict=False):
                if refused := self._refused(kind, value):
                    yield refused
                    return
        except EvaluationProblem as problem:
            yield Problem(node.place, str(problem))

    def _refused(self, kind: str, value: Node) -> Problem | None:
        given = self.type_of(value)
        if given != DYN and (why := string_format.refused(kind, given)):
            return Problem(value.place, str(why))
        if kind == "s" and isinstance(value, (MakeList, MakeMap)):
            return next((problem for inner in below(value) if (problem := self._refused(kind, inner))), None)
        return None

    def _mixed_list(self, node: MakeList) -> Iterator[Problem]:
        """The first item of another type than the first one's."""
        types = [self._item_type(item, place in node.optional) for place, item in enumerate(node.items)]
        for item, type_ in zip(node.items, types, strict=True):
            if type_ != types[0]:
                yield _mixed(item, types[0], type_)
                return

    def _mixed_map(self, node: MakeMap) -> Iterator[Problem]:
        keys = [self.type_of(entry.key) for entry in node.entries]
        values = [self._item_type(entry.value, entry.is_optional) for entry in node.entries]
        for entry, key, value in zip(node.entries, keys, values, strict=True):
            if key != keys[0]:
                yield _mixed(entry.key, keys[0], key)
            if value != values[0]:
                yield _mixed(entry.value, values[0], value)

    def _item_type(self, node: Node, is_optional: bool) -> Type:
        found = self.type_of(node)
        return found.parameters[0] if is_optional and found.parameters else found


def _wrong_pattern(node: Call) -> Iterator[Problem]:
    match node.arguments:
        case [Literal(value=str(pattern)) as argument, *_]:
            try:
                regular_expressions.compiled(pattern)
            except regular_expressions.PatternError:
                yield Problem(argument.place, "invalid matches argument")


def _mixed(node: Node, wanted: Type, given: Type) -> Problem:
    return Problem(node.place, f"expected type '{wanted}' but found '{given}'")

"""Whether the types of an expression fit together, and which of its overloads a call means.

What is assignable to what, how type parameters find their types, and the texts and places of problems are those of cel-go. Macros are
typed as what cel-go makes of them: `list.filter(x, p)` is a loop around `p ? result + [x] : result`, and a `p` that is no bool is
a conditional without an overload.

https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fakekube.expressions.literals import wrong_literals
from fakekube.expressions.parser import TOO_DEEP, qualified
from fakekube.expressions.programs import Checked, CompilationProblem
from fakekube.expressions.standard import STANDARD
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
)
from fakekube.expressions.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NAMED,
    NULL,
    STRING,
    UINT,
    ObjectType,
    Overload,
    Type,
    list_of,
    map_of,
    optional_of,
    overload,
    type_of,
)
from fakekube.expressions.values import Unsigned

if TYPE_CHECKING:
    from fakekube.expressions.environment import Environment

_INSERT = "cel.@mapInsert"
_INSERTIONS = (
    overload("cel.@mapInsert(map(K, V), K, V): map(K, V)"),
    overload("cel.@mapInsert(map(K, V), map(K, V)): map(K, V)"),
)
"""What the macros that make maps call; no expression can name it."""
_LITERALS = {bool: BOOL, int: INT, Unsigned: UINT, float: DOUBLE, str: STRING, bytes: BYTES, type(None): NULL}
_NEVER_NULL = frozenset({"bool", "int", "uint", "double", "string", "bytes", "list", "map", "type"})
_OPAQUE_OBJECTS = "kubernetes."
"""What the names of types begin with that are objects to cel-go, but of no fields."""
_LOGICAL = frozenset({"_&&_", "_||_"})


def check(text: str, node: Node, environment: Environment) -> Checked:
    """Raises CompilationProblem."""
    checker = _Checker(environment)
    try:
        checker.check(node)
        if not checker.problems:
            checker.problems.extend(wrong_literals(node, checker.final, checker.overloads))
    except RecursionError:
        checker.problems = [Problem(-1, TOO_DEEP)]
    if checker.problems:
        raise CompilationProblem(text, checker.problems)
    return Checked(
        text,
        node,
        checker.final(node),
        {key: checker.bound.replaced(type_, unknown=DYN) for key, type_ in checker.types.items()},
        checker.overloads,
        checker.references,
        frozenset(checker.variables),
    )


class _Bindings:
    """What the type parameters stand for that were met so far."""

    __slots__ = ("_learned", "types")

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.types = dict(types)
        self._learned: list[tuple[str, Type | None]] = []

    def replaced(self, type_: Type, *, unknown: Type | None = None) -> Type:
        """The type with what its parameters stand for; `unknown`: in place of those that stand for nothing yet."""
        if type_.is_parameter:
            found = self.types.get(type_.name)
            if found is not None:
                return self.replaced(found, unknown=unknown)
            return type_ if unknown is None else unknown
        if not type_.parameters:
            return type_
        return Type(type_.name, tuple(self.replaced(inner, unknown=unknown) for inner in type_.parameters))

    def try_all(self, to: Sequence[Type], given: Sequence[Type]) -> bool:
        """Whether values of those types may stand where the others are wanted; what does not fit teaches nothing."""
        fits = self.assign_all(to, given)
        if not fits:
            for name, before in reversed(self._learned):
                if before is None:
                    del self.types[name]
                else:
                    self.types[name] = before
        self._learned.clear()
        return fits

    def assign(self, to: Type, given: Type) -> bool:
        """Whether a value of type `given` may stand where `to` is wanted; learns what parameters stand for on the way."""
        if given.is_parameter:
            fits, was_known = self._stands_for(given, to)
            if fits or was_known:
                return fits
        if to.is_parameter:
            return self._stands_for(to, given)[0]
        if _is_any(to) or _is_any(given):
            return True
        if to.name == "null_type":
            return _may_be_null(given)
        if given.name == "null_type":
            return _may_be_null(to)
        if to.name == "type":
            return given.name == "type"
        return to.name == given.name and self.assign_all(to.parameters, given.parameters)

    def assign_all(self, to: Sequence[Type], given: Sequence[Type]) -> bool:
        return len(to) == len(given) and all(self.assign(one, other) for one, other in zip(to, given, strict=True))

    def _stands_for(self, parameter: Type, type_: Type) -> tuple[bool, bool]:
        """Whether the parameter can stand for the type, and whether that was known before."""
        if type_ == parameter:
            return True, True
        known = self.types.get(parameter.name)
        if known is None:
            if not self._is_apart(parameter, type_):
                return False, False
            self._learn(parameter.name, type_)
            return True, False
        if type_ == known:
            return True, True
        if not self.assign(type_, known):
            return False, True
        general = _more_general(type_, known)
        if self._is_apart(parameter, general):
            self._learn(parameter.name, general)
        return True, True

    def _learn(self, name: str, type_: Type) -> None:
        self._learned.append((name, self.types.get(name)))
        self.types[name] = type_

    def _is_apart(self, parameter: Type, within: Type) -> bool:
        """Whether the parameter does not occur in the type."""
        if within == parameter:
            return False
        if within.is_parameter:
            known = self.types.get(within.name)
            return known is None or self._is_apart(parameter, known)
        return all(self._is_apart(parameter, inner) for inner in within.parameters)


def _parameter_names(type_: Type) -> Iterator[str]:
    if type_.is_parameter:
        yield type_.name
    for inner in type_.parameters:
        yield from _parameter_names(inner)


_Functions = Mapping[str, Sequence[tuple[Overload, Collection[str]]]]
"""The overloads of each function, with the names of their type parameters."""


def _by_name(overloads: Iterable[Overload]) -> _Functions:
    found: dict[str, list[tuple[Overload, Collection[str]]]] = {}
    for candidate in overloads:
        names = dict.fromkeys(
            name for type_ in (candidate.result, *candidate.parameters) for name in _parameter_names(type_)
        )
        found.setdefault(candidate.function, []).append((candidate, names))
    return found


_ALWAYS = _by_name((*STANDARD, *_INSERTIONS))


class _Checker:
    def __init__(self, environment: Environment) -> None:
        self.types: dict[int, Type] = {}
        self.overloads: dict[int, tuple[Overload, ...]] = {}
        self.references: dict[int, str] = {}
        self.variables: set[str] = set()
        self.problems: list[Problem] = []
        self.bound = _Bindings({})
        self._environment = environment
        self._functions = _by_name(environment.functions)
        self._scopes: list[dict[str, Type]] = []
        self._parameters = 0

    def check(self, node: Node) -> Type:
        """The type of a node, after those of the nodes below."""
        match node:
            case Literal():
                found = _LITERALS[type(node.value)]
            case Name():
                found = self._named(node, node.name) or self._undeclared(node.place, node.name)
            case Select():
                found = self._selected(node)
            case Call():
                found = self._called(node)
            case Index():
                given = [self.check(node.operand), self.check(node.index)]
                found = self._resolved(node, "_[?_]" if node.is_optional else "_[_]", given)
            case Macro():
                found = _MACROS[node.name](self, node)
            case MakeList():
                found = self._list(node)
            case MakeMap():
                found = self._map(node)
            case MakeObject():
                found = self._object(node)
        self.types[id(node)] = found
        return found

    def final(self, node: Node) -> Type:
        """The type of a node once everything is known."""
        return self.bound.replaced(self.types[id(node)], unknown=DYN)

    def found(self, place: int, message: str) -> Type:
        self.problems.append(Problem(place, message))
        return ERROR

    def _undeclared(self, place: int, name: str) -> Type:
        return self.found(place, f"undeclared reference to '{name}' (in container '')")

    def _mismatch(self, place: int, wanted: Type, given: Type) -> Type:
        return self.found(place, f"expected type '{wanted}' but found '{given}'")

    def _parameter(self) -> Type:
        self._parameters += 1
        return Type(f"_var{self._parameters - 1}")

    def _now(self, type_: Type) -> Type:
        """The type with what is known by now of its parameters."""
        return self.bound.replaced(type_)

    def _assign(self, to: Type, given: Type) -> bool:
        return self.bound.try_all((to,), (given,))

    def _named(self, node: Node, written: str) -> Type | None:
        name = written.removeprefix(".")
        found = next((scope[name] for scope in reversed(self._scopes) if name in scope), None)
        if found is None and (found := self._environment.variables.get(name)) is not None:
            self.variables.add(name)
        if found is None and (named := self._environment.object_types.get(name) or NAMED.get(name)) is not None:
            found = type_of(named)
        if found is not None:
            self.references[id(node)] = name
        return found

    def _selected(self, node: Select) -> Type:
        if not node.is_test and (name := qualified(node)) and (variable := self._named(node, name)) is not None:
            return variable
        operand = self._now(self.check(node.operand))
        found = self._field(node, operand)
        if node.is_test:
            return BOOL
        return self._now(found)

    def _field(self, node: Select, operand: Type) -> Type:
        is_optional = operand.name == "optional_type"
        owner = operand.parameters[0] if is_optional else operand
        if owner.name == "map":
            found = owner.parameters[1]
        elif isinstance(owner, ObjectType):
            found = self._declared(node.place, owner, node.field)
        elif owner.is_parameter:
            self._assign(DYN, owner)
            found = DYN
        elif owner.name.startswith(_OPAQUE_OBJECTS):
            found = self.found(node.place, f"unexpected failed resolution of '{owner}'")
        else:
            if not _is_any(owner):
                self.found(node.place, f"type '{owner}' does not support field selection")
            found = DYN
        return optional_of(found) if is_optional or node.is_optional else found

    def _declared(self, place: int, owner: ObjectType, name: str) -> Type:
        declared = owner.fields.get(name)
        return self.found(place, f"undefined field '{name}'") if declared is None else declared.type

    def _called(self, node: Call) -> Type:
        given = [self.check(argument) for argument in node.arguments]
        if node.function in _LOGICAL:
            return self._logical(node, given)
        if node.target is None:
            function = node.function.removeprefix(".")
            if not self._is_function(function):
                return self._undeclared(node.place, node.function)
            return self._resolved(node, function, given)
        prefix = qualified(node.target).removeprefix(".")
        if prefix and self._is_function(function := f"{prefix}.{node.function}"):
            self.references[id(node.target)] = prefix
            return self._resolved(node, function, given)
        target = self.check(node.target)
        if not self._is_function(node.function):
            return self._undeclared(node.place, node.function)
        return self._resolved(node, node.function, [target, *given], is_member=True)

    def _logical(self, node: Call, given: Sequence[Type]) -> Type:
        found = BOOL
        for argument, type_ in zip(node.arguments, given, strict=True):
            if not self._assign(type_, BOOL):
                found = self._mismatch(argument.place, BOOL, type_)
        self.overloads[id(node)] = tuple(candidate for candidate, _ in _ALWAYS[node.function])
        return found

    def _resolved(self, node: Node, function: str, given: Sequence[Type], *, is_member: bool = False) -> Type:
        """The result of a call; notes which overloads it may mean."""
        found, candidates = self._result(node.place, function, given, is_member=is_member)
        self.overloads[id(node)] = candidates
        return found

    def _result(
        self, place: int, function: str, given: Sequence[Type], *, is_member: bool = False
    ) -> tuple[Type, tuple[Overload, ...]]:
        result: Type | None = None
        fitting = []
        for candidate, names in (*_ALWAYS.get(function, ()), *self._functions.get(function, ())):
            if candidate.is_member is not is_member or len(candidate.parameters) != len(given):
                continue
            parameters, returned = self._fresh(candidate, names)
            if not self.bound.try_all(given, parameters):
                continue
            fitting.append(candidate)
            this = self._now(returned)
            if result is None:
                result = this
            elif result != DYN and this != result:
                result = DYN
        if result is not None:
            return result, tuple(fitting)
        shown = [str(self.bound.replaced(type_, unknown=DYN)) for type_ in given]
        target = f"{shown.pop(0)}." if is_member else ""
        applied = f"{target}({', '.join(shown)})"
        return self.found(place, f"found no matching overload for '{function}' applied to '{applied}'"), ()

    def _fresh(self, candidate: Overload, names: Iterable[str]) -> tuple[tuple[Type, ...], Type]:
        """The types of an overload, with parameters of its own for those names."""
        if not names:
            return candidate.parameters, candidate.result
        own = _Bindings({name: self._parameter() for name in names})
        return tuple(own.replaced(type_) for type_ in candidate.parameters), own.replaced(candidate.result)

    def _is_function(self, name: str) -> bool:
        return name in _ALWAYS or name in self._functions

    def _joined(self, previous: Type | None, current: Type) -> Type:
        if previous is None:
            return current
        return _more_general(previous, current) if self._assign(previous, current) else DYN

    def _unwrapped(self, node: Node, found: Type) -> Type:
        """Of what is left out where it has no value."""
        if found.name == "optional_type":
            return found.parameters[0]
        if not _is_dyn(found):
            self._mismatch(node.place, optional_of(found), found)
        return found

    def _list(self, node: MakeList) -> Type:
        joined: Type | None = None
        for place, item in enumerate(node.items):
            found = self.check(item)
            joined = self._joined(joined, self._unwrapped(item, found) if place in node.optional else found)
        return list_of(joined or self._parameter())

    def _map(self, node: MakeMap) -> Type:
        keys: Type | None = None
        values: Type | None = None
        for entry in node.entries:
            keys = self._joined(keys, self.check(entry.key))
            values = self._joined(values, self._entry_value(entry))
        return map_of(keys or self._parameter(), values or self._parameter())

    def _entry_value(self, entry: Entry) -> Type:
        found = self.check(entry.value)
        return self._unwrapped(entry.value, found) if entry.is_optional else found

    def _object(self, node: MakeObject) -> Type:
        named = self._named(node, node.type)
        name = node.type.removeprefix(".")
        if named is None:
            return self._undeclared(node.place, node.type)
        made = named.parameters[0] if named.name == "type" and named.parameters else ERROR
        if named.name != "type":
            self.found(node.place, f"'{named}' is not a type")
        elif not isinstance(made, ObjectType):
            made = self.found(node.place, f"'{made}' is not a message type")
        for entry in node.entries:
            self._object_field(made, name, entry)
        return made

    def _object_field(self, owner: Type, owner_name: str, entry: Entry) -> None:
        field = str(entry.key.value) if isinstance(entry.key, Literal) else ""
        self.types[id(entry.key)] = STRING
        given = self.check(entry.value)
        if isinstance(owner, ObjectType):
            wanted = self._declared(entry.place, owner, field)
        else:
            wanted = self.found(entry.place, f"unexpected failed resolution of '{owner_name}'")
        if entry.is_optional:
            given = self._unwrapped(entry.value, given)
        if not self._assign(wanted, given):
            self.found(entry.place, f"expected type of field '{field}' is '{wanted}' but provided type is '{given}'")

    @contextmanager
    def _loop(self, node: Macro) -> Iterator[None]:
        """Within it the variables of the macro are known: the items of a list, the keys of a map; of two the second is the value."""
        over = self._now(self.check(node.target))
        has_two = len(node.variables) == 2
        if over.name == "list":
            types = [INT, over.parameters[0]] if has_two else [over.parameters[0]]
        elif over.name == "map":
            types = list(over.parameters)
        elif _is_any(over) or over.is_parameter:
            self._assign(DYN, over)
            types = [DYN, DYN]
        else:
            self.found(
                node.place if node.name == "sortBy" else node.target.place,
                f"expression of type '{over}' cannot be range of a comprehension (must be list, map, or dynamic)",
            )
            types = [ERROR, ERROR]
        self._scopes.append(dict(zip(node.variables, types, strict=False)))
        yield
        self._scopes.pop()

    def _quantified(self, node: Macro) -> Type:
        with self._loop(node):
            predicate = node.arguments[0]
            if not self._assign(found := self.check(predicate), BOOL):
                self._mismatch(predicate.place, BOOL, found)
        return BOOL

    def _counted(self, node: Macro) -> Type:
        with self._loop(node):
            self._conditional(node, self.check(node.arguments[0]), INT, INT)
        return BOOL

    def _filtered(self, node: Macro) -> Type:
        made = list_of(self._parameter())
        with self._loop(node):
            predicate = self.check(node.arguments[0])
            item = self._scopes[-1][node.variables[0]]
            self._stepped(node, made, [predicate], "_+_", list_of(item))
        return self._now(made)

    def _transformed(self, node: Macro) -> Type:
        made = list_of(self._parameter())
        with self._loop(node):
            *predicates, item = [self.check(argument) for argument in node.arguments]
            self._stepped(node, made, predicates, "_+_", list_of(item))
        return self._now(made)

    def _sorted(self, node: Macro) -> Type:
        """`target.@sortByAssociatedKeys(target.map(x, ...))`."""
        keys = list_of(self._parameter())
        with self._loop(node):
            self._stepped(node, keys, [], "_+_", list_of(self.check(node.arguments[0])))
        given = [self._now(self.types[id(node.target)]), self._now(keys)]
        return self._result(node.place, "@sortByAssociatedKeys", given, is_member=True)[0]

    def _mapped(self, node: Macro) -> Type:
        made = map_of(self._parameter(), self._parameter())
        with self._loop(node):
            *predicates, value = [self.check(argument) for argument in node.arguments]
            key = [self._scopes[-1][node.variables[0]]] if node.name == "transformMap" else []
            self._stepped(node, made, predicates, _INSERT, *key, value)
        return self._now(made)

    def _stepped(self, node: Macro, made: Type, predicates: Sequence[Type], function: str, *given: Type) -> None:
        """A round of a loop that makes something: `made + [item]`, or `predicate ? made + [item] : made`."""
        step, _ = self._result(node.place, function, [made, *given])
        if predicates:
            step = self._conditional(node, predicates[0], step, made)
        if not self._assign(made, step):
            self._mismatch(node.place, made, step)

    def _conditional(self, node: Node, *given: Type) -> Type:
        return self._result(node.place, "_?_:_", given)[0]

    def _of_optional(self, node: Macro) -> Type:
        """`target.hasValue() ? optional.of(...) : optional.none()`, with the variable as `target.value()`: the target is there twice."""
        before = len(self.problems)
        target = self.check(node.target)
        wrong = self.problems[before:]
        has_value, _ = self._result(node.place, "hasValue", [target], is_member=True)
        self.problems.extend(wrong)
        value, _ = self._result(node.place, "value", [target], is_member=True)
        self._scopes.append({node.variables[0]: value})
        found = self.check(node.arguments[0])
        self._scopes.pop()
        if node.name == "optMap":
            found, _ = self._result(node.place, "optional.of", [found])
        nothing, _ = self._result(node.place, "optional.none", [])
        return self._conditional(node, has_value, self._now(found), nothing)


_MACROS = {
    "all": _Checker._quantified,
    "exists": _Checker._quantified,
    "exists_one": _Checker._counted,
    "existsOne": _Checker._counted,
    "filter": _Checker._filtered,
    "map": _Checker._transformed,
    "optFlatMap": _Checker._of_optional,
    "optMap": _Checker._of_optional,
    "sortBy": _Checker._sorted,
    "transformList": _Checker._transformed,
    "transformMap": _Checker._mapped,
    "transformMapEntry": _Checker._mapped,
}


def _is_dyn(type_: Type) -> bool:
    return type_.name == "dyn"


def _is_any(type_: Type) -> bool:
    return type_.name in ("dyn", "!error!")


def _may_be_null(type_: Type) -> bool:
    return type_.name not in _NEVER_NULL


def _more_general(one: Type, other: Type) -> Type:
    return one if _is_as_general(one, other) else other


def _is_as_general(one: Type, other: Type) -> bool:
    if _is_dyn(one) or one.is_parameter:
        return True
    if _is_dyn(other) or other.is_parameter or one.name != other.name:
        return False
    if one.name == "type":
        return True
    return len(one.parameters) == len(other.parameters) and all(map(_is_as_general, one.parameters, other.parameters))

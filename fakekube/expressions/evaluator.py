"""Makes closures of an expression whose types are known, and runs them.

Every node becomes a function of one argument, the frame: a list whose first item is what may still be spent, and whose others are the
values of variables. What a part of an expression costs whatever happens is added up beforehand and charged once, when it is entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fakekube.expressions import cost, maps
from fakekube.expressions.equality import contains, equal
from fakekube.expressions.maps import MISSING
from fakekube.expressions.parser import TOO_DEEP
from fakekube.expressions.programs import Budget, Checked, CompilationProblem, Program
from fakekube.expressions.runtime_types import fits, shown_type, type_of_value
from fakekube.expressions.shown import shown
from fakekube.expressions.syntax import (
    Call,
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
from fakekube.expressions.types import DYN, ObjectType, Overload, Type
from fakekube.expressions.values import NONE, Constructed, EvaluationProblem, Optional, Unsigned, Value

Frame = list[Any]
Run = Callable[[Frame], Value]

SPENT = "operation cancelled: actual cost limit exceeded"
"""The message of the EvaluationProblem of an expression that costs more than is left."""
_UNLIMITED = 1 << 62
_LEFT = 0
"""Where in a frame the units stand that are left."""


class _Spent(Exception):
    """Nothing is left to spend; no operator absorbs this."""


def compiled(checked: Checked) -> Program:
    """The program of a checked expression. Raises CompilationProblem where it is nested too deeply."""
    try:
        return _Compiled(checked, _Compiler(checked))
    except RecursionError:
        raise CompilationProblem(checked.text, [Problem(0, TOO_DEEP)]) from None


class _Compiled(Program):
    def __init__(self, checked: Checked, compiler: _Compiler) -> None:
        self.checked = checked
        self._run, self._units = compiler.part(checked.node)
        self._frame: Frame = [None] * compiler.size
        self._reads = tuple(compiler.reads.items())

    def evaluate(self, variables: Mapping[str, Value], budget: Budget | None = None) -> Value:
        frame = self._frame.copy()
        for name, slot in self._reads:
            try:
                frame[slot] = variables[name]
            except KeyError:
                raise EvaluationProblem(f"no such attribute(s): {name}") from None
        frame[_LEFT] = (_UNLIMITED if budget is None else budget.left) - self._units
        try:
            value = self._run(frame)
        except _Spent:
            raise EvaluationProblem(SPENT) from None
        except RecursionError:
            raise EvaluationProblem(TOO_DEEP) from None
        finally:
            if budget is not None:
                budget.left = frame[_LEFT]
        if frame[_LEFT] < 0:
            raise EvaluationProblem(SPENT)
        return value


class _Compiler:
    """Compiles nodes; `units` grows by what the nodes cost in any case."""

    def __init__(self, checked: Checked) -> None:
        self.size = 1
        """Of a frame."""
        self.reads: dict[str, int] = {}
        """The variables of the environment that are read, and where they stand in a frame."""
        self._checked = checked
        self._units = 0
        self._bound: dict[str, int] = {}
        self._constants: dict[Run, Value] = {}
        """The values of closures that always give the same."""
        self._compile: dict[type, Callable[[Any], Run]] = {
            Literal: self._literal,
            Name: self._name,
            Select: self._select,
            Index: self._index,
            Call: self._call,
            Macro: self._macro,
            MakeList: self._list,
            MakeMap: self._map,
            MakeObject: self._object,
        }
        self._special: dict[str, Callable[[Call], Run]] = {
            "_&&_": lambda call: self._logical(call, False),
            "_||_": lambda call: self._logical(call, True),
            "_?_:_": self._conditional,
            "_==_": lambda call: self._equality(call, True),
            "_!=_": lambda call: self._equality(call, False),
            "@in": self._membership,
            "or": lambda call: self._alternative(call, False),
            "orValue": lambda call: self._alternative(call, True),
        }
        """Functions without an implementation."""

    def part(self, node: Node) -> tuple[Run, int]:
        """What runs the node, and the units that are to be charged whenever it is run."""
        before, self._units = self._units, 0
        run = self._node(node)
        units, self._units = self._units, before
        return run, units

    def _node(self, node: Node) -> Run:
        return self._compile[type(node)](node)

    def _type(self, node: Node) -> Type:
        return self._checked.types.get(id(node), DYN)

    def _constant(self, value: Value) -> Run:
        def run(frame: Frame) -> Value:
            return value

        self._constants[run] = value
        return run

    def _slot(self) -> int:
        self.size += 1
        return self.size - 1

    def _literal(self, node: Literal) -> Run:
        return self._constant(node.value)

    # names and fields

    def _name(self, node: Name) -> Run:
        slot = self._bound.get(node.name)
        if slot is None:
            return self._variable(node, node.name.lstrip("."))
        self._units += cost.NAME
        return _read(slot)

    def _variable(self, node: Node, name: str) -> Run:
        """A variable of the environment, or a type."""
        name = self._checked.references.get(id(node), name)
        if name in self._checked.variables:
            self._units += cost.NAME
            slot = self.reads.get(name)
            if slot is None:
                slot = self.reads[name] = self._slot()
            return _read(slot)
        inner = self._type(node).parameters
        return self._constant(Type(inner[0].name if inner else name))

    def _select(self, node: Select) -> Run:
        if id(node) in self._checked.references:
            return self._variable(node, "")
        operand = self._operand(node.operand)
        operand_type = self._type(node.operand)
        field = self._field(operand_type, node.field)
        if node.is_test:
            return _field_test(operand, field)
        self._units += cost.SELECT
        if node.is_optional or operand_type.name == "optional_type":
            return _optional_field(operand, field)
        return _field(operand, field, node.field)

    def _operand(self, node: Node) -> Run:
        """What something is selected from: only variables and what is in them is read without a step of its own."""
        if not isinstance(node, Name | Select | Index) and not (isinstance(node, Call) and node.function == "_?_:_"):
            self._units += cost.NAME
        return self._node(node)

    def _unread(self, node: Node) -> int:
        """What an index or a branch of a conditional costs less than elsewhere: the variable in it is read along with the rest."""
        while isinstance(node, Select | Index) and id(node) not in self._checked.references:
            if isinstance(node, Select) and node.is_test:
                return 0
            node = node.operand
        name = self._checked.references.get(id(node)) or (node.name if isinstance(node, Name) else "")
        return cost.NAME if name in self._bound or name in self._checked.variables else 0

    def _field(self, operand: Type, field: str) -> str:
        """The property that a field is in the object itself."""
        if operand.name == "optional_type" and operand.parameters:
            operand = operand.parameters[0]
        declared = operand.fields.get(field) if isinstance(operand, ObjectType) else None
        return declared.name if declared is not None else field

    def _index(self, node: Index) -> Run:
        operand, index = self._operand(node.operand), self._node(node.index)
        self._units += cost.SELECT - self._unread(node.index)
        operand_type = self._type(node.operand)
        if node.is_optional or operand_type.name == "optional_type":
            return _optional_item(operand, index)
        if operand_type.name == "list" and self._type(node.index).name == "int":
            return _list_item(operand, index)
        return _item(operand, index)

    # calls

    def _call(self, node: Call) -> Run:
        overloads = self._checked.overloads.get(id(node), ())
        if node.function in self._special and all(found.implementation is None for found in overloads):
            return self._special[node.function](node)
        arguments = [*node.arguments]
        if node.target is not None and any(found.is_member for found in overloads):
            arguments.insert(0, node.target)
        runs = [self._node(argument) for argument in arguments]
        types = [self._type(argument) for argument in arguments]
        if len(overloads) == 1 and all(map(_is_certain, overloads[0].parameters, types)):
            return self._certain(overloads[0], runs)
        dispatch = _Dispatch(node.function, overloads)
        if not dispatch.is_counted:
            self._units += cost.CALL
        return dispatch.binary(*runs) if len(runs) == 2 else dispatch.any(runs)

    def _certain(self, overload: Overload, runs: list[Run]) -> Run:
        """A call of which is known what it calls."""
        call_cost = cost.call_cost(overload)
        if all(run in self._constants for run in runs) and runs:
            folded = _folded(overload, [self._constants[run] for run in runs])
            if folded is not MISSING:
                if overload.function in _CONVERSIONS:
                    return self._constant(folded)
                self._units += call_cost([self._constants[run] for run in runs], folded) if call_cost else 1
                return self._constant(folded)
        units = self._fixed_units(call_cost, runs)
        if units is None:
            assert call_cost is not None
            return (
                _counted_binary(overload, call_cost, *runs) if len(runs) == 2 else _counted(overload, call_cost, runs)
            )
        self._units += units
        if len(runs) == 2:
            return _binary(overload, runs[0], runs[1])
        return _unary(overload, runs[0]) if len(runs) == 1 else _many(overload, runs)

    def _fixed_units(self, call_cost: cost.CallCost | None, runs: Sequence[Run]) -> int | None:
        """What a call costs, where that does not depend on what is only known when it is evaluated."""
        if call_cost is None:
            return cost.CALL
        if isinstance(call_cost, cost.Over) and runs[call_cost.index] in self._constants:
            values = [self._constants.get(run) for run in runs]
            return call_cost(values, None)
        return None

    def _logical(self, call: Call, decisive: bool) -> Run:
        """`&&`, `||`: one term that is decisive (false, true) decides, whatever goes wrong in others."""
        nodes = list(_terms(call, call.function))
        first = self._node(nodes[0])
        rest = [self.part(node) for node in nodes[1:]]
        if len(rest) == 1:
            return _either(first, *rest[0], decisive)
        return _any_of(first, rest, decisive)

    def _conditional(self, call: Call) -> Run:
        condition = self._node(call.arguments[0])
        (yes, yes_units), (no, no_units) = self.part(call.arguments[1]), self.part(call.arguments[2])
        yes_units -= self._unread(call.arguments[1])
        no_units -= self._unread(call.arguments[2])

        def run(frame: Frame) -> Value:
            value = condition(frame)
            if value is True:
                frame[_LEFT] -= yes_units
                return yes(frame)
            if value is False:
                frame[_LEFT] -= no_units
                return no(frame)
            raise EvaluationProblem("no such overload")

        return run

    def _equality(self, call: Call, wanted: bool) -> Run:
        left, right = (self._node(argument) for argument in call.arguments)
        types = {self._type(argument).name for argument in call.arguments}
        is_plain = types <= _NUMERIC or (len(types) == 1 and types <= _PLAIN)
        if types & _SMALL or any(self._is_short(run) for run in (left, right)):
            self._units += cost.CALL
            return _equality(left, right, wanted) if is_plain else _any_equality(left, right, wanted)
        overload = self._checked.overloads[id(call)][0]
        return _counted_equality(left, right, wanted, is_plain, cost.call_cost(overload))

    def _is_short(self, run: Run) -> bool:
        """Whether comparing with it costs one unit however long the other side is."""
        value = self._constants.get(run)
        return isinstance(value, str) and 0 < len(value) * cost.CHARACTER <= cost.CALL

    def _membership(self, call: Call) -> Run:
        item, container = (self._node(argument) for argument in call.arguments)
        overloads = self._checked.overloads.get(id(call), ())
        kind = self._type(call.arguments[1])
        counted = cost.call_cost(overloads[0]) if overloads else None
        if _is_set(self._constants.get(container)):
            counted = _nothing
        if kind.name == "map":
            self._units += 1
            return _in_map(item, container)
        is_plain = kind.name == "list" and kind.parameters == (self._type(call.arguments[0]),)
        return _in_any(item, container, is_plain and kind.parameters[0].name in _PLAIN, counted)

    def _alternative(self, call: Call, is_value: bool) -> Run:
        """`a.or(b)`, `a.orValue(b)`: the second is looked at only where the first has no value."""
        assert call.target is not None  # what may be called without a target has an implementation
        first = self._node(call.target)
        second, units = self.part(call.arguments[0])

        def run(frame: Frame) -> Value:
            value = first(frame)
            if not isinstance(value, Optional):
                raise EvaluationProblem("no such overload")
            if value is NONE:
                frame[_LEFT] -= units
                return second(frame)
            return value.value if is_value else value

        return run

    # what is made

    def _list(self, node: MakeList) -> Run:
        runs = [self._node(item) for item in node.items]
        if not node.optional and all(run in self._constants for run in runs):
            return self._constant([self._constants[run] for run in runs])
        self._units += cost.LIST
        optional = node.optional
        if not optional:
            return lambda frame: [run(frame) for run in runs]

        def run(frame: Frame) -> Value:
            items = []
            for position, item in enumerate(runs):
                value = item(frame)
                if position not in optional:
                    items.append(value)
                elif value is not NONE:
                    items.append(_unwrapped(value))
            return items

        return run

    def _map(self, node: MakeMap) -> Run:
        entries = [(self._node(entry.key), self._node(entry.value), entry.is_optional) for entry in node.entries]
        if all(
            key in self._constants and run in self._constants and not is_optional for key, run, is_optional in entries
        ):
            pairs = [(self._constants[key], self._constants[run]) for key, run, _ in entries]
            return self._constant(maps.make(pairs))
        self._units += cost.MAP

        def run(frame: Frame) -> Value:
            pairs = []
            for key, value, is_optional in entries:
                name, content = key(frame), value(frame)
                if not is_optional:
                    pairs.append((name, content))
                elif content is not NONE:
                    pairs.append((name, _unwrapped(content)))
            return maps.make(pairs)

        return run

    def _object(self, node: MakeObject) -> Run:
        made = self._type(node)
        name = made.name if isinstance(made, ObjectType) else node.type.lstrip(".")
        entries = []
        for entry in node.entries:
            assert isinstance(entry.key, Literal)  # as the syntax has it
            entries.append((self._field(made, str(entry.key.value)), self._node(entry.value), entry.is_optional))
        self._units += cost.OBJECT

        def run(frame: Frame) -> Value:
            fields = {}
            for field, value, is_optional in entries:
                content = value(frame)
                if not is_optional:
                    fields[field] = content
                elif content is not NONE:
                    fields[field] = _unwrapped(content)
            return Constructed(name, fields)

        return run

    # macros

    def _macro(self, node: Macro) -> Run:
        target, target_units = self.part(node.target)
        self._units += target_units
        slots = [self._slot() for _ in node.variables]
        before = self._bound
        self._bound = {**before, **dict(zip(node.variables, slots, strict=True))}
        parts = [self.part(argument) for argument in node.arguments]
        self._bound = before
        self._units += _MACRO_UNITS.get(node.name, 1)
        if node.name in ("optMap", "optFlatMap"):
            return _optional_map(target, target_units, slots[0], *parts[0], is_flat=node.name == "optFlatMap")
        pairs = len(slots) == 2
        loop = _pairs(target) if pairs else _items(target)
        bind = tuple(slots)
        match node.name:
            case "all":
                return _quantified(loop, bind, *parts[0], 3, False)
            case "exists":
                return _quantified(loop, bind, *parts[0], 4, True)
            case "exists_one" | "existsOne":
                return _exactly_one(loop, bind, *parts[0])
            case "filter":
                return _filtered(loop, bind[0], *parts[0])
            case "map" | "transformList":
                return _made_list(loop, bind, parts)
            case _:
                return _made_map(loop, bind, parts, is_entry=node.name == "transformMapEntry")


_NUMERIC = frozenset({"int", "uint", "double"})
_SMALL = frozenset({"bool", "int", "uint", "double", "timestamp", "duration"})
"""The types whose values are compared at the cost of one unit."""
_PLAIN = _SMALL | {"string", "bytes"}
"""The types whose values Python compares as expressions do."""
_MACRO_UNITS = {"exists_one": 2, "existsOne": 2}
_CONVERSIONS = frozenset({"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"})
"""Functions whose calls with constants cost nothing."""


def _is_set(container: Value) -> bool:
    """Whether something is looked up in it at no cost: a list of constants of one simple type."""
    if not isinstance(container, list):
        return False
    types = {type(item) for item in container}
    return not types or (len(types) == 1 and types <= {bool, int, Unsigned, float, str, bytes})


def _nothing(_: Sequence[Value], __: Value) -> int:
    return 0


def _is_certain(parameter: Type, argument: Type) -> bool:
    """Whether an argument of a type is sure to fit, so that nothing has to be asked at run time."""
    if parameter.is_parameter or parameter.name == "dyn":
        return True
    if argument.name == "dyn" or len(argument.parameters) != len(parameter.parameters):
        return False
    return all(map(_is_certain, parameter.parameters, argument.parameters))


def _terms(node: Node, function: str) -> Iterable[Node]:
    """The terms of `a && b && c`, from left to right."""
    if isinstance(node, Call) and node.function == function:
        for argument in node.arguments:
            yield from _terms(argument, function)
    else:
        yield node


def _folded(overload: Overload, values: list[Value]) -> Value:
    """What a call of constants gives, or MISSING where it goes wrong: that is told when it is evaluated."""
    assert overload.implementation is not None
    try:
        return overload.implementation(*values)
    except EvaluationProblem:
        return MISSING


def _unwrapped(value: Value) -> Value:
    if isinstance(value, Optional):
        return value.value
    raise EvaluationProblem(f"cannot initialize optional entry from non-optional value {shown(value)}")


# Reading


def _read(slot: int) -> Run:
    def run(frame: Frame) -> Value:
        return frame[slot]

    return run


def _field(operand: Run, field: str, name: str) -> Run:
    def run(frame: Frame) -> Value:
        value = operand(frame)
        try:
            return value[field]
        except (KeyError, TypeError):
            return _missing_field(value, field, name)

    return run


def _missing_field(value: Value, field: str, name: str) -> Value:
    if isinstance(value, Optional):
        return _optional(value, field)
    if isinstance(value, list):
        raise EvaluationProblem("unsupported index type 'string' in list")
    raise EvaluationProblem(f"no such key: {name}")


def _field_test(operand: Run, field: str) -> Run:
    def run(frame: Frame) -> Value:
        value = operand(frame)
        if isinstance(value, dict):
            return field in value
        if isinstance(value, list):
            raise EvaluationProblem("unsupported index type 'string' in list")
        return isinstance(value, Optional) and _optional(value, field) is not NONE

    return run


def _optional_field(operand: Run, field: str) -> Run:
    return lambda frame: _optional(operand(frame), field)


def _optional(value: Value, key: Value) -> Optional:
    """What stands under a key of a value or of an optional's value."""
    if isinstance(value, Optional):
        if value is NONE:
            return NONE
        value = value.value
    found: Value = MISSING
    if isinstance(value, dict):
        found = maps.find(value, key)
    elif isinstance(value, list):
        position = _position(key)
        found = value[position] if 0 <= position < len(value) else MISSING
    return NONE if found is MISSING else Optional(found)


def _optional_item(operand: Run, index: Run) -> Run:
    return lambda frame: _optional(operand(frame), index(frame))


def _list_item(operand: Run, index: Run) -> Run:
    def run(frame: Frame) -> Value:
        items, position = operand(frame), index(frame)
        try:
            if position >= 0:
                return items[position]
        except (IndexError, TypeError):
            pass
        return _at(items, position)

    return run


def _item(operand: Run, index: Run) -> Run:
    return lambda frame: _at(operand(frame), index(frame))


def _at(value: Value, key: Value) -> Value:
    if isinstance(value, dict):
        found = maps.find(value, key)
        if found is MISSING:
            raise EvaluationProblem(f"no such key: {shown(key)}")
        return found
    if isinstance(value, list):
        position = _position(key)
        if 0 <= position < len(value):
            return value[position]
        raise EvaluationProblem(f"index out of bounds: {shown(key)}")
    if isinstance(value, Optional):
        return _optional(value, key)
    raise EvaluationProblem(f"no such key: {shown(key)}")


def _position(key: Value) -> int:
    """An index of a list; doubles without a fraction are ones too."""
    if isinstance(key, bool) or not isinstance(key, (int, float)):
        raise EvaluationProblem(f"unsupported index type '{shown_type(key)}' in list")
    if isinstance(key, float) and not key.is_integer():
        raise EvaluationProblem(f"unsupported index value {shown(key)} in list")
    return int(key)


# Calling

_OPERANDS = {
    "_<_": _PLAIN,
    "_<=_": _PLAIN,
    "_>_": _PLAIN,
    "_>=_": _PLAIN,
    "_+_": (_PLAIN | {"list"}) - {"bool"},
    "_-_": _PLAIN - {"bool", "string", "bytes"},
    "_*_": _NUMERIC,
    "_/_": _NUMERIC,
    "_%_": _NUMERIC - {"double"},
    "-_": _NUMERIC - {"uint"},
    "!_": frozenset[str](),
    "size": frozenset({"string", "bytes", "list", "map"}),
    "matches": frozenset({"string"}),
}
"""What the first operand may be; otherwise the error names the function."""
_NAMELESS = frozenset({"contains", "startsWith", "endsWith", "!_"})
"""Functions that errors never name."""


def _no_such_overload(function: str, values: Sequence[Value]) -> EvaluationProblem:
    if function in _NAMELESS:
        return EvaluationProblem("no such overload")
    operands = _OPERANDS.get(function)
    if operands is not None:
        is_known = type_of_value(values[0]).name in operands
        return EvaluationProblem("no such overload" if is_known else f"no such overload: {function}")
    return EvaluationProblem(f"no such overload: {function}({', '.join(map(shown_type, values))})")


def _called_wrongly(overload: Overload, values: Sequence[Value], error: Exception) -> Exception:
    """What a value means that is not of the type which the checker saw: a null in most cases. Otherwise the error is one of ours."""
    if all(fits(parameter, value, None) for parameter, value in zip(overload.parameters, values, strict=True)):
        return error
    return _no_such_overload(overload.function, values)


def _unary(overload: Overload, argument: Run) -> Run:
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        value = argument(frame)
        try:
            return implementation(value)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, (value,), error) from None

    return run


def _binary(overload: Overload, first: Run, second: Run) -> Run:
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        left, right = first(frame), second(frame)
        try:
            return implementation(left, right)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, (left, right), error) from None

    return run


def _many(overload: Overload, arguments: Sequence[Run]) -> Run:
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        values = [argument(frame) for argument in arguments]
        try:
            return implementation(*values)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, values, error) from None

    return run


def _counted(overload: Overload, call_cost: cost.CallCost, arguments: Sequence[Run]) -> Run:
    """A call whose cost depends on its arguments."""
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        values = [argument(frame) for argument in arguments]
        try:
            result = implementation(*values)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, values, error) from None
        _charge(frame, call_cost(values, result))
        return result

    return run


def _counted_binary(overload: Overload, call_cost: cost.CallCost, first: Run, second: Run) -> Run:
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        left, right = first(frame), second(frame)
        try:
            result = implementation(left, right)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, (left, right), error) from None
        _charge(frame, call_cost((left, right), result))
        return result

    return run


_Chosen = tuple[Callable[..., Value], cost.CallCost | None, Overload]


class _Dispatch:
    """Calls of which only the values tell what is called."""

    def __init__(self, function: str, overloads: Sequence[Overload]) -> None:
        self._function, self._overloads = function, overloads
        self._by_types: dict[tuple[type, ...], _Chosen] = {}
        self.is_counted = any(cost.call_cost(overload) is not None for overload in overloads)
        """Whether what a call costs is told when it is made."""
        self._is_shallow = not any(parameter.parameters for overload in overloads for parameter in overload.parameters)
        """Whether the types of the arguments alone decide, not what lists and maps hold."""

    def binary(self, first: Run, second: Run) -> Run:
        chosen, choose, is_counted = self._by_types, self._chosen, self.is_counted

        def run(frame: Frame) -> Value:
            left, right = first(frame), second(frame)
            implementation, counted, overload = chosen.get((type(left), type(right))) or choose((left, right))
            try:
                result = implementation(left, right)
            except (TypeError, AttributeError) as error:
                raise _called_wrongly(overload, (left, right), error) from None
            if is_counted:
                _charge(frame, cost.CALL if counted is None else counted((left, right), result))
            return result

        return run

    def any(self, arguments: Sequence[Run]) -> Run:
        chosen, choose, is_counted = self._by_types, self._chosen, self.is_counted

        def run(frame: Frame) -> Value:
            values = [argument(frame) for argument in arguments]
            implementation, counted, overload = chosen.get(tuple(map(type, values))) or choose(values)
            try:
                result = implementation(*values)
            except (TypeError, AttributeError) as error:
                raise _called_wrongly(overload, values, error) from None
            if is_counted:
                _charge(frame, cost.CALL if counted is None else counted(values, result))
            return result

        return run

    def _chosen(self, values: Sequence[Value]) -> _Chosen:
        for overload in self._overloads:
            if len(overload.parameters) == len(values) and all(map(fits, overload.parameters, values)):
                assert overload.implementation is not None
                found = (overload.implementation, cost.call_cost(overload), overload)
                if self._is_shallow:
                    self._by_types[tuple(map(type, values))] = found
                return found
        raise _no_such_overload(self._function, values)


def _charge(frame: Frame, units: int) -> None:
    left = frame[_LEFT] - units
    frame[_LEFT] = left
    if left < 0:
        raise _Spent


# Logic and comparison


def _either(first: Run, second: Run, units: int, decisive: bool) -> Run:
    """`first && second` (decisive: False), `first || second` (True)."""
    other = not decisive

    def run(frame: Frame) -> Value:
        problem = None
        try:
            value = first(frame)
            if value is decisive:
                return decisive
            if value is not other:
                problem = EvaluationProblem("no such overload")
        except EvaluationProblem as found:
            problem = found
        frame[_LEFT] -= units
        if problem is None:
            value = second(frame)
            if value is decisive or value is other:
                return value
            raise EvaluationProblem("no such overload")
        try:
            value = second(frame)
        except EvaluationProblem:
            raise problem from None
        if value is decisive:
            return decisive
        raise problem

    return run


def _any_of(first: Run, rest: Sequence[tuple[Run, int]], decisive: bool) -> Run:
    other = not decisive
    terms = [(first, 0), *rest]

    def run(frame: Frame) -> Value:
        problem = None
        for term, units in terms:
            frame[_LEFT] -= units
            try:
                value = term(frame)
            except EvaluationProblem as found:
                problem = problem or found
                continue
            if value is decisive:
                return decisive
            if value is not other:
                problem = problem or EvaluationProblem("no such overload")
        if problem is not None:
            raise problem
        return other

    return run


def _equality(left: Run, right: Run, wanted: bool) -> Run:
    if wanted:
        return lambda frame: left(frame) == right(frame)
    return lambda frame: left(frame) != right(frame)


def _any_equality(left: Run, right: Run, wanted: bool) -> Run:
    return lambda frame: equal(left(frame), right(frame)) is wanted


def _counted_equality(left: Run, right: Run, wanted: bool, is_plain: bool, counted: cost.CallCost | None) -> Run:
    def run(frame: Frame) -> Value:
        first, second = left(frame), right(frame)
        result = first == second if is_plain else equal(first, second)
        _charge(frame, 1 if counted is None else counted((first, second), result))
        return result is wanted

    return run


def _in_map(item: Run, container: Run) -> Run:
    def run(frame: Frame) -> Value:
        key, entries = item(frame), container(frame)
        if isinstance(entries, dict):
            return maps.has(entries, key)
        raise EvaluationProblem("no such overload")

    return run


def _in_any(item: Run, container: Run, is_plain: bool, counted: cost.CallCost | None) -> Run:
    def run(frame: Frame) -> Value:
        wanted, values = item(frame), container(frame)
        if isinstance(values, dict):
            _charge(frame, 1)
            return maps.has(values, wanted)
        if not isinstance(values, list):
            raise EvaluationProblem("no such overload")
        result = wanted in values if is_plain else contains(values, wanted)
        _charge(frame, len(values) if counted is None else counted((wanted, values), result))
        return result

    return run


# Macros

_GO_TYPES = {
    "bool": "types.Bool",
    "int": "types.Int",
    "uint": "types.Uint",
    "double": "types.Double",
    "string": "types.String",
    "bytes": "types.Bytes",
    "null_type": "types.Null",
    "timestamp": "types.Timestamp",
    "duration": "types.Duration",
    "type": "*types.Type",
    "optional_type": "*types.Optional",
}


def _not_iterable(value: Value) -> EvaluationProblem:
    name = type_of_value(value).name
    return EvaluationProblem(f"got '{_GO_TYPES.get(name, name)}', expected iterable type")


def _items(target: Run) -> Callable[[Frame], Iterable[Value]]:
    """The items of a list, the keys of a map."""

    def items(frame: Frame) -> Iterable[Value]:
        value = target(frame)
        if isinstance(value, (list, dict)):
            return value
        raise _not_iterable(value)

    return items


def _pairs(target: Run) -> Callable[[Frame], Iterable[tuple[Value, Value]]]:
    """Positions and items of a list, keys and values of a map."""

    def pairs(frame: Frame) -> Iterable[tuple[Value, Value]]:
        value = target(frame)
        if isinstance(value, list):
            return enumerate(value)
        if isinstance(value, dict):
            return value.items()
        raise _not_iterable(value)

    return pairs


Loop = Callable[[Frame], Iterable[Any]]


def _binding(slots: tuple[int, ...]) -> Callable[[Frame, Any], None]:
    if len(slots) == 1:
        slot = slots[0]

        def bind_one(frame: Frame, item: Any) -> None:
            frame[slot] = item

        return bind_one
    first, second = slots

    def bind_two(frame: Frame, item: Any) -> None:
        frame[first], frame[second] = item

    return bind_two


def _quantified(loop: Loop, slots: tuple[int, ...], condition: Run, units: int, base: int, decisive: bool) -> Run:
    """`all` (decisive: False), `exists` (True): as with `&&` and `||`, a decisive item makes up for what goes wrong with others."""
    units += base
    once_more = base - 1
    other = not decisive
    slot, bind = slots[0], _binding(slots)
    is_single = len(slots) == 1

    def run(frame: Frame) -> Value:
        problem = None
        items = iter(loop(frame))
        for item in items:
            left = frame[_LEFT] - units
            if left < 0:
                raise _Spent
            frame[_LEFT] = left
            if is_single:
                frame[slot] = item
            else:
                bind(frame, item)
            try:
                value = condition(frame)
            except EvaluationProblem as found:
                problem = problem or found
                continue
            if value is decisive:
                if next(items, MISSING) is not MISSING:
                    # Before the next item it is asked whether to go on.
                    _charge(frame, once_more)
                return decisive
            if value is not other:
                problem = problem or EvaluationProblem("no such overload")
        if problem is not None:
            raise problem
        return other

    return run


def _exactly_one(loop: Loop, slots: tuple[int, ...], condition: Run, units: int) -> Run:
    bind = _binding(slots)

    def run(frame: Frame) -> Value:
        count, problem = 0, None
        for item in loop(frame):
            _charge(frame, units)
            bind(frame, item)
            try:
                if _is_true(condition(frame)):
                    count += 1
                    frame[_LEFT] -= 2
            except EvaluationProblem as found:
                problem = found
        if problem is not None:
            raise problem
        return count == 1

    return run


def _is_true(value: Value) -> bool:
    if value is True or value is False:
        return value
    raise EvaluationProblem("no such overload")


def _filtered(loop: Loop, slot: int, condition: Run, units: int) -> Run:
    def run(frame: Frame) -> Value:
        kept, problem = [], None
        for item in loop(frame):
            _charge(frame, units)
            frame[slot] = item
            try:
                if _is_true(condition(frame)):
                    kept.append(item)
                    frame[_LEFT] -= 13
            except EvaluationProblem as found:
                problem = found
        if problem is not None:
            raise problem
        return kept

    return run


def _made_list(loop: Loop, slots: tuple[int, ...], parts: Sequence[tuple[Run, int]]) -> Run:
    """`map`, `transformList`, with a condition before what is made or without."""
    bind = _binding(slots)
    made, made_units = parts[-1]
    condition, condition_units = parts[0] if len(parts) == 2 else (None, 0)

    def run(frame: Frame) -> Value:
        items: list[Value] = []
        for item in loop(frame):
            bind(frame, item)
            if condition is not None:
                _charge(frame, condition_units)
                if not _is_true(condition(frame)):
                    continue
            _charge(frame, made_units + 12)
            items.append(made(frame))
        return items

    return run


def _made_map(loop: Loop, slots: tuple[int, ...], parts: Sequence[tuple[Run, int]], is_entry: bool) -> Run:
    """`transformMap`, `transformMapEntry`, with a condition before what is made or without."""
    key_slot, value_slot = slots
    made, made_units = parts[-1]
    condition, condition_units = parts[0] if len(parts) == 2 else (None, 0)
    made_units += 2 if is_entry else 3

    def run(frame: Frame) -> Value:
        pairs: list[tuple[Value, Value]] = []
        keys: set[Value] = set()
        for key, value in loop(frame):
            frame[key_slot], frame[value_slot] = key, value
            if condition is not None:
                _charge(frame, condition_units)
                if not _is_true(condition(frame)):
                    continue
            _charge(frame, made_units)
            entry = made(frame)
            if not is_entry:
                pairs.append((key, entry))
                continue
            for name, content in entry.items():
                if (identity := (isinstance(name, bool), name)) in keys:
                    raise EvaluationProblem(f"insert failed: key {shown(name)} already exists")
                keys.add(identity)
                pairs.append((name, content))
        return maps.make(pairs)

    return run


def _optional_map(target: Run, target_units: int, slot: int, made: Run, units: int, *, is_flat: bool) -> Run:
    """The target counts twice: it is asked whether it has a value, and then for it."""
    units += target_units + (1 if is_flat else 2)

    def run(frame: Frame) -> Value:
        before = frame[_LEFT]
        value = target(frame)
        again = before - frame[_LEFT]
        if not isinstance(value, Optional):
            raise EvaluationProblem(f"no such overload: hasValue({shown_type(value)})")
        if value is NONE:
            frame[_LEFT] -= 1
            return NONE
        frame[slot] = value.value
        _charge(frame, units + again)
        result = made(frame)
        return result if is_flat else Optional(result)

    return run

"""Makes closures of an expression whose types are known, and runs them.

Every node becomes a function of one argument, the frame: a list whose first item is what may still be spent, and whose others are the
values of variables. What a part of an expression costs whatever happens is added up beforehand and charged once, when it is entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fakekube.expressions import calling, cost, logic, loops, maps, reading
from fakekube.expressions.frames import LEFT, Frame, Run, Spent
from fakekube.expressions.maps import MISSING
from fakekube.expressions.parser import TOO_DEEP
from fakekube.expressions.programs import Budget, Checked, CompilationProblem, Program
from fakekube.expressions.runtime_types import NUMERIC, PLAIN, SMALL
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

SPENT = "operation cancelled: actual cost limit exceeded"
"""The message of the EvaluationProblem of an expression that costs more than is left."""
_UNLIMITED = 1 << 62


def compiled(checked: Checked) -> Program:
    """The program of a checked expression. Raises CompilationProblem where it is nested too deeply.

    What the program gives is not to be changed: it may be a part of the variables or of the program itself. An object among the variables
    may be a dict that makes its entries when they are asked for (`__missing__`, `__contains__`).
    """
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
        frame[LEFT] = (_UNLIMITED if budget is None else budget.left) - self._units
        try:
            value = self._run(frame)
        except Spent:
            raise EvaluationProblem(SPENT) from None
        except RecursionError:
            raise EvaluationProblem(TOO_DEEP) from None
        finally:
            if budget is not None:
                budget.left = frame[LEFT]
        if frame[LEFT] < 0:
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
        self._read_from_text: set[Run] = set()
        """Those of them that the server does not know for constants."""
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

    def _is_literal(self, run: Run) -> bool:
        return run in self._constants and run not in self._read_from_text

    def _slot(self) -> int:
        self.size += 1
        return self.size - 1

    def _literal(self, node: Literal) -> Run:
        return self._constant(node.value)

    def _name(self, node: Name) -> Run:
        slot = self._bound.get(node.name.removeprefix("."))
        if slot is None:
            return self._variable(node, node.name.lstrip("."))
        self._units += cost.NAME
        return reading.read(slot)

    def _variable(self, node: Node, name: str) -> Run:
        """A variable of the environment, or a type."""
        name = self._checked.references.get(id(node), name)
        if name in self._checked.variables:
            self._units += cost.NAME
            slot = self.reads.get(name)
            if slot is None:
                slot = self.reads[name] = self._slot()
            return reading.read(slot)
        inner = self._type(node).parameters
        return self._constant(Type(inner[0].name if inner else name))

    def _select(self, node: Select) -> Run:
        if id(node) in self._checked.references:
            return self._variable(node, "")
        operand = self._operand(node.operand)
        operand_type = self._type(node.operand)
        field = self._field(operand_type, node.field)
        is_optional = node.is_optional or operand_type.name == "optional_type"
        if node.is_test and is_optional:
            self._units -= cost.SELECT
            return reading.optional_field_test(operand, field)
        if node.is_test:
            return reading.field_test(operand, field)
        if is_optional:
            return reading.optional_field(operand, field)
        self._units += cost.SELECT
        return reading.field(operand, field, node.field)

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
        self._units -= self._unread(node.index)
        operand_type = self._type(node.operand)
        if node.is_optional or operand_type.name == "optional_type":
            return reading.optional_item(operand, index)
        self._units += cost.SELECT
        if operand_type.name == "list" and self._type(node.index).name == "int":
            return reading.list_item(operand, index)
        return reading.item(operand, index)

    def _call(self, node: Call) -> Run:
        overloads = self._checked.overloads.get(id(node), ())
        if node.function in self._special and all(found.implementation is None for found in overloads):
            return self._special[node.function](node)
        arguments = [*node.arguments]
        if node.target is not None and any(found.is_member for found in overloads):
            arguments.insert(0, node.target)
        runs = [self._node(argument) for argument in arguments]
        types = [self._type(argument) for argument in arguments]
        if len(overloads) == 1 and all(map(calling.is_certain, overloads[0].parameters, types)):
            return self._certain(overloads[0], runs)
        function = overloads[0].function if overloads else node.function
        is_nameless = function in calling.WITH_PATTERN and any(run in self._constants for run in runs[1:])
        dispatch = calling.Dispatch("" if is_nameless else function, overloads)
        if not dispatch.is_counted:
            self._units += cost.CALL
        return dispatch.binary(*runs) if len(runs) == 2 else dispatch.any(runs)

    def _certain(self, overload: Overload, runs: list[Run]) -> Run:
        """A call of which is known what it calls."""
        call_cost = cost.call_cost(overload)
        folded = self._folded(overload, runs)
        if folded is not MISSING:
            run = self._constant(folded)
            if overload.function not in _CONVERSIONS or not self._is_literal(runs[0]):
                self._units += call_cost([self._constants[runs[0]]], folded) if call_cost else cost.CALL
                self._read_from_text.add(run)
            return run
        units = self._fixed_units(call_cost, runs)
        if units is None:
            assert call_cost is not None
            return calling.counted(overload, call_cost, runs)
        self._units += units
        return calling.uncounted(overload, runs)

    def _folded(self, overload: Overload, runs: Sequence[Run]) -> Value:
        """What a call gives that reads a constant (`quantity('1Gi')`), else MISSING; what goes wrong is told when it is evaluated.

        Others are not tried: `lists.range(1000000000)` would be made when it is only compiled.
        """
        if len(runs) != 1 or runs[0] not in self._constants or overload.implementation is None:
            return MISSING
        value = self._constants[runs[0]]
        if overload.function not in _CONVERSIONS and not isinstance(value, str):
            return MISSING
        try:
            return overload.implementation(value)
        except EvaluationProblem:
            return MISSING

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
            return logic.either(first, *rest[0], decisive)
        return logic.any_of(first, rest, decisive)

    def _conditional(self, call: Call) -> Run:
        condition = self._node(call.arguments[0])
        (yes, yes_units), (no, no_units) = self.part(call.arguments[1]), self.part(call.arguments[2])
        yes_units -= self._unread(call.arguments[1])
        no_units -= self._unread(call.arguments[2])

        def run(frame: Frame) -> Value:
            value = condition(frame)
            if value is True:
                frame[LEFT] -= yes_units
                return yes(frame)
            if value is False:
                frame[LEFT] -= no_units
                return no(frame)
            raise EvaluationProblem("no such overload")

        return run

    def _equality(self, call: Call, wanted: bool) -> Run:
        left, right = (self._node(argument) for argument in call.arguments)
        types = {self._type(argument).name for argument in call.arguments}
        is_plain = types <= NUMERIC or (len(types) == 1 and types <= PLAIN)
        if types & SMALL or any(self._is_short(run) for run in (left, right)):
            self._units += cost.CALL
            return logic.equality(left, right, wanted) if is_plain else logic.any_equality(left, right, wanted)
        overload = self._checked.overloads[id(call)][0]
        return logic.counted_equality(left, right, wanted, is_plain, cost.call_cost(overload))

    def _is_short(self, run: Run) -> bool:
        """Whether comparing with it costs one unit however long the other side is."""
        value = self._constants.get(run)
        return isinstance(value, str) and 0 < len(value) * cost.CHARACTER <= cost.CALL

    def _membership(self, call: Call) -> Run:
        item, item_units = self.part(call.arguments[0])
        container = self._node(call.arguments[1])
        listed = self._constants.get(container) if isinstance(call.arguments[1], MakeList) else None
        if isinstance(listed, list) and not listed:
            return self._constant(False)
        self._units += item_units
        overloads = self._checked.overloads[id(call)]
        kind = self._type(call.arguments[1])
        counted = cost.call_cost(overloads[0], is_only=len(overloads) == 1)
        if _is_set(listed):
            counted = _nothing
        if kind.name == "map":
            self._units += cost.CALL
            return logic.in_map(item, container)
        is_plain = kind.name == "list" and kind.parameters == (self._type(call.arguments[0]),)
        return logic.in_any(item, container, is_plain and kind.parameters[0].name in PLAIN, counted)

    def _alternative(self, call: Call, is_value: bool) -> Run:
        """`a.or(b)`, `a.orValue(b)`: the second is looked at only where the first has no value; what is no optional has one."""
        assert call.target is not None  # what may be called without a target has an implementation
        first = self._node(call.target)
        second, units = self.part(call.arguments[0])

        def run(frame: Frame) -> Value:
            value = first(frame)
            if value is NONE:
                frame[LEFT] -= units
                return second(frame)
            return value.value if is_value and isinstance(value, Optional) else value

        return run

    def _list(self, node: MakeList) -> Run:
        runs = [self._node(item) for item in node.items]
        if not node.optional and all(map(self._is_literal, runs)):
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
                    items.append(reading.unwrapped(value))
            return items

        return run

    def _map(self, node: MakeMap) -> Run:
        entries = [(self._node(entry.key), self._node(entry.value), entry.is_optional) for entry in node.entries]
        if all(
            self._is_literal(key) and self._is_literal(run) and not is_optional for key, run, is_optional in entries
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
                    pairs.append((name, reading.unwrapped(content)))
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
                    fields[field] = reading.unwrapped(content)
            return Constructed(name, fields)

        return run

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
            return loops.optional_map(target, target_units, slots[0], *parts[0], is_flat=node.name == "optFlatMap")
        if node.name == "sortBy":
            return loops.sorted_by(target, slots[0], *parts[0])
        pairs = len(slots) == 2
        loop = loops.pairs(target) if pairs else loops.items(target)
        bind = tuple(slots)
        match node.name:
            case "all":
                return loops.quantified(loop, bind, *parts[0], 3, False)
            case "exists":
                return loops.quantified(loop, bind, *parts[0], 4, True)
            case "exists_one" | "existsOne":
                return loops.exactly_one(loop, bind, *parts[0])
            case "filter":
                return loops.filtered(loop, bind[0], *parts[0])
            case "map" | "transformList":
                return loops.made_list(loop, bind, parts, 2 if self._is_literal(parts[-1][0]) else 2 + cost.LIST)
            case _:
                return loops.made_map(loop, bind, parts, is_entry=node.name == "transformMapEntry")


_MACRO_UNITS = {"exists_one": 2, "existsOne": 2, "sortBy": 3}
_CONVERSIONS = frozenset({"bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"})
"""Functions whose calls with constants cost nothing."""


def _is_set(container: Value) -> bool:
    """Whether something is looked up in it at no cost: a list of constants of one simple type."""
    if not isinstance(container, list):
        return False
    types = {type(item) for item in container}
    return not types or (len(types) == 1 and types <= {bool, int, Unsigned, float, str})


def _nothing(_: Sequence[Value], __: Value) -> int:
    return 0


def _terms(node: Node, function: str) -> Iterable[Node]:
    """The terms of `a && b && c`, from left to right."""
    if isinstance(node, Call) and node.function == function:
        for argument in node.arguments:
            yield from _terms(argument, function)
    else:
        yield node

"""What an expression can cost at least and at most, told from the expression and from how large values can be by their schema.

The estimate is that of cel-go with Kubernetes' functions: where it thinks simply, so does this one, for on it hangs which definitions
are accepted. Sizes are known of what a literal or a variable leads to; what a function gives mostly has no known size and is taken as
endless. Macros cost what the loops do that cel-go makes of them.
https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fakekube.expressions import cost, function_estimates
from fakekube.expressions.ranges import (
    ANY,
    NOTHING,
    ONE,
    Entries,
    Known,
    Path,
    Range,
    either,
    exactly,
    merged,
    plus,
    size_of,
    times,
    widest,
)
from fakekube.expressions.schema_types import Declaration
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
    Select,
)
from fakekube.expressions.types import INT, Overload, Type

if TYPE_CHECKING:
    from fakekube.expressions.programs import Checked


def estimated(checked: Checked, declaration: Declaration) -> Range:
    """What one evaluation costs whose variables are all of what `declaration` declares (`self`, `oldSelf`)."""
    return _Estimate(checked, declaration).of(checked.node).cost


class _Estimate:
    def __init__(self, checked: Checked, declaration: Declaration) -> None:
        self._checked = checked
        self._declaration = declaration
        self._bound: dict[str, list[Known]] = {}

    def of(self, node: Node) -> Known:
        match node:
            case Literal():
                return Known(NOTHING, self.type_of(node), (), exactly(_length(node.value)), None, node)
            case Name():
                return self.name(node, node.name)
            case Select():
                return self.select(node)
            case Index():
                return self.index(node)
            case Call():
                return self.call(node)
            case Macro():
                return self.macro(node)
            case MakeList():
                return self.list(self.type_of(node), [self.of(item) for item in node.items])
            case MakeMap():
                return self.map(self.type_of(node), node.entries)
            case MakeObject():
                made = plus(exactly(cost.OBJECT), *(self.of(entry.value).cost for entry in node.entries))
                return self.sized(Known(made, self.type_of(node)))

    def type_of(self, node: Node) -> Type:
        return self._checked.types[id(node)]

    def name(self, node: Node, name: str) -> Known:
        bound = self._bound.get(name)
        if bound:
            value = bound[-1]
            return Known(exactly(cost.NAME), value.type, value.path, value.size, value.entries)
        return self.sized(Known(exactly(cost.NAME), self.type_of(node), (name.removeprefix("."),)))

    def select(self, node: Select) -> Known:
        name = self._checked.references.get(id(node))
        if name is not None:
            return self.name(node, name)
        operand = self.of(node.operand)
        type_ = self.type_of(node)
        if node.is_test:
            # has() is as expensive as its operand: Kubernetes keeps it so for the sake of rules that were written before.
            return self.sized(Known(operand.cost, type_))
        if node.is_optional:
            return self.sized(Known(plus(operand.cost, exactly(cost.CALL)), type_))
        own = exactly(cost.SELECT) if _has_fields(operand.type) else NOTHING
        return self.sized(Known(plus(operand.cost, own), type_, (*operand.path, node.field)))

    def index(self, node: Index) -> Known:
        operand, index = self.of(node.operand), self.of(node.index)
        total = plus(operand.cost, index.cost, exactly(cost.CALL))
        type_ = self.type_of(node)
        if node.is_optional or operand.type.name == "optional_type":
            return self.sized(Known(total, type_))
        step = "@items" if operand.type.name == "list" else "@values"
        size = operand.entries.value if operand.entries else None
        return self.sized(Known(total, type_, (*operand.path, step), size))

    def list(self, type_: Type, items: Sequence[Known]) -> Known:
        total = plus(exactly(cost.LIST), *(item.cost for item in items))
        return Known(total, type_, (), exactly(len(items)), Entries(ONE, widest(items)))

    def map(self, type_: Type, entries: Sequence[Entry]) -> Known:
        keys = [self.of(entry.key) for entry in entries]
        values = [self.of(entry.value) for entry in entries]
        total = plus(exactly(cost.MAP), *(value.cost for value in [*keys, *values]))
        return Known(total, type_, (), exactly(len(entries)), Entries(widest(keys), widest(values)))

    def sized(self, value: Known) -> Known:
        """With the size that the schema or the type tell, where none is known yet."""
        if value.size is not None:
            return value
        size = self.declared(value.path)
        if size is None and _is_scalar(value.type):
            size = ONE
        return Known(value.cost, value.type, value.path, size, value.entries)

    def declared(self, path: Path) -> Range | None:
        """What the schema says of the size of a part. The first step counts as the variable, as in cel-go, even where it is none."""
        if not path:
            return None
        at: Declaration | None = self._declaration
        for step in path[1:]:
            if at is None:
                return None
            if step == "@keys":
                # The schema says nothing of keys: they count as empty.
                return NOTHING if at.item is not None and at.type.name == "map" else None
            at = at.item if step in ("@items", "@values") else at.fields.get(step)
        return None if at is None else Range(0, at.largest)

    def call(self, node: Call) -> Known:
        type_ = self.type_of(node)
        overloads = self._checked.overloads.get(id(node), ())
        arguments = [self.of(argument) for argument in node.arguments]
        if node.function == "dyn":
            inner = arguments[0]
            return Known(plus(inner.cost, exactly(cost.CALL)), type_, (), inner.size, inner.entries)
        # What stands before the name of a namespaced function (`sets.contains`) is no value.
        is_member = node.target is not None and (not overloads or overloads[0].is_member)
        target = self.of(node.target) if is_member and node.target is not None else None
        return self.called(node.function, overloads, type_, target, arguments)

    def called(
        self,
        function: str,
        overloads: Sequence[Overload],
        type_: Type,
        target: Known | None,
        arguments: Sequence[Known],
    ) -> Known:
        if function in ("_&&_", "_||_"):
            return self.sized(Known(_both(*(argument.cost for argument in arguments)), type_))
        if function == "_?_:_":
            return self.conditional(type_, *arguments)
        given = plus(*(value.cost for value in arguments))
        called = function_estimates.Called(target, arguments, self.item_size)
        found = [
            function_estimates.estimated(overload, called)
            for overload in overloads or (Overload(function, (), type_, target is not None, None),)
        ]
        own = found[0].cost
        for other in found[1:]:
            own = either(own, other.cost)
        size: Range | None = None
        for estimate in found:
            if estimate.size is not None:
                size = estimate.size if size is None else either(size, estimate.size)
        entries = None
        if function == "_+_" and all(value.entries for value in arguments):
            entries = merged(*(value.entries for value in arguments))
        total = plus(given, own, target.cost if target else NOTHING)
        return self.sized(Known(total, type_, (), size, entries))

    def conditional(self, type_: Type, condition: Known, yes: Known, no: Known) -> Known:
        total = plus(condition.cost, either(yes.cost, no.cost))
        return Known(total, type_, (), either(size_of(yes), size_of(no)), merged(yes.entries, no.entries))

    def item_size(self, value: Known) -> Range:
        """Of the items of a list that a function goes over: only their schema tells it."""
        found = self.declared((*value.path, "@items")) if value.path else None
        return ANY if found is None else found

    @contextmanager
    def binding(self, bound: Mapping[str, Known]) -> Iterator[None]:
        for name, value in bound.items():
            self._bound.setdefault(name, []).append(value)
        try:
            yield
        finally:
            for name in bound:
                self._bound[name].pop()

    def macro(self, node: Macro) -> Known:
        type_ = self.type_of(node)
        match node.name:
            case "optMap" | "optFlatMap":
                return self.optional_map(node, type_)
            case "sortBy":
                return self.sort_by(node, type_)
        over = self.of(node.target)
        with self.binding(self.variables(node, over)):
            start, step, end, entries = self.loop(node)
        total = plus(over.cost, start, times(size_of(over), step), end)
        if type_.name in ("list", "map"):
            return Known(total, type_, (), size_of(over), entries)
        return Known(total, type_, (), ONE)

    def variables(self, node: Macro, over: Known) -> dict[str, Known]:
        """What the variables of a macro are on the way through a list or a map."""
        parameters = over.type.parameters
        is_list = over.type.name == "list"
        key_type = INT if is_list else parameters[0] if parameters else over.type
        value_type = parameters[-1] if parameters else over.type
        entries = over.entries
        key = self.part(over, "@indices" if is_list else "@keys", key_type, entries.key if entries else None)
        value = self.part(over, "@items" if is_list else "@values", value_type, entries.value if entries else None)
        if len(node.variables) == 2:
            return dict(zip(node.variables, (key, value), strict=True))
        return {node.variables[0]: value if is_list else key}

    def part(self, over: Known, step: str, type_: Type, size: Range | None) -> Known:
        path = (*over.path, step)
        # The schema's word counts more than what was found out on the way.
        known = self.declared(path) or (ONE if _is_scalar(type_) else size)
        return Known(NOTHING, type_, path, known)

    def loop(self, node: Macro) -> tuple[Range, Range, Range, Entries | None]:
        """What the beginning, each turn and the end of a macro's loop cost, and what is in its result."""
        result = exactly(cost.NAME)
        values = [self.of(argument) for argument in node.arguments]
        condition = values[0].cost
        match node.name:
            case "all":
                return NOTHING, plus(_both(result, condition), exactly(2)), result, None
            case "exists":
                return NOTHING, plus(_both(result, condition), exactly(3)), result, None
            case "exists_one" | "existsOne":
                return NOTHING, plus(condition, Range(1, 2)), exactly(2), None
            case "transformMap" | "transformMapEntry":
                return self.map_loop(node, values)
        if node.name == "filter":
            variable = self.name(node, node.variables[0])
            made, filtered = variable, True
        else:
            made, filtered = values[-1], len(values) == 2
        step = plus(made.cost, exactly(cost.LIST + cost.NAME + cost.CALL))
        entries = Entries(ONE, either(NOTHING, size_of(made)))
        if filtered:
            step = plus(condition, either(step, result))
        return exactly(cost.LIST), step, result, entries

    def map_loop(self, node: Macro, values: Sequence[Known]) -> tuple[Range, Range, Range, Entries | None]:
        result = exactly(cost.NAME)
        key = exactly(cost.NAME) if node.name == "transformMap" else NOTHING
        step = plus(values[-1].cost, key, exactly(cost.NAME + cost.CALL))
        if len(values) == 2:
            step = plus(values[0].cost, either(step, result))
        return exactly(cost.MAP), step, result, None

    def optional_map(self, node: Macro, type_: Type) -> Known:
        """`target.hasValue() ? optional.of(body with target.value()) : optional.none()`."""
        target = self.of(node.target)
        value_type = target.type.parameters[0] if target.type.parameters else target.type
        value = self.sized(Known(plus(target.cost, exactly(cost.CALL)), value_type))
        with self.binding({node.variables[0]: value}):
            body = self.of(node.arguments[0])
        bound = plus(exactly(cost.LIST), value.cost, body.cost)
        yes = plus(bound, exactly(cost.CALL)) if node.name == "optMap" else bound
        total = plus(target.cost, exactly(cost.CALL), either(yes, exactly(cost.CALL)))
        return Known(total, type_, (), ONE if _is_scalar(type_) else ANY)

    def sort_by(self, node: Macro, type_: Type) -> Known:
        """The list is kept, mapped to its keys, and sorted by them."""
        over = self.of(node.target)
        kept = Known(exactly(cost.NAME), over.type, over.path, over.size, over.entries)
        with self.binding(self.variables(node, kept)):
            key = self.of(node.arguments[0])
        step = plus(key.cost, exactly(cost.LIST + cost.NAME + cost.CALL))
        keys = plus(kept.cost, exactly(cost.LIST), times(size_of(kept), step), exactly(cost.NAME))
        sorting = function_estimates.sorting(size_of(kept), key.type)
        total = plus(exactly(cost.LIST), over.cost, kept.cost, keys, sorting.cost)
        return Known(total, type_, (), sorting.size)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else 1


def _both(left: Range, right: Range) -> Range:
    """The right side may be left out."""
    return Range(left.least, plus(left, right).most)


def _has_fields(type_: Type) -> bool:
    """Whether selecting a field counts: not of what is only known when it is there."""
    return type_.name not in ("dyn", "list", "optional_type") and not _is_scalar(type_)


def _is_scalar(type_: Type) -> bool:
    if type_.name == "optional_type":
        return bool(type_.parameters) and _is_scalar(type_.parameters[0])
    return type_.name in ("bool", "int", "uint", "double", "timestamp", "duration")

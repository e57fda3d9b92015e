"""Calling functions: those that are known beforehand, and those that only the types of the values tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from fakekube.expressions import cost
from fakekube.expressions.frames import LEFT, Frame, Run, Spent, charge
from fakekube.expressions.runtime_types import NUMERIC, PLAIN, fits, shown_type, type_of_value
from fakekube.expressions.types import Overload, Type
from fakekube.expressions.values import EvaluationProblem, Value

_OPERANDS = {
    "_<_": PLAIN,
    "_<=_": PLAIN,
    "_>_": PLAIN,
    "_>=_": PLAIN,
    "_+_": (PLAIN | {"list"}) - {"bool"},
    "_-_": PLAIN - {"bool", "string", "bytes"},
    "_*_": NUMERIC,
    "_/_": NUMERIC,
    "_%_": NUMERIC - {"double"},
    "-_": (NUMERIC - {"uint"}) | {"bool"},
    "size": frozenset({"string", "bytes", "list", "map"}),
    "matches": frozenset({"string"}),
}
"""What the first operand may be; otherwise the error names the function."""
_NAMELESS = frozenset({"contains", "startsWith", "endsWith", "!_"})
"""Functions that errors never name."""
WITH_PATTERN = frozenset({"matches", "find", "findAll"})
"""Functions that errors do not name where their pattern is a constant: the server reads that beforehand."""
_RECEIVERS = frozenset({"string", "timestamp", "duration"})
"""Types whose values take every function first: errors do not name it."""


def _no_such_overload(function: str, values: Sequence[Value]) -> EvaluationProblem:
    if not function or function in _NAMELESS:
        return EvaluationProblem("no such overload")
    operands = _OPERANDS.get(function)
    if operands is not None:
        is_known = type_of_value(values[0]).name in operands | _RECEIVERS
        return EvaluationProblem("no such overload" if is_known else f"no such overload: {function}")
    return EvaluationProblem(f"no such overload: {function}({', '.join(map(shown_type, values))})")


def _called_wrongly(overload: Overload, values: Sequence[Value], error: Exception) -> Exception:
    """What a value means that is not of the type which the checker saw: a null in most cases. Otherwise the error is one of ours."""
    if all(fits(parameter, value, None) for parameter, value in zip(overload.parameters, values, strict=True)):
        return error
    return _no_such_overload("" if overload.function in WITH_PATTERN else overload.function, values)


def uncounted(overload: Overload, arguments: Sequence[Run]) -> Run:
    """A call whose cost is known beforehand."""
    match arguments:
        case [argument]:
            return _unary(overload, argument)
        case [first, second]:
            return _binary(overload, first, second)
    return _many(overload, arguments)


def counted(overload: Overload, call_cost: cost.CallCost, arguments: Sequence[Run]) -> Run:
    """A call whose cost depends on its arguments."""
    match arguments:
        case [first, second] if isinstance(call_cost, cost.Over):
            return _binary_over(overload, call_cost.index, call_cost.factor, first, second)
        case [first, second]:
            return _counted_binary(overload, call_cost, first, second)
    return _counted(overload, call_cost, arguments)


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
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        values = [argument(frame) for argument in arguments]
        try:
            result = implementation(*values)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, values, error) from None
        charge(frame, call_cost(values, result))
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
        charge(frame, call_cost((left, right), result))
        return result

    return run


def _binary_over(overload: Overload, index: int, factor: float, first: Run, second: Run) -> Run:
    """As `_counted_binary`, for the many functions that go over one of their arguments."""
    implementation = overload.implementation
    assert implementation is not None

    def run(frame: Frame) -> Value:
        left, right = first(frame), second(frame)
        try:
            result = implementation(left, right)
            units = frame[LEFT] - ceil(len(right if index else left) * factor)
        except (TypeError, AttributeError) as error:
            raise _called_wrongly(overload, (left, right), error) from None
        frame[LEFT] = units
        if units < 0:
            raise Spent
        return result

    return run


_Chosen = tuple[Callable[..., Value], cost.CallCost | None, Overload]


class Dispatch:
    """Calls of which only the values tell what is called."""

    def __init__(self, function: str, overloads: Sequence[Overload]) -> None:
        self._function, self._overloads = function, overloads
        self._by_types: dict[tuple[type, ...], _Chosen] = {}
        self._is_only = len(overloads) == 1
        self.is_counted = any(cost.call_cost(overload, is_only=self._is_only) is not None for overload in overloads)
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
                charge(frame, cost.CALL if counted is None else counted((left, right), result))
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
                charge(frame, cost.CALL if counted is None else counted(values, result))
            return result

        return run

    def _chosen(self, values: Sequence[Value]) -> _Chosen:
        for overload in self._overloads:
            if len(overload.parameters) != len(values):
                continue
            if overload.is_loose or all(map(fits, overload.parameters, values)):
                assert overload.implementation is not None
                found = (overload.implementation, cost.call_cost(overload, is_only=self._is_only), overload)
                if self._is_shallow:
                    self._by_types[tuple(map(type, values))] = found
                return found
        raise _no_such_overload(self._function, values)


def is_certain(parameter: Type, argument: Type) -> bool:
    """Whether an argument of a type is sure to fit, so that nothing has to be asked at run time."""
    if parameter.is_parameter or parameter.name == "dyn":
        return True
    if argument.name == "dyn" or len(argument.parameters) != len(parameter.parameters):
        return False
    return all(map(is_certain, parameter.parameters, argument.parameters))

"""`&&` and `||`, `==` and `in`."""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.expressions import cost, maps
from fakekube.expressions.equality import contains, equal, surely_equal
from fakekube.expressions.frames import LEFT, Frame, Run, charge
from fakekube.expressions.values import EvaluationProblem, Value


def either(first: Run, second: Run, units: int, decisive: bool) -> Run:
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
        frame[LEFT] -= units
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


def any_of(first: Run, rest: Sequence[tuple[Run, int]], decisive: bool) -> Run:
    other = not decisive
    terms = [(first, 0), *rest]

    def run(frame: Frame) -> Value:
        problem = None
        for term, units in terms:
            frame[LEFT] -= units
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


def equality(left: Run, right: Run, wanted: bool) -> Run:
    if wanted:
        return lambda frame: left(frame) == right(frame)
    return lambda frame: left(frame) != right(frame)


def any_equality(left: Run, right: Run, wanted: bool) -> Run:
    compare = equal if wanted else surely_equal
    return lambda frame: compare(left(frame), right(frame)) is wanted


def counted_equality(left: Run, right: Run, wanted: bool, is_plain: bool, counted: cost.CallCost | None) -> Run:
    compare = equal if wanted else surely_equal

    def run(frame: Frame) -> Value:
        first, second = left(frame), right(frame)
        result = first == second if is_plain else compare(first, second)
        charge(frame, 1 if counted is None else counted((first, second), result))
        return result is wanted

    return run


def in_map(item: Run, container: Run) -> Run:
    def run(frame: Frame) -> Value:
        key, entries = item(frame), container(frame)
        if isinstance(entries, dict):
            return maps.has(entries, key)
        raise EvaluationProblem("no such overload")

    return run


def in_any(item: Run, container: Run, is_plain: bool, counted: cost.CallCost | None) -> Run:
    def run(frame: Frame) -> Value:
        wanted, values = item(frame), container(frame)
        if isinstance(values, dict):
            charge(frame, 1)
            return maps.has(values, wanted)
        if not isinstance(values, list):
            raise EvaluationProblem("no such overload")
        result = wanted in values if is_plain else contains(values, wanted)
        charge(frame, cost.CALL if counted is None else counted((wanted, values), result))
        return result

    return run

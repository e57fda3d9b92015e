"""Values that may be missing: the functions of optional types. Selecting and indexing with `?` is the evaluator's.

https://pkg.go.dev/github.com/google/cel-go/cel#OptionalTypes
"""

from __future__ import annotations

from fakekube.expressions.types import Overload, overload
from fakekube.expressions.values import NONE, Duration, EvaluationProblem, Optional, Timestamp, Value


def _value(optional: Optional) -> Value:
    if optional is NONE:
        raise EvaluationProblem("optional.none() dereference")
    return optional.value


def _of_non_zero(value: Value) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _is_zero(value: Value) -> bool:
    if isinstance(value, Duration):
        return value.nanoseconds == 0
    if isinstance(value, Timestamp):
        return False
    return value is NONE or value is None or value in ("", 0, b"", [], {})


def _unwrapped(optionals: list[Optional]) -> list[Value]:
    return [optional.value for optional in optionals if optional is not NONE]


def _first(items: list[Value]) -> Optional:
    return Optional(items[0]) if items else NONE


def _last(items: list[Value]) -> Optional:
    return Optional(items[-1]) if items else NONE


OVERLOADS: tuple[Overload, ...] = (
    overload("optional.of(A): optional_type(A)", Optional),
    overload("optional.none(): optional_type(A)", lambda: NONE),
    overload("optional.ofNonZeroValue(A): optional_type(A)", _of_non_zero),
    overload("optional.unwrap(list(optional_type(A))): list(A)", _unwrapped),
    overload("list(optional_type(A)).unwrapOpt(): list(A)", _unwrapped),
    overload("optional_type(A).hasValue(): bool", lambda optional: optional is not NONE),
    overload("optional_type(A).value(): A", _value),
    overload("optional_type(A).or(optional_type(A)): optional_type(A)"),
    overload("optional_type(A).orValue(A): A"),
    overload("list(A).first(): optional_type(A)", _first),
    overload("list(A).last(): optional_type(A)", _last),
    overload("_[?_](list(A), int): optional_type(A)"),
    overload("_[?_](map(A, B), A): optional_type(B)"),
    overload("_[?_](optional_type(list(A)), int): optional_type(A)"),
    overload("_[?_](optional_type(map(A, B)), A): optional_type(B)"),
    overload("_[_](optional_type(list(A)), int): optional_type(A)"),
    overload("_[_](optional_type(map(A, B)), A): optional_type(B)"),
)
"""`or` and `orValue` are the evaluator's: they look at what they are given only where it is needed."""

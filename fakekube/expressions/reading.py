"""Reading variables, fields and items."""

from __future__ import annotations

from operator import itemgetter

from fakekube.expressions import cost, maps
from fakekube.expressions.frames import LEFT, Frame, Run
from fakekube.expressions.maps import MISSING
from fakekube.expressions.runtime_types import shown_type
from fakekube.expressions.shown import go_type, shown
from fakekube.expressions.values import NONE, EvaluationProblem, Optional, Value


def read(slot: int) -> Run:
    return itemgetter(slot)


def field(operand: Run, field: str, name: str) -> Run:
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


def field_test(operand: Run, field: str) -> Run:
    def run(frame: Frame) -> Value:
        value = operand(frame)
        if isinstance(value, dict):
            return field in value
        if isinstance(value, list):
            raise EvaluationProblem("unsupported index type 'string' in list")
        return isinstance(value, Optional) and _optional(value, field) is not NONE

    return run


def optional_field(operand: Run, field: str) -> Run:
    def run(frame: Frame) -> Value:
        return _paid(frame, _optional(operand(frame), field))

    return run


def optional_field_test(operand: Run, field: str) -> Run:
    def run(frame: Frame) -> Value:
        return _paid(frame, _optional(operand(frame), field)) is not NONE

    return run


def _paid(frame: Frame, found: Optional) -> Optional:
    """What is not there costs nothing."""
    if found is not NONE:
        frame[LEFT] -= cost.SELECT
    return found


def _optional(value: Value, key: Value) -> Optional:
    """What stands under a key of a value or of an optional's value."""
    if isinstance(value, Optional):
        if value is NONE:
            return NONE
        value = value.value
    _require_key(key)
    found: Value = MISSING
    if isinstance(value, dict):
        found = maps.find(value, key)
    elif isinstance(value, list):
        position = _position(key)
        found = value[position] if 0 <= position < len(value) else MISSING
    return NONE if found is MISSING else Optional(found)


def optional_item(operand: Run, index: Run) -> Run:
    return lambda frame: _paid(frame, _optional(operand(frame), index(frame)))


def list_item(operand: Run, index: Run) -> Run:
    def run(frame: Frame) -> Value:
        items, position = operand(frame), index(frame)
        try:
            if position >= 0:
                return items[position]
        except (IndexError, TypeError):
            pass
        return _at(items, position)

    return run


def item(operand: Run, index: Run) -> Run:
    return lambda frame: _at(operand(frame), index(frame))


def _at(value: Value, key: Value) -> Value:
    _require_key(key)
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


_NATIVE_TYPES = {dict: "map[string]interface {}", list: "[]interface {}", type(None): "<nil>"}
"""What Go calls what an object holds."""


def _require_key(key: Value) -> None:
    if not isinstance(key, (str, int, float)):
        raise EvaluationProblem(f"invalid qualifier type: {_NATIVE_TYPES.get(type(key)) or go_type(key)}")


def _position(key: Value) -> int:
    """An index of a list; doubles without a fraction are ones too."""
    if isinstance(key, bool) or not isinstance(key, (int, float)):
        raise EvaluationProblem(f"unsupported index type '{shown_type(key)}' in list")
    if isinstance(key, float) and not key.is_integer():
        raise EvaluationProblem(f"unsupported index value {shown(key)} in list")
    return int(key)


def unwrapped(value: Value) -> Value:
    if isinstance(value, Optional):
        return value.value
    raise EvaluationProblem(f"cannot initialize optional entry from non-optional value {shown(value)}")

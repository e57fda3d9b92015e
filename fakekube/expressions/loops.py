"""The loops that macros stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fakekube.expressions import cost, maps
from fakekube.expressions.frames import LEFT, Frame, Run, Spent, charge
from fakekube.expressions.libraries.lists import in_order_of
from fakekube.expressions.maps import MISSING
from fakekube.expressions.runtime_types import shown_type
from fakekube.expressions.shown import go_type, shown
from fakekube.expressions.values import NONE, EvaluationProblem, Optional, Value


def _not_iterable(value: Value) -> EvaluationProblem:
    return EvaluationProblem(f"got '{go_type(value)}', expected iterable type")


def items(target: Run) -> Callable[[Frame], Iterable[Value]]:
    """The items of a list, the keys of a map."""

    def items(frame: Frame) -> Iterable[Value]:
        value = target(frame)
        if isinstance(value, (list, dict)):
            return value
        raise _not_iterable(value)

    return items


def pairs(target: Run) -> Callable[[Frame], Iterable[tuple[Value, Value]]]:
    """Positions and items of a list, keys and values of a map."""

    def pairs(frame: Frame) -> Iterable[tuple[Value, Value]]:
        value = target(frame)
        if isinstance(value, list):
            return enumerate(value)
        if isinstance(value, dict):
            return value.items()
        raise EvaluationProblem(f"unsupported comprehension range type: {go_type(value)}")

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


def quantified(loop: Loop, slots: tuple[int, ...], condition: Run, units: int, base: int, decisive: bool) -> Run:
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
            left = frame[LEFT] - units
            if left < 0:
                raise Spent
            frame[LEFT] = left
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
                    charge(frame, once_more)
                return decisive
            if value is not other:
                problem = problem or EvaluationProblem("no such overload")
        if problem is not None:
            raise problem
        return other

    return run


def exactly_one(loop: Loop, slots: tuple[int, ...], condition: Run, units: int) -> Run:
    bind = _binding(slots)

    def run(frame: Frame) -> Value:
        count, problem = 0, None
        for item in loop(frame):
            charge(frame, units)
            bind(frame, item)
            try:
                if _is_true(condition(frame)):
                    count += 1
                    frame[LEFT] -= 2
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


def filtered(loop: Loop, slot: int, condition: Run, units: int) -> Run:
    def run(frame: Frame) -> Value:
        kept, problem = [], None
        for item in loop(frame):
            charge(frame, units)
            frame[slot] = item
            try:
                if _is_true(condition(frame)):
                    kept.append(item)
                    frame[LEFT] -= 13
            except EvaluationProblem as found:
                problem = found
        if problem is not None:
            raise problem
        return kept

    return run


def made_list(loop: Loop, slots: tuple[int, ...], parts: Sequence[tuple[Run, int]], units: int) -> Run:
    """`map`, `transformList`, with a condition before what is made or without; `units`: for each item that is added."""
    bind = _binding(slots)
    made, made_units = parts[-1]
    condition, condition_units = parts[0] if len(parts) == 2 else (None, 0)

    def run(frame: Frame) -> Value:
        items: list[Value] = []
        for item in loop(frame):
            bind(frame, item)
            if condition is not None:
                charge(frame, condition_units)
                if not _is_true(condition(frame)):
                    continue
            charge(frame, made_units + units)
            items.append(made(frame))
        return items

    return run


def made_map(loop: Loop, slots: tuple[int, ...], parts: Sequence[tuple[Run, int]], is_entry: bool) -> Run:
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
                charge(frame, condition_units)
                if not _is_true(condition(frame)):
                    continue
            charge(frame, made_units)
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


def sorted_by(target: Run, slot: int, key: Run, units: int) -> Run:
    def run(frame: Frame) -> Value:
        items, keys = target(frame), []
        if not isinstance(items, list):
            raise EvaluationProblem(f"no such overload: @sortByAssociatedKeys({shown_type(items)})")
        for item in items:
            charge(frame, units + 12)
            frame[slot] = item
            keys.append(key(frame))
        ordered = in_order_of(items, keys)
        charge(frame, cost.SORTING_BY((items, keys), ordered))
        return ordered

    return run


def optional_map(target: Run, target_units: int, slot: int, made: Run, units: int, *, is_flat: bool) -> Run:
    """The target counts twice: it is asked whether it has a value, and then for it."""
    units += target_units + (1 if is_flat else 2)

    def run(frame: Frame) -> Value:
        before = frame[LEFT]
        value = target(frame)
        again = before - frame[LEFT]
        if not isinstance(value, Optional):
            raise EvaluationProblem(f"no such overload: hasValue({shown_type(value)})")
        if value is NONE:
            frame[LEFT] -= 1
            return NONE
        frame[slot] = value.value
        charge(frame, units + again)
        result = made(frame)
        return result if is_flat else Optional(result)

    return run

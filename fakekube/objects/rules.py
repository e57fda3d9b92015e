"""Rules of validation that are rows of a table, and what reads the rows.

A row is `(path, rule, rule ...)`; a rule takes a value and its path and tells what is wrong. `spec.ports[].name` asks each port. A value
that is not there is None, which only `needed` minds. Errors come in the order of the rows, of the list elements, of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from fakekube.objects import names
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.objects.metadata import IMMUTABLE_TEXT, NON_NEGATIVE_TEXT

Rule = Callable[[Any, str], list[FieldError]]
Row = tuple[Any, ...]
"""`(path, rule, ...)`."""


def check(obj: Any, rows: Sequence[Row], path: str = "") -> list[FieldError]:
    """What the rows find wrong with `obj`, whose own path is `path`."""
    errors: list[FieldError] = []
    for where, *rules in rows:
        if where.isidentifier():
            value = obj.get(where)
            for rule in rules:
                errors += rule(value, f"{path}.{where}" if path else where)
            continue
        for value, place in _places(obj, where.split("."), path):
            for rule in rules:
                errors += rule(value, place)
    return errors


def _places(value: Any, steps: Sequence[str], path: str) -> Iterator[tuple[Any, str]]:
    if not steps:
        yield value, path
        return
    step, rest = steps[0], steps[1:]
    field = step.removesuffix("[]")
    child = value.get(field) if isinstance(value, dict) else None
    place = f"{path}.{field}" if path else field
    if step != field:
        for i, element in enumerate(child or ()):
            yield from _places(element, rest, f"{place}[{i}]")
    elif rest and child is None:
        return
    else:
        yield from _places(child, rest, place)


def needed(value: Any, path: str) -> list[FieldError]:
    return [] if value or value is False or (value == 0 and value != "") else [required(path)]


def needed_because(detail: str) -> Rule:
    return lambda value, path: [] if value else [required(path, detail)]


def non_negative(value: Any, path: str) -> list[FieldError]:
    return [invalid(path, value, NON_NEGATIVE_TEXT)] if value is not None and value < 0 else []


def positive(value: Any, path: str) -> list[FieldError]:
    return [invalid(path, value, "must be greater than zero")] if value is not None and value <= 0 else []


def between(least: int, most: int) -> Rule:
    detail = f"must be between {least} and {most}, inclusive"
    return lambda value, path: (
        [invalid(path, value, detail)] if value is not None and not least <= value <= most else []
    )


port = between(1, 65535)
identity = between(0, 2**31 - 1)
"""User and group ids."""


def one_of(*choices: str) -> Rule:
    """An enum; the choices are shown in this order. The empty string counts as absent."""
    return lambda value, path: [not_supported(path, value, choices)] if value and value not in choices else []


def named(rule: Callable[[str], Collection[str]]) -> Rule:
    """A name by one of the rules of `objects.names`; an absent or empty one passes."""
    return lambda value, path: [invalid(path, value, text) for text in rule(value)] if value else []


def needed_name(rule: Callable[[str], Collection[str]]) -> Rule:
    return lambda value, path: [invalid(path, value, text) for text in rule(value)] if value else [required(path)]


def refused(detail: str) -> Rule:
    """The field may not be there."""
    return lambda value, path: [] if value is None else [forbidden(path, detail)]


def labels(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, text in (value or {}).items():
        errors += [invalid(path, key, why) for why in names.qualified_name(key)]
        errors += [invalid(path, text, why) for why in names.label_value(text)]
    return errors


_LIST_OPERATORS, _BARE_OPERATORS = ("In", "NotIn"), ("Exists", "DoesNotExist")


def selector(value: Any, path: str) -> list[FieldError]:
    """A metav1.LabelSelector."""
    if value is None:
        return []
    errors = labels(value.get("matchLabels"), f"{path}.matchLabels")
    for i, expression in enumerate(value.get("matchExpressions") or ()):
        errors += _expression(expression, f"{path}.matchExpressions[{i}]")
    return errors


def _expression(expression: Any, path: str) -> list[FieldError]:
    operator, values = expression.get("operator", ""), expression.get("values") or ()
    errors: list[FieldError] = []
    if operator in _LIST_OPERATORS:
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in _BARE_OPERATORS:
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", detail))
    else:
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    key = expression.get("key", "")
    errors += [invalid(f"{path}.key", key, why) for why in names.qualified_name(key)]
    for i, text in enumerate(values):
        errors += [invalid(f"{path}.values[{i}]", text, why) for why in names.label_value(text)]
    return errors


def port_or_name(value: Any, path: str) -> list[FieldError]:
    """An IntOrString that is a port number or the name of a port."""
    if value is None:
        return []
    if isinstance(value, str):
        return [invalid(path, value, text) for text in names.port_name(value)]
    return port(value, path)


def unchanged(new: Any, old: Any, path: str, *, shown: Any = None) -> list[FieldError]:
    """An immutable field; `shown` is how the new value is told if not as itself."""
    if (new or None) == (old or None):
        return []
    return [invalid(path, new if shown is None else shown, IMMUTABLE_TEXT)]

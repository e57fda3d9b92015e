"""Rules of validation that are rows of a table, and what reads the rows.

A row is `(path, rule, rule ...)`; a rule takes a value and its path and tells what is wrong. `spec.ports[].name` asks each port. A value
that is not there is None, which only `needed` minds. What has an algorithm is a function in the place of a row: it is given the whole
object and its path. Errors come in the order of the rows, of the list elements, of the rules; where Kubernetes asks everything of one
element before it goes to the next, the row is `(path, each(row, row ...))`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from decimal import Decimal
from typing import Any

from fakekube.objects import as_sent, names
from fakekube.objects.field_errors import (
    FieldError,
    Shown,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    shown_choice,
    too_long,
    too_many,
)
from fakekube.objects.fields import at
from fakekube.objects.metadata import IMMUTABLE_TEXT, NON_NEGATIVE_TEXT
from fakekube.objects.quantities import parse, quantity

Rule = Callable[[Any, str], list[FieldError]]
Row = tuple[Any, ...] | Rule
"""`(path, rule, ...)`, or a function of the whole object and its path."""


def check(obj: Any, rows: Sequence[Row], path: str = "") -> list[FieldError]:
    """What the rows find wrong with `obj`, whose own path is `path`."""
    errors: list[FieldError] = []
    for row in rows:
        if callable(row):
            errors += row(obj, path)
            continue
        where, *rules = row
        if where.isidentifier():
            value = obj.get(where)
            for rule in rules:
                errors += rule(value, f"{path}.{where}" if path else where)
            continue
        for value, place in _places(obj, where.split("."), path):
            for rule in rules:
                errors += rule(value, place)
    return errors


def check_given(obj: Any, rows: Sequence[tuple[Any, ...]], path: str) -> list[FieldError]:
    """The same of rows of own fields, none of which minds that its field is not there: then most of the rows need not be asked."""
    errors: list[FieldError] = []
    for row in rows:
        if row[0] in obj:
            errors += check(obj, (row,), path)
    return errors


def table(*rows: Row) -> Callable[..., list[FieldError]]:
    """The rows as a validation: a function of an object, which may be given the old one as well."""
    return lambda obj, *_: check(obj, rows)


def each(*rows: Row) -> Rule:
    """Asks all rows of one element of a list, then of the next."""
    return lambda value, path: [
        error for i, element in enumerate(value or ()) for error in check(element, rows, f"{path}[{i}]")
    ]


def each_value(*rules: Rule) -> Rule:
    """The rules of the elements of a list of plain values."""
    return lambda value, path: [
        error for i, element in enumerate(value or ()) for rule in rules for error in rule(element, f"{path}[{i}]")
    ]


def within(*rows: Row) -> Rule:
    """The rows of an object that need not be there."""
    return lambda value, path: [] if value is None else check(value, rows, path)


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


def needed_part(value: Any, path: str) -> list[FieldError]:
    """Something that must be there, empty or not."""
    return [required(path)] if value is None else []


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


def given_one_of(*choices: str) -> Rule:
    """An enum that need not be there; an empty string is no member."""
    return lambda value, path: [] if value is None or value in choices else [not_supported(path, value, choices)]


def needed_one_of(*choices: str, detail: str = "") -> Rule:
    """An enum that must be there; the choices are shown in this order. `detail` is told of an absent one."""
    return lambda value, path: (
        [] if value in choices else [not_supported(path, value, choices) if value else required(path, detail)]
    )


def any_one_of(*choices: str, plain: bool = False) -> Rule:
    """An enum that may be left out, but not be empty; `plain` as in `not_supported`."""

    def judge(value: Any, path: str) -> list[FieldError]:
        good = value is None or value in choices
        return [] if good else [not_supported(path, value, choices, plain=plain)]

    return judge


def always_one_of(*choices: str) -> Rule:
    """An enum of which the empty string is no member, and told like any other wrong value."""
    return lambda value, path: [] if value in choices else [not_supported(path, value or "", choices)]


def at_most(most: int) -> Rule:
    detail = f"must be less than or equal to {most}"
    return lambda value, path: [invalid(path, value, detail)] if value is not None and value > most else []


def told(detail: str, good: Callable[[Any], object]) -> Rule:
    """A value that is there and not `good` is told with `detail`."""
    return lambda value, path: [] if value is None or good(value) else [invalid(path, value, detail)]


def unique(value: Any, path: str) -> list[FieldError]:
    """No element of a list of plain values stands in it twice."""
    return [duplicate(f"{path}[{i}]", element) for i, element in enumerate(value or ()) if element in value[:i]]


def unique_by(*keys: str, at: str = "") -> Rule:
    """No two objects of a list have the same values of `keys`. The error is told at the field `at`, or at the object with all its keys."""

    def find(value: Any, path: str) -> list[FieldError]:
        errors: list[FieldError] = []
        seen: set[tuple[Any, ...]] = set()
        for i, element in enumerate(value or ()):
            key = tuple(element.get(name, "") for name in keys)
            if key in seen:
                shown = key[0] if len(keys) == 1 else dict(zip(keys, key, strict=True))
                errors.append(duplicate(f"{path}[{i}].{at}" if at else f"{path}[{i}]", shown))
            seen.add(key)
        return errors

    return find


def no_more_than(most: int) -> Rule:
    """The length of a list or map."""
    return lambda value, path: [too_many(path, len(value), most)] if value and len(value) > most else []


def no_longer_than(most: int) -> Rule:
    """The length of a text in bytes."""
    return lambda value, path: [too_long(path, most)] if value and len(value.encode()) > most else []


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


_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or "
    "'_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or "
    f"'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '{_REASON}')"
)
_MOST_REASON_BYTES, _MOST_MESSAGE_BYTES = 1024, 32 * 1024
CONDITION_STATUSES = ("False", "True", "Unknown")


def _reason(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    errors = [] if re.fullmatch(_REASON, value) else [invalid(path, value, _REASON_TEXT)]
    return errors + no_longer_than(_MOST_REASON_BYTES)(value, path)


def conditions(value: Any, path: str) -> list[FieldError]:
    """A list of metav1.Condition, in which more is asked than in the conditions of older kinds."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, condition in enumerate(value or ()):
        type_ = condition.get("type", "")
        if type_ in seen:
            errors.append(duplicate(f"{path}[{i}].type", type_))
        seen.add(type_)
        errors += check(condition, _CONDITION, f"{path}[{i}]")
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
        errors.append(invalid(f"{path}.operator", Shown(shown_choice(operator)), "not a valid selector operator"))
    key = expression.get("key", "")
    errors += [invalid(f"{path}.key", key, why) for why in names.qualified_name(key)]
    for i, text in enumerate(values):
        errors += [invalid(f"{path}.values[{i}]", text, why) for why in names.label_value(text)]
    return errors


def domain_prefixed_path(value: Any, path: str) -> list[FieldError]:
    """`acme.io/foo`, which must be there."""
    return [invalid(path, part, why) for part, why in names.domain_prefixed_path(value)] if value else [required(path)]


def told_by(rule: Callable[[str], Collection[str]]) -> Rule:
    """A name that may be left out, but not be empty."""
    return lambda value, path: [] if value is None else [invalid(path, value, text) for text in rule(value)]


def no_address(value: Any, path: str) -> list[FieldError]:
    """A host that is called by its name."""
    if not value or names.parsed_ip(value) is None:
        return []
    return [invalid(path, value, "must be a DNS name, not an IP address")]


def always_named(rule: Callable[[str], Collection[str]]) -> Rule:
    """A name that is judged by the rule even when it is empty."""
    return lambda value, path: [invalid(path, value or "", text) for text in rule(value or "")]


_CONDITION: tuple[Row, ...] = (
    ("type", always_named(names.qualified_name)),
    ("status", always_one_of(*CONDITION_STATUSES)),
    ("observedGeneration", told("must be greater than or equal to zero", lambda number: number >= 0)),
    ("lastTransitionTime", needed),
    ("reason", _reason),
    ("message", no_longer_than(_MOST_MESSAGE_BYTES)),
)


def port_or_name(value: Any, path: str) -> list[FieldError]:
    """An IntOrString that is a port number or the name of a port."""
    if value is None:
        return []
    if isinstance(value, str):
        return [invalid(path, value, text) for text in names.port_name(value)]
    return port(value, path)


def matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def quantity_non_negative(value: Any, path: str) -> list[FieldError]:
    if value is None or parse(value) >= 0:
        return []
    return [invalid(path, str(quantity(value)), NON_NEGATIVE_TEXT)]


def away_from_zero(amount: Decimal) -> int:
    """The whole number that is asked of an amount that is none."""
    return math.ceil(amount) if amount > 0 else math.floor(amount)


def basic_amount(value: Any, path: str) -> list[FieldError]:
    """An amount that is not negative, told as a whole number."""
    whole = away_from_zero(parse(value))
    return [invalid(path, whole, "must be a valid resource quantity")] if whole < 0 else []


_PERCENT = re.compile("[0-9]+%").fullmatch
_PERCENT_TEXT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def number_or_percent(value: Any, path: str) -> list[FieldError]:
    """An IntOrString that counts something: `3` or `25%`."""
    if isinstance(value, str):
        return [] if _PERCENT(value) else [invalid(path, value, _PERCENT_TEXT)]
    return non_negative(value, path)


def at_most_all(value: Any, path: str) -> list[FieldError]:
    if isinstance(value, str) and _PERCENT(value) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []


def unchanged_at(new: Any, old: Any, *paths: str) -> list[FieldError]:
    """Immutable fields of an object, in this order."""
    return [
        error
        for path in paths
        for error in unchanged(at(new, path), at(old, path), path, shown=as_sent.shown_at(new, path))
    ]


def unchanged(new: Any, old: Any, path: str, *, shown: Any = None) -> list[FieldError]:
    """An immutable field; `shown` is how the new value is told if not as itself."""
    if (new or None) == (old or None):
        return []
    return [invalid(path, new if shown is None else shown, IMMUTABLE_TEXT)]


def unchanged_text(new: Any, old: Any, path: str, *, shown: Any = None) -> list[FieldError]:
    """The same where a RawExtension is part of the field."""
    return [] if as_sent.is_same(new, old) else [invalid(path, new if shown is None else shown, IMMUTABLE_TEXT)]

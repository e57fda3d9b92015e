"""What the tables of all kinds are made of: cells, the columns above them, and the texts that many cells share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fakekube.objects import selectors, times
from fakekube.registry.kind import Object

NONE = "<none>"
"""No value where a client might expect one."""
UNSET = "<unset>"
"""An optional field that is absent."""
UNKNOWN = "<unknown>"
"""No time, or no current value."""

Read = Callable[[Object, datetime], Any]
"""(object, now) -> a JSON value. Fields may be absent or null, as in the empty object of a bookmark; it never raises."""


@dataclass(frozen=True, slots=True)
class Cell:
    read: Read
    about: str = ""
    """The path of the field that the column's description is taken from, empty for columns that describe no field."""
    type: str = "string"
    """The column's type, where the facts list no columns (subresources)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How objects of one kind become rows: the cells by column name, in the order of the columns."""

    cells: Mapping[str, Cell]
    order: Callable[[Object], Any] | None = None
    """The sort key of the rows; None keeps the order of the list."""
    conditions: Callable[[Object], list[dict[str, str]]] | None = None
    """What stands in `conditions` of a row, left out when empty."""
    read: Callable[[Object], Object] | None = None
    """Makes of an object what the cells are given instead: the object with what several of them need, found out once."""


RowsOfKinds = Mapping[tuple[str, str], Rows]
"""By (group, kind)."""


def get(value: Any, *path: str) -> Any:
    """The value at a path of keys, None where something on the way is absent."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def items(value: Any, *path: str) -> list[Any]:
    """The list at a path, empty where it is absent."""
    return get(value, *path) or []


def is_deleted(object: Object) -> bool:
    return bool(get(object, "metadata", "deletionTimestamp"))


def condition(object: Object, type: str) -> Mapping[str, Any]:
    """The first condition of that type in the status, empty without one."""
    for each in items(object, "status", "conditions"):
        if each.get("type") == type:
            found: Mapping[str, Any] = each
            return found
    return {}


def is_true(object: Object, type: str) -> bool:
    return condition(object, type).get("status") == "True"


def since(time: str | None, now: datetime) -> str:
    """How long ago an RFC 3339 time was, in the short form of `kubectl get`."""
    try:
        return times.age(time, now)
    except ValueError:
        return UNKNOWN


def labels_text(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """A metav1.LabelSelector as text: empty if it is absent or selects everything. Raises ValueError if it is none."""
    try:
        return selectors.label_selector_text(selectors.label_selector_of(selector))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("not a label selector") from error


def first_three(texts: Sequence[str]) -> str:
    """The first three joined by commas, and how many more there are."""
    shown = ",".join(texts[:3])
    return f"{shown} + {len(texts) - 3} more..." if len(texts) > 3 else shown


def field(path: str, default: Any = "", *, about: str | None = None, type: str = "string") -> Cell:
    """The value of a field as it is; `default` stands for an absent one and for an empty text."""
    keys = tuple(path.split("."))

    def read(object: Object, now: datetime) -> Any:
        value = get(object, *keys)
        return default if value is None or value == "" else value

    return Cell(read, path if about is None else about, type)


def count(*paths: str, about: str | None = None) -> Cell:
    """How many entries the lists or maps at these paths have together."""
    keys = [path.split(".") for path in paths]
    return Cell(
        lambda whole, now: sum(len(get(whole, *path) or ()) for path in keys), paths[0] if about is None else about
    )


def text(make: Callable[[Object], Any], about: str = "") -> Cell:
    """A cell that is computed from the object alone."""
    return Cell(lambda whole, now: make(whole), about)


def joined(path: str, separator: str = ",", empty: str = "") -> Cell:
    """The texts of a list."""
    keys = path.split(".")
    return Cell(lambda whole, now: separator.join(map(str, items(whole, *keys))) or empty, path)


def labels(path: str, about: str | None = None) -> Cell:
    """A map of labels, `a=1,b=2`."""
    keys = path.split(".")
    return Cell(lambda whole, now: labels_text(get(whole, *keys)), path if about is None else about)


def selector(path: str) -> Cell:
    """A label selector, `app=web,tier in (a,b)`."""
    keys = path.split(".")

    def read(object: Object, now: datetime) -> str:
        try:
            return selector_text(get(object, *keys)) or NONE
        except ValueError:
            return "<error>"

    return Cell(read, path)


def time_since(path: str, default: str = UNKNOWN) -> Cell:
    """How long ago the time at `path` was."""
    keys = path.split(".")

    def read(object: Object, now: datetime) -> str:
        time = get(object, *keys)
        return since(time, now) if time else default

    return Cell(read, path)


NAME = field("metadata.name")
AGE = time_since("metadata.creationTimestamp")


def with_name_and_age(cells: Mapping[str, Cell]) -> Rows:
    """The commonest form of a table: the name, what the kind shows, the age."""
    return Rows({"Name": NAME, **cells, "Age": AGE})


def unique(texts: Iterable[str]) -> list[str]:
    """Sorted, each once."""
    return sorted({each for each in texts if each})

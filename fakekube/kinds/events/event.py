"""Events of events.k8s.io/v1, which lie in the store in the form of the core group.

Both forms hold the same; the new one calls the old fields `deprecated...` and asks more of whoever writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.kinds.core.event import involved_object_fields, validate
from fakekube.objects import fields, rules
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object, Strategy

_FIELDS: Mapping[str, str] = {
    "kind": "kind",
    "metadata": "metadata",
    "eventTime": "eventTime",
    "series": "series",
    "reportingController": "reportingComponent",
    "reportingInstance": "reportingInstance",
    "action": "action",
    "reason": "reason",
    "regarding": "involvedObject",
    "related": "related",
    "note": "message",
    "type": "type",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_ALWAYS_IN_CORE: Mapping[str, object] = {
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
_ALWAYS_IN_EVENTS: Mapping[str, object] = {
    "eventTime": None,
    "regarding": {},
    "deprecatedSource": {},
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": None,
}
_CORE_ORDER = (
    *(
        "kind",
        "apiVersion",
        "metadata",
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
    ),
    *("count", "type", "eventTime", "series", "action", "related", "reportingComponent", "reportingInstance"),
)
_UNSET = ("firstTimestamp", "lastTimestamp", "count", "source")
_IMMUTABLE = (
    *("involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type"),
    *("eventTime", "action", "related", "reportingComponent", "reportingInstance"),
)
"""In the order in which the server asks for them, and as often."""
_SHOWN_EMPTY: Mapping[str, object] = {
    **dict.fromkeys(("reason", "message", "type", "action", "reportingComponent", "reportingInstance"), ""),
    "count": 0,
}
_CONTROLLER = "reportingController"


def to_storage(event: Object) -> Object:
    """The same event as core/v1 has it."""
    values: Object = {old: event[new] for new, old in _FIELDS.items() if new in event}
    values["apiVersion"] = "v1"
    for field, empty in _ALWAYS_IN_CORE.items():
        values.setdefault(field, empty)
    return {field: values[field] for field in _CORE_ORDER if field in values}


def from_storage(event: Object) -> Object:
    """The same event as events.k8s.io/v1 has it; empty texts that only the core form writes are left out."""
    converted: Object = {"kind": "Event", "apiVersion": "events.k8s.io/v1"}
    for new, old in _FIELDS.items():
        if new == "kind":
            continue
        if event.get(old) is not None and event[old] != "":
            converted[new] = event[old]
        elif new in _ALWAYS_IN_EVENTS:
            converted[new] = _ALWAYS_IN_EVENTS[new]
    return converted


def validate_first(event: Object, *_: object) -> list[FieldError]:
    """What is asked of an event in either form."""
    return validate(event, controller=_CONTROLLER)


def validate_create(event: Object) -> list[FieldError]:
    """Of an event in the core form; the paths are those of the core form too."""
    errors = _series(event)
    if not event.get("eventTime"):
        errors.append(required("eventTime"))
    if event.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {event.get('type', '')}"))
    return errors + [invalid(field, "", "needs to be unset") for field in _UNSET if event.get(field)]


def _series(event: Object) -> list[FieldError]:
    series = event.get("series")
    if series is None:
        return []
    errors = []
    if series.get("count", 0) < 2:
        errors.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors


def validate_update(event: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if event.get("series") != old.get("series"):
        errors += _series(event)
    for field in _IMMUTABLE:
        told = _CONTROLLER if field == "reportingComponent" else field
        new, before = event.get(field), old.get(field)
        # A pointer, for which an empty object is more than none.
        added = field == "related" and (new is None) != (before is None)
        shown = _shown(event, field)
        errors += [invalid(told, shown, IMMUTABLE_TEXT)] if added else rules.unchanged(new, before, told, shown=shown)
    return errors


def _shown(event: Object, field: str) -> Any:
    value = event.get(field)
    if field == "source" or (field in ("involvedObject", "related") and value is not None):
        names = ("Component", "Host") if field == "source" else _REFERENCE
        return {name: (value or {}).get(_REFERENCE.get(name, name.lower()), "") for name in names}
    return _SHOWN_EMPTY.get(field) if value is None else value


_REFERENCE = {
    "Kind": "kind",
    "Namespace": "namespace",
    "Name": "name",
    "UID": "uid",
    "APIVersion": "apiVersion",
    "ResourceVersion": "resourceVersion",
    "FieldPath": "fieldPath",
}


STRATEGY = Strategy(
    validate_create_first=validate_first,
    validate_create=validate_create,
    validate_update_first=validate_first,
    validate_update=validate_update,
    selectable_fields={
        **involved_object_fields("regarding"),
        "reason": lambda event: fields.text_at(event, "reason"),
        "reportingController": lambda event: fields.text_at(event, "reportingComponent"),
        "type": lambda event: fields.text_at(event, "type"),
    },
    default_propagation="",
    to_storage=to_storage,
    from_storage=from_storage,
)

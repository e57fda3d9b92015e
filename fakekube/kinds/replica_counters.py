"""The counters in the status of what runs several pods: none is negative, and no part is greater than the whole."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, invalid
from fakekube.registry.kind import Object

Validate = Callable[[Object, Object], list[FieldError]]
_OF_ALL = "cannot be greater than status.replicas"


def _counters(*names: str) -> tuple[rules.Row, ...]:
    return tuple((f"status.{name}", rules.non_negative) for name in names)


def _parts(*names: str, available_of: str = "readyReplicas") -> Callable[[Object, str], list[FieldError]]:
    """Each of `names` is part of status.replicas, and what is available is part of what is ready."""

    def check(obj: Object, _: str) -> list[FieldError]:
        status = obj.get("status") or {}
        replicas, available = status.get("replicas", 0), status.get("availableReplicas", 0)
        errors = [
            invalid(f"status.{name}", status.get(name, 0), _OF_ALL) for name in names if status.get(name, 0) > replicas
        ]
        if available > status.get("readyReplicas", 0):
            errors.append(invalid("status.availableReplicas", available, f"cannot be greater than {available_of}"))
        return errors

    return check


def _collisions(table: Validate) -> Validate:
    """How often a name was taken already: that only grows."""

    def check(obj: Object, old: Object) -> list[FieldError]:
        new, before = ((each.get("status") or {}).get("collisionCount") for each in (obj, old))
        errors = table(obj, old)
        if before is not None and (new is None or new < before):
            errors.append(invalid("status.collisionCount", new or 0, "cannot be decremented"))
        return errors

    return check


replicas = rules.table(
    *_counters("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration"),
    *_counters("terminatingReplicas"),
    _parts("fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
)
deployment = _collisions(
    rules.table(
        *_counters("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
        *_counters("unavailableReplicas", "terminatingReplicas", "collisionCount"),
        _parts("updatedReplicas", "readyReplicas", "availableReplicas"),
    )
)
stateful_set = _collisions(
    rules.table(
        *_counters("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
        *_counters("observedGeneration", "collisionCount"),
        _parts(
            *("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"),
            available_of="status.readyReplicas",
        ),
    )
)
daemon_set = _collisions(
    rules.table(
        *_counters("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"),
        *_counters(
            "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount"
        ),
    )
)

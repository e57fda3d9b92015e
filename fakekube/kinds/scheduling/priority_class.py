"""PriorityClasses: a number that never changes; the highest are the system's own.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#priorityclass
"""

from __future__ import annotations

from typing import Any

from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, forbidden
from fakekube.registry.kind import Object, Strategy

HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = {
    "system-cluster-critical": 2 * HIGHEST_USER_PRIORITY,
    "system-node-critical": 2 * HIGHEST_USER_PRIORITY + 1000,
}
_RESERVED = "priority class names with 'system-' prefix are reserved for system use only. error:"


def _policy(value: Any, path: str) -> list[FieldError]:
    return [] if value is None else rules.needed_one_of("PreemptLowerPriority", "Never")(value, path)


_POLICY = (("preemptionPolicy", _policy),)


def validate_create(priority_class: Object) -> list[FieldError]:
    name, value = priority_class["metadata"].get("name", ""), priority_class.get("value", 0)
    errors: list[FieldError] = []
    if name.startswith(SYSTEM_PREFIX):
        errors += _of_the_system(name, priority_class)
    elif value > HIGHEST_USER_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        errors.append(forbidden("value", detail))
    return errors + rules.check(priority_class, _POLICY)


def _of_the_system(name: str, priority_class: Object) -> list[FieldError]:
    value = SYSTEM_CLASSES.get(name)
    if value is None:
        why = f"{name} is not a known system priority class"
    elif priority_class.get("value", 0) != value:
        why = f"value of {name} PriorityClass must be {value}"
    elif priority_class.get("globalDefault"):
        why = f"globalDefault of {name} PriorityClass must be false"
    else:
        return []
    return [forbidden("metadata.name", f"{_RESERVED} {why}")]


def validate_update(priority_class: Object, old: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if priority_class.get("value", 0) != old.get("value", 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + rules.unchanged_at(priority_class, old, "preemptionPolicy")


STRATEGY = Strategy(validate_create=validate_create, validate_update=validate_update)

"""CSINodes: which drivers run on a node, and as what they know it."""

from __future__ import annotations

from fakekube.kinds.csi_names import driver_name
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object, Strategy

MOST_NODE_ID_BYTES = 256
DRIVER = "storage.v1.CSINodeDriver"


def _drivers(node: Object, _: str = "") -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, driver in enumerate(fields.at(node, "spec.drivers") or ()):
        path, name = f"spec.drivers[{i}]", driver.get("name", "")
        errors += driver_name(name, f"{path}.name")
        errors += rules.check(driver, _DRIVER, path)
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        # Kubernetes tells of the keys at the driver.
        errors += _topology_keys(driver.get("topologyKeys"), path)
    return errors


def _node_id(value: str | None, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if len(value.encode()) > MOST_NODE_ID_BYTES:
        return [invalid(path, value, f"must be {MOST_NODE_ID_BYTES} characters or less")]
    return []


def _topology_keys(value: list[str] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, key in enumerate(value or ()):
        if not key:
            errors.append(required(path))
        if key in (value or ())[:i]:
            errors.append(duplicate(path, key))
        errors += [invalid(path, key, text) for text in names.qualified_name(key)]
    return errors


_DRIVER = (
    ("nodeID", _node_id),
    ("allocatable.count", rules.non_negative),
)

validate = rules.table(_drivers)


def validate_update(node: Object, old: Object) -> list[FieldError]:
    """A driver may come and go, and may be given the number of its volumes; nothing else of it changes."""
    errors = validate(node)
    for known in fields.at(old, "spec.drivers") or ():
        was = _lasting(known)
        for driver in fields.at(node, "spec.drivers") or ():
            new = _lasting(driver)
            if new.get("name") == was.get("name") and new != was:
                errors.append(invalid("spec.drivers", go_structs.shown_type(DRIVER, new), IMMUTABLE_TEXT))
    return errors


def _lasting(driver: Object) -> Object:
    return {key: part for key, part in driver.items() if key != "allocatable" and part}


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update, returns_deleted_object=True)

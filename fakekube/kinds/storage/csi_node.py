"""CSINodes: which drivers run on a node, and as what they know it."""

from __future__ import annotations

from fakekube.kinds.csi_names import driver_name
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object, Strategy

MOST_NODE_ID_BYTES = 192
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
    return errors


def _node_id(value: str | None, path: str) -> list[FieldError]:
    if not value:
        return [required(path)]
    if len(value) > MOST_NODE_ID_BYTES:
        return [invalid(path, value, f"must be {MOST_NODE_ID_BYTES} characters or less")]
    return []


def _topology_keys(value: list[str] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, key in enumerate(value or ()):
        if not key:
            errors.append(required(path))
        elif key in (value or ())[:i]:
            errors.append(duplicate(path, key))
        errors += [invalid(path, key, text) for text in (names.qualified_name(key) if key else ())]
    return errors


_DRIVER = (
    ("nodeID", _node_id),
    ("allocatable.count", rules.non_negative),
    ("topologyKeys", _topology_keys),
)

validate = rules.table(_drivers)


def validate_update(node: Object, old: Object) -> list[FieldError]:
    """A driver may come and go, and may be given the number of its volumes; nothing else of it changes."""
    errors = validate(node)
    before = {driver.get("name"): driver for driver in fields.at(old, "spec.drivers") or ()}
    for driver in fields.at(node, "spec.drivers") or ():
        known = before.get(driver.get("name"))
        if known is None:
            continue
        new, was = ({key: part for key, part in each.items() if key != "allocatable"} for each in (driver, known))
        if new != was:
            errors.append(invalid("spec.drivers", go_structs.shown_type(DRIVER, driver), IMMUTABLE_TEXT))
    return errors


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update, returns_deleted_object=True)

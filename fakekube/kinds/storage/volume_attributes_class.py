"""VolumeAttributesClasses: what a driver is told of a volume; it never changes."""

from __future__ import annotations

from fakekube.kinds.csi_names import driver_name
from fakekube.kinds.storage.storage_class import parameters
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, forbidden
from fakekube.registry.kind import Object, Strategy

validate_create = rules.table(
    ("driverName", driver_name),
    ("parameters", rules.needed_because("must contain at least one key/value pair"), parameters),
)


def validate_update(volume_attributes_class: Object, old: Object) -> list[FieldError]:
    return [
        forbidden(field, f"updates to {field} are forbidden.")
        for field in ("driverName", "parameters")
        if volume_attributes_class.get(field) != old.get(field)
    ]


STRATEGY = Strategy(validate_create=validate_create, validate_update=validate_update, returns_deleted_object=True)

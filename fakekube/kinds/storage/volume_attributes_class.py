"""VolumeAttributesClasses: what a driver is told of a volume; it never changes."""

from __future__ import annotations

from fakekube.kinds.storage.storage_class import parameters, provisioner
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError, forbidden
from fakekube.registry.kind import Object, Strategy

validate_create = rules.table(
    ("driverName", provisioner),
    ("parameters", parameters, rules.needed_because("must contain at least one key/value pair")),
)


def validate_update_first(volume_attributes_class: Object, old: Object) -> list[FieldError]:
    return [
        forbidden(field, f"updates to {field} are forbidden.")
        for field in ("driverName", "parameters")
        if volume_attributes_class.get(field) != old.get(field)
    ]


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update_first=validate_update_first,
    validate_update=validate_create,
    returns_deleted_object=True,
)

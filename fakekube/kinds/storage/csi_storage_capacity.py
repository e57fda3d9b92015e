"""CSIStorageCapacities: how much of a storage class there is for some nodes."""

from __future__ import annotations

from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy

validate = rules.table(
    ("nodeTopology", rules.selector),
    ("storageClassName", rules.always_named(names.subdomain)),
    ("capacity", rules.quantity_non_negative),
)


def validate_update(capacity: Object, old: Object) -> list[FieldError]:
    return validate(capacity) + rules.unchanged_at(capacity, old, "nodeTopology", "storageClassName")


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update)

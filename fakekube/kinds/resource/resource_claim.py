"""ResourceClaims: which devices somebody wants; it never changes, and its status says which were given."""

from __future__ import annotations

from fakekube.kinds import device_rules
from fakekube.objects import go_structs, rules
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy

SPEC = "resource.v1.ResourceClaimSpec"
MOST_CONSUMERS = 256

validate_create = rules.table(("spec.devices", device_rules.claim))
_CONSUMER = (("resource", rules.needed), ("name", rules.needed), ("uid", rules.needed))
validate_status = rules.table(
    (
        "status.reservedFor",
        rules.no_more_than(MOST_CONSUMERS),
        rules.each(*_CONSUMER),
        rules.unique_by("uid", at="uid"),
    ),
)


def validate_update(claim: Object, old: Object) -> list[FieldError]:
    shown = go_structs.shown_type(SPEC, claim.get("spec"))
    return rules.unchanged_text(claim.get("spec"), old.get("spec"), "spec", shown=shown) or validate_create(claim)


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update=validate_update,
    validate_status_update=validate_status,
    returns_deleted_object=True,
)

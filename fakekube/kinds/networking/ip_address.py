"""IPAddresses: which object has an address of the cluster."""

from __future__ import annotations

from fakekube.objects import go_structs, names, rules
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy

validate = rules.table(
    ("spec.parentRef", rules.needed_part),
    (
        "spec.parentRef",
        rules.within(
            ("group", rules.named(names.subdomain)),
            ("resource", rules.needed_name(names.path_segment)),
            ("name", rules.needed_name(names.path_segment)),
            ("namespace", rules.named(names.path_segment)),
        ),
    ),
)


def validate_update(address: Object, old: Object) -> list[FieldError]:
    new, before = ((each.get("spec") or {}).get("parentRef") for each in (address, old))
    shown = None if new is None else go_structs.shown("networking.ParentReference", new)
    return validate(address) + rules.unchanged(new, before, "spec.parentRef", shown=shown)


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update)

"""ResourceClaimTemplates: claims that are made for each pod; they never change."""

from __future__ import annotations

from fakekube.kinds import device_rules
from fakekube.objects import fields, go_structs, metadata, rules
from fakekube.objects.field_errors import FieldError, invalid_object
from fakekube.registry.kind import Object, Operation, Strategy

GROUP, KIND = "resource.k8s.io", "ResourceClaimTemplate"


def _metadata(template: Object, _: str = "") -> list[FieldError]:
    return metadata.validate_template(fields.at(template, "spec.metadata") or {}, "spec.metadata")


validate_create = rules.table(_metadata, ("spec.spec.devices", device_rules.claim))


def prepare_create(template: Object, operation: Operation) -> None:
    if errors := device_rules.admin_access(template, fields.at(template, "spec.spec.devices"), operation):
        raise invalid_object(GROUP, KIND, template["metadata"].get("name", ""), [*errors, *validate_create(template)])


def validate_update_first(template: Object, old: Object) -> list[FieldError]:
    return validate_create(template)


def validate_update(template: Object, old: Object) -> list[FieldError]:
    new, before = template.get("spec") or {}, old.get("spec") or {}
    shown = {
        **(new.get("metadata") or {}),
        "Spec": go_structs.shown_type("resource.v1.ResourceClaimSpec", new.get("spec")),
    }
    return rules.unchanged_text(new, before, "spec", shown=shown)


STRATEGY = Strategy(
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update_first=validate_update_first,
    validate_update=validate_update,
    returns_deleted_object=True,
)

"""IngressClasses: which controller answers for ingresses of the class, and what it is told."""

from __future__ import annotations

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, required
from fakekube.registry.kind import Object, Strategy

MOST_CONTROLLER_BYTES = 250


def _namespace(parameters: Object, path: str) -> list[FieldError]:
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope == "Namespace":
        if namespace is None:
            return [required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")]
        return rules.told_by(names.label)(namespace, f"{path}.namespace")
    if scope == "Cluster" and namespace is not None:
        return [forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")]
    return []


_PARAMETERS = (
    ("apiGroup", rules.told_by(names.subdomain)),
    ("kind", rules.needed_name(names.path_segment)),
    ("name", rules.needed_name(names.path_segment)),
    ("scope", rules.needed_part, rules.any_one_of("Cluster", "Namespace", plain=True)),
    _namespace,
)

validate = rules.table(
    ("spec.controller", rules.no_longer_than(MOST_CONTROLLER_BYTES), rules.domain_prefixed_path),
    ("spec.parameters", rules.within(*_PARAMETERS)),
)


def validate_update_first(ingress_class: Object, old: Object) -> list[FieldError]:
    controller, before = (fields.text_at(each, "spec.controller") for each in (ingress_class, old))
    return rules.unchanged(controller, before, "spec.controller")


STRATEGY = Strategy(validate_create=validate, validate_update_first=validate_update_first, validate_update=validate)

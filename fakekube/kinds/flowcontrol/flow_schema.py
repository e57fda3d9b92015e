"""FlowSchemas: which requests belong together, and how important they are.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

from typing import Any

from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object, Strategy

HIGHEST_PRECEDENCE = 10000
EXEMPT = "exempt"
MANDATORY = (EXEMPT, "catch-all")
"""Schemas and levels that are always there, and always the same."""
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
URL_VERBS = ("delete", "get", "head", "options", "patch", "post", "put")
_SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}


def _precedence(schema: Object, _: str = "") -> list[FieldError]:
    value, path = fields.at(schema, "spec.matchingPrecedence") or 0, "spec.matchingPrecedence"
    if value <= 0:
        return [invalid(path, value, "must be a positive value")]
    if value > HIGHEST_PRECEDENCE:
        return [invalid(path, value, f"must not be greater than {HIGHEST_PRECEDENCE}")]
    if value == 1 and schema["metadata"].get("name") != EXEMPT:
        return [invalid(path, value, f"only the schema named '{EXEMPT}' may have matchingPrecedence 1")]
    return []


def _alone(what: str) -> rules.Rule:
    detail = f"if '*' is present, must not specify other {what}"
    return lambda value, path: [invalid(path, value, detail)] if value and len(value) > 1 and "*" in value else []


def _verbs(known: tuple[str, ...]) -> rules.Rule:
    def check(value: Any, path: str) -> list[FieldError]:
        if not value:
            return [required(path, "verbs must contain at least one value")]
        if "*" in value:
            return _alone("verbs")(value, path)
        unknown = [verb for verb in value if verb not in known]
        return [not_supported(path, unknown, known)] if unknown else []

    return check


def _namespaces(rule: Object, path: str) -> list[FieldError]:
    listed, place = rule.get("namespaces") or [], f"{path}.namespaces"
    if not listed:
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        return [] if rule.get("clusterScope") else [required(place, detail)]
    if "*" in listed:
        return _alone("namespaces")(listed, place)
    return [invalid(f"{place}[{i}]", each, text) for i, each in enumerate(listed) for text in names.label(each)]


def _urls(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "nonResourceURLs must contain at least one value")]
    if "*" in value:
        return _alone("non-resource URLs")(value, path)
    errors: list[FieldError] = []
    for i, url in enumerate(value):
        place = f"{path}[{i}]"
        if not url:
            errors.append(invalid(place, url, "must not be empty"))
        elif not url.startswith("/"):
            errors.append(invalid(place, url, "must start with slash"))
        elif " " in url:
            errors.append(invalid(place, url, "must not contain white-space"))
        elif "//" in url:
            errors.append(invalid(place, url, "must not contain double slash"))
        elif "*" in url.removesuffix("/*"):
            errors.append(invalid(place, url, "wildcard can only do suffix matching"))
    return errors


def _subject(subject: Object, path: str) -> list[FieldError]:
    kind = subject.get("kind", "")
    errors = [] if kind in _SUBJECTS else [not_supported(f"{path}.kind", kind, ("Group", "ServiceAccount", "User"))]
    for each, field in _SUBJECTS.items() if not errors else ():
        content, place = subject.get(field), f"{path}.{field}"
        if each != kind:
            if content is not None:
                errors.append(forbidden(place, f"{field} is forbidden when subject kind is not '{each}'"))
        elif content is None:
            errors.append(required(place, f"{field} is required when subject kind is '{each}'"))
        else:
            errors += _named_subject(content, each, place)
    return errors


def _named_subject(content: Object, kind: str, path: str) -> list[FieldError]:
    name = content.get("name", "")
    if not name:
        errors = [required(f"{path}.name")]
    else:
        errors = rules.named(names.subdomain)(name, f"{path}.name") if kind == "ServiceAccount" and name != "*" else []
    if kind == "ServiceAccount":
        namespace = content.get("namespace", "")
        if not namespace:
            errors.append(required(f"{path}.namespace", "must specify namespace for service account"))
        else:
            errors += rules.named(names.label)(namespace, f"{path}.namespace")
    return errors


def _something(rule: Object, path: str) -> list[FieldError]:
    if rule.get("resourceRules") or rule.get("nonResourceRules"):
        return []
    return [required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")]


_RESOURCE_RULE = (
    ("verbs", _verbs(VERBS)),
    ("apiGroups", rules.needed_because("resource rules must supply at least one api group"), _alone("api groups")),
    ("resources", rules.needed_because("resource rules must supply at least one resource"), _alone("resources")),
    _namespaces,
)
_RULE = (
    ("subjects", rules.needed_because("subjects must contain at least one value"), rules.each(_subject)),
    _something,
    ("resourceRules", rules.each(*_RESOURCE_RULE)),
    ("nonResourceRules", rules.each(("verbs", _verbs(URL_VERBS)), ("nonResourceURLs", _urls))),
)
_LEVEL = "spec.priorityLevelConfiguration.name"

validate = rules.table(
    _precedence,
    ("spec.distinguisherMethod", rules.within(("type", rules.needed_one_of("ByNamespace", "ByUser")))),
    (_LEVEL, rules.needed_because("must reference a priority level"), rules.named(names.subdomain)),
    ("spec.rules", rules.each(*_RULE)),
)
validate_status = rules.table(
    ("status.conditions", rules.each(("type", rules.needed)), rules.unique_by("type", at="type"))
)


def validate_update(schema: Object, old: Object) -> list[FieldError]:
    errors, name = validate(schema), schema["metadata"].get("name")
    if name in MANDATORY and schema.get("spec") != old.get("spec"):
        shown = go_structs.shown_type("flowcontrol.v1.FlowSchemaSpec", schema.get("spec"))
        errors.append(invalid("spec", shown, f"spec of '{name}' must equal the fixed value"))
    return errors


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update, validate_status_update=validate_status)

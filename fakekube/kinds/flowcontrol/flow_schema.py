"""FlowSchemas: which requests belong together, and how important they are.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

from typing import Any

from fakekube.kinds.flowcontrol.mandatory import EXEMPT, fixed_spec
from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object, Strategy

HIGHEST_PRECEDENCE = 10000
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_DISTINGUISHERS = ("ByNamespace", "ByUser")
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "


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


def _verbs(value: Any, path: str) -> list[FieldError]:
    """Those of resources are asked of paths as well: `head` and `post` cannot be named. All are told when one is unknown."""
    if not value:
        return [required(path, "verbs must contain at least one value")]
    if "*" in value:
        return _alone("verbs")(value, path)
    return [] if set(value) <= set(VERBS) else [not_supported(path, value, VERBS)]


def _distinguisher(value: Any, path: str) -> list[FieldError]:
    if value is None or value.get("type") in _DISTINGUISHERS:
        return []
    shown = go_structs.shown_type("flowcontrol.v1.FlowDistinguisherMethod", value)
    return [not_supported(f"{path}.type", shown, _DISTINGUISHERS)]


def _namespaces(rule: Object, path: str) -> list[FieldError]:
    listed, place = rule.get("namespaces") or [], f"{path}.namespaces"
    if not listed:
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        return [] if rule.get("clusterScope") else [required(place, detail)]
    if "*" in listed:
        return _alone("namespaces")(listed, place)
    return [
        invalid(f"{place}[{i}]", each, _NAMESPACE + text) for i, each in enumerate(listed) for text in names.label(each)
    ]


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
        elif url == "/":
            continue
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
    if kind not in _SUBJECTS:
        return [not_supported(f"{path}.kind", kind, sorted(_SUBJECTS))]
    own = _SUBJECTS[kind]
    content, place = subject.get(own), f"{path}.{own}"
    if content is None:
        errors = [required(place, f"{own} is required when subject kind is '{kind}'")]
    else:
        errors = _named_subject(content, kind, place)
    return errors + [
        forbidden(f"{path}.{field}", f"{field} is forbidden when subject kind is not '{other}'")
        for other, field in _SUBJECTS.items()
        if other != kind and subject.get(field) is not None
    ]


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
    ("verbs", _verbs),
    ("apiGroups", rules.needed_because("resource rules must supply at least one api group"), _alone("api groups")),
    ("resources", rules.needed_because("resource rules must supply at least one resource"), _alone("resources")),
    _namespaces,
)
_RULE = (
    ("subjects", rules.needed_because("subjects must contain at least one value"), rules.each(_subject)),
    _something,
    ("resourceRules", rules.each(*_RESOURCE_RULE)),
    ("nonResourceRules", rules.each(("verbs", _verbs), ("nonResourceURLs", _urls))),
)
_LEVEL = "spec.priorityLevelConfiguration.name"


def _fixed(schema: Object, _: str) -> list[FieldError]:
    name = schema["metadata"].get("name", "")
    wanted = fixed_spec("FlowSchema", name)
    if wanted is None or schema.get("spec") == wanted:
        return []
    shown = go_structs.shown_type("flowcontrol.v1.FlowSchemaSpec", schema.get("spec"))
    return [invalid("spec", shown, f"spec of '{name}' must equal the fixed value")]


validate = rules.table(
    _precedence,
    ("spec.distinguisherMethod", _distinguisher),
    (_LEVEL, rules.needed_because("must reference a priority level"), rules.named(names.subdomain)),
    ("spec.rules", rules.each(*_RULE)),
    _fixed,
)


def _conditions(value: Any, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, condition in enumerate(value or ()):
        type_, place = condition.get("type", ""), f"{path}[{i}].type"
        errors += ([duplicate(place, type_)] if type_ in seen else []) + rules.needed(type_, place)
        seen.add(type_)
    return errors


validate_status = rules.table(("status.conditions", _conditions))


STRATEGY = Strategy(validate_create=validate, validate_update=validate, validate_status_update=validate_status)

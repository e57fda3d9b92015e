"""What roles and bindings may say.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

from fakekube.objects import fields, go_structs, names, rules
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.objects.rules import check, each, needed_because
from fakekube.registry.kind import Object

GROUP = "rbac.authorization.k8s.io"

_RULE = (
    ("apiGroups", needed_because("resource rules must supply at least one api group")),
    ("resources", needed_because("resource rules must supply at least one resource")),
)
_VERBS = ("verbs", needed_because("verbs must contain at least one value"))


def rule(value: Object, path: str) -> list[FieldError]:
    """One rule of a ClusterRole: about resources, or about URLs that are none."""
    return _rule(value, path, namespaced=False)


def namespaced_rule(value: Object, path: str) -> list[FieldError]:
    return _rule(value, path, namespaced=True)


def _rule(value: Object, path: str, *, namespaced: bool) -> list[FieldError]:
    errors = check(value, (_VERBS,), path)
    urls = value.get("nonResourceURLs")
    if not urls:
        return errors + check(value, _RULE, path)
    if namespaced:
        errors.append(invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs"))
    if value.get("apiGroups") or value.get("resources") or value.get("resourceNames"):
        detail = "rules cannot apply to both regular resources and non-resource URLs"
        errors.append(invalid(f"{path}.nonResourceURLs", urls, detail))
    return errors


def aggregation(role: Object, _: str = "") -> list[FieldError]:
    if role.get("aggregationRule") is None:
        return []
    path, selectors = "aggregationRule.clusterRoleSelectors", fields.at(role, "aggregationRule.clusterRoleSelectors")
    if not selectors:
        return [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")]
    errors: list[FieldError] = []
    for i, selector in enumerate(selectors):
        if wrong := rules.selector(selector, f"{path}[{i}]"):
            errors += [*wrong, invalid(f"{path}[{i}]", None, "invalid label selector.")]
    return errors


def _subject(subject: Object, path: str, *, cluster: bool) -> list[FieldError]:
    name, kind, group = subject.get("name", ""), subject.get("kind", ""), subject.get("apiGroup", "")
    errors = [] if name else [required(f"{path}.name")]
    if kind == "ServiceAccount":
        if name:
            errors += [invalid(f"{path}.name", name, text) for text in names.subdomain(name)]
        if group:
            errors.append(not_supported(f"{path}.apiGroup", group, ("",), plain=True))
        if cluster and not subject.get("namespace"):
            errors.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.append(not_supported(f"{path}.apiGroup", group, (GROUP,), plain=True))
    else:
        errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group"), plain=True))
    return errors


def subject(value: Object, path: str) -> list[FieldError]:
    return _subject(value, path, cluster=False)


def cluster_subject(value: Object, path: str) -> list[FieldError]:
    return _subject(value, path, cluster=True)


def _one_of(*choices: str) -> rules.Rule:
    return lambda value, path: [] if value in choices else [not_supported(path, value or "", choices, plain=True)]


ROLE = (("rules", each(namespaced_rule)),)
CLUSTER_ROLE = (("rules", each(rule)), aggregation)
ROLE_BINDING = (
    ("roleRef.apiGroup", _one_of(GROUP)),
    ("roleRef.kind", _one_of("Role", "ClusterRole")),
    ("roleRef.name", rules.needed_name(names.path_segment)),
    ("subjects", each(subject)),
)
CLUSTER_ROLE_BINDING = (
    ("roleRef.apiGroup", _one_of(GROUP)),
    ("roleRef.kind", _one_of("ClusterRole")),
    ("roleRef.name", rules.needed_name(names.path_segment)),
    ("subjects", each(cluster_subject)),
)


def keeps_its_role(new: Object, old: Object) -> list[FieldError]:
    """A binding may change whom it binds, never to what."""
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [invalid("roleRef", go_structs.shown("rbac.RoleRef", new.get("roleRef")), "cannot change roleRef")]

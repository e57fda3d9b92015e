"""Whoever writes a policy with parameters, or binds it to some, must be permitted to read these: the policy's answers tell of them.

The server asks this as the last question of validation, hence the 422.
https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.admission.attributes import Attributes
from fakekube.admission.policies import GROUP
from fakekube.objects.field_errors import FieldError, forbidden, invalid_object
from fakekube.registry.kind import Object
from fakekube.registry.user import User


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Invalid."""
    if attributes.operation not in ("CREATE", "UPDATE") or attributes.subresource:
        return
    spec, before = obj.get("spec") or {}, (old or {}).get("spec") or {}
    is_binding = attributes.kind.resource.endswith("bindings")
    error = _of_binding(spec, before, attributes) if is_binding else _of_policy(spec, before, attributes)
    if error is not None:
        raise invalid_object(GROUP, obj["kind"], obj["metadata"].get("name", ""), [error])


def _of_policy(spec: Object, before: Object, attributes: Attributes) -> FieldError | None:
    kind = spec.get("paramKind")
    if kind is None or kind == before.get("paramKind"):
        return None
    group, resource = _resource_of(kind, attributes)
    if attributes.permits("get", group, resource or "*", "*", "*"):
        return None
    permission = '"get" permission on all objects of the referenced paramKind'
    named = f"(kind={kind['kind']}, apiVersion={kind['apiVersion']})"
    return forbidden("spec.paramKind", f"user {_shown(attributes.user)} must have {permission} {named}")


def _of_binding(spec: Object, before: Object, attributes: Attributes) -> FieldError | None:
    reference, name = spec.get("paramRef"), spec["policyName"]
    if reference is None or (reference, name) == (before.get("paramRef"), before.get("policyName")):
        return None
    policies = attributes.kind.resource.replace("policybindings", "policies")
    policy = attributes.get(GROUP, policies, "", name)
    kind = None if policy is None else policy["spec"].get("paramKind")
    group, resource = ("*", "*") if kind is None else _resource_of(kind, attributes)
    verb = "get" if reference.get("name") else "list"
    # Without a namespace it is asked for all of them.
    if attributes.permits(verb, group, resource or "*", reference.get("namespace") or "", reference.get("name") or ""):
        return None
    user = _shown(attributes.user)
    return forbidden("spec.paramRef", _why(policies, name, policy, kind, resource, user, verb))


def _why(
    policies: str,
    name: str,
    policy: Object | None,
    kind: Mapping[str, str] | None,
    resource: str,
    user: str,
    verb: str,
) -> str:
    if policies.startswith("mutating"):
        # That is how the server words it.
        return f'user {verb} does not have "{user}" permission on the object referenced by paramRef'
    least = f'to determine minimum required permissions and user {user} does not have "{verb}" permission'
    if policy is None:
        return f"unable to get policy {name} {least} for all groups, versions and resources"
    if kind is not None and not resource:
        shown = f"&{{{kind['apiVersion']} {kind['kind']}}}"
        return f"unable to resolve paramKind {shown} {least} for all groups, versions and resources"
    return f'user {user} does not have "{verb}" permission on the object referenced by paramRef'


def _resource_of(param_kind: Mapping[str, str], attributes: Attributes) -> tuple[str, str]:
    """Group and resource of a kind of parameters; no resource: there is no such kind."""
    group, _, version = param_kind["apiVersion"].rpartition("/")
    assert attributes.policies is not None
    kind = attributes.policies.validating.kinds.of_kind(group, version, param_kind["kind"])
    return group, "" if kind is None else kind.resource


def _shown(user: User) -> str:
    """As Go shows a user."""
    extra: Mapping[str, Any] = user.extra
    told = " ".join(f"{key}:[{' '.join(extra[key])}]" for key in sorted(extra))
    return f"&{{{user.name} {user.uid} [{' '.join(user.groups)}] map[{told}]}}"

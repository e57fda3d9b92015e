"""Ingresses: hosts and paths, and what answers for them.

https://kubernetes.io/docs/concepts/services-networking/ingress/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import FieldError, invalid, not_supported, required
from fakekube.registry.kind import Object, Strategy

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_INSIDE_A_PATH = ("//", "/./", "/../", "%2f", "%2F")
_AT_ITS_END = ("/..", "/.")


def _class_twice(ingress: Object, _: str = "") -> list[FieldError]:
    """Told at creation only: an old ingress may go on saying both."""
    annotation = (ingress["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    wanted = fields.at(ingress, "spec.ingressClassName")
    if annotation is None or wanted is None or annotation == wanted:
        return []
    detail = "must match `ingressClassName` when both are specified"
    return [invalid(f"annotations.{CLASS_ANNOTATION}", annotation, detail)]


def _somewhere_to_go(spec: Object, path: str) -> list[FieldError]:
    if spec.get("rules") or spec.get("defaultBackend") is not None:
        return []
    return [invalid(path, as_sent.shown_at(spec, "rules"), "either `defaultBackend` or `rules` must be specified")]


def _host(value: Any, path: str) -> list[FieldError]:
    if not value:
        return []
    errors = [invalid(path, value, "must be a DNS name, not an IP address")] if names.parsed_ip(value) else []
    rule = names.wildcard_subdomain if "*" in value else names.subdomain
    return errors + [invalid(path, value, text) for text in rule(value)]


def _tls_host(value: Any, path: str) -> list[FieldError]:
    rule = names.wildcard_subdomain if "*" in value else names.subdomain
    return [invalid(path, value, text) for text in rule(value)]


def _path(value: Object, path: str) -> list[FieldError]:
    type_, place = value.get("pathType"), value.get("path", "")
    if type_ is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    errors: list[FieldError] = []
    if type_ in ("Exact", "Prefix"):
        if not place.startswith("/"):
            errors.append(invalid(f"{path}.path", place, "must be an absolute path"))
        if place:
            errors += [
                invalid(f"{path}.path", place, f"must not contain '{part}'") for part in _INSIDE_A_PATH if part in place
            ]
            errors += [
                invalid(f"{path}.path", place, f"cannot end with '{end}'") for end in _AT_ITS_END if place.endswith(end)
            ]
    elif type_ == "ImplementationSpecific":
        if place and not place.startswith("/"):
            errors.append(invalid(f"{path}.path", place, "must be an absolute path"))
    else:
        errors.append(not_supported(f"{path}.pathType", type_, PATH_TYPES))
    return errors + _backend(value.get("backend") or {}, f"{path}.backend")


def _backend(backend: Object | None, path: str) -> list[FieldError]:
    if backend is None:
        return []
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return rules.check(resource, _RESOURCE, f"{path}.resource")
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    name = service.get("name", "")
    errors = rules.needed_name(names.label)(name, f"{path}.service.name")
    port = service.get("port") or {}
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        errors += rules.named(names.port_name)(port["name"], f"{path}.service.port.name")
    elif port.get("number"):
        errors += rules.port(port["number"], f"{path}.service.port.number")
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


_RESOURCE = (
    ("apiGroup", rules.told_by(names.subdomain)),
    ("kind", rules.needed_name(names.path_segment)),
    ("name", rules.needed_name(names.path_segment)),
)
_SPEC = (
    _somewhere_to_go,
    ("defaultBackend", _backend),
    (
        "rules",
        rules.each(("host", _host), ("http", rules.within(("paths", rules.needed), ("paths", rules.each(_path))))),
    ),
    ("tls", rules.each(("hosts", rules.each_value(_tls_host)), ("secretName", rules.named(names.subdomain)))),
    ("ingressClassName", rules.told_by(names.subdomain)),
)

_WHOLE = (("spec", rules.within(*_SPEC)),)

validate_update = rules.table(*_WHOLE)
validate_status = rules.table(
    (
        "status.loadBalancer.ingress",
        rules.each(("ip", rules.named(names.ip)), ("hostname", rules.named(names.subdomain), rules.no_address)),
    )
)


def validate_create(ingress: Object) -> list[FieldError]:
    return rules.check(ingress, _WHOLE) + _class_twice(ingress)


def _warnings_of_addresses(ingress: Object, old: Object) -> list[str]:
    """Only who writes the status hears of them."""
    points = fields.at(ingress, "status.loadBalancer.ingress") or ()
    if ingress.get("status") == old.get("status"):
        return []
    return [
        text
        for i, point in enumerate(points)
        for text in names.ip_warnings(point.get("ip", ""), f"status.loadBalancer.ingress[{i}]")
    ]


def warnings(ingress: Object, old: Object | None) -> Sequence[str]:
    if old is not None:
        return _warnings_of_addresses(ingress, old)
    said = CLASS_ANNOTATION in (ingress["metadata"].get("annotations") or {})
    if not said or fields.at(ingress, "spec.ingressClassName") is not None:
        return []
    return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update=validate_update,
    validate_status_update=validate_status,
    warnings=warnings,
)

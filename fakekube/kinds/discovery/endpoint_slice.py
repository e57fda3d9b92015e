"""EndpointSlices: the addresses behind a service.

https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, invalid, required
from fakekube.registry.kind import Object, Operation, Strategy

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
MOST_ADDRESSES, MOST_PORTS, MOST_ENDPOINTS, MOST_HINTS = 100, 20000, 1000, 8
_COUNTED = ("endpoints", "ports", "addressType")
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_OWN_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
"""They write addresses as they should be."""
_HOSTNAME = "kubernetes.io/hostname"


def _drop_topology(endpoint_slice: Object, old_names: Collection[str] = ()) -> None:
    """Nobody writes this field any more. A node that only an old topology named goes on as nodeName."""
    for endpoint in endpoint_slice.get("endpoints") or ():
        name = (endpoint.pop("deprecatedTopology", None) or {}).get(_HOSTNAME, "")
        if endpoint.get("nodeName") is None and name in old_names and not names.subdomain(name):
            fields.put(endpoint, "nodeName", name, "discovery.v1.Endpoint")


def prepare_create(endpoint_slice: Object, operation: Operation) -> None:
    _drop_topology(endpoint_slice)


def prepare_update(endpoint_slice: Object, old: Object, operation: Operation) -> None:
    """The generation counts changes of everything but metadata; the registry counts those of the labels."""
    if any(endpoint_slice.get(field) != old.get(field) for field in _COUNTED):
        generation = old["metadata"].get("generation", 0) + 1
        fields.put(endpoint_slice["metadata"], "generation", generation, "meta.ObjectMeta")
    if endpoint_slice.get("endpoints") != old.get("endpoints"):
        topologies = [each.get("deprecatedTopology") or {} for each in old.get("endpoints") or ()]
        _drop_topology(endpoint_slice, {each[_HOSTNAME] for each in topologies if each.get(_HOSTNAME)})


def validate(endpoint_slice: Object) -> list[FieldError]:
    kind = endpoint_slice.get("addressType", "")
    errors = rules.needed_one_of(*ADDRESS_TYPES)(kind, "addressType")
    return errors + _ports(endpoint_slice.get("ports") or (), "ports") + _endpoints(endpoint_slice, kind)


def _endpoints(endpoint_slice: Object, kind: str) -> list[FieldError]:
    endpoints = endpoint_slice.get("endpoints") or ()
    errors = rules.no_more_than(MOST_ENDPOINTS)(endpoints, "endpoints")
    for i, endpoint in enumerate(() if errors else endpoints):
        path, addresses = f"endpoints[{i}]", endpoint.get("addresses") or ()
        if not addresses:
            errors.append(required(f"{path}.addresses", "must contain at least 1 address"))
        errors += rules.no_more_than(MOST_ADDRESSES)(addresses, f"{path}.addresses")
        for j, address in enumerate(addresses):
            errors += _address(address, kind, f"{path}.addresses", f"{path}.addresses[{j}]")
        errors += rules.check(endpoint, _ENDPOINT, path)
    return errors


def _address(address: str, kind: str, path: str, place: str) -> list[FieldError]:
    if kind == "FQDN":
        return _domain(address, place)
    if kind not in _IP_RULES:
        return []
    if errors := [invalid(place, address, text) for text in _IP_RULES[kind](address)]:
        return errors
    parsed = names.parsed_ip(address)
    if parsed is not None and f"IPv{parsed.version}" != kind:
        errors.append(invalid(path, address, f"must be an {kind} address"))
    return errors + [invalid(place, address, text) for text in names.end_point(address)]


def _domain(address: str, place: str) -> list[FieldError]:
    """A domain of at least two labels, which a dot may end; the first part of it that is wrong is told."""
    if not address:
        return [required(place)]
    name = address.removesuffix(".")
    if texts := names.subdomain(name):
        return [invalid(place, name, ",".join(texts))]
    if "." not in name:
        return [invalid(place, name, "should be a domain with at least two segments separated by dots")]
    wrong = [(label, texts) for label in name.split(".") if (texts := names.label(label))]
    return [invalid(place, label, ",".join(texts)) for label, texts in wrong[:1]]


def _ports(ports: Sequence[Object], path: str) -> list[FieldError]:
    errors = rules.no_more_than(MOST_PORTS)(ports, path)
    seen: set[str] = set()
    for i, port in enumerate(() if errors else ports):
        name, place = port.get("name", ""), f"{path}[{i}]"
        errors += rules.named(names.label)(name, f"{place}.name")
        if name in seen:
            errors.append(duplicate(f"{place}.name", name))
        seen.add(name)
        errors += rules.check(port, _PORT, place)
    return errors


def _hints(value: Any, path: str) -> list[FieldError]:
    """Zones, then nodes; where there are too many of one, nothing further is told."""
    errors: list[FieldError] = []
    for field, rule in (("forZones", names.label_value), ("forNodes", names.subdomain)):
        hints, place = value.get(field) or (), f"{path}.{field}"
        if too_many := rules.no_more_than(MOST_HINTS)(hints, place):
            return errors + too_many
        seen: set[str] = set()
        for i, hint in enumerate(hints):
            name = hint.get("name", "")
            if name in seen:
                errors.append(duplicate(f"{place}[{i}].name", name))
            seen.add(name)
            errors += rules.always_named(rule)(name, f"{place}[{i}].name")
    return errors


_IP_RULES = {"IPv4": names.ip, "IPv6": names.canonical_ip}
_PORT = (
    ("protocol", rules.needed_part, rules.any_one_of("SCTP", "TCP", "UDP")),
    ("appProtocol", rules.told_by(names.qualified_name)),
)
_ENDPOINT = (
    ("nodeName", rules.told_by(names.subdomain)),
    ("hostname", rules.told_by(names.label)),
    ("hints", lambda value, path: _hints(value, path) if value else []),
)


def validate_update(endpoint_slice: Object, old: Object) -> list[FieldError]:
    """What has been let through once is not asked again as long as it stays."""
    judged = {field: endpoint_slice.get(field) for field in ("addressType", "ports")}
    if endpoint_slice.get("endpoints") != old.get("endpoints"):
        judged["endpoints"] = endpoint_slice.get("endpoints")
    kind, before = (each.get("addressType") or "" for each in (endpoint_slice, old))
    return validate(judged) + rules.unchanged(kind, before, "addressType")


def warnings(endpoint_slice: Object, old: Object | None) -> list[str]:
    """What is told of names in the place of addresses, and of addresses that are not as they should be written."""
    if endpoint_slice.get("addressType") == "FQDN":
        return ["spec.addressType: FQDN endpoints are deprecated"] if old is None else []
    if (endpoint_slice["metadata"].get("labels") or {}).get(MANAGED_BY) in _OWN_CONTROLLERS:
        return []
    return [
        text
        for i, endpoint in enumerate(endpoint_slice.get("endpoints") or ())
        for j, address in enumerate(endpoint.get("addresses") or ())
        for text in names.ip_warnings(address, f"endpoints[{i}].addresses[{j}]")
    ]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate,
    validate_update=validate_update,
    warnings=warnings,
)

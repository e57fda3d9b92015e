"""EndpointSlices: the addresses behind a service.

https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, required
from fakekube.registry.kind import Object, Operation, Strategy

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
MOST_ADDRESSES, MOST_PORTS, MOST_ENDPOINTS, MOST_HINTS = 100, 20000, 1000, 8
_COUNTED = ("endpoints", "ports", "addressType")


def prepare_update(endpoint_slice: Object, old: Object, operation: Operation) -> None:
    """The generation counts changes of everything but metadata; the registry counts those of the labels."""
    if any(endpoint_slice.get(field) != old.get(field) for field in _COUNTED):
        generation = old["metadata"].get("generation", 0) + 1
        fields.put(endpoint_slice["metadata"], "generation", generation, "meta.ObjectMeta")


def validate(endpoint_slice: Object) -> list[FieldError]:
    kind = endpoint_slice.get("addressType", "")
    errors = rules.needed_one_of(*ADDRESS_TYPES)(kind, "addressType")
    if errors:
        return errors
    return _ports(endpoint_slice.get("ports") or (), "ports") + _endpoints(endpoint_slice, kind)


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
        return [invalid(place, address, text) for text in names.subdomain(address)]
    if errors := [invalid(place, address, text) for text in names.ip(address)]:
        return errors
    parsed = names.parsed_ip(address)
    if parsed is not None and f"IPv{parsed.version}" != kind:
        errors.append(invalid(path, address, f"must be an {kind} address"))
    return errors + [invalid(place, address, text) for text in names.end_point(address)]


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


def _topology(value: Any, path: str) -> list[FieldError]:
    """Old keys that have become fields may not be written any more."""
    errors = rules.no_more_than(16)(value, path) or rules.labels(value, path)
    if "kubernetes.io/hostname" in (value or {}):
        errors.append(forbidden(f"{path}[kubernetes.io/hostname]", "is not allowed"))
    return errors


_PORT = (
    ("protocol", rules.needed_one_of("SCTP", "TCP", "UDP")),
    ("appProtocol", rules.told_by(names.qualified_name)),
)
_ENDPOINT = (
    ("nodeName", rules.told_by(names.subdomain)),
    ("deprecatedTopology", _topology),
    ("hostname", rules.told_by(names.label)),
    (
        "hints.forZones",
        rules.no_more_than(MOST_HINTS),
        rules.each(("name", rules.needed_name(names.label_value))),
        rules.unique_by("name", at="name"),
    ),
    (
        "hints.forNodes",
        rules.no_more_than(MOST_HINTS),
        rules.each(("name", rules.needed_name(names.subdomain))),
        rules.unique_by("name", at="name"),
    ),
)


def validate_update(endpoint_slice: Object, old: Object) -> list[FieldError]:
    """What has been let through once is not asked again as long as it stays."""
    changed = {
        field: endpoint_slice.get(field)
        for field in ("endpoints", "ports")
        if endpoint_slice.get(field) != old.get(field)
    }
    errors = validate({"addressType": endpoint_slice.get("addressType"), **changed})
    return errors + rules.unchanged_at(endpoint_slice, old, "addressType")


def warnings(endpoint_slice: Object, old: Object | None) -> list[str]:
    """What is told of names in the place of addresses, and of addresses that are not as they should be written."""
    if endpoint_slice.get("addressType") == "FQDN":
        return ["spec.addressType: FQDN endpoints are deprecated"] if old is None else []
    return [
        text
        for i, endpoint in enumerate(endpoint_slice.get("endpoints") or ())
        for j, address in enumerate(endpoint.get("addresses") or ())
        for text in names.ip_warnings(address, f"endpoints[{i}].addresses[{j}]")
    ]


STRATEGY = Strategy(
    prepare_update=prepare_update, validate_create=validate, validate_update=validate_update, warnings=warnings
)

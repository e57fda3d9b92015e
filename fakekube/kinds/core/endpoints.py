"""Endpoints: the addresses behind a service, in the form that EndpointSlices replace."""

from __future__ import annotations

from typing import Any

from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.registry.kind import Object, Strategy

MANAGED_BY, CONTROLLER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"


def _reachable(value: Any, path: str) -> list[FieldError]:
    """An address that is none is told once more, in the words of old."""
    if names.parsed_ip(value or "") is None:
        return [invalid(path, value or "", "must be a valid IP address")]
    return [invalid(path, value, text) for text in names.end_point(value)]


_ADDRESS = (
    ("ip", rules.always_named(names.ip)),
    ("hostname", rules.named(names.label)),
    ("nodeName", rules.told_by(names.subdomain)),
    ("ip", _reachable),
)


def _subset(value: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if not value.get("addresses") and not value.get("notReadyAddresses"):
        errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
    ports = value.get("ports") or ()
    name = rules.needed_name(names.label) if len(ports) > 1 else rules.named(names.label)
    port = (
        ("name", name),
        ("port", lambda number, place: rules.port(number or 0, place)),
        ("protocol", rules.needed_one_of("SCTP", "TCP", "UDP")),
        ("appProtocol", rules.told_by(names.qualified_name)),
    )
    addresses = rules.each(*_ADDRESS)
    return errors + rules.check(
        value, [("addresses", addresses), ("notReadyAddresses", addresses), ("ports", rules.each(*port))], path
    )


validate = rules.table(("subsets", rules.each(_subset)))


def validate_update(endpoints: Object, old: Object) -> list[FieldError]:
    """What has been let through once is not asked again as long as it stays."""
    return [] if endpoints.get("subsets") == old.get("subsets") else validate(endpoints)


def warnings(endpoints: Object, old: Object | None) -> list[str]:
    """What is told of addresses that are good, but not as they should be written; the controller's own are taken to be."""
    if (endpoints["metadata"].get("labels") or {}).get(MANAGED_BY) == CONTROLLER:
        return []
    return [
        text
        for i, subset in enumerate(endpoints.get("subsets") or ())
        for field in ("addresses", "notReadyAddresses")
        for j, address in enumerate(subset.get(field) or ())
        for text in names.ip_warnings(address.get("ip", ""), f"subsets[{i}].{field}[{j}].ip")
    ]


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update, warnings=warnings)

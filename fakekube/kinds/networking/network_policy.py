"""NetworkPolicies: which traffic pods take and send.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, required
from fakekube.registry.kind import Object, Strategy

MOST_POLICY_TYPES = 2


def _ports(value: Object, path: str) -> list[FieldError]:
    port, last, place = value.get("port"), value.get("endPort"), f"{path}.endPort"
    errors = rules.port_or_name(port, f"{path}.port")
    if last is None:
        return errors
    if port is None:
        return [invalid(place, last, "may not be specified when `port` is not specified")]
    if isinstance(port, str):
        return [invalid(place, last, "may not be specified when `port` is non-numeric"), *errors]
    if last < port:
        # The value that is told is the first port, as in Kubernetes.
        errors.append(invalid(place, port, "must be greater than or equal to `port`"))
    return errors + rules.port(last, place)


def _peer(value: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    given = 0
    for field in ("podSelector", "namespaceSelector"):
        if value.get(field) is not None:
            given += 1
            errors += rules.selector(value[field], f"{path}.{field}")
    if value.get("ipBlock") is not None:
        given += 1
        errors += _ip_block(value["ipBlock"], f"{path}.ipBlock")
        if given > 1:
            errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors if given else [required(path, "must specify a peer")]


def _ip_block(value: Object, path: str) -> list[FieldError]:
    cidr = value.get("cidr", "")
    if not cidr:
        return [required(f"{path}.cidr")]
    errors = [invalid(f"{path}.cidr", cidr, text) for text in names.cidr(cidr)]
    whole = names.parsed_cidr(cidr)
    if whole is None:
        return errors
    for i, text in enumerate(value.get("except") or ()):
        place = f"{path}.except[{i}]"
        errors += [invalid(place, text, why) for why in names.cidr(text)]
        part = names.parsed_cidr(text)
        if part is not None and not _is_smaller_part(part, whole):
            errors.append(invalid(place, text, "must be a strict subset of `cidr`"))
    return errors


def _is_smaller_part(part: names.Network, whole: names.Network) -> bool:
    return part.version == whole.version and part.prefixlen > whole.prefixlen and part.network_address in whole


def _policy_types(value: Any, path: str) -> list[FieldError]:
    if value and len(value) > MOST_POLICY_TYPES:
        return [invalid(path, value, "may not specify more than two policyTypes")]
    return rules.each_value(rules.always_one_of("Ingress", "Egress"))(value, path)


_PORT = (("protocol", rules.any_one_of("TCP", "UDP", "SCTP")), _ports)

validate = rules.table(
    ("spec.podSelector", rules.selector),
    ("spec.ingress", rules.each(("ports", rules.each(*_PORT)), ("from", rules.each(_peer)))),
    ("spec.egress", rules.each(("ports", rules.each(*_PORT)), ("to", rules.each(_peer)))),
    ("spec.policyTypes", _policy_types),
)


def warnings(policy: Object, old: Object | None) -> list[str]:
    """What is told of ranges that are good, but not as they should be written."""
    told: list[str] = []
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for i, rule in enumerate(fields.at(policy, f"spec.{direction}") or ()):
            for j, peer in enumerate(rule.get(peers) or ()):
                block, path = peer.get("ipBlock") or {}, f"spec.{direction}[{i}].{peers}[{j}].ipBlock"
                told += names.cidr_warnings(block.get("cidr", ""), f"{path}.cidr")
                for k, text in enumerate(block.get("except") or ()):
                    told += names.cidr_warnings(text, f"{path}.except[{k}]")
    return told


STRATEGY = Strategy(validate_create=validate, validate_update=validate, warnings=warnings)

"""ServiceCIDRs: ranges from which services get their addresses."""

from __future__ import annotations

from typing import Any

from fakekube.objects import as_sent, fields, names, rules
from fakekube.objects.field_errors import FieldError, invalid, required
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object, Strategy

MOST_RANGES = 2


def _ranges(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "at least one CIDR required")]
    if len(value) > MOST_RANGES:
        return [invalid(path, {"CIDRs": value}, "may only hold up to 2 values")]
    errors = [invalid(f"{path}[{i}]", text, why) for i, text in enumerate(value) for why in names.canonical_cidr(text)]
    networks = [names.parsed_cidr(text) for text in value]
    if len(value) == MOST_RANGES and all(networks) and len({each.version for each in networks if each}) == 1:
        errors.append(
            invalid(
                path, value, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            )
        )
    return errors


validate = rules.table(("spec.cidrs", _ranges))


def validate_update(service_cidr: Object, old: Object) -> list[FieldError]:
    """A second range may come, of the other family; the first stays."""
    new, before = fields.at(service_cidr, "spec.cidrs") or [], fields.at(old, "spec.cidrs") or []
    if len(new) == len(before) or (len(before) == 1 and len(new) == MOST_RANGES):
        errors = [
            invalid(f"spec.cidrs[{i}]", text, IMMUTABLE_TEXT)
            for i, text in enumerate(new[: len(before)])
            if text != before[i]
        ]
        return errors + (validate(service_cidr) if len(new) != len(before) else [])
    return [invalid("spec.cidrs", as_sent.shown_at(service_cidr, "spec.cidrs"), IMMUTABLE_TEXT)]


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update)

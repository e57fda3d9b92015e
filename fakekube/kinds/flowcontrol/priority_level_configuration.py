"""PriorityLevelConfigurations: how many requests of one importance are worked on at once, and which wait.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

import math
from typing import Any

from fakekube.kinds.flowcontrol.flow_schema import validate_status
from fakekube.kinds.flowcontrol.mandatory import EXEMPT, fixed_spec
from fakekube.objects import fields, go_structs, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, required
from fakekube.registry.kind import Object, Strategy

_KEEPS_ZERO = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"
MOST_QUEUES, MOST_ENTROPY_BITS = 10_000_000, 60
_NATURAL = rules.told("must be a non-negative integer", lambda number: number >= 0)


def _positive(value: Any, path: str) -> list[FieldError]:
    return [] if (value or 0) > 0 else [invalid(path, value or 0, "must be positive")]


def _hand(queuing: Object, path: str) -> list[FieldError]:
    queues, hand = queuing.get("queues", 0), queuing.get("handSize", 0)
    errors: list[FieldError] = []
    if queues > MOST_QUEUES:
        errors.append(invalid(f"{path}.queues", queues, f"must not be greater than {MOST_QUEUES}"))
    if hand <= 0:
        errors += _positive(hand, f"{path}.handSize")
    elif hand > queues:
        errors.append(invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > MOST_ENTROPY_BITS:
        detail = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MOST_ENTROPY_BITS}"
        errors.append(invalid(f"{path}.handSize", hand, detail))
    return errors


_QUEUING = (("queueLengthLimit", _positive), ("queues", _positive), _hand)


def _queuing(response: Object, path: str) -> list[FieldError]:
    queuing, place = response.get("queuing"), f"{path}.queuing"
    if response.get("type") == "Reject" and queuing is not None:
        return [forbidden(place, "must be nil if limited.limitResponse.type is not Limited")]
    if response.get("type") == "Queue":
        if queuing is None:
            return [required(place, "must not be empty if limited.limitResponse.type is Limited")]
        return rules.check(queuing, _QUEUING, place)
    return rules.always_one_of("Queue", "Reject")(response.get("type"), f"{path}.type")


_SHARES: rules.Row = ("nominalConcurrencyShares", _NATURAL)
_LENDABLE: rules.Row = ("lendablePercent", rules.between(0, 100))
_EXEMPT: tuple[rules.Row, ...] = (_SHARES, _LENDABLE)
_LIMITED: tuple[rules.Row, ...] = (
    _SHARES,
    ("limitResponse", lambda value, path: _queuing(value or {}, path)),
    _LENDABLE,
    (
        "borrowingLimitPercent",
        rules.told("if specified, must be a non-negative integer", lambda number: number >= 0),
    ),
)


def _by_type(spec: Object, path: str) -> list[FieldError]:
    type_, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    if type_ == "Exempt":
        detail = "must be nil if the type is not Limited"
        errors = [] if limited is None else [forbidden(f"{path}.limited", detail)]
        return errors + rules.check(exempt or {}, _EXEMPT, f"{path}.exempt")
    if type_ == "Limited":
        errors = [] if exempt is None else [forbidden(f"{path}.exempt", "must be nil if the type is Limited")]
        if limited is None:
            return [*errors, required(f"{path}.limited", "must not be empty when type is Limited")]
        return errors + rules.check(limited, _LIMITED, f"{path}.limited")
    return rules.always_one_of("Exempt", "Limited")(type_, f"{path}.type")


def _exempt_by_name(level: Object, _: str) -> list[FieldError]:
    type_ = fields.at(level, "spec.type") or ""
    if (type_ == "Exempt") == (level["metadata"].get("name") == EXEMPT):
        return []
    return [invalid("spec.type", type_, f"must be 'Exempt' if and only if `name` is '{EXEMPT}'")]


def _note_of_old_versions(level: Object, _: str) -> list[FieldError]:
    """An annotation in which version v1beta3 keeps a zero, and which means nothing since."""
    if _KEEPS_ZERO not in (level["metadata"].get("annotations") or {}):
        return []
    return [forbidden("metadata.annotations", f"annotation '{_KEEPS_ZERO}' is forbidden")]


def _fixed(level: Object, _: str) -> list[FieldError]:
    """The exempt level may choose its shares."""
    name, spec = level["metadata"].get("name", ""), level.get("spec") or {}
    wanted = fixed_spec("PriorityLevelConfiguration", name)
    if wanted is None or (spec | {"exempt": wanted["exempt"]} if "exempt" in wanted else spec) == wanted:
        return []
    shown = go_structs.shown_type("flowcontrol.v1.PriorityLevelConfigurationSpec", spec)
    but = " except the 'spec.exempt' field" if name == EXEMPT else ""
    return [invalid("spec", shown, f"spec of '{name}'{but} must equal the fixed value")]


validate = rules.table(
    _note_of_old_versions,
    _exempt_by_name,
    lambda level, _: _by_type(level.get("spec") or {}, "spec"),
    _fixed,
)


STRATEGY = Strategy(validate_create=validate, validate_update=validate, validate_status_update=validate_status)

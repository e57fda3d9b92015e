"""PriorityLevelConfigurations: how many requests of one importance are worked on at once, and which wait.

https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from __future__ import annotations

import math
from typing import Any

from fakekube.kinds.flowcontrol.flow_schema import EXEMPT, MANDATORY, validate_status
from fakekube.objects import fields, go_structs, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, required
from fakekube.registry.kind import Object, Strategy

MOST_QUEUES, MOST_ENTROPY_BITS = 10_000_000, 60
_NATURAL = rules.told("must be a non-negative integer", lambda number: number >= 0)


def _positive(value: Any, path: str) -> list[FieldError]:
    return [] if (value or 0) > 0 else [invalid(path, value or 0, "must be positive")]


def _hand(queuing: Object, path: str) -> list[FieldError]:
    queues, hand = queuing.get("queues", 0), queuing.get("handSize", 0)
    errors: list[FieldError] = []
    if queues > MOST_QUEUES:
        errors.append(invalid(f"{path}.queues", queues, f"must not be greater than {MOST_QUEUES}"))
    errors += _positive(hand, f"{path}.handSize")
    if hand > queues:
        errors.append(invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif queues > 0 and hand > 0 and _entropy_bits(queues, hand) > MOST_ENTROPY_BITS:
        detail = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MOST_ENTROPY_BITS}"
        errors.append(invalid(f"{path}.handSize", hand, detail))
    return errors


def _entropy_bits(queues: int, hand: int) -> float:
    """What it takes to deal a hand of queues; no more is counted than is too much."""
    return sum(math.log2(queues - i) for i in range(min(hand, MOST_ENTROPY_BITS + 1)))


_QUEUING = (("queueLengthLimit", _positive), ("queues", _positive), _hand)


def _queuing(response: Object, path: str) -> list[FieldError]:
    queuing, place = response.get("queuing"), f"{path}.queuing"
    if response.get("type") == "Reject" and queuing is not None:
        return [forbidden(place, "must be nil if limited.limitResponse.type is not Limited")]
    if response.get("type") == "Queue":
        if queuing is None:
            return [required(place, "must not be empty if limited.limitResponse.type is Limited")]
        return rules.check(queuing, _QUEUING, place)
    return []


_SHARES: tuple[rules.Row, ...] = (
    ("nominalConcurrencyShares", _NATURAL),
    ("lendablePercent", rules.between(0, 100)),
)
_LIMITED: tuple[rules.Row, ...] = (
    *_SHARES,
    ("borrowingLimitPercent", _NATURAL),
    ("limitResponse.type", rules.needed_one_of("Queue", "Reject")),
    ("limitResponse", rules.within(_queuing)),
)


def _by_type(spec: Object, path: str) -> list[FieldError]:
    type_, limited, exempt = spec.get("type", ""), spec.get("limited"), spec.get("exempt")
    if type_ == "Exempt":
        if limited is not None:
            return [forbidden(f"{path}.limited", "must be nil if the type is not Limited")]
        return rules.check(exempt or {}, _SHARES, f"{path}.exempt")
    if type_ == "Limited":
        if exempt is not None:
            return [forbidden(f"{path}.exempt", "must be nil if the type is Limited")]
        if limited is None:
            return [required(f"{path}.limited", "must not be empty when type is Limited")]
        return rules.check(limited, _LIMITED, f"{path}.limited")
    return rules.always_one_of("Exempt", "Limited")(type_, f"{path}.type")


def _exempt_by_name(level: Object, _: str) -> list[FieldError]:
    type_ = fields.at(level, "spec.type") or ""
    if (type_ == "Exempt") == (level["metadata"].get("name") == EXEMPT):
        return []
    return [invalid("spec.type", type_, f"type must be 'Exempt' if and only if name is '{EXEMPT}'")]


validate = rules.table(_exempt_by_name, lambda level, _: _by_type(level.get("spec") or {}, "spec"))


def validate_update(level: Object, old: Object) -> list[FieldError]:
    """The two levels that there must be keep what they say, but for the shares of the exempt one."""
    errors, name = validate(level), level["metadata"].get("name")
    if name not in MANDATORY:
        return errors
    free = ("exempt",) if name == EXEMPT else ()
    new, before = ({key: part for key, part in each["spec"].items() if key not in free} for each in (level, old))
    if new != before:
        shown = go_structs.shown_type("flowcontrol.v1.PriorityLevelConfigurationSpec", level["spec"])
        but = " except the 'spec.exempt' field" if free else ""
        errors.append(invalid("spec", shown, f"spec of '{name}'{but} must equal the fixed value"))
    return errors


STRATEGY = Strategy(validate_create=validate, validate_update=validate_update, validate_status_update=validate_status)

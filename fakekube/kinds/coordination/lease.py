"""Leases: who holds something, and for how long.

https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

from fakekube.objects import rules
from fakekube.registry.kind import Object, Operation, Strategy

_OF_COORDINATED_ELECTION = ("strategy", "preferredHolder")
"""The server of the reference version has this feature off and drops its fields."""


def prepare_create(lease: Object, operation: Operation) -> None:
    for field in _OF_COORDINATED_ELECTION:
        (lease.get("spec") or {}).pop(field, None)


def prepare_update(lease: Object, old: Object, operation: Operation) -> None:
    prepare_create(lease, operation)


validate = rules.table(
    ("spec.leaseDurationSeconds", rules.told("must be greater than 0", lambda seconds: seconds > 0)),
    ("spec.leaseTransitions", rules.non_negative),
)

STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate_create=validate,
    validate_update=validate,
)

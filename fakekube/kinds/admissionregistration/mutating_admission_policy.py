"""MutatingAdmissionPolicies: expressions that are asked about requests."""

from __future__ import annotations

from fakekube.kinds.policy_rules import mutating
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy


def validate(policy: Object, *_: object) -> list[FieldError]:
    return mutating(policy)


STRATEGY = Strategy(validate_create=validate, validate_update=validate)

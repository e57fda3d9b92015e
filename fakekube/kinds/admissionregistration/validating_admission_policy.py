"""ValidatingAdmissionPolicies: expressions that are asked about requests."""

from __future__ import annotations

from fakekube.kinds.policy_rules import VALIDATING_STATUS, validating
from fakekube.objects import rules
from fakekube.objects.field_errors import FieldError
from fakekube.registry.kind import Object, Strategy


def validate(policy: Object, *_: object) -> list[FieldError]:
    return validating(policy)


STRATEGY = Strategy(
    validate_create=validate, validate_update=validate, validate_status_update=rules.table(*VALIDATING_STATUS)
)

"""ValidatingAdmissionPolicy: expressions judge what is written."""

from __future__ import annotations

from collections.abc import Awaitable

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object


def validate(obj: Object, old: Object | None, attributes: Attributes) -> Awaitable[None] | None:
    """Raises StatusError: what a policy refuses with."""
    policies = attributes.policies
    if policies is None:
        return None
    asked = policies.validating.asked(attributes.kind, attributes.subresource, attributes.operation)
    if not asked:
        return None
    from fakekube.admission.policy_validations import validate as ask_them

    return ask_them(policies.validating, asked, None if attributes.operation == "DELETE" else obj, old, attributes)

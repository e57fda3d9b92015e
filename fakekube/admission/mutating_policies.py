"""MutatingAdmissionPolicy: expressions change what is written."""

from __future__ import annotations

from collections.abc import Awaitable

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> Awaitable[None] | None:
    """Raises StatusError: what a policy refuses with, InternalError for a patch that makes no object of the kind."""
    policies = attributes.policies
    if policies is None:
        return None
    asked = policies.mutating.asked(attributes.kind, attributes.subresource, attributes.operation)
    if not asked:
        return None
    from fakekube.admission.policy_mutations import mutate as ask_them

    return ask_them(policies, asked, None if attributes.operation == "DELETE" else obj, old, attributes)

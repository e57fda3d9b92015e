"""Match conditions of webhooks: CEL expressions that must all hold for a webhook to be asked.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object

NOT_EVALUATED = "fakekube does not evaluate expressions (CEL)"

Conditions = Sequence[Mapping[str, Any]]


def hold(conditions: Conditions, attributes: Attributes, request: Object, *, is_needed: bool) -> bool:
    """Whether the webhook is asked about `request`, that of the review which it would get.

    While expressions are not evaluated each of them counts as one that breaks: as on the real server the write is then refused if the
    webhook is needed (failurePolicy Fail), and else the webhook is passed over. Neither pretends that a condition held.

    Raises Forbidden.
    """
    if not conditions:
        return True
    if not is_needed:
        return False
    broken = [f"expression '{each['expression']}' resulted in error: {NOT_EVALUATED}" for each in conditions]
    raise attributes.forbidden(broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]")

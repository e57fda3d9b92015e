"""Match conditions of webhooks: CEL expressions that must all hold for a webhook to be asked.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fakekube.admission.attributes import Attributes
from fakekube.registry.kind import Object

Conditions = Sequence[Mapping[str, Any]]
"""`name` and `expression` of each."""


class ConditionError(Exception):
    """An expression that gives no answer; the message is that of CEL: `no such key: metadata`."""


def hold(conditions: Conditions, attributes: Attributes, request: Object, *, is_needed: bool) -> bool:
    """Whether the webhook is asked about `request`, that of the review which it would get.

    One condition that is false is enough for a no. Where none is, those that break refuse the write if the webhook is needed
    (failurePolicy Fail), and else have it passed over. Raises Forbidden.
    """
    broken = []
    for condition in conditions:
        expression = condition["expression"]
        try:
            if not _is_true(expression, attributes, request):
                return False
        except ConditionError as error:
            broken.append(f"expression '{expression}' resulted in error: {error}")
    if broken and is_needed:
        raise attributes.forbidden(broken[0] if len(broken) == 1 else f"[{', '.join(broken)}]")
    return not broken


def _is_true(expression: str, attributes: Attributes, request: Object) -> bool:
    """The variables are `request`, `object` and `oldObject` (of the request), and `authorizer`. Raises ConditionError.

    Nothing evaluates expressions so far, so each breaks: that is told, where to pretend either answer would not be.
    """
    raise ConditionError("fakekube does not evaluate expressions (CEL)")

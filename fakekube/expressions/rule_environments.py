"""What a rule of `x-kubernetes-validations` may name.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from __future__ import annotations

from fakekube.expressions.environment import Environment
from fakekube.expressions.libraries import KUBERNETES
from fakekube.expressions.schema_types import Declaration
from fakekube.expressions.types import optional_of

SELF, OLD_SELF = "self", "oldSelf"

COST_OF_A_RULE = 1_000_000
"""What one evaluation may cost, of a rule or of its messageExpression."""
COST_OF_AN_OBJECT = 10_000_000
"""What all rules together may cost at one write."""


def environment_of(declaration: Declaration, *, optional_old_self: bool = False) -> Environment:
    """The environment of the rules at one place of a schema and of their messages; `optional_old_self` is the rule's `optionalOldSelf`."""
    old = optional_of(declaration.type) if optional_old_self else declaration.type
    return Environment({SELF: declaration.type, OLD_SELF: old}, KUBERNETES)

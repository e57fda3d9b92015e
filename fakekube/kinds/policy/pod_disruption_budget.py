"""PodDisruptionBudgets: how many pods must stay, or may go.

https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

from fakekube.objects import go_structs, rules
from fakekube.objects.field_errors import FieldError, invalid
from fakekube.registry.kind import Object, Strategy


def _one_limit(budget: Object, _: str = "") -> list[FieldError]:
    spec = budget.get("spec") or {}
    if spec.get("minAvailable") is None or spec.get("maxUnavailable") is None:
        return []
    shown = go_structs.shown("policy.PodDisruptionBudgetSpec", spec)
    return [invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")]


validate = rules.table(
    _one_limit,
    ("spec.minAvailable", rules.number_or_percent, rules.at_most_all),
    ("spec.maxUnavailable", rules.number_or_percent, rules.at_most_all),
    ("spec.selector", rules.selector),
    ("spec.unhealthyPodEvictionPolicy", rules.any_one_of("AlwaysAllow", "IfHealthyBudget")),
)

validate_status = rules.table(
    ("status.conditions", rules.conditions),
    *(
        (f"status.{counter}", rules.non_negative)
        for counter in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    ),
)

STRATEGY = Strategy(
    validate_create=validate,
    validate_update=validate,
    validate_status_update=validate_status,
)

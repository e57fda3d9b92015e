"""The quality of service class of a pod, computed once from what it asks for.

https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object

GUARANTEED, BURSTABLE, BEST_EFFORT = "Guaranteed", "Burstable", "BestEffort"
_COUNTED = ("cpu", "memory")


def quality_of_service(spec: Object) -> str:
    """Of a defaulted pod spec. Only cpu and memory above zero count; resources of the pod as a whole count instead of its containers'."""
    if spec.get("resources") is not None:
        parts = [spec["resources"]]
    else:
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        parts = [container.get("resources") or {} for container in containers]
    requests: dict[str, Decimal] = {}
    limits: dict[str, Decimal] = {}
    all_limited = True
    for resources in parts:
        _add(requests, resources.get("requests"))
        if _add(limits, resources.get("limits")) < len(_COUNTED):
            all_limited = False
    if not requests and not limits:
        return BEST_EFFORT
    if (
        all_limited
        and len(requests) == len(limits)
        and all(limits[name] == amount for name, amount in requests.items())
    ):
        return GUARANTEED
    return BURSTABLE


def _add(total: dict[str, Decimal], amounts: Mapping[str, str] | None) -> int:
    """Add what counts; how many resources that were."""
    counted = 0
    for name in _COUNTED:
        if amounts and name in amounts and (amount := parse(amounts[name])) > 0:
            total[name] = total.get(name, Decimal(0)) + amount
            counted += 1
    return counted

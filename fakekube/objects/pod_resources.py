"""What a pod as a whole asks for and may use: its containers together, or more where an init container wants more.

https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fakekube.objects.quantities import Quantity, quantity

Object = dict[str, Any]
Amounts = dict[str, Quantity]


def pod_resources(pod: Object, kind: Literal["requests", "limits"]) -> Amounts:
    """The amounts by their names (`cpu`); what nobody names is not in it."""
    spec = pod["spec"]
    running: Amounts = {}
    starting: Amounts = {}
    for container in spec.get("initContainers", ()):
        asked = _of(container.get("resources", {}).get(kind, {}))
        if container.get("restartPolicy") == "Always":  # a sidecar: it goes on running
            running = _sum(running, asked)
            asked = running
        else:
            asked = _sum(running, asked)
        starting = _larger(starting, asked)
    for container in spec.get("containers", ()):
        running = _sum(running, _of(container.get("resources", {}).get(kind, {})))
    total = _larger(running, starting)
    # What the pod says for itself counts instead.
    total |= _of(spec.get("resources", {}).get(kind, {}))
    overhead = _of(spec.get("overhead", {}))
    if kind == "limits":
        overhead = {name: amount for name, amount in overhead.items() if name in total}
    return _sum(total, overhead)


def _of(amounts: Mapping[str, str]) -> Amounts:
    return {name: quantity(text) for name, text in amounts.items()}


def _sum(left: Amounts, right: Amounts) -> Amounts:
    result = dict(left)
    for name, amount in right.items():
        result[name] = result[name] + amount if name in result else amount
    return result


def _larger(left: Amounts, right: Amounts) -> Amounts:
    result = dict(left)
    for name, amount in right.items():
        if name not in result or result[name].value < amount.value:
            result[name] = amount
    return result

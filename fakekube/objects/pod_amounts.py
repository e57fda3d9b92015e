"""What the containers of a pod need at once.

https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fakekube.objects.quantities import Quantity, quantity

Amounts = dict[str, Quantity]


def together(spec: Mapping[str, Any], field: str) -> Amounts:
    """The `requests` or `limits` of all containers, or of one that runs before them with the sidecars that are there by then, if that is
    more.
    """
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _of(container, field))
    staying: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        stays = container.get("restartPolicy") == "Always"
        beside = staying if stays else dict(staying)
        _add(beside, _of(container, field))
        if stays:
            _add(total, _of(container, field))
        _raise_to(most, beside)
    _raise_to(total, most)
    return total


def _of(container: Mapping[str, Any], field: str) -> Mapping[str, str]:
    amounts: Mapping[str, str] = (container.get("resources") or {}).get(field) or {}
    return amounts


def _add(total: Amounts, amounts: Mapping[str, str]) -> None:
    for name, amount in amounts.items():
        total[name] = total[name] + quantity(amount) if name in total else quantity(amount)


def _raise_to(total: Amounts, amounts: Amounts) -> None:
    for name, amount in amounts.items():
        if name not in total or amount.value > total[name].value:
            total[name] = amount

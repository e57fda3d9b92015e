"""What a report about a pod may say: addresses, conditions, and containers that have ended and stay so.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from fakekube.objects import fields, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid
from fakekube.objects.metadata import IMMUTABLE_TEXT
from fakekube.registry.kind import Object

STATUS, CONDITION = "core.v1.PodStatus", "core.v1.PodCondition"
_OF_THE_SYSTEM = frozenset({"PodScheduled", "Ready", "Initialized"})
MOST_ADDRESSES = 2


def complete(pod: Object, old: Object) -> None:
    """A report keeps what it leaves out of what only some reporters know, and tells one address in both ways."""
    status = pod.get("status")
    if status is None:
        return
    before = old.get("status") or {}
    if not status.get("qosClass") and before.get("qosClass"):
        fields.put(status, "qosClass", before["qosClass"], STATUS)
    _keep_observed_generations(status, before)
    address, addresses = status.get("podIP"), status.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        fields.put(status, "podIPs", [{"ip": address}], STATUS)
    elif addresses and not address:
        fields.put(status, "podIP", addresses[0].get("ip", ""), STATUS)


def _keep_observed_generations(status: Object, before: Object) -> None:
    if not status.get("observedGeneration") and before.get("observedGeneration"):
        fields.put(status, "observedGeneration", before["observedGeneration"], STATUS)
    observed = {
        condition.get("type"): condition["observedGeneration"]
        for condition in before.get("conditions") or ()
        if condition.get("observedGeneration")
    }
    for condition in (status.get("conditions") or ()) if observed else ():
        if condition.get("type") in observed and not condition.get("observedGeneration"):
            fields.put(condition, "observedGeneration", observed[condition.get("type")], CONDITION)


def validate_update(pod: Object, old: Object) -> list[FieldError]:
    status, before, spec = pod.get("status") or {}, old.get("status") or {}, old["spec"]
    errors = [
        invalid(f"status.conditions[{i}].Type", condition.get("type", ""), text)
        for i, condition in enumerate(status.get("conditions") or ())
        if condition.get("type") not in _OF_THE_SYSTEM
        for text in names.qualified_name(condition.get("type", ""))
    ]
    errors += _nominated_node(status.get("nominatedNodeName", ""), before.get("nominatedNodeName", ""), spec)
    quality, was = status.get("qosClass", ""), before.get("qosClass", "")
    if was and quality != was:
        errors.append(invalid("status.qosClass", quality, IMMUTABLE_TEXT))
    sidecars = {each.get("name") for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"}
    for field, free in (("containerStatuses", ()), ("initContainerStatuses", sidecars)):
        errors += _ended(status.get(field) or (), before.get(field) or (), f"status.{field}", spec, free)
    return errors + _addresses(status.get("podIPs") or []) + _host_addresses(status)


def _nominated_node(name: str, before: str, spec: Object) -> list[FieldError]:
    path = "status.nominatedNodeName"
    if not name or name == before:
        return []
    errors = rules.named(names.subdomain)(name, path)
    if spec.get("nodeName"):
        errors.insert(0, forbidden(path, "may not be set on pods that are already bound to a node"))
    return errors


def _ended(
    new: Sequence[Object], old: Sequence[Object], path: str, spec: Object, free: Collection[Any]
) -> list[FieldError]:
    """A container that has ended, and will not be started again, runs no more."""
    policy = spec.get("restartPolicy")
    if policy == "Always":
        return []
    errors: list[FieldError] = []
    for i, before in enumerate(old):
        end = fields.at(before, "state.terminated")
        if end is None or before.get("name") in free or (policy == "OnFailure" and end.get("exitCode")):
            continue
        errors += [
            forbidden(f"{path}[{i}].state", "may not be transitioned to non-terminated state")
            for each in new
            if each.get("name") == before.get("name") and fields.at(each, "state.terminated") is None
        ]
    return errors


def _addresses(addresses: Sequence[Object]) -> list[FieldError]:
    path, texts = "status.podIPs", [each.get("ip", "") for each in addresses]
    errors = [invalid(f"{path}[{i}]", text, why) for i, text in enumerate(texts) for why in names.ip(text)]
    if errors or len(texts) < MOST_ADDRESSES:
        return errors
    families = {address.version for text in texts if (address := names.parsed_ip(text))}
    if len(texts) > MOST_ADDRESSES or len(families) < MOST_ADDRESSES:
        detail = "may specify no more than one IP for each IP family"
        errors.append(invalid(path, [{"IP": text} for text in texts], detail))
    return errors + [duplicate(f"{path}[{i}]", {"IP": text}) for i, text in enumerate(texts) if text in texts[:i]]


def _host_addresses(status: Object) -> list[FieldError]:
    addresses = [each.get("ip", "") for each in status.get("hostIPs") or ()]
    if not addresses:
        return []
    path = "status.hostIPs"
    if addresses[0] != status.get("hostIP", ""):
        return [invalid(f"{path}[0].ip", addresses[0], "must be equal to `hostIP`")]
    return [invalid(f"{path}[{i}]", text, why) for i, text in enumerate(addresses) for why in names.ip(text)]

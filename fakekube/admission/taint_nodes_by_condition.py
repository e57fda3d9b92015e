"""A new node takes no pods before something has found it ready."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    kind = attributes.kind
    if attributes.operation != "CREATE" or (kind.group, kind.resource) != ("", "nodes") or attributes.subresource:
        return
    taints = fields.at(obj, "spec.taints") or []
    if any(taint.get("key") == NOT_READY["key"] and taint.get("effect") == NOT_READY["effect"] for taint in taints):
        return
    spec = obj.get("spec")
    if spec is None:
        spec = {}
        fields.put(obj, "spec", spec, "core.v1.Node")
    fields.put(spec, "taints", [*taints, dict(NOT_READY)], "core.v1.NodeSpec")

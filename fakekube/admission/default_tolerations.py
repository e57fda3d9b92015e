"""Pods stay five minutes on a node that is not ready or cannot be reached, unless they say otherwise."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
SECONDS = 300


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    kind = attributes.kind
    if (
        (kind.group, kind.resource) != ("", "pods")
        or attributes.operation not in ("CREATE", "UPDATE")
        or attributes.subresource
    ):
        return
    spec = obj["spec"]
    present = spec.get("tolerations") or []
    missing = [taint for taint in TAINTS if not any(_tolerates(toleration, taint) for toleration in present)]
    if missing:
        added = [
            {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
            for taint in missing
        ]
        fields.put(spec, "tolerations", [*present, *added], "core.v1.PodSpec")


def _tolerates(toleration: Object, taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", "NoExecute")

"""A pod carries the labels that say in which zone and region its node is, from when it has one.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#podtopologylabels
"""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """`obj` is a pod, or the Binding that places one, whose labels become those of the pod."""
    if attributes.operation != "CREATE":
        return
    if not attributes.subresource:
        node_name = obj["spec"].get("nodeName")
    elif attributes.subresource == "binding" and obj.get("target", {}).get("kind") == "Node":
        node_name = obj["target"].get("name")
    else:
        return
    node = attributes.get("", "nodes", "", node_name) if node_name else None
    if node is None:
        return
    labels = node["metadata"].get("labels") or {}
    copied = {key: labels[key] for key in TOPOLOGY if key in labels}
    if copied:
        metadata = obj["metadata"]
        merged = {**(metadata.get("labels") or {}), **copied}
        fields.put(metadata, "labels", dict(sorted(merged.items())), "meta.ObjectMeta")

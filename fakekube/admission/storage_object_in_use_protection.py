"""Claims and volumes get a finalizer that holds them while something uses them; a controller takes it off."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

FINALIZERS = {
    ("", "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
    ("", "persistentvolumes"): "kubernetes.io/pv-protection",
    ("storage.k8s.io", "volumeattributesclasses"): "kubernetes.io/vac-protection",
}


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    kind = attributes.kind
    finalizer = FINALIZERS.get((kind.group, kind.resource))
    if finalizer is None or attributes.operation != "CREATE" or attributes.subresource:
        return
    metadata = obj["metadata"]
    present = metadata.get("finalizers") or []
    if finalizer not in present:
        fields.put(metadata, "finalizers", [*present, finalizer], "meta.ObjectMeta")

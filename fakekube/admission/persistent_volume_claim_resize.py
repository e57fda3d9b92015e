"""A bound claim grows only where its storage class lets it."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.objects.quantities import parse
from fakekube.registry.kind import Object

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_REQUEST = "spec.resources.requests.storage"
_REFUSAL = (
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
)


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden."""
    kind = attributes.kind
    if (kind.group, kind.resource) != ("", "persistentvolumeclaims") or attributes.operation != "UPDATE":
        return
    if attributes.subresource or old is None or fields.at(old, "status.phase") != "Bound":
        return
    if parse(fields.at(obj, _REQUEST) or "0") <= parse(fields.at(old, _REQUEST) or "0"):
        return
    annotations = obj["metadata"].get("annotations") or {}
    name = annotations.get(CLASS_ANNOTATION) or fields.at(obj, "spec.storageClassName")
    storage_class = attributes.get("storage.k8s.io", "storageclasses", "", name) if name else None
    if storage_class is None or not storage_class.get("allowVolumeExpansion"):
        raise attributes.forbidden(_REFUSAL)

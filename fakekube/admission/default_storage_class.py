"""A claim that names no storage class gets the default one, if there is one."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
DEFAULT_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    kind = attributes.kind
    if (kind.group, kind.resource) != ("", "persistentvolumeclaims") or attributes.operation != "CREATE":
        return
    spec = obj["spec"]
    if "storageClassName" in spec or CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        return
    marked = [each for each in attributes.list("storage.k8s.io", "storageclasses", "") if _is_default(each)]
    if marked:
        fields.put(spec, "storageClassName", _youngest(marked)["metadata"]["name"], "core.v1.PersistentVolumeClaimSpec")


def _is_default(storage_class: Object) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return any(annotations.get(annotation) == "true" for annotation in DEFAULT_ANNOTATIONS)


def _youngest(marked: list[Object]) -> Object:
    newest = max(each["metadata"]["creationTimestamp"] for each in marked)
    same_age = [each for each in marked if each["metadata"]["creationTimestamp"] == newest]
    return min(same_age, key=lambda each: str(each["metadata"]["name"]))

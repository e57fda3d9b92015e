"""An ingress that names no class gets the default one, if there is one."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.objects import fields
from fakekube.registry.kind import Object

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
GROUP = "networking.k8s.io"


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    kind = attributes.kind
    if (
        (kind.group, kind.resource) != (GROUP, "ingresses")
        or attributes.operation != "CREATE"
        or attributes.subresource
    ):
        return
    spec = obj.get("spec") or {}
    if "ingressClassName" in spec or CLASS_ANNOTATION in (obj["metadata"].get("annotations") or {}):
        return
    marked = [each for each in attributes.list(GROUP, "ingressclasses", "") if _is_default(each)]
    if not marked:
        return
    # Of several the youngest, and of those the first by name.
    marked.sort(key=lambda each: str(each["metadata"]["name"]))
    youngest = max(marked, key=lambda each: str(each["metadata"]["creationTimestamp"]))
    fields.put(spec, "ingressClassName", youngest["metadata"]["name"], "networking.v1.IngressSpec")


def _is_default(ingress_class: Object) -> bool:
    return bool((ingress_class["metadata"].get("annotations") or {}).get(DEFAULT_ANNOTATION) == "true")

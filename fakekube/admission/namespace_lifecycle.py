"""Nothing is created in a namespace that is not there or on its way out, and some namespaces stay."""

from __future__ import annotations

from fakekube.admission.attributes import Attributes
from fakekube.errors import Forbidden, details_of, not_found
from fakekube.registry.kind import Object

IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_WITHOUT_LIFE = frozenset({("", "namespaces"), ("authorization.k8s.io", "localsubjectaccessreviews")})


def mutate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises NotFound for a missing namespace, Forbidden for one that is being deleted."""
    kind, name = attributes.kind, attributes.namespace
    if attributes.operation != "CREATE" or not name or (kind.group, kind.resource) in _WITHOUT_LIFE:
        return
    namespace = attributes.get("", "namespaces", "", name)
    if namespace is None:
        raise not_found("", "namespaces", name)
    if "deletionTimestamp" in namespace["metadata"]:
        refusal = attributes.forbidden(
            f"unable to create new content in namespace {name} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        details = details_of(kind.group, kind.resource, attributes.name or attributes.generate_name, [cause])
        raise Forbidden(refusal.message, details)


def validate(obj: Object, old: Object | None, attributes: Attributes) -> None:
    """Raises Forbidden for the deletion of a namespace that the cluster cannot be without."""
    kind = attributes.kind
    if attributes.operation != "DELETE" or (kind.group, kind.resource) != ("", "namespaces"):
        return
    if attributes.name in IMMORTAL:
        raise attributes.forbidden("this namespace may not be deleted")

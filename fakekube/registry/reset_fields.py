"""Which fields nobody owns through a door of an object, because the door does not let them through.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#comparison-with-client-side-apply
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from fakekube.errors import qualified
from fakekube.objects.field_sets import Path
from fakekube.registry.kind import Kind

_STATUS: Path = ("f:status",)
_SPEC: Path = ("f:spec",)
_METADATA: Path = ("f:metadata",)

_USUAL: Mapping[str, tuple[Path, ...]] = {"": (_STATUS,), "status": (_SPEC,)}
"""Of every kind with a status of its own: by subresource, the main resource's name being empty."""

_STATUS_WITHOUT_METADATA = {"": (_STATUS,), "status": (_SPEC, _METADATA)}

_STATUS_KEEPS_METADATA = (
    "apiservices.apiregistration.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "volumeattachments.storage.k8s.io",
    "servicecidrs.networking.k8s.io",
    "resourceclaims.resource.k8s.io",
    "devicetaintrules.resource.k8s.io",
    "storageversions.internal.apiserver.k8s.io",
    "storageversionmigrations.storagemigration.k8s.io",
    "podgroups.scheduling.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
)
_OTHERS: Mapping[str, Mapping[str, tuple[Path, ...]]] = dict.fromkeys(
    _STATUS_KEEPS_METADATA, _STATUS_WITHOUT_METADATA
) | {
    "deployments.apps": {"": (_STATUS,), "status": (_SPEC, ("f:metadata", "f:labels"))},
    "pods": {
        "": (_STATUS,),
        "status": (_SPEC, ("f:metadata", "f:deletionTimestamp"), ("f:metadata", "f:ownerReferences")),
    },
    "namespaces": {"": (_STATUS,), "status": (_SPEC,), "finalize": (_STATUS,)},
    "certificatesigningrequests.certificates.k8s.io": {
        "": (_SPEC, _STATUS),
        "status": (_SPEC, ("f:status", "f:conditions")),
        "approval": (_SPEC, ("f:status", "f:certificate")),
    },
    "podcertificaterequests.certificates.k8s.io": {"status": (_SPEC,)},
}


@lru_cache(maxsize=1024)
def reset_fields(kind: Kind, subresource: str) -> tuple[Path, ...]:
    """The paths that do not count, with all below them, in writes through `subresource` (empty: the main resource)."""
    if "status" not in kind.subresource_named:
        return ()
    if not kind.type_name:
        return _STATUS_WITHOUT_METADATA.get(subresource, ())
    return _OTHERS.get(qualified(kind.group, kind.resource), _USUAL).get(subresource, ())

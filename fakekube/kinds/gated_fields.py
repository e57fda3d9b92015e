"""Fields of pods that v1.36 knows and drops without a word, because the features they belong to are off unless someone turns them on.

https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/
"""

from __future__ import annotations

from collections.abc import Callable

from fakekube.objects import fields
from fakekube.registry.kind import Object, Operation

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def drop_from_spec(spec: Object | None) -> None:
    """schedulingGroup (GenericWorkload), stopSignal (ContainerStopSignals) and two projections (ClusterTrustBundleProjection,
    PodCertificateRequest).
    """
    if not spec:
        return
    spec.pop("schedulingGroup", None)
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            lifecycle = container.get("lifecycle")
            if lifecycle and lifecycle.pop("stopSignal", None) is not None and not lifecycle:
                del container["lifecycle"]
    for volume in spec.get("volumes") or ():
        if "projected" in volume:
            for source in volume["projected"].get("sources") or ():
                for kind in _PROJECTIONS:
                    source.pop(kind, None)


def drop_from_status(status: Object | None) -> None:
    """nodeAllocatableResourceClaimStatuses (DRANodeAllocatableResources) and volumeStatus of mounts (ImageVolumeWithDigest)."""
    if not status:
        return
    status.pop("nodeAllocatableResourceClaimStatuses", None)
    for field in _STATUSES:
        for container in status.get(field) or ():
            for mount in container.get("volumeMounts") or ():
                mount.pop("volumeStatus", None)


def of_template(path: str) -> Callable[..., None]:
    """The hook of a kind whose pod template is at `path` (`spec.template`), for its creation and for its updates."""

    def prepare(obj: Object, *_: Object | Operation) -> None:
        drop_from_spec(fields.at(obj, f"{path}.spec"))

    return prepare

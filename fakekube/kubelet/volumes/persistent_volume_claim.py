"""The storage behind a PersistentVolumeClaim: a directory on this machine that outlives the pod.

https://kubernetes.io/docs/concepts/storage/persistent-volumes/#claims-as-volumes
"""

from __future__ import annotations

from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes import ownership
from fakekube.kubelet.volumes.content import Place, Reference, VolumeError
from fakekube.objects.go_text import quoted


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """Raises VolumeError while the claim has no volume."""
    return place_of(volume["persistentVolumeClaim"]["claimName"], pod, source)


def place_of(name: str, pod: Object, source: Source) -> Place:
    """Where the data of the claim `name` lie. Raises VolumeError while it has no volume."""
    namespace = pod["metadata"]["namespace"]
    claim = source.claim(namespace, name)
    if claim is None:
        raise _error(
            namespace, name, f"failed to fetch PVC from API server: persistentvolumeclaims {quoted(name)} not found"
        )
    if "deletionTimestamp" in claim["metadata"]:
        raise _error(namespace, name, "PVC is being deleted")
    if (claim.get("status") or {}).get("phase") != "Bound":
        raise _error(namespace, name, "PVC is not bound")
    if (claim.get("spec") or {}).get("volumeMode") == "Block":
        raise _error(namespace, name, "fakekube has no block devices: expected volumeMode Filesystem")
    directory = source.claim_directory(namespace, name)
    ownership.give_volume(directory, pod)
    return Place(directory)


def references(volume: Object, pod: Object) -> set[Reference]:
    return {("persistentvolumeclaims", volume["persistentVolumeClaim"]["claimName"])}


def _error(namespace: str, name: str, text: str) -> VolumeError:
    return VolumeError(f"error processing PVC {namespace}/{name}: {text}")

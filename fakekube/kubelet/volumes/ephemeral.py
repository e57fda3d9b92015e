"""The storage of a claim that the pod owns, and which ends with it.

https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
"""

from __future__ import annotations

from pathlib import Path

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.content import Place, Reference, VolumeError
from fakekube.kubelet.volumes.persistent_volume_claim import place_of


def place(volume: Object, pod: Object, source: Source, directory: Path) -> Place:
    """Raises VolumeError while the claim has no volume, or is another's."""
    metadata, name = pod["metadata"], _claim_name(volume, pod)
    claim = source.claim(metadata["namespace"], name)
    if claim is not None and all(
        each.get("uid") != metadata["uid"] for each in claim["metadata"].get("ownerReferences") or ()
    ):
        namespace = metadata["namespace"]
        raise VolumeError(
            f"PVC {namespace}/{name} was not created for pod {namespace}/{metadata['name']} (pod is not owner)"
        )
    return place_of(name, pod, source)


def references(volume: Object, pod: Object) -> set[Reference]:
    return {("persistentvolumeclaims", _claim_name(volume, pod))}


def _claim_name(volume: Object, pod: Object) -> str:
    return f"{pod['metadata']['name']}-{volume['name']}"

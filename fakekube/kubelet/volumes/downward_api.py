"""What a pod knows of itself, as files. After pkg/volume/downwardapi.

https://kubernetes.io/docs/concepts/storage/volumes/#downwardapi
"""

from __future__ import annotations

from collections.abc import Iterable

from fakekube.kubelet import Object
from fakekube.kubelet.downward_api import DownwardAPIError, field_of_volume, resource_of_volume
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.atomic_writer import File
from fakekube.kubelet.volumes.content import Collected, Files, Reference, default_mode


def files(volume: Object, pod: Object, source: Source) -> Files:
    """Of a volume. Raises VolumeError."""
    wanted = volume["downwardAPI"]
    collected = Collected()
    collect(collected, wanted.get("items") or (), pod, source, default_mode(wanted))
    return collected.done(pod)


def collect(collected: Collected, items: Iterable[Object], pod: Object, source: Source, mode: int) -> None:
    """Add the files of `items`, and what is wrong with them."""
    for item in items:
        own_mode = item.get("mode")
        try:
            text = _text(item, pod, source)
        except DownwardAPIError as error:
            collected.errors.append(str(error))
        else:
            collected.files[item["path"]] = File(text.encode(), mode if own_mode is None else own_mode)


def references(volume: Object, pod: Object) -> set[Reference]:
    return {("pods", pod["metadata"]["name"])}


def _text(item: Object, pod: Object, source: Source) -> str:
    if "fieldRef" in item:
        return field_of_volume(pod, item["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in item:
        node = source.node(pod["spec"].get("nodeName", "")) or {}
        return resource_of_volume(pod, item["resourceFieldRef"], (node.get("status") or {}).get("allocatable") or {})
    return ""

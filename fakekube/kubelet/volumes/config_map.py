"""A ConfigMap as files: one for each key of its data and binaryData. After pkg/volume/configmap."""

from __future__ import annotations

import base64

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.content import Collected, Files, Payload, Reference, VolumeError, default_mode, picked
from fakekube.objects.go_text import quoted


def files(volume: Object, pod: Object, source: Source) -> Files:
    """Of a volume. Raises VolumeError."""
    wanted = volume["configMap"]
    return Collected(payload(wanted, pod, source, default_mode(wanted))).done(pod)


def payload(wanted: Object, pod: Object, source: Source, mode: int) -> Payload:
    """Of one source of a volume: `{"name": ..., "items": ..., "optional": ...}`. Raises VolumeError."""
    name, optional = wanted.get("name", ""), bool(wanted.get("optional"))
    config_map = source.config_map(pod["metadata"]["namespace"], name)
    if config_map is None and not optional:
        raise VolumeError(f"configmap {quoted(name)} not found")
    complaint = "configmap references non-existent config key"
    return picked(_data(config_map or {}), wanted.get("items"), mode, optional=optional, complaint=complaint)


def references(volume: Object, pod: Object) -> set[Reference]:
    return {("configmaps", volume["configMap"].get("name", ""))}


def _data(config_map: Object) -> dict[str, bytes]:
    texts, binaries = config_map.get("data") or {}, config_map.get("binaryData") or {}
    return {key: text.encode() for key, text in texts.items()} | {
        key: base64.b64decode(value) for key, value in binaries.items()
    }

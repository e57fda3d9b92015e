"""A Secret as files: one for each key of its data. After pkg/volume/secret."""

from __future__ import annotations

import base64

from fakekube.kubelet import Object
from fakekube.kubelet.source import Source
from fakekube.kubelet.volumes.content import Collected, Files, Payload, Reference, VolumeError, default_mode, picked
from fakekube.objects.go_text import quoted


def files(volume: Object, pod: Object, source: Source) -> Files:
    """Of a volume, which calls its Secret `secretName`. Raises VolumeError."""
    wanted = volume["secret"]
    named = {**wanted, "name": wanted.get("secretName", "")}
    return Collected(payload(named, pod, source, default_mode(wanted))).done(pod)


def payload(wanted: Object, pod: Object, source: Source, mode: int) -> Payload:
    """Of one source of a volume: `{"name": ..., "items": ..., "optional": ...}`. Raises VolumeError."""
    name, optional = wanted.get("name", ""), bool(wanted.get("optional"))
    secret = source.secret(pod["metadata"]["namespace"], name)
    if secret is None and not optional:
        raise VolumeError(f"secret {quoted(name)} not found")
    data = {key: base64.b64decode(value) for key, value in ((secret or {}).get("data") or {}).items()}
    complaint = "references non-existent secret key"
    return picked(data, wanted.get("items"), mode, optional=optional, complaint=complaint)


def references(volume: Object, pod: Object) -> set[Reference]:
    return {("secrets", volume["secret"].get("secretName", ""))}

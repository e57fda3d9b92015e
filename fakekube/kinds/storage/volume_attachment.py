"""VolumeAttachments: a volume that shall be on a node."""

from __future__ import annotations

from fakekube.kinds.core import persistent_volume
from fakekube.kinds.csi_names import driver_name
from fakekube.objects import go_structs, names, rules
from fakekube.objects.field_errors import FieldError, forbidden, required, too_long
from fakekube.registry.kind import Object, Strategy

MOST_METADATA_BYTES, MOST_MESSAGE_BYTES = 256 * 1024, 1024


def _source(spec: Object, path: str) -> list[FieldError]:
    source = spec.get("source") or {}
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    place = f"{path}.source"
    if volume is None and inline is None:
        return [required(place, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")]
    if volume is not None and inline is not None:
        return [forbidden(place, "must specify exactly one of inlineVolumeSpec and persistentVolumeName")]
    if volume == "":
        return [required(f"{place}.persistentVolumeName", "must specify non empty persistentVolumeName")]
    return persistent_volume.inline(inline, f"{place}.inlineVolumeSpec")


_SPEC = (
    ("attacher", driver_name),
    _source,
    ("nodeName", rules.always_named(names.subdomain)),
)


def _metadata(value: Object | None, path: str) -> list[FieldError]:
    size = sum(len(key.encode()) + len(text.encode()) for key, text in (value or {}).items())
    return [too_long(path, MOST_METADATA_BYTES)] if size > MOST_METADATA_BYTES else []


def _message(value: str | None, path: str) -> list[FieldError]:
    """Kubernetes counts to one limit and tells of the other."""
    return [too_long(path, MOST_METADATA_BYTES)] if len((value or "").encode()) > MOST_MESSAGE_BYTES else []


_ERROR = rules.within(("message", _message), ("errorCode", rules.between(0, 2**31 - 1)))

validate_create = rules.table(
    ("spec", rules.within(*_SPEC)),
    ("status.attachmentMetadata", _metadata),
    ("status.attachError", _ERROR),
    ("status.detachError", _ERROR),
    ("spec.source.persistentVolumeName", rules.told_by(names.subdomain)),
)


def validate_update(volume_attachment: Object, old: Object) -> list[FieldError]:
    shown = go_structs.shown("storage.VolumeAttachmentSpec", volume_attachment.get("spec"))
    return validate_create(volume_attachment) + rules.unchanged(
        volume_attachment.get("spec"), old.get("spec"), "spec", shown=shown
    )


STRATEGY = Strategy(
    validate_create=validate_create,
    validate_update=validate_update,
    validate_status_update=validate_create,
    returns_deleted_object=True,
)

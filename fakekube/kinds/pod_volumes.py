"""What the volumes of a pod may say, and how containers mount them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from fakekube.kinds import field_references, volume_sources
from fakekube.objects import fields, metadata, names, rules
from fakekube.objects.field_errors import FieldError, duplicate, forbidden, invalid, not_found, not_supported, required
from fakekube.objects.quantities import parse, quantity
from fakekube.objects.repeated import Repeated
from fakekube.registry.kind import Object

SOURCES = (
    *(
        "emptyDir",
        "hostPath",
        "gitRepo",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "secret",
        "nfs",
        "iscsi",
        "glusterfs",
    ),
    *(
        "flocker",
        "persistentVolumeClaim",
        "rbd",
        "cinder",
        "cephfs",
        "quobyte",
        "downwardAPI",
        "fc",
        "flexVolume",
        "configMap",
    ),
    *("azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos", "projected"),
    *("scaleIO", "csi", "ephemeral", "image"),
)
MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive"
SHORTEST_TOKEN_S, LONGEST_TOKEN_S = 600, 2**32
_DOWNWARD_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")

Volumes = Mapping[str, Object]


def validate(volumes: Sequence[Object], path: str, *, template: bool = False) -> tuple[list[FieldError], Volumes]:
    """What is wrong, and the good volumes by name: a volume with any error does not exist for mounts."""
    errors: list[FieldError] = []
    good: dict[str, Object] = {}
    checks = _CHECKS_IN_TEMPLATES if template else _CHECKS
    for i, volume in enumerate(volumes):
        place, name = f"{path}[{i}]", volume.get("name", "")
        found = volume_sources.one_source(volume, place, SOURCES, checks)
        if not name:
            found.append(required(f"{place}.name"))
        else:
            found += [invalid(f"{place}.name", name, text) for text in names.label(name)]
            if name in good:
                found.append(duplicate(f"{place}.name", name))
        if found:
            errors += found
        else:
            good[name] = volume
    return errors, good


def _empty_dir(source: Object, path: str) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is not None and parse(limit) < 0:
        return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
    return []


def _files(name: str) -> Callable[[Object, str], list[FieldError]]:
    """Secrets and ConfigMaps: `name` is the field that names the object."""

    def check(source: Object, path: str) -> list[FieldError]:
        errors = [] if source.get(name) else [required(f"{path}.{name}")]
        errors += _mode(source.get("defaultMode"), f"{path}.defaultMode")
        return errors + _items(source.get("items") or (), f"{path}.items")

    return check


def _items(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for i, item in enumerate(items):
        place = f"{path}[{i}]"
        if not item.get("key"):
            errors.append(required(f"{place}.key"))
        if not item.get("path"):
            errors.append(required(f"{place}.path"))
        errors += volume_sources.file_path(item.get("path", ""), f"{place}.path")
        errors += _mode(item.get("mode"), f"{place}.mode")
    return errors


def _mode(mode: int | None, path: str) -> list[FieldError]:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(path, mode, MODE_TEXT)]


def _downward(source: Object, path: str) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    for item in source.get("items") or ():
        errors += _downward_item(item, path)
    return errors


def _downward_item(item: Object, path: str) -> list[FieldError]:
    """Its errors carry no index, as in Kubernetes."""
    errors: list[FieldError] = []
    place = item.get("path", "")
    if not place:
        errors.append(required(f"{path}.path"))
    errors += volume_sources.file_path(place, f"{path}.path")
    reference, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if reference is not None:
        errors += field_references.field(reference, f"{path}.fieldRef", _DOWNWARD_FIELDS)
        if resource is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", detail))
    elif resource is not None:
        errors += field_references.resource(resource, f"{path}.resourceFieldRef", volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(item.get("mode"), f"{path}.mode")


_LONGEST_REMEMBERED = 4096
_PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken")
"""Others are dropped before they could be judged (gated_fields)."""


_good_projections: Repeated[bytes, bool] = Repeated(256)
"""By their text: the volume with the token of its service account is in nearly every pod."""


def _projected(source: Object, path: str) -> list[FieldError]:
    text = orjson.dumps(source)
    if _good_projections.get(text):
        return []
    errors = _judged_projections(source, path)
    if not errors and len(text) < _LONGEST_REMEMBERED and not _good_projections.is_new(text):
        _good_projections.put(text, True)
    return errors


def _judged_projections(source: Object, path: str) -> list[FieldError]:
    errors = _mode(source.get("defaultMode"), f"{path}.defaultMode")
    seen: set[str] = set()
    for i, projection in enumerate(source.get("sources") or ()):
        place = f"{path}.sources[{i}]"
        present = [kind for kind in _PROJECTIONS if projection.get(kind) is not None]
        # One that says nothing is let through with a warning.
        for kind in present:
            errors += _projection(kind, projection[kind], place, path, seen)
        if len(present) > 1:
            errors.append(forbidden(place, "may not specify more than 1 volume type per source"))
    return errors


def _projection(kind: str, source: Object, place: str, path: str, seen: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    files: list[tuple[str, str]] = []
    if kind in ("secret", "configMap"):
        name = source.get("name", "")
        if not name:
            errors.append(required(f"{place}.{kind}.name"))
        errors += _items(source.get("items") or (), f"{place}.{kind}.items")
        files = [(item.get("path", ""), name) for item in source.get("items") or ()]
    elif kind == "downwardAPI":
        for item in source.get("items") or ():
            errors += _downward_item(item, f"{place}.{kind}")
        files = [(item.get("path", ""), item.get("path", "")) for item in source.get("items") or ()]
    elif kind == "serviceAccountToken":
        seconds = source.get("expirationSeconds")
        if seconds is not None and seconds < SHORTEST_TOKEN_S:
            detail = "may not specify a duration less than 10 minutes"
            errors.append(invalid(f"{place}.{kind}.expirationSeconds", seconds, detail))
        elif seconds is not None and seconds > LONGEST_TOKEN_S:
            detail = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(f"{place}.{kind}.expirationSeconds", seconds, detail))
        file = source.get("path", "")
        # These two are told at the volume and not at the source, and the token may lie where another file does.
        errors += [required(f"{path}.path")] if not file else volume_sources.file_path(file, f"{path}.path")
    for file, shown in files:
        if file and file in seen:
            errors.append(invalid(path, shown, "conflicting duplicate paths"))
        seen.add(file)
    return errors


def _ephemeral(source: Object, path: str) -> list[FieldError]:
    template = source.get("volumeClaimTemplate")
    place = f"{path}.volumeClaimTemplate"
    if template is None:
        return [required(place)]
    errors = metadata.validate_template(template.get("metadata") or {}, f"{place}.metadata")
    return errors + claim_spec(template.get("spec") or {}, f"{place}.spec")


ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


DEPRECATED_SOURCES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
}
"""What is told of sources that are gone."""


def old_sources(volume: Object, path: str) -> list[str]:
    """Those of a volume, or of a persistent one's spec, that are gone; one of them is not called by its field's name."""
    return [
        f"{path}.{'storageOS' if source == 'storageos' else source}: {why}"
        for source, why in DEPRECATED_SOURCES.items()
        if volume.get(source) is not None
    ]


def access_modes(modes: Sequence[str] | None, path: str) -> list[FieldError]:
    errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes or () if mode not in ACCESS_MODES]
    if (
        modes
        and "ReadWriteOncePod" in modes
        and any(mode in modes for mode in ACCESS_MODES if mode != "ReadWriteOncePod")
    ):
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def fractional_bytes(amounts: Mapping[str, str] | None, path: str, names_: Sequence[str]) -> list[str]:
    """What is told of amounts of bytes that are no whole number: `spec.resources.requests[storage]: fractional byte value ...`."""
    return [
        f'{path}[{name}]: fractional byte value "{quantity(amounts[name])}" is invalid, must be an integer'
        for name in names_
        if amounts and name in amounts and parse(amounts[name]) % 1
    ]


def claim_warnings(spec: Object, path: str) -> list[str]:
    """Of the spec of a PersistentVolumeClaim at `path`."""
    told: list[str] = []
    for field in ("requests", "limits"):
        told += fractional_bytes(fields.at(spec, f"resources.{field}"), f"{path}.resources.{field}", ("storage",))
    return told


def claim_spec(spec: Object, path: str, before: Object | None = None) -> list[FieldError]:
    """The spec of a PersistentVolumeClaim, of its own or in a template, and what it was before a change."""
    errors: list[FieldError] = []
    if not spec.get("accessModes"):
        errors.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    errors += rules.selector(spec.get("selector"), f"{path}.selector")
    errors += access_modes(spec.get("accessModes"), f"{path}.accessModes")
    storage = fields.at(spec, "resources.requests") or {}
    if "storage" not in storage:
        errors.append(required(f"{path}.resources[storage]"))
    elif parse(storage["storage"]) <= 0:
        errors.append(invalid(f"{path}.resources[storage]", str(storage["storage"]), "must be greater than zero"))
    had_group = any(fields.at(before, f"{field}.apiGroup") is not None for field in ("dataSource", "dataSourceRef"))
    errors += rules.check(spec, _CLAIM_ROWS_OF_OLD if had_group else _CLAIM_ROWS, path)
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is not None and reference.get("namespace"):
        errors.append(invalid(path, {}, "may not be specified when dataSourceRef.namespace is specified"))
    elif source is not None and reference is not None:
        told = tuple(
            {field: each.get(field) or "" for field in ("apiGroup", "kind", "name")} for each in (source, reference)
        )
        if told[0] != told[1]:
            errors.append(invalid(path, {}, "must match dataSourceRef"))
    return errors + rules.named(names.subdomain)(
        spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName"
    )


def _data_source(value: Any, path: str) -> list[FieldError]:
    """What a claim is filled from: another claim, or an object of a group that knows how."""
    if value is None:
        return []
    errors = rules.check(value, (("name", rules.needed), ("kind", rules.needed)), path)
    group, kind = value.get("apiGroup") or "", value.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        errors.append(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
    return errors


def _group(value: Any, path: str) -> list[FieldError]:
    return rules.named(names.subdomain)((value or {}).get("apiGroup"), f"{path}.apiGroup")


def _namespace(value: Any, path: str) -> list[FieldError]:
    return rules.named(names.label)((value or {}).get("namespace"), f"{path}.namespace")


_CLAIM_ROWS = (
    ("storageClassName", rules.named(names.subdomain)),
    ("volumeMode", rules.given_one_of("Block", "Filesystem")),
    ("dataSource", _data_source, _group),
    ("dataSourceRef", _data_source, _group, _namespace),
)
_CLAIM_ROWS_OF_OLD = (*_CLAIM_ROWS[:-2], ("dataSource", _data_source), ("dataSourceRef", _data_source, _namespace))
"""What has a group already may have any, as it was once let through."""


_CHECKS: Mapping[str, Callable[[Object, str], list[FieldError]]] = {
    **volume_sources.OF_PODS,
    "emptyDir": _empty_dir,
    "secret": _files("secretName"),
    "downwardAPI": _downward,
    "configMap": _files("name"),
    "projected": _projected,
    "ephemeral": _ephemeral,
}
_CHECKS_IN_TEMPLATES = {**_CHECKS, "image": volume_sources.IMAGE_IN_TEMPLATES}


_PROPAGATION = rules.one_of("Bidirectional", "HostToContainer", "None")
_RECURSIVE = rules.one_of("Disabled", "Enabled", "IfPossible")
_MOUNT_OPTIONS = frozenset({"subPath", "subPathExpr", "mountPropagation", "recursiveReadOnly"})


def mounts(container: Object, volumes: Volumes, path: str) -> list[FieldError]:
    """volumeMounts of one container at `path`."""
    errors: list[FieldError] = []
    devices = {each.get("name", ""): each.get("devicePath", "") for each in container.get("volumeDevices") or ()}
    device_paths = set(devices.values())
    privileged = bool(fields.at(container, "securityContext.privileged"))
    seen: set[str] = set()
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        place = f"{path}.volumeMounts[{i}]"
        name, mount_path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{place}.name"))
        if name not in volumes:
            errors.append(not_found(f"{place}.name", name))
        if not mount_path:
            errors.append(required(f"{place}.mountPath"))
        if mount_path in seen:
            errors.append(invalid(f"{place}.mountPath", mount_path, "must be unique"))
        seen.add(mount_path)
        if name in devices:
            errors.append(invalid(f"{place}.name", name, "must not already exist in volumeDevices"))
        if mount_path in device_paths:
            errors.append(
                invalid(f"{place}.mountPath", mount_path, "must not already exist as a path in volumeDevices")
            )
        if not _MOUNT_OPTIONS.isdisjoint(mount):
            errors += _mount_options(mount, f"{path}.volumeMounts", place, privileged=privileged)
    return errors


def _mount_options(mount: Object, path: str, place: str, *, privileged: bool) -> list[FieldError]:
    """Most of these are told without the index of the mount, as in Kubernetes."""
    errors: list[FieldError] = []
    if mount.get("subPath"):
        errors += volume_sources.relative_path(mount["subPath"], f"{path}.subPath")
    if expression := mount.get("subPathExpr"):
        if mount.get("subPath"):
            detail = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{place}.subPathExpr", expression, detail))
        errors += volume_sources.relative_path(expression, f"{path}.subPathExpr")
    propagation = mount.get("mountPropagation")
    errors += _PROPAGATION(propagation, f"{path}.mountPropagation")
    if propagation == "Bidirectional" and not privileged:
        detail = "Bidirectional mount propagation is available only to privileged containers"
        errors.append(forbidden(f"{path}.mountPropagation", detail))
    recursive = mount.get("recursiveReadOnly")
    if recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            errors.append(forbidden(f"{path}.recursiveReadOnly", "may only be specified when readOnly is true"))
        if propagation not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(f"{path}.recursiveReadOnly", detail))
    else:
        errors += _RECURSIVE(recursive, f"{path}.recursiveReadOnly")
    return errors


def devices(container: Object, volumes: Volumes, path: str) -> list[FieldError]:
    """volumeDevices of one container at `path`."""
    errors: list[FieldError] = []
    mounts_ = {each.get("name", ""): each.get("mountPath", "") for each in container.get("volumeMounts") or ()}
    mount_paths = set(mounts_.values())
    seen_names: set[str] = set()
    seen_paths: set[str] = set()
    for i, device in enumerate(container.get("volumeDevices") or ()):
        place = f"{path}.volumeDevices[{i}]"
        name, device_path = device.get("name", ""), device.get("devicePath", "")
        if not name:
            errors.append(required(f"{place}.name"))
        if name in seen_names:
            errors.append(invalid(f"{place}.name", name, "must be unique"))
        volume = volumes.get(name)
        if volume is None:
            errors.append(not_found(f"{place}.name", name))
        elif "persistentVolumeClaim" not in volume and "ephemeral" not in volume:
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(f"{place}.name", name, detail))
        if not device_path:
            errors.append(required(f"{place}.devicePath"))
        if device_path in seen_paths:
            errors.append(invalid(f"{place}.devicePath", device_path, "must be unique"))
        if ".." in device_path.split("/"):
            errors.append(invalid(f"{place}.devicePath", device_path, "can not contain backsteps ('..')"))
        else:
            seen_paths.add(device_path)
        if name in mounts_:
            errors.append(invalid(f"{place}.name", name, "must not already exist in volumeMounts"))
        if device_path in mount_paths:
            detail = "must not already exist as a path in volumeMounts"
            errors.append(invalid(f"{place}.devicePath", device_path, detail))
        if name:
            seen_names.add(name)
    return errors

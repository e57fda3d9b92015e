"""Where the data of volumes can lie: the sources that pods and PersistentVolumes share, and those of PersistentVolumes alone.

Each check is given the source and its path. https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fakekube.kinds.csi_names import driver_name
from fakekube.objects import names, rules
from fakekube.objects.field_errors import FieldError, forbidden, invalid, not_supported, required
from fakekube.registry.kind import Object

HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
_SCSI_NAMES = {
    "iqn": r"iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+\Z",
    "eui": r"\Aeui.[A-Za-z0-9]{16}\Z",
    "naa": r"\Anaa.[A-Za-z0-9]{32}\Z",
}
_BAD_FORMAT = "must be valid format"
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_CACHING_MODES = ("None", "ReadOnly", "ReadWrite")


def back_steps(place: str, path: str) -> list[FieldError]:
    return [invalid(path, place, "must not contain '..'")] if ".." in place.split("/") else []


def relative_path(place: str, path: str) -> list[FieldError]:
    outside = [invalid(path, place, "must be a relative path")] if place.startswith("/") else []
    return outside + back_steps(place, path)


def file_path(place: str, path: str) -> list[FieldError]:
    """A path inside a volume, where names beginning with `..` are the server's own."""
    errors = relative_path(place, path)
    if place.startswith("..") and not place.startswith("../"):
        errors.append(invalid(path, place, "must not start with '..'"))
    return errors


def needs(*fields: str) -> rules.Rule:
    return rules.within(*((field, rules.needed) for field in fields))


def _host_path(source: Object, path: str) -> list[FieldError]:
    place = source.get("path", "")
    if not place:
        return [required(f"{path}.path")]
    kind = source.get("type", "")
    errors = back_steps(place, f"{path}.path")
    return errors if kind in HOST_PATH_TYPES else [*errors, not_supported(f"{path}.type", kind, HOST_PATH_TYPES)]


def _absolute(source: Object, path: str) -> list[FieldError]:
    place = source.get("path", "")
    return [] if place.startswith("/") else [invalid(f"{path}.path", place, "must be an absolute path")]


def _local_path(value: Any, path: str) -> list[FieldError]:
    return back_steps(value, path) if value else [required(path)]


def _partition(value: Any, path: str) -> list[FieldError]:
    """None is the whole disk, although the text leaves it out."""
    return [] if 0 <= (value or 0) <= 255 else rules.between(1, 255)(value, path)


def _in_byte(value: Any, path: str) -> list[FieldError]:
    return rules.between(0, 255)(value or 0, path)


def _scsi_name(value: str, path: str, unlike: str) -> list[FieldError]:
    """`unlike` is told of a name of no known form."""
    form = _SCSI_NAMES.get(value[:3])
    if form is None:
        return [invalid(path, value, unlike)]
    return [] if re.search(form, value, re.ASCII) else [invalid(path, value, _BAD_FORMAT)]


def _scsi(unlike: str) -> tuple[rules.Row, ...]:
    """The rows of an iSCSI source."""

    def initiator(value: Any, path: str) -> list[FieldError]:
        # Told at a field that is not written as the clients write it.
        return [] if value is None else _scsi_name(value, path.replace("initiatorName", "initiatorname"), unlike)

    return (
        ("iqn", lambda value, path: _scsi_name(value, path, unlike) if value else [required(path)]),
        ("lun", _in_byte),
        _chap_secret,
        ("initiatorName", initiator),
    )


def _chap_secret(source: Object, path: str) -> list[FieldError]:
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and source.get("secretRef") is None:
        return [required(f"{path}.secretRef")]
    return []


def _flocker(source: Object, path: str) -> list[FieldError]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uuid:
        return [required(path, "one of datasetName and datasetUUID is required")]
    errors = [invalid(f"{path}.datasetName", name, "must not contain '/'")] if "/" in name else []
    if name and uuid:
        both = invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
        return [both, *errors]
    return errors


def _fibre_channel(source: Object, path: str) -> list[FieldError]:
    names_, ids = source.get("targetWWNs") or [], source.get("wwids") or []
    if not names_ and not ids:
        return [required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")]
    if not names_:
        return []
    detail = "targetWWNs and wwids can not be specified simultaneously"
    errors = [invalid(f"{path}.targetWWNs", names_, detail)] if ids else []
    lun = source.get("lun")
    if lun is None:
        return [*errors, required(f"{path}.lun", "lun is required if targetWWNs is specified")]
    return errors + rules.between(0, 255)(lun, f"{path}.lun")


def _registry(value: Any, path: str) -> list[FieldError]:
    if not value:
        return [required(path, "must be a host:port pair or multiple pairs separated by commas")]
    detail = "must be a host:port pair or multiple pairs separated by commas"
    return [invalid(path, value, detail) for pair in value.split(",") if not _HOST_AND_PORT(pair)]


_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*").fullmatch
"""What Go's net.SplitHostPort takes: either part may be empty, IPv6 stands in brackets."""


def _quobyte_registry(source: Object, path: str) -> list[FieldError]:
    registry = source.get("registry")
    if registry and len(source.get("tenant", "").encode()) > 64:
        return [required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")]
    return _registry(registry, f"{path}.registry")


def _flex_options(value: Any, path: str) -> list[FieldError]:
    reserved = [
        key for key in value or () if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io"))
    ]
    return [invalid(f"{path}[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved") for key in reserved]


def _azure_disk(source: Object, path: str) -> list[FieldError]:
    errors = rules.check(source, [("diskName", rules.needed), ("diskURI", rules.needed)], path)
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI", "")
    if caching is not None and caching not in _CACHING_MODES:
        errors.append(not_supported(f"{path}.cachingMode", caching, _CACHING_MODES))
    if kind is not None and kind not in _DISK_KINDS:
        errors.append(not_supported(f"{path}.kind", kind, _DISK_KINDS))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(
            not_supported(
                f"{path}.diskURI",
                uri,
                ("/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",),
            )
        )
    if kind not in (None, "Managed") and not uri.startswith("https://"):
        errors.append(
            not_supported(
                f"{path}.diskURI",
                uri,
                ("https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",),
            )
        )
    return errors


def _git_directory(value: Any, path: str) -> list[FieldError]:
    return file_path(value, path) if value else []


def _publish_secret(source: Object, path: str) -> list[FieldError]:
    """A bad name is told at the source and not at its secret."""
    secret = source.get("nodePublishSecretRef")
    if secret is None:
        return []
    name = secret.get("name", "")
    return (
        rules.named(names.subdomain)(name, f"{path}.name") if name else [required(f"{path}.nodePublishSecretRef.name")]
    )


_SECRET = ("secretRef", rules.within(("name", rules.needed)))
_NAMESPACED_SECRET = rules.within(("name", rules.needed), ("namespace", rules.needed))
_NAMED_SECRET = rules.within(
    ("name", rules.needed_name(names.subdomain)), ("namespace", rules.needed_name(names.label))
)
"""CSI's references are judged more strictly than those of older sources."""


def _empty_is_none(value: Any, path: str) -> list[FieldError]:
    """It may be left out, but not be empty."""
    return [required(path)] if value == "" else []


def _endpoints_namespace(value: Any, path: str) -> list[FieldError]:
    if value == "":
        return [invalid(path, value, "if the endpointnamespace is set, it must be a valid namespace name")]
    return rules.named(names.label)(value, path)


_STORAGE_OS = (("volumeName", rules.needed_name(names.label)), ("volumeNamespace", rules.named(names.label)))
SHARED: Mapping[str, rules.Rule] = {
    "hostPath": _host_path,
    "gcePersistentDisk": rules.within(("pdName", rules.needed), ("partition", _partition)),
    "awsElasticBlockStore": rules.within(("volumeID", rules.needed), ("partition", _partition)),
    "glusterfs": needs("endpoints", "path"),
    "flocker": _flocker,
    "nfs": rules.within(("server", rules.needed), ("path", rules.needed), _absolute),
    "rbd": needs("monitors", "image"),
    "quobyte": rules.within(_quobyte_registry, ("volume", rules.needed)),
    "cephfs": needs("monitors"),
    "iscsi": rules.within(
        ("targetPortal", rules.needed), *_scsi("must be valid format starting with iqn, eui, or naa")
    ),
    "cinder": rules.within(("volumeID", rules.needed), _SECRET),
    "fc": _fibre_channel,
    "flexVolume": rules.within(("driver", rules.needed), ("options", _flex_options)),
    "azureFile": needs("secretName", "shareName"),
    "vsphereVolume": needs("volumePath"),
    "photonPersistentDisk": needs("pdID"),
    "portworxVolume": needs("volumeID"),
    "azureDisk": _azure_disk,
    "scaleIO": needs("gateway", "system", "volumeName"),
    "storageos": rules.within(*_STORAGE_OS, _SECRET),
}

_PULL_POLICY = ("pullPolicy", rules.one_of("Always", "IfNotPresent", "Never"))
IMAGE_IN_TEMPLATES = rules.within(_PULL_POLICY)
"""Who makes pods of a template may say which image."""

OF_PODS: Mapping[str, rules.Rule] = {
    **SHARED,
    "gitRepo": rules.within(("repository", rules.needed), ("directory", _git_directory)),
    "persistentVolumeClaim": needs("claimName"),
    "csi": rules.within(("driver", driver_name), _publish_secret),
    "image": rules.within(("reference", rules.needed), _PULL_POLICY),
}

OF_PERSISTENT_VOLUMES: Mapping[str, rules.Rule] = {
    **SHARED,
    "cinder": rules.within(("volumeID", rules.needed), ("secretRef", _NAMESPACED_SECRET)),
    "storageos": rules.within(*_STORAGE_OS, ("secretRef", _NAMESPACED_SECRET)),
    "azureFile": rules.within(
        ("secretName", rules.needed), ("shareName", rules.needed), ("secretNamespace", _empty_is_none)
    ),
    "glusterfs": rules.within(
        ("endpoints", rules.needed), ("path", rules.needed), ("endpointsNamespace", _endpoints_namespace)
    ),
    "iscsi": rules.within(("targetPortal", rules.needed), *_scsi(_BAD_FORMAT)[:-1], _SECRET, _scsi(_BAD_FORMAT)[-1]),
    "local": rules.within(("path", _local_path)),
    "csi": rules.within(
        ("driver", driver_name),
        ("volumeHandle", rules.needed),
        *(
            (f"{call}SecretRef", _NAMED_SECRET)
            for call in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand")
        ),
    ),
}
"""In the order in which Kubernetes asks for them: SHARED's, then these."""

PERSISTENT_VOLUME_ORDER = (
    *(
        "hostPath",
        "gcePersistentDisk",
        "awsElasticBlockStore",
        "glusterfs",
        "flocker",
        "nfs",
        "rbd",
        "quobyte",
        "cephfs",
    ),
    *("iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume"),
    *("azureDisk", "scaleIO", "local", "storageos", "csi"),
)

_TOLD_AS = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""How those are called that stand beside another source, mistakes of Kubernetes included."""

MORE_THAN_ONE = "may not specify more than 1 volume type"

Check = Callable[[Object, str], list[FieldError]]


_JUDGED_AT = {"gcePersistentDisk": "persistentDisk"}
"""Sources that errors call otherwise."""


def source_of_persistent_volume(spec: Object, path: str) -> list[FieldError]:
    """What is wrong with the source of a volume.

    Of several the first one is judged and the others are refused; flexVolume is judged and never refused.
    """
    chosen, errors = "", list[FieldError]()
    for source in PERSISTENT_VOLUME_ORDER:
        if (value := spec.get(source)) is None:
            continue
        if chosen and source != "flexVolume":
            errors.append(forbidden(f"{path}.{_TOLD_AS.get(source, source)}", MORE_THAN_ONE))
            continue
        chosen = chosen or source
        errors += OF_PERSISTENT_VOLUMES[source](value, f"{path}.{_JUDGED_AT.get(source, source)}")
        if source == "local" and spec.get("nodeAffinity") is None:
            errors.append(required(f"{path}.nodeAffinity", "Local volume requires node affinity"))
    return errors if chosen else [required(path, "must specify a volume type")]


def one_source(volume: Object, path: str, order: tuple[str, ...], checks: Mapping[str, Check]) -> list[FieldError]:
    """A volume of a pod has one source; of several the first one is judged and the others are refused."""
    # Most volumes have a name and one source, whatever the order.
    given = [field for field in volume if field in checks]
    present = (
        given
        if len(given) == 1 and volume[given[0]] is not None
        else [source for source in order if volume.get(source) is not None]
    )
    if not present:
        return [required(path, "must specify a volume type")]
    errors = checks[present[0]](volume[present[0]], f"{path}.{_JUDGED_AT.get(present[0], present[0])}")
    return errors + [forbidden(f"{path}.{_TOLD_AS.get(source, source)}", MORE_THAN_ONE) for source in present[1:]]

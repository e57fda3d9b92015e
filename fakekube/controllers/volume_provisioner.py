"""Makes the volumes that claims ask of storage classes, as the storage drivers of a cluster do.

The machines that fakekube runs come with a driver for whatever class there is, so an application's claims are bound whoever its manifests
name; any of them reaches any volume. Without such machines nobody provisions, as in a control plane that stands alone.
https://kubernetes.io/docs/concepts/storage/dynamic-provisioning/
"""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.controllers.persistent_volume import (
    CLAIMS,
    CLASSES,
    NO_PROVISIONER,
    PROVISIONED_BY,
    PROVISIONER_ANNOTATIONS,
    VOLUMES,
    class_of,
    provisioner_of,
    waits_for_consumer,
)
from fakekube.errors import AlreadyExists

FOLDER = "/var/local-path-provisioner"


ALL_CLAIMS = ("", "")
"""The key of all claims, to be looked at when there is a first machine."""


async def reconcile(context: Context, namespace: str, name: str) -> None:
    if (namespace, name) == ALL_CLAIMS:
        for each in context.client.list(CLAIMS):
            if not each["spec"].get("volumeName"):
                context.wake((each["metadata"]["namespace"], each["metadata"]["name"]))
        return
    claim = context.client.get(CLAIMS, namespace, name)
    if claim is None or "deletionTimestamp" in claim["metadata"] or claim["spec"].get("volumeName"):
        return
    storage_class = class_to_provision(context, claim)
    # The annotation says that the binder has found no volume that is there already.
    asked = claim["metadata"].get("annotations", {}).get(PROVISIONER_ANNOTATIONS[-1])
    if storage_class is None or asked != provisioner_of(storage_class) or waits_for_consumer(context, claim):
        return
    volume = volume_for(claim, storage_class)
    try:
        await context.client.create(VOLUMES, volume)
    except AlreadyExists:
        return
    text = f"Successfully provisioned volume {volume['metadata']['name']}"
    await context.recorder.normal(claim, "ProvisioningSucceeded", text)


def class_to_provision(context: Context, claim: Object) -> Object | None:
    """The StorageClass by which the claim gets a volume made for it, if it has one that makes any."""
    name = class_of(claim)
    storage_class = context.client.get(CLASSES, "", name) if name and context.settings.nodes else None
    return None if storage_class is None or storage_class["provisioner"] == NO_PROVISIONER else storage_class


def volume_for(claim: Object, storage_class: Object) -> Object:
    metadata, wanted = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    volume: Object = {
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: provisioner_of(storage_class)}},
        "spec": {
            "capacity": {"storage": wanted["resources"]["requests"]["storage"]},
            "hostPath": {
                "path": f"{FOLDER}/{name}_{metadata['namespace']}_{metadata['name']}",
                "type": "DirectoryOrCreate",
            },
            "accessModes": wanted["accessModes"],
            "claimRef": {
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                "apiVersion": "v1",
                "resourceVersion": metadata["resourceVersion"],
            },
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "volumeMode": wanted.get("volumeMode", "Filesystem"),
        },
    }
    if "mountOptions" in storage_class:
        volume["spec"]["mountOptions"] = storage_class["mountOptions"]
    return volume


CONTROLLER = Controller(name="volume-provisioner", watches=(Watch(CLAIMS, key=own),), reconcile=reconcile)

"""Brings PersistentVolumes and claims together, and notes what becomes of a volume whose claim has gone.

A binding is written in four steps (volume, its status, claim, its status); whoever stops in between goes on from what is stored.
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_states import is_finished
from fakekube.errors import NotFound
from fakekube.objects.quantities import parse
from fakekube.objects.selectors import label_selector_of

VOLUMES, CLAIMS, CLASSES = "persistentvolumes", "persistentvolumeclaims", "storageclasses.storage.k8s.io"

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
"""Says of a volume or a claim that its partner was chosen here, not by a user."""
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""The scheduler has found a node for the first pod that uses the claim."""
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
PROVISIONER_ANNOTATIONS = (
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
)

IN_TREE = "kubernetes.io/"
"""Begins the names of provisioners that are part of Kubernetes itself."""
HOST_PATH = "kubernetes.io/host-path"
"""The only one that is left, and switched off."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""Of classes whose volumes people make."""
DRIVERS = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}
"""By the volume plugin that each has replaced."""

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
DELETABLE = re.compile("/tmp/.+")
"""Folders of the machine that are Kubernetes' to delete."""
RECYCLABLE = frozenset({"hostPath", "nfs"})
"""Sources of volumes that can be emptied for the next claim."""

A_CLASS = "class/"
"""Before the name of a StorageClass in a key: no name has a slash."""


@dataclass(slots=True)
class Memory:
    waiting: dict[Key, None] = field(default_factory=dict)
    """The claims for which there is no volume yet."""


def volume_and_claim(volume: Object) -> tuple[Key, ...]:
    reference = volume["spec"].get("claimRef", {})
    own_key = ("", volume["metadata"]["name"])
    if reference.get("namespace") and reference.get("name"):
        return (own_key, (reference["namespace"], reference["name"]))
    return (own_key,)


def claim_and_volume(claim: Object) -> tuple[Key, ...]:
    name = claim["spec"].get("volumeName")
    return (*own(claim), ("", name)) if name else own(claim)


def class_key(storage_class: Object) -> tuple[Key, ...]:
    return (("", f"{A_CLASS}{storage_class['metadata']['name']}"),)


async def reconcile(context: Context, namespace: str, name: str) -> None:
    memory: Memory = context.memory.setdefault("claims", Memory())
    if namespace:
        await look_at_claim(context, memory, namespace, name)
    elif name.startswith(A_CLASS):
        await look_at_waiting(context, memory)
    elif await look_at_volume(context, name):
        # Those whom it does not help have been told what they wait for.
        await look_at_waiting(context, memory, tell=False)


async def look_at_waiting(context: Context, memory: Memory, *, tell: bool = True) -> None:
    for namespace, name in list(memory.waiting):
        await look_at_claim(context, memory, namespace, name, tell=tell)


# Volumes.


async def look_at_volume(context: Context, name: str) -> bool:
    """Whether the volume can be had now."""
    volume = context.client.get(VOLUMES, "", name)
    if volume is None:
        return False
    reference = volume["spec"].get("claimRef")
    if reference is None or not reference.get("uid"):
        await set_phase(context, volume, "Available")
        return True
    claim = context.client.get(CLAIMS, reference["namespace"], reference["name"])
    if claim is None or claim["metadata"]["uid"] != reference["uid"]:
        await release(context, volume)
    elif claim["spec"].get("volumeName") == name:
        await set_phase(context, volume, "Bound")
    elif claim["spec"].get("volumeName"):
        # The claim has taken another one.
        await unbind(context, volume)
        return True
    return False


async def release(context: Context, volume: Object) -> None:
    """The claim is gone: the volume waits for somebody who knows what is on it, or goes as well."""
    if volume.get("status", {}).get("phase") not in ("Released", "Failed"):
        volume = await set_phase(context, volume, "Released")
    metadata = volume["metadata"]
    policy = volume["spec"].get("persistentVolumeReclaimPolicy")
    if "deletionTimestamp" in metadata:
        return
    # The machines that fakekube runs come with a driver for whatever was made by one.
    has_driver = bool(context.settings.nodes) and PROVISIONED_BY in metadata.get("annotations", {})
    if policy == "Recycle" and not volume["spec"].keys() & RECYCLABLE:
        await fail(context, volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
    elif policy == "Delete" and not has_driver and (obstacle := why_not_deleted(volume)):
        await fail(context, volume, "VolumeFailedDelete", obstacle)
    elif policy == "Delete" and (context.settings.nodes or not is_drivers_own(volume)):
        try:
            await context.client.delete(VOLUMES, "", metadata["name"], uid=metadata["uid"])
        except NotFound:
            return


async def fail(context: Context, volume: Object, reason: str, text: str) -> None:
    status = volume.get("status", {})
    if status.get("phase") == "Failed":
        return
    failed = {**status, "phase": "Failed", "message": text}
    volume = await context.client.update(VOLUMES, {**volume, "status": failed}, "status")
    await context.recorder.warning(volume, reason, text)


def is_drivers_own(volume: Object) -> bool:
    """Whether it is deleted by the driver that has made it, or would have, and not by Kubernetes itself."""
    provisioner = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY, "")
    return not provisioner.startswith(IN_TREE) if provisioner else "csi" in volume["spec"]


def why_not_deleted(volume: Object) -> str:
    """Why Kubernetes cannot delete what the volume stands for; empty when it can, or when that is not its business."""
    provisioner = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY, "")
    if is_drivers_own(volume):
        return ""
    if provisioner and provisioner != HOST_PATH:
        return f"no volume plugin matched name: {provisioner}"
    spec = volume["spec"]
    if "hostPath" in spec:
        path = spec["hostPath"].get("path", "")
        return "" if DELETABLE.search(path) else f"host_path deleter only supports /tmp/.+ but received provided {path}"
    missing = "no deletable volume plugin matched" if "nfs" in spec else "no volume plugin matched"
    return f'error getting deleter volume plugin for volume "{volume["metadata"]["name"]}": {missing}'


async def unbind(context: Context, volume: Object) -> None:
    """A claim that was chosen for the volume is forgotten; of one that a user has named only who it was."""
    annotations = {**volume["metadata"].get("annotations", {})}
    spec = dict(volume["spec"])
    if annotations.pop(BY_CONTROLLER, None):
        del spec["claimRef"]
    else:
        dropped = ("uid", "resourceVersion")
        spec["claimRef"] = {key: text for key, text in spec["claimRef"].items() if key not in dropped}
    metadata = {**volume["metadata"], "annotations": annotations}
    written = await context.client.update(VOLUMES, {**volume, "metadata": metadata, "spec": spec})
    await set_phase(context, written, "Available")


async def set_phase(context: Context, volume: Object, phase: str) -> Object:
    status = volume.get("status", {})
    if status.get("phase") == phase:
        return volume
    return await context.client.update(VOLUMES, {**volume, "status": {**status, "phase": phase}}, "status")


# Claims.


async def look_at_claim(context: Context, memory: Memory, namespace: str, name: str, *, tell: bool = True) -> None:
    claim = context.client.get(CLAIMS, namespace, name)
    memory.waiting.pop((namespace, name), None)
    if claim is None:
        return
    if BIND_COMPLETED in claim["metadata"].get("annotations", {}):
        await look_at_bound(context, claim)
    elif not await find_volume(context, claim, tell=tell):
        memory.waiting[namespace, name] = None


async def look_at_bound(context: Context, claim: Object) -> None:
    """A claim that was bound once: the binding is completed, or the claim has lost its volume for good."""
    name = claim["spec"].get("volumeName", "")
    volume = context.client.get(VOLUMES, "", name) if name else None
    if volume is not None and is_for(volume, claim, or_nobody=True):
        await bind(context, volume, claim)
        return
    if not name:
        reason, text = "ClaimLost", "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
    elif volume is None:
        reason, text = "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    else:
        reason = "ClaimMisbound"
        text = "Two claims are bound to the same volume, this one is bound incorrectly"
    if claim.get("status", {}).get("phase") != "Lost":
        lost = {**claim, "status": {**claim.get("status", {}), "phase": "Lost"}}
        claim = await context.client.update(CLAIMS, lost, "status")
        await context.recorder.warning(claim, reason, text)


async def find_volume(context: Context, claim: Object, *, tell: bool = True) -> bool:
    """Bind the claim if there is a volume for it; otherwise `tell` what it waits for."""
    name = claim["spec"].get("volumeName")
    if name:
        return await take_named(context, claim, name, tell=tell)
    waits = waits_for_consumer(context, claim)
    volume = best_match(context, claim, only_meant=waits)
    if volume is not None:
        await bind(context, volume, claim)
        return True
    if not tell:
        return False
    recorder, class_name = context.recorder, class_of(claim)
    if waits and (consumers := consumers_of(context, claim)):
        text = f"waiting for pod{'s' if len(consumers) > 1 else ''} {','.join(consumers)} to be scheduled"
        await recorder.normal(claim, "WaitForPodScheduled", text)
    elif waits:
        text = "waiting for first consumer to be created before binding"
        await recorder.normal(claim, "WaitForFirstConsumer", text)
    elif class_name:
        await ask_for_volume(context, claim, class_name)
    else:
        text = "no persistent volumes available for this claim and no storage class is set"
        await recorder.normal(claim, "FailedBinding", text)
    return False


async def take_named(context: Context, claim: Object, name: str, *, tell: bool = True) -> bool:
    """A claim that names its volume waits for just that one."""
    volume = context.client.get(VOLUMES, "", name)
    if volume is None:
        return False
    if not is_for(volume, claim, or_nobody=True):
        if tell and BY_CONTROLLER not in claim["metadata"].get("annotations", {}):
            text = f'volume "{name}" already bound to a different claim.'
            await context.recorder.warning(claim, "FailedBinding", text)
        return False
    obstacle = "" if is_for(volume, claim) else why_not(volume, claim)
    if obstacle:
        text = f'Cannot bind to requested volume "{name}": {obstacle}'
        await context.recorder.warning(claim, "VolumeMismatch", text)
        return False
    await bind(context, volume, claim)
    return True


async def ask_for_volume(context: Context, claim: Object, class_name: str) -> None:
    """Nobody here provisions: whose provisioner it is, is told that it may."""
    storage_class = context.client.get(CLASSES, "", class_name)
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{class_name}" not found'
        await context.recorder.warning(claim, "ProvisioningFailed", text)
        return
    provisioner = provisioner_of(storage_class)
    by_itself = provisioner.startswith(IN_TREE) and (provisioner == NO_PROVISIONER or not context.settings.nodes)
    if by_itself and provisioner != HOST_PATH:
        text = f"no volume plugin matched name: {provisioner}"
        await context.recorder.warning(claim, "ProvisioningFailed", text)
        return
    annotations = claim["metadata"].get("annotations", {})
    wanted = dict.fromkeys(PROVISIONER_ANNOTATIONS, provisioner)
    if not wanted.items() <= annotations.items():
        metadata = {**claim["metadata"], "annotations": {**annotations, **wanted}}
        claim = await context.client.update(CLAIMS, {**claim, "metadata": metadata})
    if by_itself:
        text = f'Failed to create provisioner: provisioning in volume plugin "{provisioner}" is disabled'
        await context.recorder.warning(claim, "ProvisioningFailed", text)
        return
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system "
        "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
    )
    await context.recorder.normal(claim, "ExternalProvisioning", text)


def provisioner_of(storage_class: Object) -> str:
    """Of the volume plugins that Kubernetes once had, the driver that has taken over."""
    provisioner: str = storage_class["provisioner"]
    return DRIVERS.get(provisioner, provisioner)


def consumers_of(context: Context, claim: Object) -> list[str]:
    """The names of the pods that use the claim and have no node yet."""
    metadata = claim["metadata"]
    return [
        pod["metadata"]["name"]
        for pod in context.client.list("pods", metadata["namespace"])
        if not pod["spec"].get("nodeName")
        and not is_finished(pod)
        and any(name == metadata["name"] for name, _ in claim_names(pod))
    ]


def claim_names(pod: Object) -> Iterator[tuple[str, bool]]:
    """Of each claim that a volume of the pod stands for, its name, and whether it is made for the pod."""
    for volume in pod["spec"].get("volumes") or ():
        if "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}", True
        elif "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"], False


def class_of(object: Object) -> str:
    """Of a claim or a volume; the annotation is the older way to say it."""
    annotated = object["metadata"].get("annotations", {}).get(CLASS_ANNOTATION)
    return str(object["spec"].get("storageClassName", "") if annotated is None else annotated)


def waits_for_consumer(context: Context, claim: Object) -> bool:
    """Whether nothing happens before a pod uses the claim and a node has been found for it."""
    if SELECTED_NODE in claim["metadata"].get("annotations", {}):
        return False
    storage_class = context.client.get(CLASSES, "", class_of(claim)) if class_of(claim) else None
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def best_match(context: Context, claim: Object, *, only_meant: bool) -> Object | None:
    """The smallest volume that does; before all others one that a user has meant for this claim, which may be the only one looked at."""
    found = []
    for volume in context.client.list(VOLUMES):
        if "deletionTimestamp" in volume["metadata"] or why_not(volume, claim):
            continue
        if is_for(volume, claim):
            return volume
        is_free = "claimRef" not in volume["spec"] and volume.get("status", {}).get("phase") == "Available"
        if is_free and not only_meant and label_fits(volume, claim):
            found.append(volume)
    return min(found, key=lambda volume: (capacity_of(volume), volume["metadata"]["name"]), default=None)


def capacity_of(volume: Object) -> Decimal:
    return parse(volume["spec"].get("capacity", {}).get("storage", "0"))


def label_fits(volume: Object, claim: Object) -> bool:
    selector = claim["spec"].get("selector")
    return selector is None or label_selector_of(selector).matches(volume["metadata"].get("labels"))


def why_not(volume: Object, claim: Object) -> str:
    """Why a volume does not do for a claim; empty when it does."""
    offered, wanted = volume["spec"], claim["spec"]
    size = wanted.get("resources", {}).get("requests", {}).get("storage", "0")
    if capacity_of(volume) < parse(size):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if offered.get("volumeMode", "Filesystem") != wanted.get("volumeMode", "Filesystem"):
        return "incompatible volumeMode"
    if not set(wanted.get("accessModes", ())) <= set(offered.get("accessModes", ())):
        return "incompatible accessMode"
    return ""


def is_for(volume: Object, claim: Object, *, or_nobody: bool = False) -> bool:
    """Whether the volume names this claim, by its name alone if a user wrote it."""
    reference = volume["spec"].get("claimRef")
    if reference is None:
        return or_nobody
    metadata = claim["metadata"]
    named = (reference.get("namespace"), reference.get("name")) == (metadata["namespace"], metadata["name"])
    return named and reference.get("uid", "") in ("", metadata["uid"])


async def bind(context: Context, volume: Object, claim: Object) -> None:
    """Write what is missing of the binding."""
    volume = await name_claim(context, volume, claim)
    await set_phase(context, volume, "Bound")
    claim = await name_volume(context, volume, claim)
    bound = {"phase": "Bound", "accessModes": volume["spec"]["accessModes"], "capacity": volume["spec"]["capacity"]}
    status = claim.get("status", {})
    if not bound.items() <= status.items():
        await context.client.update(CLAIMS, {**claim, "status": {**status, **bound}}, "status")


async def name_claim(context: Context, volume: Object, claim: Object) -> Object:
    reference = volume["spec"].get("claimRef", {})
    metadata = claim["metadata"]
    if reference.get("uid"):
        return volume
    made = {
        "kind": claim["kind"],
        "apiVersion": claim["apiVersion"],
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resourceVersion": metadata["resourceVersion"],
    }
    spec = {**volume["spec"], "claimRef": made}
    own_metadata = volume["metadata"]
    if not reference:
        own_metadata = with_annotations(own_metadata, BY_CONTROLLER)
    return await context.client.update(VOLUMES, {**volume, "metadata": own_metadata, "spec": spec})


async def name_volume(context: Context, volume: Object, claim: Object) -> Object:
    if BIND_COMPLETED in claim["metadata"].get("annotations", {}):
        return claim
    spec = {**claim["spec"], "volumeName": volume["metadata"]["name"]}
    chosen_here = () if claim["spec"].get("volumeName") else (BY_CONTROLLER,)
    metadata = with_annotations(claim["metadata"], BIND_COMPLETED, *chosen_here)
    return await context.client.update(CLAIMS, {**claim, "metadata": metadata, "spec": spec})


def with_annotations(metadata: Object, *keys: str) -> Object:
    return {**metadata, "annotations": {**metadata.get("annotations", {}), **dict.fromkeys(keys, "yes")}}


CONTROLLER = Controller(
    name="persistent-volume-binder",
    events_from="persistentvolume-controller",
    watches=(
        Watch(VOLUMES, key=volume_and_claim),
        Watch(CLAIMS, key=claim_and_volume),
        Watch(CLASSES, key=class_key),
    ),
    reconcile=reconcile,
)

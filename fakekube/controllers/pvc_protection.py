"""A PersistentVolumeClaim that is deleted stays as long as a pod uses it."""

from __future__ import annotations

from collections.abc import Iterator

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_states import is_finished
from fakekube.errors import NotFound

FINALIZER = "kubernetes.io/pvc-protection"


def claims_of(pod: Object) -> Iterator[Key]:
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes", ()):
        if "persistentVolumeClaim" in volume:
            yield (namespace, volume["persistentVolumeClaim"]["claimName"])
        elif "ephemeral" in volume:
            yield (namespace, f"{pod['metadata']['name']}-{volume['name']}")


async def reconcile(context: Context, namespace: str, name: str) -> None:
    claim = context.client.get("persistentvolumeclaims", namespace, name)
    if claim is None or "deletionTimestamp" not in claim["metadata"]:
        return
    finalizers = claim["metadata"].get("finalizers", ())
    if FINALIZER not in finalizers:
        return
    for pod in context.client.list("pods", namespace):
        if pod["spec"].get("nodeName") and not is_finished(pod) and (namespace, name) in claims_of(pod):
            return
    await remove_finalizer(context, "persistentvolumeclaims", claim, FINALIZER)


async def remove_finalizer(context: Context, resource: str, object: Object, finalizer: str) -> None:
    metadata = object["metadata"]
    kept = [each for each in metadata["finalizers"] if each != finalizer]
    # The whole list is replaced, so nobody may have changed it meanwhile.
    patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": kept or None}}
    try:
        await context.client.patch(resource, metadata.get("namespace", ""), metadata["name"], patch)
    except NotFound:
        return


CONTROLLER = Controller(
    name="pvc-protection-controller",
    watches=(Watch("persistentvolumeclaims", key=own), Watch("pods", key=claims_of)),
    reconcile=reconcile,
)

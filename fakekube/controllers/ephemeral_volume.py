"""Makes the claims of pods' ephemeral volumes: such a claim lives as long as its pod.

https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
"""

from __future__ import annotations

from fakekube.controllers.claims import controls, owner_reference
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own, owner_of
from fakekube.controllers.pod_control import is_end_of_namespace
from fakekube.errors import AlreadyExists, StatusError

CLAIMS = "persistentvolumeclaims"


async def reconcile(context: Context, namespace: str, name: str) -> None:
    pod = context.client.get("pods", namespace, name)
    if pod is None or "deletionTimestamp" in pod["metadata"]:
        return
    for volume in pod["spec"].get("volumes", ()):
        if "ephemeral" in volume:
            await provide(context, pod, volume)


async def provide(context: Context, pod: Object, volume: Object) -> None:
    """Raises StatusError after telling of it."""
    metadata = pod["metadata"]
    claim_name = f"{metadata['name']}-{volume['name']}"
    present = context.client.get(CLAIMS, metadata["namespace"], claim_name)
    if present is not None and controls(pod, present):
        return
    if present is not None:
        names = f"PVC {metadata['namespace']}/{claim_name} was not created for pod {metadata['namespace']}/{metadata['name']}"
        await context.recorder.warning(pod, "FailedCreate", f"{names} (pod is not owner)")
        return
    template = volume["ephemeral"]["volumeClaimTemplate"]
    of_template = template.get("metadata", {})
    claim = {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        "metadata": {
            "name": claim_name,
            "namespace": metadata["namespace"],
            **{key: of_template[key] for key in ("labels", "annotations") if key in of_template},
            "ownerReferences": [owner_reference(pod)],
        },
        "spec": template["spec"],
    }
    try:
        await context.client.create(CLAIMS, claim)
    except AlreadyExists:
        context.wake((metadata["namespace"], metadata["name"]))
    except StatusError as error:
        if is_end_of_namespace(error):
            return
        await context.recorder.warning(pod, "FailedCreate", f"PVC {claim_name} could not be created: {error.message}")
        raise


def with_claims(pod: Object) -> tuple[Key, ...]:
    """The pod, if it has such volumes."""
    return own(pod) if any("ephemeral" in volume for volume in pod["spec"].get("volumes", ())) else ()


CONTROLLER = Controller(
    name="ephemeral-volume-controller",
    events_from="ephemeral_volume",
    watches=(Watch("pods", key=with_claims), Watch(CLAIMS, key=owner_of("Pod"), types=("DELETED",))),
    reconcile=reconcile,
)

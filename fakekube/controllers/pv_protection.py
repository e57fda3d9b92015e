"""A PersistentVolume that is deleted stays as long as it is bound to a claim."""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Watch, own
from fakekube.controllers.pvc_protection import remove_finalizer

FINALIZER = "kubernetes.io/pv-protection"


async def reconcile(context: Context, _: str, name: str) -> None:
    volume = context.client.get("persistentvolumes", "", name)
    if volume is None or "deletionTimestamp" not in volume["metadata"]:
        return
    is_bound = volume.get("status", {}).get("phase") == "Bound"
    if FINALIZER in volume["metadata"].get("finalizers", ()) and not is_bound:
        await remove_finalizer(context, "persistentvolumes", volume, FINALIZER)


CONTROLLER = Controller(
    name="pv-protection-controller", watches=(Watch("persistentvolumes", key=own),), reconcile=reconcile
)

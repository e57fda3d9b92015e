"""Deletes a Job that is finished, `ttlSecondsAfterFinished` after it finished.

https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
"""

from __future__ import annotations

from fakekube.controllers.loop import Context, Controller, Watch, own
from fakekube.controllers.pod_states import time_of


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    job = context.client.get("jobs.batch", namespace, name)
    if job is None or "deletionTimestamp" in job["metadata"]:
        return None
    ttl_s = job["spec"].get("ttlSecondsAfterFinished")
    conditions = job.get("status", {}).get("conditions", ())
    ends = [each for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"]
    if ttl_s is None or not ends:
        return None
    left_s = ttl_s - (context.clock.now() - time_of(ends[0]["lastTransitionTime"])).total_seconds()
    if left_s > 0:
        return float(left_s)
    uid = job["metadata"]["uid"]
    await context.client.delete("jobs.batch", namespace, name, uid=uid, propagation_policy="Background")
    return None


CONTROLLER = Controller(
    name="ttl-after-finished-controller", watches=(Watch("jobs.batch", key=own),), reconcile=reconcile
)

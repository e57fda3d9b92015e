"""Places a pod on a node: what `pods/NAME/binding` and `bindings` do, and the scheduler in this process.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/binding-v1/
"""

from __future__ import annotations

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, Conflict, InternalError, conflict, details_of
from fakekube.objects import fields
from fakekube.registry import update as registry
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored

NODE_KINDS = ("", "Node")


async def bind(plane: ControlPlane, call: Call, binding: Object, *, dry_run: bool = False) -> None:
    """Write the node into the pod that `call` names (its kind is Pod, its subresource `binding`).

    `binding` is a decoded Binding. Raises BadRequest (name), InternalError (target), NotFound, and Conflict for a pod that is another, is
    being deleted, has a node or is gated.
    """
    if binding["metadata"].get("name", "") != call.name:
        raise BadRequest("name in URL does not match name in Binding object")
    target = binding.get("target", {})
    if not target.get("name"):
        raise InternalError("target.name: Required value", reason="")
    if target.get("kind", "") not in NODE_KINDS:
        text = f'target.kind: Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        raise InternalError(text, reason="")

    async def change(current: Stored) -> Object:
        _check(call, binding, current.value)
        return bound(current.copy(), binding, plane.clock.timestamp())

    async def approve(new: Object, old: Object | None) -> None:
        await plane.admission.validate(new, old, plane.attributes(call, "CREATE", new, dry_run=dry_run))

    operation = plane.operation(call.user, dry_run=dry_run)
    await registry.update(
        plane.store,
        call.kind,
        call.namespace,
        call.name,
        change,
        operation,
        call.warnings,
        approve,
        subresource="binding",
    )


def bound(pod: Object, binding: Object, now: str) -> Object:
    """The pod on its node: scheduled, no longer nominated, with the labels and annotations of the Binding over its own."""
    fields.put(pod["spec"], "nodeName", binding["target"]["name"], "core.v1.PodSpec")
    for key in ("labels", "annotations"):
        if binding["metadata"].get(key):
            pod["metadata"][key] = {**pod["metadata"].get(key, {}), **binding["metadata"][key]}
    status = pod["status"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    conditions = list(status.get("conditions", ()))
    place = next((place for place, each in enumerate(conditions) if each["type"] == "PodScheduled"), None)
    if place is None:
        conditions.append(scheduled)
    else:
        conditions[place] = scheduled
    fields.put(status, "conditions", conditions, "core.v1.PodStatus")
    status.pop("nominatedNodeName", None)
    return pod


def _check(call: Call, binding: Object, pod: Object) -> None:
    metadata = pod["metadata"]
    uid = binding["metadata"].get("uid", "")
    if uid and uid != metadata["uid"]:
        text = (
            f"StorageError: invalid object, Code: 4, Key: /registry/pods/{call.namespace}/{call.name}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata['uid']}"
        )
        raise conflict("", "pods", call.name, text)
    if "deletionTimestamp" in metadata:
        raise _cannot(call.name, f"pod {call.name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        raise _cannot(call.name, f'pod {call.name} is already assigned to node "{pod["spec"]["nodeName"]}"')
    if pod["spec"].get("schedulingGates"):
        raise _cannot(call.name, f"pod {call.name} has non-empty .spec.schedulingGates")


def _cannot(name: str, text: str) -> Conflict:
    message = f'Operation cannot be fulfilled on pods/binding "{name}": {text}'
    return Conflict(message, details_of("", "pods/binding", name))

"""Places a pod on a node: what `pods/NAME/binding` and `bindings` do, and the scheduler in this process.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/binding-v1/
"""

from __future__ import annotations

from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest, Conflict, InternalError, conflict, details_of
from fakekube.objects import fields
from fakekube.objects.conditions import with_condition
from fakekube.objects.field_errors import FieldError, not_supported, required
from fakekube.registry import update as registry
from fakekube.registry.kind import Object
from fakekube.storage.store import Stored

NODE_KINDS = ("", "Node")


async def bind(
    plane: ControlPlane, call: Call, binding: Object, *, dry_run: bool = False, asked: Call | None = None
) -> None:
    """Write the node into the pod that `call` names (its kind is Pod, its subresource `binding`).

    `asked`: the call by which admission knows the request, where that is another.

    `binding` is a decoded Binding; it may be changed. Raises what admission raises, BadRequest (name), InternalError (target), NotFound,
    and Conflict for a pod that is another, is being deleted, has a node or is gated.
    """
    attributes = plane.attributes(asked or call, "CREATE", binding, dry_run=dry_run)
    await plane.admission.mutate(binding, None, attributes)
    if binding["metadata"].get("name", "") != call.name:
        raise BadRequest("name in URL does not match name in Binding object")
    _check_target(binding.get("target", {}))
    await plane.admission.validate(binding, None, attributes)
    if not call.name:
        raise BadRequest("Name parameter required.")

    async def change(current: Stored) -> Object:
        _check(call, binding, current.value)
        return bound(current.value, binding, plane.clock.timestamp())

    async def approve(new: Object, old: Object | None) -> None:
        """It is the Binding that admission has judged."""

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
    """The pod on its node: scheduled, no longer nominated, with the labels and annotations of the Binding over its own.

    `pod` is left as it is; the new one shares with it what stays.
    """
    pod = {**pod, **{key: dict(pod[key]) for key in ("metadata", "spec", "status")}}
    fields.put(pod["spec"], "nodeName", binding["target"]["name"], "core.v1.PodSpec")
    for key in ("labels", "annotations"):
        if binding["metadata"].get(key):
            merged = {**pod["metadata"].get(key, {}), **binding["metadata"][key]}
            fields.put(pod["metadata"], key, dict(sorted(merged.items())), "meta.ObjectMeta")
    status = pod["status"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    fields.put(status, "conditions", with_condition(status.get("conditions"), scheduled), "core.v1.PodStatus")
    status.pop("nominatedNodeName", None)
    return pod


def _check_target(target: Object) -> None:
    errors: list[FieldError] = []
    kind = target.get("kind", "")
    if kind not in NODE_KINDS:
        errors.append(not_supported("target.kind", kind, ("Node", "<empty>")))
    if not target.get("name"):
        errors.append(required("target.name"))
    if errors:
        told = [str(error) for error in errors]
        raise InternalError(told[0] if len(told) == 1 else f"[{', '.join(told)}]", reason="")


def _check(call: Call, binding: Object, pod: Object) -> None:
    metadata = pod["metadata"]
    for label, key in (("UID", "uid"), ("ResourceVersion", "resourceVersion")):
        wanted = binding["metadata"].get(key, "")
        if wanted and wanted != metadata[key]:
            text = (
                f"StorageError: invalid object, Code: 4, Key: /registry/pods/{call.namespace}/{call.name}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {metadata[key]}"
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

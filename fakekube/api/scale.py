"""The scale of an object: how many replicas, through a door of its own.

https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/
"""

from __future__ import annotations

from collections.abc import Callable

from fakekube.api.body import Body, check_name, check_place, from_storage
from fakekube.api.call import Call, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.get import get
from fakekube.api.patch import patch_for, patched_object
from fakekube.errors import Conflict, InternalError, details_of
from fakekube.objects import schemas
from fakekube.objects.field_errors import go_quoted, invalid, invalid_object
from fakekube.objects.patches import APPLY_PATCH
from fakekube.objects.selectors import label_selector_of, label_selector_text, selector_of_labels
from fakekube.registry import update as registry
from fakekube.registry.kind import Kind, Object, ScaleRules, Subresource
from fakekube.storage.store import Stored

NON_NEGATIVE = "must be greater than or equal to 0"


async def get_scale(plane: ControlPlane, call: Call) -> Object:
    """Raises InternalError where a custom resource does not say how many are wanted."""
    obj, rules = from_storage(call.kind, (await get(plane, call)).value), _rules(call.kind)
    if rules.read(obj)[0] is None:
        what = f"the spec replicas field {go_quoted(rules.replicas_path)} does not exist"
        raise InternalError(f"Internal error occurred: {what}", {"causes": [{"message": what}]})
    return scale_of(call.kind, obj)


def scale_of(kind: Kind, obj: Object) -> Object:
    """The Scale of a workload, or of a custom resource that has one."""
    replicas, present, selector = _rules(kind).read(obj)
    metadata = obj["metadata"]
    shown = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    scale: Object = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in shown if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {"replicas": present},
    }
    if selector:
        scale["status"]["selector"] = selector
    return scale


def _read(obj: Object) -> tuple[int | None, int, str]:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    text, selector = "", spec.get("selector")
    if selector:
        # A ReplicationController's selector is a plain map of labels.
        is_map = obj["kind"] == "ReplicationController"
        text = label_selector_text(selector_of_labels(selector) if is_map else label_selector_of(selector))
    return spec.get("replicas", 0), status.get("replicas", 0), text


def _write_replicas(obj: Object, replicas: int) -> None:
    obj["spec"]["replicas"] = replicas


_WORKLOAD = ScaleRules(read=_read, write=_write_replicas, replicas_path="spec.replicas", negative_text=NON_NEGATIVE)


def _rules(kind: Kind) -> ScaleRules:
    return kind.strategy.scale or _WORKLOAD


async def update_scale(
    plane: ControlPlane, call: Call, scale_kind: Subresource, body: Body, media_type: str = ""
) -> Object:
    options = write_options(call, "UpdateOptions")
    scale, warnings = schemas.decode_body(
        body,
        media_type,
        group=scale_kind.group,
        version=scale_kind.version,
        kind=scale_kind.kind,
        type_name=scale_kind.type_name,
        field_validation=options.field_validation,
    )
    call.warnings.extend(warnings)
    check_place(call, scale)
    check_name(call, scale)
    return await _write(plane, call, lambda _: scale, dry_run=options.dry_run)


async def patch_scale(
    plane: ControlPlane, call: Call, scale_kind: Subresource, body: bytes, content_type: str
) -> Object:
    function = patch_for(scale_kind, content_type)
    options = write_options(call, "PatchOptions", apply=content_type.startswith(APPLY_PATCH))

    def patched(current: Object) -> Object:
        scale = patched_object(scale_kind, call, scale_of(call.kind, current), body, function, options)
        check_place(call, scale)
        check_name(call, scale)
        return scale

    return await _write(plane, call, patched, dry_run=options.dry_run)


async def _write(plane: ControlPlane, call: Call, scale_from: Callable[[Object], Object], *, dry_run: bool) -> Object:
    kind, rules = call.kind, _rules(call.kind)

    async def change(current: Stored) -> Object:
        new = from_storage(kind, current.copy())
        scale = scale_from(new)
        replicas = scale["spec"].get("replicas", 0)
        if replicas < 0:
            error = invalid(rules.replicas_path, replicas, rules.negative_text)
            group, name = (kind.group, kind.kind) if kind.strategy.scale else ("autoscaling", "Scale")
            raise invalid_object(group, name, call.name, [error])
        version = scale["metadata"].get("resourceVersion", "")
        uid = scale["metadata"].get("uid", "")
        if uid and uid != new["metadata"]["uid"]:
            text = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {new['metadata']['uid']}"
            raise Conflict(text, details_of(kind.group, kind.resource, call.name))
        if version:
            new["metadata"]["resourceVersion"] = version
        rules.write(new, replicas)
        attributes = plane.attributes(call, "UPDATE", new, dry_run=dry_run)
        await plane.admission.mutate(new, current.value, attributes)
        return new

    async def approve(new: Object, old: Object | None) -> None:
        await plane.admission.validate(new, old, plane.attributes(call, "UPDATE", new, dry_run=dry_run))

    stored = await registry.update(
        plane.store,
        kind,
        call.namespace,
        call.name,
        change,
        plane.operation(call.user, dry_run=dry_run),
        call.warnings,
        approve,
    )
    return scale_of(kind, from_storage(kind, stored.value))

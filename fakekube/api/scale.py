"""The scale of an object: how many replicas, through a door of its own.

https://kubernetes.io/docs/reference/kubernetes-api/autoscaling-resources/scale-v1/
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from fakekube.admission.attributes import Attributes
from fakekube.api.apply import (
    check_fields,
    configuration,
    decoded_result,
    described,
    merged,
    tell_repeated_keys,
)
from fakekube.api.approval import Approval
from fakekube.api.body import Body, check_name, check_place, from_storage, set_defaults
from fakekube.api.call import Call, WriteOptions, write_options
from fakekube.api.control_plane import ControlPlane
from fakekube.api.field_ownership import tracked, writer_of_body
from fakekube.api.get import get
from fakekube.api.patch import patch_for, patched_object
from fakekube.errors import BadRequest, Conflict, InternalError, details_of
from fakekube.objects import managed_fields, schemas
from fakekube.objects.field_errors import go_quoted, invalid, invalid_object
from fakekube.objects.managed_fields import Managers, Writer
from fakekube.objects.patches import is_apply
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
    writer = writer_of_body(plane, call, scale_kind, options)

    def replaced(old: Object, managers: Managers) -> tuple[Object, Managers]:
        return scale, _updated(writer, old, scale, managers)

    return await _write(plane, call, replaced, dry_run=options.dry_run)


async def patch_scale(
    plane: ControlPlane, call: Call, scale_kind: Subresource, body: bytes, content_type: str
) -> Object:
    """Raises BadRequest, Invalid, Conflict (of owners) and what the update of the object raises."""
    applies = is_apply(content_type)
    function = None if applies else patch_for(scale_kind, content_type)
    options = write_options(call, "PatchOptions", apply=applies)
    writer = writer_of_body(plane, call, scale_kind, options)

    def patched(old: Object, managers: Managers) -> tuple[Object, Managers]:
        if function is None:
            scale, managers = _applied(writer, call, scale_kind, old, managers, body, options)
        else:
            scale = patched_object(scale_kind, call, copy.deepcopy(old), body, function, options)
            managers = _updated(writer, old, scale, managers)
        check_place(call, scale)
        check_name(call, scale)
        return scale, managers

    return await _write(plane, call, patched, dry_run=options.dry_run)


def _applied(
    writer: Writer,
    call: Call,
    scale_kind: Subresource,
    live: Object,
    managers: Managers,
    body: bytes,
    options: WriteOptions,
) -> tuple[Object, Managers]:
    config, repeated = configuration(scale_kind, body)
    if not managers and not call.kind.type_name:
        raise _not_converted(
            "failed to create manager for existing fields: failed to convert live object", scale_kind, {}
        )
    check_fields(writer, scale_kind, config)
    managers = managers or managed_fields.before_first_apply(writer, live)
    applied = merged(writer, live, config, managers, force=options.force)
    if applied.changed and not call.kind.type_name:
        raise _not_converted("failed to convert new object", scale_kind, config)
    tell_repeated_keys(call, repeated, options)
    return decoded_result(scale_kind, config, applied.obj), applied.managers


def _not_converted(what: str, scale_kind: Subresource, obj: Object) -> InternalError:
    """The server cannot make a Scale of a custom resource into what it merges."""
    why = "request to convert CR to an invalid group/version: autoscaling/v1"
    return InternalError(f"{what} ({described(scale_kind, obj)}) to proper version: {why}", reason="")


def _updated(writer: Writer, old: Object, new: Object, managers: Managers) -> Managers:
    """As for other updates nobody is tracked where nobody has been."""
    return managed_fields.updated(writer, old, new, managers) if managers else managers


_NEVER_SET = -(2**31)
"""How many replicas the Scale of a custom resource that says nothing of them has, while it is changed."""

Scaled = Callable[[Object, Managers], tuple[Object, Managers]]
"""From the present Scale and who owns its fields to what both shall be. The Scale it is given is its own."""


def _as_sent(attributes: Attributes, new: Object, scale: Object) -> Attributes:
    """Those who may change a Scale are shown that of `new` as it was sent, with the replicas that it has by then."""
    whole = attributes.show
    if whole is not None:
        attributes.show = lambda obj: {**scale, "spec": whole(obj)["spec"]} if obj is new else whole(obj)
    return attributes


async def _write(plane: ControlPlane, call: Call, scaled: Scaled, *, dry_run: bool) -> Object:
    kind, rules = call.kind, _rules(call.kind)
    replicas_field = tuple(f"f:{step}" for step in rules.replicas_path.strip(".").split("."))

    def attributes_of(new: Object) -> Attributes:
        attributes = plane.attributes(call, "UPDATE", new, dry_run=dry_run)
        attributes.show = lambda obj: scale_of(kind, from_storage(kind, obj))
        attributes.put_shown = lambda obj, scale: rules.write(obj, scale["spec"].get("replicas", 0))
        return attributes

    async def change(current: Stored) -> Object:
        new = from_storage(kind, current.copy())
        owners = managed_fields.stored(new["metadata"].get("managedFields"))
        present = scale_of(kind, new)
        if rules.read(new)[0] is None:
            present["spec"]["replicas"] = _NEVER_SET
        scale, of_scale = scaled(present, managed_fields.of_scale(owners, replicas_field))
        replicas = scale["spec"].get("replicas", 0)
        if replicas == _NEVER_SET:
            raise BadRequest(f"the spec replicas field {go_quoted(rules.replicas_path)} cannot be empty")
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
        if not kind.type_name:
            set_defaults(kind, new)  # of a spec that was not there before
        tracked(new, managed_fields.of_scaled(owners, of_scale, replicas_field, kind.api_version))
        await plane.admission.mutate(new, current.value, _as_sent(attributes_of(new), new, scale))
        return new

    operation = plane.operation(call.user, dry_run=dry_run)
    with Approval(plane.admission, attributes_of) as approve:
        stored = await registry.update(
            plane.store, kind, call.namespace, call.name, change, operation, call.warnings, approve
        )
    return scale_of(kind, from_storage(kind, stored.value))

"""DELETE: one object, or a collection one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fakekube.api.body import Body
from fakekube.api.call import Call, boolean, dry_run_errors, integer, options_invalid
from fakekube.api.control_plane import ControlPlane
from fakekube.api.list import Page, list_page
from fakekube.api.list_options import parse
from fakekube.errors import NotFound
from fakekube.objects import schemas
from fakekube.objects.field_errors import FieldError, invalid, not_supported
from fakekube.registry import delete as registry
from fakekube.registry.delete import Deleted, DeleteOptions
from fakekube.registry.kind import Kind, Object

DELETED_AT_ONCE = 20
"""So many objects of a collection are deleted before others are answered."""

POLICIES = ("Foreground", "Background", "Orphan", "nil")
JOBS_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True, slots=True)
class Options:
    dry_run: bool
    delete: DeleteOptions


async def delete(plane: ControlPlane, call: Call, body: Body, media_type: str = "") -> tuple[Deleted, Options]:
    """Raises BadRequest and Invalid (options), NotFound, Conflict (preconditions), Forbidden (admission)."""
    options = read_options(call, body, media_type)
    _warn(call, options)
    return await delete_with(plane, call, options), options


async def delete_with(plane: ControlPlane, call: Call, options: Options, *, is_named: bool = True) -> Deleted:
    """`is_named`: whether the request names the object, and not the collection that it is in."""
    told = options

    async def approve(old: Object) -> None:
        nonlocal told
        if "deletionTimestamp" not in old["metadata"]:
            told = _completed(call.kind, old, options)
        sent = options_object(told)
        attributes = plane.attributes(call, "DELETE", old, dry_run=options.dry_run, options=sent)
        if not is_named:
            attributes.name = ""
        await plane.admission.approve_deletion(old, attributes)

    operation = plane.operation(call.user, dry_run=options.dry_run)
    return await registry.delete(plane.store, call.kind, call.namespace, call.name, options.delete, operation, approve)


def _completed(kind: Kind, obj: Object, options: Options) -> Options:
    """The options as the kind completes them: objects that go by and by are given their time, a namespace is the one that was found."""
    if (kind.group, kind.resource) == ("", "namespaces"):
        return replace(options, delete=replace(options.delete, uid=options.delete.uid or obj["metadata"]["uid"]))
    period = kind.strategy.grace_period_s
    if period is None:
        return options
    seconds = period(obj, options.delete.grace_period_seconds)
    return replace(options, delete=replace(options.delete, grace_period_seconds=seconds))


async def delete_collection(plane: ControlPlane, call: Call, body: Body, media_type: str = "") -> Page:
    """The list as it was found. What is already gone is skipped; any other error ends it and is the answer."""
    list_options = parse(call, watch=False)
    options = read_options(call, body, media_type)
    _warn(call, options)
    page = await list_page(plane, call, list_options)
    for count, stored in enumerate(page.items, 1):
        if count % DELETED_AT_ONCE == 0:
            await asyncio.sleep(0)
        one = replace(call, namespace=stored.namespace, name=stored.name)
        try:
            await delete_with(plane, one, options, is_named=False)
        except NotFound:
            continue
    return page


def read_options(call: Call, body: Body, media_type: str = "") -> Options:
    """The options: a body that is not empty is all of them, otherwise the query. Raises BadRequest, Invalid."""
    if body:
        sent = schemas.decode_delete_options(body, media_type)
        preconditions = sent.get("preconditions") or {}
        values: Sequence[str] = sent.get("dryRun") or ()
        options = DeleteOptions(
            sent.get("gracePeriodSeconds"),
            sent.get("propagationPolicy"),
            sent.get("orphanDependents"),
            preconditions.get("uid"),
            preconditions.get("resourceVersion"),
        )
    else:
        query = call.query
        values = call.query_values("dryRun") if "dryRun" in query else ()
        options = DeleteOptions(
            integer(query, "gracePeriodSeconds"),
            query.get("propagationPolicy"),
            boolean(query, "orphanDependents"),
            query.get("uid") or None,
            query.get("resourceVersion") or None,
        )
    errors = errors_of(options, values)
    if errors:
        raise options_invalid("DeleteOptions", errors)
    return Options(bool(values), options)


def options_object(options: Options) -> Object:
    """The options as admission is told of them, without kind and apiVersion."""
    delete = options.delete
    preconditions = {"uid": delete.uid, "resourceVersion": delete.resource_version}
    sent: Object = {
        "gracePeriodSeconds": delete.grace_period_seconds,
        "preconditions": {key: value for key, value in preconditions.items() if value is not None} or None,
        "orphanDependents": delete.orphan_dependents,
        "propagationPolicy": delete.propagation_policy,
        "dryRun": ["All"] if options.dry_run else None,
    }
    return {key: value for key, value in sent.items() if value is not None}


def errors_of(options: DeleteOptions, dry_run: Sequence[str] = ()) -> list[FieldError]:
    errors = []
    policy = options.propagation_policy
    if options.orphan_dependents is not None and policy is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", policy, text))
    if policy is not None and policy not in POLICIES[:3]:
        errors.append(not_supported("propagationPolicy", policy, POLICIES))
    return [*errors, *dry_run_errors(dry_run)]


def _warn(call: Call, options: Options) -> None:
    unsaid = options.delete.propagation_policy is None and options.delete.orphan_dependents is None
    if unsaid and (call.kind.group, call.kind.resource) == ("batch", "jobs"):
        call.warnings.append(JOBS_WARNING)

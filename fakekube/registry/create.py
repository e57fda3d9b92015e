"""What a fresh object gets before it is stored: uid, times, generation, name; and how it is judged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fakekube.errors import AlreadyExists, InternalError, already_exists, qualified
from fakekube.objects import metadata as object_metadata
from fakekube.objects.field_errors import invalid_object
from fakekube.registry.conversion import as_stored, shown
from fakekube.registry.kind import Kind, Object, Operation
from fakekube.storage.store import Exists, Store, Stored

Approve = Callable[[Object, Object | None], Awaitable[None]]
"""Validating admission of (new, old or None); raises what it refuses with."""

GENERATED_NAME_TRIES = 8
LONGEST_PREFIX = 58
"""A longer generateName is cut, so that five letters still fit into a name."""

METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_WIPED = ("deletionTimestamp", "deletionGracePeriodSeconds")


async def create(
    store: Store, kind: Kind, obj: Object, operation: Operation, warnings: list[str], approve: Approve
) -> Stored:
    """Store `obj` (decoded, defaulted, admitted; in the form of storage); it is changed on the way and may not be used afterwards.

    Returns what is stored, or with a dry run what would be. Raises Invalid, AlreadyExists, and what `approve` raises.
    """
    sent_version = obj["metadata"].get("resourceVersion", "")
    complete_metadata(obj, operation, 1 if kind.facts.generation == "1" else None)
    metadata = obj["metadata"]
    if doubled := object_metadata.drop_duplicate_owners(metadata):
        warnings.append(object_metadata.duplicate_owners_warning(doubled))
    generated_from = metadata.get("generateName", "") if not metadata.get("name") else ""
    if generated_from:
        metadata["name"] = generated_from[:LONGEST_PREFIX] + operation.random_suffix()
    warnings.extend(kind.strategy.early_warnings(obj))
    _prepare(kind, obj, operation)
    metadata = obj["metadata"]
    first = kind.strategy.validate_create_first(obj)
    of_metadata = object_metadata.validate_create(kind.facts, metadata)
    errors = kind.strategy.validate_create(obj)
    if first or of_metadata or errors:
        told = object_metadata.told_together(kind.facts, first, of_metadata, errors)
        raise invalid_object(kind.facts.stored_as[0], obj["kind"], metadata.get("name", ""), told)
    warnings.extend(kind.strategy.warnings(obj, None))
    await approve(obj, None)
    allocate = kind.strategy.allocate
    if allocate is None:
        if kind.strategy.write is not None:
            obj = await as_stored(kind, obj)
            return await shown(kind, _finish(store, kind, obj, operation, generated_from, sent_version=sent_version))
        return _finish(store, kind, obj, operation, generated_from, sent_version=sent_version)
    with operation.allocators.transaction(keep=not operation.dry_run):
        allocate(obj, None, operation)
        made = _finish(store, kind, obj, operation, generated_from, sent_version=sent_version)
        if not operation.dry_run:
            kind.strategy.stored(made.value, None, operation)
        return made


def _finish(
    store: Store, kind: Kind, obj: Object, operation: Operation, generated_from: str, *, sent_version: str
) -> Stored:
    """Under its name, or under the first of some generated ones that is free."""
    if sent_version.isdecimal() and int(sent_version) and not operation.dry_run:
        raise InternalError("resourceVersion should not be set on objects to be created", reason="")
    metadata = obj["metadata"]
    for attempt in range(GENERATED_NAME_TRIES):
        if attempt:
            metadata["name"] = generated_from[:LONGEST_PREFIX] + operation.random_suffix()
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        try:
            return _put(store, kind, namespace, name, obj, operation, sent_version)
        except Exists as exists:
            if not generated_from:
                raise _taken(kind, name, exists.stored) from None
    raise already_exists(kind.group, kind.resource, metadata["name"])


def complete_metadata(obj: Object, operation: Operation, generation: int | None = None) -> None:
    """Give a new object its uid and time, and drop what only the server may say. Keys come into the order of the type.

    `generation` None: as it is.
    """
    metadata = obj["metadata"]
    for key in _WIPED:
        metadata.pop(key, None)
    metadata |= {"uid": operation.new_uid(), "resourceVersion": "", "creationTimestamp": operation.now()}
    if not metadata.get("name"):
        metadata.pop("name", None)
        if "generateName" in metadata:
            metadata["name"] = ""
    if generation is not None:
        metadata["generation"] = generation
    obj["metadata"] = put_in_order(metadata)


def put_in_order(metadata: Object) -> Object:
    """The same metadata with its keys in the order of the type."""
    return {key: metadata[key] for key in METADATA_ORDER if key in metadata}


def _prepare(kind: Kind, obj: Object, operation: Operation) -> None:
    if kind.facts.status_at_create is not None and not (kind.facts.keeps_status_at_create and obj.get("status")):
        sent = obj.get("status") or {}
        status: Object = _copied(kind.facts.status_at_create)
        for field in kind.strategy.keeps_of_sent_status:
            if sent.get(field):
                status[field] = sent[field]
        obj["status"] = status
    kind.strategy.prepare_create(obj, operation)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _put(
    store: Store, kind: Kind, namespace: str, name: str, obj: Object, operation: Operation, sent_version: str
) -> Stored:
    obj = kind.as_stored(obj)
    if not operation.dry_run:
        return store.create(kind.collection, namespace, name, obj)
    present = store.get(kind.collection, namespace, name)
    if present is not None:
        raise Exists(present)
    # A dry run does not come to where a version is refused, or given.
    if sent_version:
        obj["metadata"]["resourceVersion"] = sent_version
    else:
        del obj["metadata"]["resourceVersion"]
    return Stored(obj, store.collection(kind.collection).head, namespace, name, 0)


def _taken(kind: Kind, name: str, present: Stored) -> AlreadyExists:
    error = already_exists(kind.group, kind.resource, name)
    if "deletionTimestamp" in present.value["metadata"]:
        message = f'object is being deleted: {qualified(kind.group, kind.resource)} "{name}" already exists'
        return AlreadyExists(message, error.details)
    return error

"""How an object goes: marked while something keeps it, removed when nothing does.

https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from fakekube.errors import Conflict, details_of, qualified
from fakekube.registry.conversion import shown
from fakekube.registry.create import put_in_order
from fakekube.registry.kind import Kind, Object, Operation
from fakekube.registry.missing import missing
from fakekube.registry.update import remove
from fakekube.storage.store import Clash, Store, Stored

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"

Approve = Callable[[Object], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What a delete asks for. None means: not said."""

    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    uid: str | None = None
    resource_version: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """`removed`: the object has gone, `last` is its last state. Otherwise `last` is the marked object."""

    last: Stored
    removed: bool


async def delete(
    store: Store, kind: Kind, namespace: str, name: str, options: DeleteOptions, operation: Operation, approve: Approve
) -> Deleted:
    """Delete one object by the rules of its kind. Raises NotFound, Conflict (preconditions), and what `approve` raises.

    `approve` is asked before each write: an object that is marked before it goes is asked about twice.
    """
    while True:
        current = store.get(kind.collection, namespace, name)
        if current is None:
            raise missing(kind, name)
        check_preconditions(kind, current, options)
        if _goes_soon_enough(kind, current, options):
            return Deleted(current if kind.strategy.read is None else await shown(kind, current), removed=False)
        seen = current if kind.strategy.read is None else await shown(kind, current)
        await approve(seen.value)
        try:
            deleted = _delete(store, kind, current, options, operation)
            if isinstance(deleted, Stored):
                deleted = await _removed(store, kind, deleted, operation, approve)
            if kind.strategy.read is not None:
                return Deleted(await shown(kind, deleted.last), deleted.removed)
            return deleted
        except Clash:
            continue


def _goes_soon_enough(kind: Kind, current: Stored, options: DeleteOptions) -> bool:
    """Whether an object is going already, and no later than is asked for."""
    metadata = current.value["metadata"]
    if "deletionTimestamp" in metadata and kind.strategy.holds_deletion(current.value):
        return True
    period = metadata.get("deletionGracePeriodSeconds")
    if kind.strategy.grace_period_s is None or not period:
        return False
    return options.grace_period_seconds is None or bool(options.grace_period_seconds >= period)


async def _removed(store: Store, kind: Kind, marked: Stored, operation: Operation, approve: Approve) -> Deleted:
    """Removes an object that has just been marked, whoever writes to it meanwhile."""
    while True:
        await approve(marked.value)
        try:
            return Deleted(remove(store, kind, marked, operation), removed=True)
        except Clash:
            current = store.get(kind.collection, marked.namespace, marked.name)
            if current is None or current.value["metadata"]["uid"] != marked.value["metadata"]["uid"]:
                raise missing(kind, marked.name) from None
            marked = current


def _delete(
    store: Store, kind: Kind, current: Stored, options: DeleteOptions, operation: Operation
) -> Deleted | Stored:
    """What has become of the object; or that which has been marked and is to be removed now."""
    strategy = kind.strategy
    # A mark changes nothing but metadata, unless the kind says more.
    obj = current.copy() if strategy.mark_deleted is not None else {**current.value}
    metadata = obj["metadata"] = {**obj["metadata"]}
    finalizers = _finalizers_for(kind, metadata.get("finalizers", []), options)
    was_marked = "deletionTimestamp" in metadata
    changed = finalizers != metadata.get("finalizers", [])
    if changed:
        metadata["finalizers"] = finalizers
        if not finalizers:
            del metadata["finalizers"]
    # Who has no time left is not given any anew.
    has_gone = was_marked and not metadata.get("deletionGracePeriodSeconds")
    graceful = strategy.grace_period_s is not None and not has_gone
    period = strategy.grace_period_s(obj, options.grace_period_seconds) if strategy.grace_period_s else 0
    if was_marked and graceful:
        metadata["deletionTimestamp"], period = _shortened(metadata, period, operation)
        metadata["deletionGracePeriodSeconds"] = period
        changed = True
    if was_marked and finalizers and strategy.grace_period_s is None and "deletionGracePeriodSeconds" not in metadata:
        # Definitions are marked without it, and get it when they are deleted again.
        metadata["deletionGracePeriodSeconds"] = 0
        changed = True
    kept = bool(finalizers) or strategy.holds_deletion(obj) or (graceful and period > 0)
    if strategy.mark_deleted is not None and not was_marked:
        kept = True
    if not was_marked and (kept or graceful):
        _mark(kind, obj, period, operation)
        changed = True
    if kept:
        return Deleted(_marked(store, kind, current, obj, operation) if changed else current, removed=False)
    if operation.dry_run:
        obj["metadata"] = put_in_order(obj["metadata"])
        return Deleted(Stored(obj, current.head, current.namespace, current.name, current.revision), removed=True)
    if changed:
        return _marked(store, kind, current, obj, operation)
    return Deleted(remove(store, kind, current, operation), removed=True)


def _marked(store: Store, kind: Kind, current: Stored, obj: Object, operation: Operation) -> Stored:
    obj["metadata"] = put_in_order(obj["metadata"])
    if operation.dry_run:
        return Stored(obj, current.head, current.namespace, current.name, current.revision)
    return store.update(kind.collection, current, kind.as_stored(obj))


def _mark(kind: Kind, obj: Object, period_s: int, operation: Operation) -> None:
    metadata = obj["metadata"]
    metadata["deletionTimestamp"] = _later(operation.now(), period_s)
    metadata["deletionGracePeriodSeconds"] = period_s
    if kind.facts.generation == "1":
        metadata["generation"] = metadata.get("generation", 0) + 1
    if kind.strategy.mark_deleted is not None:
        kind.strategy.mark_deleted(obj)


@lru_cache(maxsize=64)
def _later(time: str, seconds: int) -> str:
    return (datetime.fromisoformat(time) + timedelta(seconds=seconds)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shortened(metadata: Object, period_s: int, operation: Operation) -> tuple[str, int]:
    """The mark moves with the period, but never into the past; then a second is left, unless none was wanted."""
    began = _later(metadata["deletionTimestamp"], -int(metadata.get("deletionGracePeriodSeconds", 0)))
    moved, now = _later(began, period_s), operation.now()
    return (moved, period_s) if moved >= now else (now, min(period_s, 1))


def _finalizers_for(kind: Kind, present: list[str], options: DeleteOptions) -> list[str]:
    """The finalizers that the propagation policy leaves: its own appended at the end, the other policy's taken off."""
    others = [each for each in present if each not in (ORPHAN, FOREGROUND)]
    if not kind.strategy.default_propagation:
        return others
    wanted = ""
    if options.orphan_dependents is not None:
        wanted = ORPHAN if options.orphan_dependents else ""
    elif options.propagation_policy is not None:
        wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(options.propagation_policy, "")
    elif ORPHAN in present:
        wanted = ORPHAN
    elif FOREGROUND in present:
        wanted = FOREGROUND
    elif kind.strategy.default_propagation == "Orphan":
        wanted = ORPHAN
    if wanted and wanted in present and len(others) == len(present) - 1:
        return present
    return [*others, wanted] if wanted else others


def check_preconditions(kind: Kind, current: Stored, options: DeleteOptions) -> None:
    """Raises Conflict."""
    metadata = current.value["metadata"]
    if kind.strategy.mark_deleted is not None:
        _check_namespace_preconditions(kind, current, options)
        return
    # These two texts name the kind where all others name the resource, in the group that it is stored in.
    group = kind.facts.stored_as[0]
    subject = f'Operation cannot be fulfilled on {qualified(group, kind.kind)} "{current.name}"'
    details = details_of(group, kind.kind, current.name)
    if options.uid is not None and options.uid != metadata["uid"]:
        raise Conflict(
            f"{subject}: the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated",
            details,
        )
    if options.resource_version is not None and options.resource_version != metadata["resourceVersion"]:
        raise Conflict(
            f"{subject}: the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata['resourceVersion']}). The object might have been modified",
            details,
        )


def _check_namespace_preconditions(kind: Kind, current: Stored, options: DeleteOptions) -> None:
    metadata = current.value["metadata"]
    for label, wanted, present in (
        ("UID", options.uid, metadata["uid"]),
        ("ResourceVersion", options.resource_version, metadata["resourceVersion"]),
    ):
        if wanted is not None and wanted != present:
            text = f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {present}"
            message = (
                f'Operation cannot be fulfilled on {qualified(kind.group, kind.resource)} "{current.name}": {text}'
            )
            raise Conflict(message, details_of(kind.group, kind.resource, current.name))

"""How a stored object changes: what a client may change, what the server puts back, and when the change is its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from fakekube.errors import InternalError, Invalid, conflict, details_of, qualified
from fakekube.objects import as_sent
from fakekube.objects import metadata as object_metadata
from fakekube.objects.field_errors import FieldError, Tolerated, invalid, invalid_object
from fakekube.registry.conversion import as_stored, shown
from fakekube.registry.create import Approve, put_in_order
from fakekube.registry.kind import Kind, Object, Operation
from fakekube.registry.missing import missing
from fakekube.storage.store import Clash, Store, Stored

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

Change = Callable[[Stored], Awaitable[Object]]
"""From what is stored (in the form of storage) to what shall be: decoded, defaulted, admitted; a new dict, in the form of storage. Where a
webhook converts the kind's versions, both are in the version of the request."""


async def update(
    store: Store,
    kind: Kind,
    namespace: str,
    name: str,
    change: Change,
    operation: Operation,
    warnings: list[str],
    approve: Approve,
    *,
    subresource: str = "",
    put: bool = False,
) -> Stored:
    """Change one object, repeating on what others wrote in between, as GuaranteedUpdate does in Kubernetes.

    Returns what is stored then: the same object when the change changes nothing, the last state when it was the end of the object, and
    with a dry run what would be stored. `put` says that the client sent a whole object.

    Raises NotFound, Conflict (resourceVersion), Invalid, and what `change` and `approve` raise.
    """
    while True:
        current = store.get(kind.collection, namespace, name)
        if current is None:
            raise missing(kind, name)
        seen = current if kind.strategy.read is None else await shown(kind, current)
        new = await change(seen)
        old = kind.as_judged(seen.value)
        if doubled := object_metadata.drop_duplicate_owners(new["metadata"]):
            warnings.append(object_metadata.duplicate_owners_warning(doubled, after_admission=not put))
        _check_version(kind, new, current)
        _put_back_metadata(new, old)
        _prepare(kind, new, old, operation, subresource)
        errors = _validate(kind, new, old, subresource)
        if errors and (tolerated := [str(error) for error in errors if isinstance(error, Tolerated)]):
            warnings.extend(text for text in tolerated if text not in warnings)
            errors = [error for error in errors if not isinstance(error, Tolerated)]
        if errors:
            raise invalid_object(kind.facts.stored_as[0], new["kind"], new["metadata"].get("name", ""), errors)
        if not subresource:
            warnings.extend(text for text in kind.strategy.warnings(new, old) if text not in warnings)
        await approve(new, old)
        allocate = kind.strategy.allocate if not subresource else None
        try:
            if kind.strategy.write is not None:
                new = await as_stored(kind, new)
                return await shown(kind, _commit(store, kind, current, new, operation))
            if allocate is None:
                return _commit(store, kind, current, new, operation)
            with operation.allocators.transaction(keep=not operation.dry_run):
                allocate(new, old, operation)
                changed = _commit(store, kind, current, new, operation)
                if not operation.dry_run:
                    kind.strategy.stored(changed.value, old, operation)
                return changed
        except Clash:
            continue


def is_removable(kind: Kind, obj: Object) -> bool:
    """Whether a marked object has nothing left that keeps it."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("deletionGracePeriodSeconds")
        and not metadata.get("finalizers")
        and not kind.strategy.holds_deletion(obj)
    )


def remove(store: Store, kind: Kind, current: Stored, operation: Operation) -> Stored:
    """Take the object out of the store and give back what it held. Raises Clash."""
    value = current.value
    gone = store.delete(kind.collection, current)
    kind.strategy.release(value, operation)
    return gone


_COUNT_EMPTY = frozenset(
    {
        ("networking.k8s.io", "networkpolicies"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    }
)
"""Kinds to whose generation a list or map that is sent empty is another than none, each time anew."""


def bump_generation(kind: Kind, new: Object, old: Object) -> None:
    """One more when a field changed that the kind counts."""
    counted = kind.facts.generation_grows_with
    has_changed = any(_at(new, path) != _at(old, path) for path in counted)
    if not has_changed and (kind.group, kind.resource) in _COUNT_EMPTY:
        sent = [as_sent.shown_at(new, path) for path in counted]
        has_changed = any(value == [] or as_sent.knows_empty(value) for value in sent)
    if has_changed:
        metadata = new["metadata"]
        metadata["generation"] = old["metadata"].get("generation", 0) + 1
        new["metadata"] = put_in_order(metadata)


def _commit(store: Store, kind: Kind, current: Stored, new: Object, operation: Operation) -> Stored:
    head = store.collection(kind.collection).head
    new = kind.as_stored(new)
    if is_removable(kind, new) and not is_removable(kind, current.value):
        # The answer is the object as this write made it, under the version it was read at.
        if not operation.dry_run:
            remove(store, kind, current, operation)
        return Stored(new, head, current.namespace, current.name, current.revision)
    if _is_the_same(new, current) or _is_only_told_again(new, current.value):
        return current
    if operation.dry_run:
        return Stored(new, head, current.namespace, current.name, current.revision)
    return store.update(kind.collection, current, new)


def _is_the_same(new: Object, current: Stored) -> bool:
    """Down to the order of the keys and to the texts. Whether it can be at all is quickly seen."""
    return new == current.value and as_sent.encoded(new)[0] == current.encoded()


def _is_only_told_again(new: Object, old: Object) -> bool:
    """Whether nothing differs but the times in managedFields: a write that changes nothing else is none."""
    listed, present = new["metadata"].get("managedFields"), old["metadata"].get("managedFields")
    if not listed or not present or listed == present or len(listed) != len(present):
        return False
    if any({**one, "time": ""} != {**other, "time": ""} for one, other in zip(listed, present, strict=True)):
        return False
    return new | {"metadata": new["metadata"] | {"managedFields": present}} == old


def sent_version(metadata: Object) -> int:
    """The version that a client says; 0 for none. Raises InternalError for what is no number."""
    version = metadata.get("resourceVersion", "")
    if version and not (version.isascii() and version.isdecimal()):
        raise InternalError(f"strconv.ParseUint: parsing {orjson.dumps(version).decode()}: invalid syntax", reason="")
    return int(version or 0)


def check_uid(kind: Kind, new: Object, current: Stored, *, dry_run: bool) -> None:
    """Raises Conflict where a client has sent the object of another uid: that is asked before anybody may change what was sent."""
    uid, present = new["metadata"].get("uid", ""), current.value["metadata"]["uid"]
    if uid and uid != present:
        place = kind.place_of(current.namespace, current.name, dry_run=dry_run)
        text = (
            f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {present}"
        )
        raise conflict(kind.group, kind.resource, current.name, text)


def _check_version(kind: Kind, new: Object, current: Stored) -> None:
    version = sent_version(new["metadata"])
    if not version:
        if kind.facts.put_needs_resource_version:
            error = invalid("metadata.resourceVersion", 0, "must be specified for an update")
            details = details_of(kind.group, kind.resource, current.name, [error.cause()])
            raise Invalid(f'{qualified(kind.group, kind.resource)} "{current.name}" is invalid: {error}', details)
    elif version != current.revision:
        raise conflict(kind.group, kind.resource, current.name, MODIFIED)


def _put_back_metadata(new: Object, old: Object) -> None:
    """What no client changes is as it was, without a word: only a uid, or a deletion that never was, is left to be refused."""
    metadata, present = new["metadata"], old["metadata"]
    if not metadata.get("uid"):
        metadata["uid"] = present["uid"]
    metadata["resourceVersion"] = present["resourceVersion"]
    for key in ("generation", "creationTimestamp"):
        if key in present:
            metadata[key] = present[key]
        else:
            metadata.pop(key, None)
    if "deletionTimestamp" in present:
        metadata["deletionTimestamp"] = present["deletionTimestamp"]
        if metadata.get("deletionGracePeriodSeconds") is None and "deletionGracePeriodSeconds" in present:
            metadata["deletionGracePeriodSeconds"] = present["deletionGracePeriodSeconds"]
    new["metadata"] = put_in_order(metadata)


def _prepare(kind: Kind, new: Object, old: Object, operation: Operation, subresource: str) -> None:
    strategy, facts = kind.strategy, kind.facts
    if subresource == "status":
        _let_status_through(kind, new, old)
        strategy.prepare_status_update(new, old, operation)
    elif subresource:
        listed = new["metadata"].get("managedFields")
        strategy.doors[subresource].prepare(new, old, operation)
        _put_owners(new, listed)
    else:
        if facts.status_at_create is not None:
            if "status" in old:
                new["status"] = old["status"]
            else:
                new.pop("status", None)
        strategy.prepare_update(new, old, operation)
        bump_generation(kind, new, old)


def _put_owners(new: Object, listed: Any) -> None:
    """Who owns what is settled before a door puts the rest of the object back."""
    metadata = new["metadata"]
    if metadata.get("managedFields") != listed:
        others = {key: value for key, value in metadata.items() if key != "managedFields"}
        new["metadata"] = others | ({"managedFields": listed} if listed else {})


def _let_status_through(kind: Kind, new: Object, old: Object) -> None:
    """Of a write to /status keep status and the metadata that the kind lets through there."""
    sent, present = new["metadata"], old["metadata"]
    if not kind.type_name:
        sent["uid"] = present["uid"]
    for key in ("labels", "annotations", "ownerReferences", "finalizers"):
        if key in kind.facts.status_write_takes_metadata:
            continue
        if key in present:
            sent[key] = present[key]
        else:
            sent.pop(key, None)
    new["metadata"] = put_in_order(sent)
    for key in list(new):
        if key not in ("kind", "apiVersion", "metadata", "status") and key not in old:
            del new[key]
    status = new.get("status")
    for key, value in old.items():
        if key not in ("kind", "apiVersion", "metadata", "status"):
            new[key] = value
    if status is not None and list(new)[-1] != "status":
        del new["status"]
        new["status"] = status


def _validate(kind: Kind, new: Object, old: Object, subresource: str) -> Sequence[FieldError]:
    strategy = kind.strategy
    is_same_metadata = _is_same_metadata(new["metadata"], old["metadata"])
    if is_same_metadata and kind.type_name and _is_same_but_metadata(kind, new, old):
        return ()
    errors: list[FieldError] = []
    again: list[FieldError] = []
    if not is_same_metadata:
        errors, again = object_metadata.validate_update(kind.facts, new["metadata"], old["metadata"], subresource)
    if subresource == "status":
        errors.extend(strategy.validate_status_update(new, old))
    elif subresource:
        errors.extend(strategy.doors[subresource].validate(new, old))
    else:
        errors.extend(strategy.validate_update_first(new, old))
        errors.extend(again)
        errors.extend(strategy.validate_update(new, old))
        return errors
    return [*errors, *again]


def _but_metadata(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key != "metadata"}


def _is_same_but_metadata(kind: Kind, new: Object, old: Object) -> bool:
    one, other = _but_metadata(new), _but_metadata(old)
    return as_sent.is_same(one, other) if kind.type_name in as_sent.RAW_EXTENSIONS else one == other


def _is_same_metadata(new: Object, old: Object) -> bool:
    """Whether nothing that is judged differs from what was found valid as it was stored."""
    one, other = dict(new), dict(old)
    for key in ("resourceVersion", "managedFields"):
        one.pop(key, None)
        other.pop(key, None)
    return one == other


def _at(obj: Any, path: str) -> Any:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj

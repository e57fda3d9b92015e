"""Objects follow their owners: dependents of an owner that is gone go too, and a marked owner waits for them or lets them be.

https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from fakekube.controllers.loop import EVERYTHING, Context, Controller, Key, Object, Watch
from fakekube.errors import Conflict, NotFound, qualified

if TYPE_CHECKING:
    from fakekube.api.client import Client
    from fakekube.registry.kind import Kind

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"

MOST_GONE = 1000
"""So many owners that are nowhere are known again, so that each of their dependents need not look for them."""

GONE = "gone"
"""In the place of a name, before a uid: an object that is no longer there."""

Place = tuple[str, str, str]
"""(resource as the client names it, namespace, name) of an object."""


def dependents_and_marked(object: Object) -> tuple[Key, ...]:
    """Objects that have owners, and owners that are to go in the foreground or to leave orphans."""
    metadata = object["metadata"]
    if "ownerReferences" in metadata or (
        "deletionTimestamp" in metadata and not {ORPHAN, FOREGROUND}.isdisjoint(metadata.get("finalizers", ()))
    ):
        return (key_of(object["apiVersion"], object["kind"], metadata.get("namespace", ""), metadata["name"]),)
    return ()


def bonds(object: Object) -> tuple[Any, ...]:
    """All of an object that matters here."""
    metadata = object["metadata"]
    return metadata.get("ownerReferences"), metadata.get("deletionTimestamp"), metadata.get("finalizers")


def departed(object: Object) -> tuple[Key, ...]:
    """What has gone matters to its dependents, and to owners that waited for it."""
    metadata = object["metadata"]
    namespace = metadata.get("namespace", "")
    owners = [
        key_of(each["apiVersion"], each["kind"], namespace, each["name"])
        for each in metadata.get("ownerReferences", ())
    ]
    return (("", f"{GONE} {metadata['uid']}"), *owners)


def key_of(api_version: str, kind: str, namespace: str, name: str) -> Key:
    return (namespace, f"{api_version} {kind} {name}")


@dataclass(slots=True)
class Memory:
    """Who depends on whom, by the owners' uids; kept in step by looking at every object with owners that changes."""

    dependents: dict[str, dict[Place, None]] = field(default_factory=dict)
    owners: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    gone: dict[tuple[str, str], None] = field(default_factory=dict)
    """Resource and uid of owners that were found in no namespace; no later object has such a uid."""

    def note(self, place: Place, owners: tuple[str, ...]) -> None:
        before = self.owners.pop(place, ())
        for uid in before:
            known = self.dependents.get(uid, {})
            known.pop(place, None)
            if not known:
                self.dependents.pop(uid, None)
        if owners:
            self.owners[place] = owners
            for uid in owners:
                self.dependents.setdefault(uid, {})[place] = None

    def kind(self, client: Client, api_version: str, kind: str) -> Kind | None:
        """None for a kind that is not served, or whose objects are not kept."""
        found = self.kinds.get((api_version, kind))
        if found is None:
            self.kinds = {(each.api_version, each.kind): each for each in client.resources() if each.is_stored}
            found = self.kinds.get((api_version, kind))
        return found


class Owner(Enum):
    """What a reference leads to."""

    SOLID = auto()
    """The owner is there."""
    WAITING = auto()
    """It is there, and waits for this dependent to go before it."""
    DANGLING = auto()
    UNKNOWN = auto()
    """It cannot be said: the kind is not served, or an owner in a namespace is named by an object in none."""


async def reconcile(context: Context, namespace: str, name: str) -> None:
    memory: Memory = context.memory.setdefault("graph", Memory())
    first, _, rest = name.partition(" ")
    if first == GONE:
        for place in list(memory.dependents.get(rest, ())):
            await look_at(context, memory, *place)
            # Many dependents must not hold up those who wait for an answer.
            await context.turn()
        return
    kind_name, _, object_name = rest.partition(" ")
    kind = memory.kind(context.client, first, kind_name)
    if kind is not None:
        resource = qualified(kind.group, kind.resource)
        await look_at(context, memory, resource, namespace if kind.namespaced else "", object_name)


async def look_at(context: Context, memory: Memory, resource: str, namespace: str, name: str) -> None:
    place = (resource, namespace, name)
    object = context.client.get(resource, namespace, name)
    if object is None:
        memory.note(place, ())
        return
    metadata = object["metadata"]
    memory.note(place, tuple(each["uid"] for each in metadata.get("ownerReferences", ())))
    try:
        if "deletionTimestamp" in metadata:
            if ORPHAN in metadata.get("finalizers", ()):
                await leave_orphans(context, memory, place, object)
            elif FOREGROUND in metadata.get("finalizers", ()):
                await go_last(context, memory, place, object)
            return
        if "ownerReferences" in metadata:
            await follow_owners(context, memory, place, object)
    except NotFound:
        return  # it went meanwhile, which is looked at by itself


async def follow_owners(context: Context, memory: Memory, place: Place, object: Object) -> None:
    """Keep an object that has an owner, without the references that lead nowhere; delete one that has lost them all."""
    resource, namespace, name = place
    metadata = object["metadata"]
    found = [(each, await owner_of(context, memory, object, each)) for each in metadata["ownerReferences"]]
    if any(state is Owner.UNKNOWN for _, state in found):
        return
    if any(state is Owner.SOLID for _, state in found):
        kept = [each for each, state in found if state is Owner.SOLID]
        if len(kept) < len(found):
            await write(context, place, metadata, ownerReferences=kept)
        return
    finalizers = metadata.get("finalizers", ())
    is_waited_for = any(state is Owner.WAITING for _, state in found)
    policy = "Background"
    if is_waited_for and memory.dependents.get(metadata["uid"]):
        policy = "Foreground"
    elif ORPHAN in finalizers:
        policy = "Orphan"
    elif FOREGROUND in finalizers:
        policy = "Foreground"
    try:
        await context.client.delete(resource, namespace, name, uid=metadata["uid"], propagation_policy=policy)
    except Conflict:
        present = context.client.get(resource, namespace, name)
        if present is not None and present["metadata"]["uid"] == metadata["uid"]:
            raise
        return  # another of the same name by now


async def owner_of(context: Context, memory: Memory, dependent: Object, reference: Object) -> Owner:
    kind = memory.kind(context.client, reference["apiVersion"], reference["kind"])
    if kind is None:
        return Owner.UNKNOWN
    namespace = dependent["metadata"].get("namespace", "") if kind.namespaced else ""
    resource = qualified(kind.group, kind.resource)
    if kind.namespaced and not namespace:
        await tell_wrong_namespace(context, dependent, reference)
        return Owner.UNKNOWN
    owner = context.client.get(resource, namespace, reference["name"])
    if owner is not None and owner["metadata"]["uid"] == reference["uid"]:
        is_last = "deletionTimestamp" in owner["metadata"] and FOREGROUND in owner["metadata"].get("finalizers", ())
        return Owner.WAITING if is_last else Owner.SOLID
    if kind.namespaced and (resource, reference["uid"]) not in memory.gone:
        namesakes = context.client.list(resource, field_selector=f"metadata.name={reference['name']}")
        if any(each["metadata"]["uid"] == reference["uid"] for each in namesakes):
            await tell_wrong_namespace(context, dependent, reference)
        else:
            memory.gone[resource, reference["uid"]] = None
            if len(memory.gone) > MOST_GONE:
                del memory.gone[next(iter(memory.gone))]
    return Owner.DANGLING


async def tell_wrong_namespace(context: Context, dependent: Object, reference: Object) -> None:
    namespace = dependent["metadata"].get("namespace", "")
    shown = (
        f"[{reference['apiVersion']}/{reference['kind']}, namespace: {namespace}, name: {reference['name']}, "
        f"uid: {reference['uid']}]"
    )
    text = f'ownerRef {shown} does not exist in namespace "{namespace}"'
    about = {key: value for key, value in dependent["metadata"].items() if key != "resourceVersion"}
    await context.recorder.warning({**dependent, "metadata": about}, "OwnerRefInvalidNamespace", text)


async def leave_orphans(context: Context, memory: Memory, place: Place, owner: Object) -> None:
    """Take the owner out of all its dependents, then let it go."""
    uid = owner["metadata"]["uid"]
    for dependent in list(memory.dependents.get(uid, ())):
        object = context.client.get(*dependent)
        if object is not None:
            kept = [each for each in object["metadata"].get("ownerReferences", ()) if each["uid"] != uid]
            await write(context, dependent, object["metadata"], ownerReferences=kept)
            await context.turn()
    await remove_finalizer(context, place, owner, ORPHAN)


async def go_last(context: Context, memory: Memory, place: Place, owner: Object) -> None:
    """Have the dependents deleted; the owner may go when none is left that blocks it."""
    uid = owner["metadata"]["uid"]
    blocked = False
    for dependent in list(memory.dependents.get(uid, ())):
        await look_at(context, memory, *dependent)
        await context.turn()
        object = context.client.get(*dependent)
        references = object["metadata"].get("ownerReferences", ()) if object is not None else ()
        blocked |= any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in references)
    if not blocked:
        await remove_finalizer(context, place, owner, FOREGROUND)


async def remove_finalizer(context: Context, place: Place, owner: Object, finalizer: str) -> None:
    kept = [each for each in owner["metadata"]["finalizers"] if each != finalizer]
    await write(context, place, owner["metadata"], finalizers=kept)


async def write(context: Context, place: Place, metadata: Object, **lists: list[Any]) -> None:
    """Replace whole lists, so nobody may have changed the object since; raises Conflict if somebody has."""
    changes = {key: value or None for key, value in lists.items()}
    patch = {"metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"], **changes}}
    await context.client.patch(*place, patch)


CONTROLLER = Controller(
    name="generic-garbage-collector",
    events_from="garbage-collector-controller",
    watches=(
        Watch(EVERYTHING, key=dependents_and_marked, of=bonds),
        Watch(EVERYTHING, key=departed, types=("DELETED",)),
    ),
    reconcile=reconcile,
)

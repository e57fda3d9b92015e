"""What is an owner's: those it controls, and orphans that its selector finds. One that no longer fits is let go.

https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from fakekube.controllers.loop import Context, Object, controller_reference
from fakekube.errors import Conflict, NotFound
from fakekube.objects.selectors import LabelSelector, label_selector_of


def owner_reference(owner: Object) -> Object:
    """How a made object names its controller."""
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selector_of(owner: Object) -> LabelSelector:
    """The selector of an owner whose spec has a LabelSelector."""
    return label_selector_of(owner["spec"].get("selector"))


async def claimed_pods(context: Context, owner: Object, *, finalizer: str = "") -> list[Object]:
    """The pods of an owner with a label selector, in the order of their names, after orphans have been adopted and strays released.

    `finalizer` comes with the adoption and goes with the release.
    """
    return await claimed(context, owner, "pods", selector_of(owner), finalizer=finalizer)


async def claimed(
    context: Context,
    owner: Object,
    resource: str,
    selector: LabelSelector,
    *,
    may_adopt: Callable[[str], bool] = lambda _: True,
    finalizer: str = "",
) -> list[Object]:
    """The objects of an owner in the order of their names, after `settle_claims`."""
    await settle_claims(context, owner, resource, selector, may_adopt=may_adopt, finalizer=finalizer)
    namespace = owner["metadata"]["namespace"]
    names = sorted(context.owners(resource).of(owner).names)
    return present(context.client.get(resource, namespace, name) for name in names)


async def settle_claims(
    context: Context,
    owner: Object,
    resource: str,
    selector: LabelSelector,
    *,
    may_adopt: Callable[[str], bool] = lambda _: True,
    finalizer: str = "",
) -> None:
    """Adopt the orphans that the selector finds and release what it does not find any more.

    An owner that is being deleted neither adopts nor releases. `may_adopt` is asked about the names of orphans.
    """
    metadata = owner["metadata"]
    if "deletionTimestamp" in metadata:
        return
    ownership, namespace = context.owners(resource), metadata["namespace"]
    for name in ownership.of(owner).matching(selector, fits=False):
        stray = context.client.get(resource, namespace, name)
        if stray is not None and controls(owner, stray) and not selector.matches(stray["metadata"].get("labels")):
            kept = [each for each in _owners(stray) if each["uid"] != metadata["uid"]]
            await set_owners(context, resource, stray, kept, without=finalizer)
    for name in ownership.orphans(namespace).matching(selector):
        orphan = context.client.get(resource, namespace, name)
        if (
            orphan is not None
            and may_adopt(name)
            and controller_reference(orphan) is None
            and "deletionTimestamp" not in orphan["metadata"]
            and selector.matches(orphan["metadata"].get("labels"))
        ):
            owners = [*_owners(orphan), owner_reference(owner)]
            await set_owners(context, resource, orphan, owners, finalizer=finalizer)


async def look_at_adopters(
    context: Context,
    namespace: str,
    *,
    owners: str,
    dependents: str,
    selector_of: Callable[[Object], LabelSelector],
    reconcile: Callable[[Context, str, str], Awaitable[float | None]],
) -> None:
    """Reconcile the owners in a namespace whose selectors find orphans there."""
    orphans = context.owners(dependents).orphans(namespace)
    if not orphans.bunches:
        return
    for owner in context.client.list(owners, namespace):
        selector = selector_of(owner)
        if "deletionTimestamp" not in owner["metadata"] and next(orphans.matching(selector), None) is not None:
            await reconcile(context, namespace, owner["metadata"]["name"])


def controls(owner: Object, object: Object) -> bool:
    reference = controller_reference(object)
    return reference is not None and bool(reference["uid"] == owner["metadata"]["uid"])


def present(objects: Iterable[Object | None]) -> list[Object]:
    return [each for each in objects if each is not None]


def _owners(object: Object) -> list[Object]:
    return list(object["metadata"].get("ownerReferences", ()))


async def set_owners(
    context: Context,
    resource: str,
    object: Object,
    owners: list[Object],
    *,
    finalizer: str = "",
    without: str = "",
) -> Object | None:
    """None when the object has gone or is another by now. A finalizer may be set, and one taken away, in the same write."""
    metadata = object["metadata"]
    patch: Object = {"metadata": {"uid": metadata["uid"], "ownerReferences": owners or None}}
    present = metadata.get("finalizers", [])
    if finalizer and finalizer not in present:
        patch["metadata"]["finalizers"] = [*present, finalizer]
    elif without in present:
        patch["metadata"]["finalizers"] = [each for each in present if each != without] or None
    try:
        return await context.client.patch(resource, metadata["namespace"], metadata["name"], patch)
    except (NotFound, Conflict):
        return None

"""Which pods are an owner's: those it controls, and orphans that its selector finds. One that no longer fits is let go.

https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
"""

from __future__ import annotations

from fakekube.controllers.loop import Context, Object, controller_reference
from fakekube.errors import Conflict, NotFound
from fakekube.objects.selectors import label_selector_of


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


async def claimed_pods(context: Context, owner: Object) -> list[Object]:
    """The pods of an owner with a label selector, after orphans have been adopted and strays released."""
    selector = label_selector_of(owner["spec"].get("selector"))
    is_going = "deletionTimestamp" in owner["metadata"]
    claimed = []
    for pod in context.client.list("pods", owner["metadata"]["namespace"]):
        reference = controller_reference(pod)
        fits = selector.matches(pod["metadata"].get("labels"))
        if reference is not None and reference["uid"] == owner["metadata"]["uid"]:
            if fits or is_going:
                claimed.append(pod)
            else:
                await _set_owners(context, pod, [each for each in _owners(pod) if each["uid"] != reference["uid"]])
        elif reference is None and fits and not is_going and "deletionTimestamp" not in pod["metadata"]:
            adopted = await _set_owners(context, pod, [*_owners(pod), owner_reference(owner)])
            if adopted is not None:
                claimed.append(adopted)
    return claimed


def _owners(pod: Object) -> list[Object]:
    return list(pod["metadata"].get("ownerReferences", ()))


async def _set_owners(context: Context, pod: Object, owners: list[Object]) -> Object | None:
    """None when the pod has gone or is another by now."""
    metadata = pod["metadata"]
    patch = {"metadata": {"uid": metadata["uid"], "ownerReferences": owners or None}}
    try:
        return await context.client.patch("pods", metadata["namespace"], metadata["name"], patch)
    except (NotFound, Conflict):
        return None

"""The templates that a StatefulSet or DaemonSet has had, each kept as a ControllerRevision.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/controller-revision-v1/
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson

from fakekube.controllers.claims import claimed, controls, owner_reference, selector_of
from fakekube.controllers.loop import Context, Object
from fakekube.controllers.template_hash import template_hash
from fakekube.errors import AlreadyExists, NotFound

RESOURCE = "controllerrevisions.apps"

PATCH_MARK = "$patch"
"""The data is a strategic merge patch of the owner, which puts the template in the place of what is there."""


async def revisions_of(context: Context, owner: Object) -> list[Object]:
    """The owner's revisions, the oldest first."""
    found = await claimed(context, owner, RESOURCE, selector_of(owner))
    return sorted(found, key=lambda each: (each["revision"], each["metadata"]["creationTimestamp"]))


def data_of(owner: Object) -> Object:
    """Its keys are in order: other text is other data, and whoever patches a revision gets them in order."""
    data = {"spec": {"template": {**owner["spec"]["template"], PATCH_MARK: "replace"}}}
    in_order: Object = orjson.loads(orjson.dumps(data, option=orjson.OPT_SORT_KEYS))
    return in_order


def template_in(revision: Object) -> Object:
    """The template that a revision holds."""
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != PATCH_MARK}


async def present_revision(
    context: Context, owner: Object, revisions: list[Object], *, hash_label: str, collisions: int
) -> tuple[Object, int]:
    """The revision of the owner's template, as the newest of all: made, or an old one with a new number.

    Also says how often the name it was to have was taken. `revisions` are brought up to date.
    """
    data = data_of(owner)
    number = max((each["revision"] for each in revisions), default=0) + 1
    same = next((each for each in reversed(revisions) if each["data"] == data), None)
    if same is not None:
        if same is not revisions[-1]:
            metadata = same["metadata"]
            patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "revision": number}
            revisions.remove(same)
            same = await context.client.patch(RESOURCE, metadata["namespace"], metadata["name"], patch)
            revisions.append(same)
        return same, collisions
    while True:
        revision = new_revision(owner, number, hash_label, collisions)
        try:
            created = await context.client.create(RESOURCE, revision)
        except AlreadyExists:
            metadata = revision["metadata"]
            present = context.client.get(RESOURCE, metadata["namespace"], metadata["name"])
            if present is None or present["data"] != data or not controls(owner, present):
                collisions += 1
                continue
            created = present
        revisions.append(created)
        return created, collisions


def new_revision(owner: Object, number: int, hash_label: str, collisions: int) -> Object:
    metadata, template = owner["metadata"], owner["spec"]["template"]
    hash = template_hash(template, collisions or None)
    return {
        "kind": "ControllerRevision",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": f"{metadata['name']}-{hash}",
            "namespace": metadata["namespace"],
            "labels": {**template.get("metadata", {}).get("labels", {}), hash_label: hash},
            "annotations": metadata.get("annotations", {}),
            "ownerReferences": [owner_reference(owner)],
        },
        "data": data_of(owner),
        "revision": number,
    }


async def forget_old(context: Context, owner: Object, revisions: Sequence[Object], *, in_use: Collection[str]) -> None:
    """Delete the oldest revisions that are not in use (by name), until as many are left as are to be remembered."""
    unused = [each for each in revisions if each["metadata"]["name"] not in in_use]
    for each in unused[: max(len(unused) - owner["spec"].get("revisionHistoryLimit", 10), 0)]:
        metadata = each["metadata"]
        try:
            await context.client.delete(RESOURCE, metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except NotFound:
            continue

"""The pods of a StatefulSet and their claims: each has a number, a name by it, and storage of its own.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity
"""

from __future__ import annotations

import re

from fakekube.controllers.claims import owner_reference
from fakekube.controllers.loop import Context, Object
from fakekube.controllers.pod_control import is_end_of_namespace, pod_from_template
from fakekube.errors import AlreadyExists, Conflict, NotFound, StatusError

CLAIMS = "persistentvolumeclaims"

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION_HASH = "controller-revision-hash"

NUMBERED = re.compile(r"(.+)-([0-9]+)")


def parent_and_ordinal(name: str) -> tuple[str, int]:
    """`db-0` is number 0 of db; -1 for a name without a number."""
    match = NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, -1)


def ordinal_of(pod: Object) -> int:
    return parent_and_ordinal(pod["metadata"]["name"])[1]


def revision_name(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get(REVISION_HASH, ""))


def new_pod(owner: Object, ordinal: int, template: Object, revision: str) -> Object:
    """The pod of a number, from the template of a revision (by name)."""
    set_name = owner["metadata"]["name"]
    name = f"{set_name}-{ordinal}"
    pod = pod_from_template(owner, template)
    identity = {POD_NAME: name, POD_INDEX: str(ordinal), REVISION_HASH: revision}
    pod["metadata"] = {
        "name": name,
        **pod["metadata"],
        "labels": {**pod["metadata"].get("labels", {}), **identity},
    }
    spec = {**template["spec"], "hostname": name}
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    templates = owner["spec"].get("volumeClaimTemplates", ())
    claimed = {each["metadata"]["name"]: claim_name(owner, each, ordinal) for each in templates}
    others = [each for each in spec.get("volumes", ()) if each["name"] not in claimed]
    ours = [{"name": key, "persistentVolumeClaim": {"claimName": claim}} for key, claim in claimed.items()]
    if ours or others:
        spec["volumes"] = [*ours, *others]
    return {**pod, "spec": spec}


def claim_name(owner: Object, template: Object, ordinal: int) -> str:
    return f"{template['metadata']['name']}-{owner['metadata']['name']}-{ordinal}"


def new_claims(owner: Object, ordinal: int) -> list[Object]:
    claims = []
    for template in owner["spec"].get("volumeClaimTemplates", ()):
        metadata = template["metadata"]
        labels = {**metadata.get("labels", {}), **owner["spec"]["selector"].get("matchLabels", {})}
        made = {
            "name": claim_name(owner, template, ordinal),
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
            "annotations": metadata.get("annotations", {}),
        }
        claims.append({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": made, "spec": template["spec"]})
    return claims


async def create(context: Context, owner: Object, pod: Object) -> bool:
    """Make a pod after its claims; False when it has to wait for claims of its former self, or its namespace goes.

    Raises StatusError after telling of it.
    """
    name, namespace = pod["metadata"]["name"], owner["metadata"]["namespace"]
    for claim in new_claims(owner, ordinal_of(pod)):
        present = context.client.get(CLAIMS, namespace, claim["metadata"]["name"])
        if present is not None and is_of_former_pod(present, name):
            return False
    try:
        await create_claims(context, owner, pod)
        created = await context.client.create("pods", pod)
    except AlreadyExists:
        raise  # the name is somebody else's: that is no event
    except StatusError as error:
        if is_end_of_namespace(error):
            return False
        await tell_of_pod(context, owner, pod, "Create", error)
        raise
    await keep_claims(context, owner, created, condemned=False)
    await tell_of_pod(context, owner, pod, "Create")
    return True


async def create_claims(context: Context, owner: Object, pod: Object) -> None:
    """Those of a pod that are missing. Raises StatusError, which names all that cannot be had, after telling of each."""
    metadata = owner["metadata"]
    failures: list[tuple[str, StatusError]] = []
    for claim in new_claims(owner, ordinal_of(pod)):
        name = claim["metadata"]["name"]
        present = context.client.get(CLAIMS, metadata["namespace"], name)
        if present is not None:
            if "deletionTimestamp" in present["metadata"]:
                text = f"pvc {name} is being deleted"
                failures.append((text, Conflict(text)))
            continue
        try:
            await context.client.create(CLAIMS, claim)
        except StatusError as error:
            if is_end_of_namespace(error):
                raise
            failures.append((f"failed to create PVC {name}: {error.message}", error))
            if not isinstance(error, AlreadyExists):
                about = f"Create Claim {name} for Pod {pod['metadata']['name']} in StatefulSet {metadata['name']}"
                await context.recorder.warning(owner, "FailedCreate", f"{about} failed error: {error.message}")
        else:
            about = f"Create Claim {name} Pod {pod['metadata']['name']} in StatefulSet {metadata['name']}"
            await context.recorder.normal(owner, "SuccessfulCreate", f"{about} success")
    if failures:
        texts = list(dict.fromkeys(text for text, _ in failures))
        first = failures[0][1]
        raise type(first)(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]", first.details)


async def tell_of_pod(
    context: Context, owner: Object, pod: Object, verb: str, error: StatusError | None = None
) -> None:
    """That a pod of the set was made, changed or deleted, or why it was not; `verb` is Create, Update or Delete."""
    about = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']}"
    if error is None:
        await context.recorder.normal(owner, f"Successful{verb}", f"{about} successful")
    else:
        await context.recorder.warning(owner, f"Failed{verb}", f"{about} failed error: {error.message}")


def is_of_former_pod(claim: Object, name: str) -> bool:
    """Whether the claim goes with a pod of this name that has gone already."""
    return any(each["kind"] == "Pod" and each["name"] == name for each in claim["metadata"].get("ownerReferences", ()))


async def delete(context: Context, owner: Object, pod: Object) -> None:
    metadata = pod["metadata"]
    try:
        await context.client.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
    except NotFound:
        return
    except StatusError as error:
        await tell_of_pod(context, owner, pod, "Delete", error)
        raise
    await tell_of_pod(context, owner, pod, "Delete")


async def keep_claims(context: Context, owner: Object, pod: Object, *, condemned: bool) -> bool:
    """The claims of a pod go with the set, or with a pod that is no longer wanted, or with nobody: as the retention policy says.

    Whether that was to be changed.
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
    """
    metadata = owner["metadata"]
    policy = owner["spec"].get("persistentVolumeClaimRetentionPolicy", {})
    wanted: Object | None = None
    if condemned and policy.get("whenScaled") == "Delete":
        wanted = owner_reference(pod)
    elif policy.get("whenDeleted") == "Delete":
        wanted = owner_reference(owner)
    ours = {metadata["uid"], pod["metadata"]["uid"]}
    changed = False
    for template in owner["spec"].get("volumeClaimTemplates", ()):
        name = claim_name(owner, template, ordinal_of(pod))
        claim = context.client.get(CLAIMS, metadata["namespace"], name)
        if claim is None or "deletionTimestamp" in claim["metadata"]:
            continue
        present = claim["metadata"].get("ownerReferences", [])
        kept = [each for each in present if each["uid"] not in ours]
        references = [*kept, wanted] if wanted is not None else kept
        if references == present:
            continue
        changed = True
        version = claim["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "ownerReferences": references or None}}
        try:
            await context.client.patch(CLAIMS, metadata["namespace"], name, patch)
        except NotFound:
            continue
    return changed


async def keep_as_it_should_be(context: Context, owner: Object, pod: Object) -> None:
    """A pod that has been adopted gets the labels of its number, and claims go with whom the set says now."""
    metadata = pod["metadata"]
    name = metadata["name"]
    is_known = metadata.get("labels", {}).get(POD_NAME) == name
    try:
        if not is_known:
            labels = {POD_NAME: name, POD_INDEX: str(ordinal_of(pod))}
            patch = {"metadata": {"uid": metadata["uid"], "labels": labels}}
            await context.client.patch("pods", metadata["namespace"], name, patch)
        changed = await keep_claims(context, owner, pod, condemned=False)
    except NotFound:
        return
    except StatusError as error:
        await tell_of_pod(context, owner, pod, "Update", error)
        raise
    if changed or not is_known:
        await tell_of_pod(context, owner, pod, "Update")

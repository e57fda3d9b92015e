"""Making pods from a template and deleting them, each with the event that tells of it: for controllers that keep a number of pods."""

from __future__ import annotations

from collections.abc import Iterable

from fakekube.controllers.claims import owner_reference
from fakekube.controllers.loop import Context, Object
from fakekube.errors import NotFound, StatusError


def pod_from_template(owner: Object, template: Object, *, generate_name: str = "") -> Object:
    """A pod as the template says, owned by `owner`; its parts are the template's own and not to be changed."""
    metadata = template.get("metadata", {})
    made = {
        "generateName": generate_name or f"{owner['metadata']['name']}-",
        "namespace": owner["metadata"]["namespace"],
        **{key: metadata[key] for key in ("labels", "annotations") if key in metadata},
        "ownerReferences": [owner_reference(owner)],
    }
    if "finalizers" in metadata:
        made["finalizers"] = metadata["finalizers"]
    return {"kind": "Pod", "apiVersion": "v1", "metadata": made, "spec": template["spec"]}


async def create_pod(context: Context, owner: Object, pod: Object) -> Object | None:
    """None when the namespace is on its way out: then nothing more is to be made. Raises StatusError after telling of it."""
    try:
        created = await context.client.create("pods", pod)
    except StatusError as error:
        if is_end_of_namespace(error):
            return None
        await context.recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}")
        raise
    await context.recorder.normal(owner, "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
    return created


async def delete_pod(context: Context, owner: Object, pod: Object) -> None:
    """A pod that has gone by itself is none to tell of. Raises StatusError after telling of it."""
    metadata = pod["metadata"]
    try:
        await context.client.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
    except NotFound:
        return
    except StatusError as error:
        await context.recorder.warning(owner, "FailedDelete", f"Error deleting: {error.message}")
        raise
    await context.recorder.normal(owner, "SuccessfulDelete", f"Deleted pod: {metadata['name']}")


def is_end_of_namespace(error: StatusError) -> bool:
    """Whether something could not be made because its namespace is being deleted."""
    causes: Iterable[Object] = (error.details or {}).get("causes", ())
    return any(each.get("reason") == "NamespaceTerminating" for each in causes)

"""Custom resources come and go: a definition gets its names, is established, and takes its objects along when it is deleted.

https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from fakekube.api.custom_resources import delete_instances
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch
from fakekube.kinds.apiextensions.custom_resource_definition import FINALIZER, set_condition

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"

FIRST_LOOK_S = 0.05
LAST_LOOK_S = 5.0
"""Between looks at objects that are held by finalizers: as long as has passed already, within these bounds."""


def group_of(definition: Object) -> tuple[Key, ...]:
    """Definitions of one group are looked at together, since they compete for names."""
    return (("", definition["spec"]["group"]),)


async def reconcile(context: Context, _: str, group: str) -> float | None:
    again_s: list[float] = []
    # The one that came first has the first choice; of the same second, by name.
    definitions = sorted(
        (each for each in context.client.list(RESOURCE) if each["spec"]["group"] == group),
        key=lambda each: (each["metadata"]["creationTimestamp"], int(each["metadata"]["resourceVersion"])),
    )
    for definition in definitions:
        definition = await accept_names(context, definition)
        if "deletionTimestamp" in definition["metadata"] and FINALIZER in definition["metadata"].get("finalizers", ()):
            pause_s = await finalize(context, definition)
            if pause_s is not None:
                again_s.append(pause_s)
    return min(again_s, default=None)


async def accept_names(context: Context, definition: Object) -> Object:
    """Give a definition the names that nobody else in its group has, and establish it when it has them all; returns what is stored."""
    rivals = [
        each
        for each in context.client.list(RESOURCE)
        if each["spec"]["group"] == definition["spec"]["group"]
        and each["metadata"]["name"] != definition["metadata"]["name"]
    ]
    names, conflict = accepted_names(definition, rivals)
    status = {**definition["status"], "acceptedNames": names}
    now = context.clock.timestamp()
    if conflict is None:
        conditions = set_condition(status, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now)
    else:
        conditions = set_condition(status, "NamesAccepted", "False", *conflict, now)
    status["conditions"] = conditions
    if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        if conflict is None:
            message = "the initial names have been accepted"
            conditions = set_condition(status, "Established", "True", "InitialNamesAccepted", message, now)
        else:
            conditions = set_condition(status, "Established", "False", "NotAccepted", "not all names are accepted", now)
        status["conditions"] = conditions
    if status == definition["status"]:
        return definition
    return await context.client.update(RESOURCE, {**definition, "status": status}, "status")


def accepted_names(definition: Object, rivals: Sequence[Object]) -> tuple[Object, tuple[str, str] | None]:
    """The names that the definition may have, and reason and message of the last conflict."""
    wanted, present = definition["spec"]["names"], definition["status"]["acceptedNames"]
    taken = [rival["status"]["acceptedNames"] for rival in rivals]
    words = {word for names in taken for word in (names["plural"], names.get("singular"), *names.get("shortNames", ()))}
    kinds = {kind for names in taken for kind in (names["kind"], names.get("listKind"))}
    accepted, conflict = dict(present), None
    for key, name, others in (("plural", "Plural", words), ("singular", "Singular", words)):
        if _may_have(wanted.get(key, ""), present.get(key, ""), others):
            accepted[key] = wanted.get(key, "")
        else:
            conflict = f"{name}Conflict", _in_use([wanted[key]])
    refused = [
        word for word in wanted.get("shortNames", ()) if word not in present.get("shortNames", ()) and word in words
    ]
    if refused:
        conflict = "ShortNamesConflict", _in_use(refused)
    else:
        accepted["shortNames"] = wanted.get("shortNames")
    for key, name, others in (("kind", "Kind", kinds), ("listKind", "ListKind", kinds)):
        if _may_have(wanted.get(key, ""), present.get(key, ""), others):
            accepted[key] = wanted.get(key, "")
        else:
            conflict = f"{name}Conflict", _in_use([wanted[key]])
    accepted["categories"] = wanted.get("categories")
    return dict(_written(accepted)), conflict


_ORDER = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
_ALWAYS = ("plural", "kind")


def _written(names: Object) -> Iterator[tuple[str, object]]:
    for key in _ORDER:
        if names.get(key) or key in _ALWAYS:
            yield key, names.get(key) or ""


def _may_have(wanted: str, present: str, others: Iterable[str | None]) -> bool:
    return wanted == present or wanted not in others


def _in_use(words: Sequence[str]) -> str:
    texts = [f'"{word}" is already in use' for word in words]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


async def finalize(context: Context, definition: Object) -> float | None:
    """Have the objects of a deleted definition go, then let it go too; seconds until the next look while some are held."""
    client, now = context.client, context.clock.timestamp()
    message = "CustomResource deletion is in progress"
    definition = await _terminating(context, definition, "True", "InstanceDeletionInProgress", message, now)
    if await delete_instances(client.plane, client.user, definition):
        marked = datetime.fromisoformat(definition["metadata"]["deletionTimestamp"]).astimezone(UTC)
        passed_s = (context.clock.now() - marked).total_seconds()
        return min(max(passed_s, FIRST_LOOK_S), LAST_LOOK_S)
    message = "removed all instances"
    definition = await _terminating(context, definition, "False", "InstanceDeletionCompleted", message, now)
    kept = [each for each in definition["metadata"]["finalizers"] if each != FINALIZER]
    metadata = {**definition["metadata"], "finalizers": kept}
    await client.update(RESOURCE, {**definition, "metadata": metadata}, "status")
    return None


async def _terminating(
    context: Context, definition: Object, status: str, reason: str, message: str, now: str
) -> Object:
    conditions = set_condition(definition["status"], "Terminating", status, reason, message, now)
    if conditions == definition["status"]["conditions"]:
        return definition
    changed = {**definition, "status": {**definition["status"], "conditions": conditions}}
    return await context.client.update(RESOURCE, changed, "status")


CONTROLLER = Controller(
    name="customresourcedefinition-controller",
    watches=(Watch(RESOURCE, key=group_of),),
    reconcile=reconcile,
    field_manager="kube-apiserver",
)

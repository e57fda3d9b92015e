"""Ends a namespace that is being deleted: its pods go, then all else in it, then its finalizer, and with that the namespace.

https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fakekube.controllers.loop import Context, Controller, Object, Watch, own
from fakekube.errors import Conflict, MethodNotAllowed, NotFound, StatusError, qualified

FINALIZER = "kubernetes"

FINALIZER_ESTIMATE_S = 15.0
"""How long content that waits for its finalizers is thought to need."""

DELETED_AT_ONCE = 20
"""So many objects are deleted before others get their turn."""

FIRST_LOOK_S = 0.05
"""The first look at what is left comes after this time; from then on the pauses grow with the time that has passed."""

WELL = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}
"""The conditions in the order in which they stand, and what each says while it is False: all is well."""


@dataclass(slots=True)
class Remains:
    """What is left in a namespace after all of it has been deleted."""

    pods: bool = False
    """Pods are left: nothing else has been looked at."""
    resources: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    estimate_s: float = 0.0

    def __bool__(self) -> bool:
        return self.pods or bool(self.resources) or bool(self.failures)

    def problems(self) -> Iterator[tuple[str, str, str]]:
        """(type, reason, message) of the conditions that are True."""
        if self.pods:
            return
        if self.failures:
            texts = ", ".join(self.failures)
            message = f"Failed to delete all resource types, {len(self.failures)} remaining: {texts}"
            yield "NamespaceDeletionContentFailure", "ContentDeletionFailed", message
        if self.resources:
            left = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(self.resources.items()))
            yield "NamespaceContentRemaining", "SomeResourcesRemain", f"Some resources are remaining: {left}"
        if self.finalizers:
            left = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(self.finalizers.items()))
            message = f"Some content in the namespace has finalizers remaining: {left}"
            yield "NamespaceFinalizersRemaining", "SomeFinalizersRemain", message


async def reconcile(context: Context, _: str, name: str) -> float | None:
    client = context.client
    namespace = client.get("namespaces", "", name)
    if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
        return None
    if FINALIZER not in namespace["spec"].get("finalizers", ()):
        return None  # somebody else's finalizers hold it, or it was finalized by hand: not our affair
    remains = await empty(context, name)
    conditions = conditions_of(namespace["status"].get("conditions", []), remains, context.clock.timestamp())
    if conditions != namespace["status"].get("conditions"):
        status = {**namespace["status"], "conditions": conditions}
        namespace = await client.update("namespaces", {**namespace, "status": status}, "status")
    if remains:
        return pause_s(namespace, remains, context.clock.now())
    finalizers = [each for each in namespace["spec"]["finalizers"] if each != FINALIZER]
    await client.update(
        "namespaces", {**namespace, "spec": {**namespace["spec"], "finalizers": finalizers}}, "finalize"
    )
    return None


async def empty(context: Context, namespace: str) -> Remains:
    """Delete what is there; pods first, and while there are any nothing else."""
    remains = Remains()
    for pod in await delete_all(context, "pods", namespace, remains.failures):
        remains.pods = True
        remains.estimate_s = max(remains.estimate_s, pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    if remains.pods:
        return remains
    seen = {"pods"}
    for kind in context.client.resources():
        if not kind.namespaced or "delete" not in kind.verbs or kind.collection in seen:
            continue
        seen.add(kind.collection)
        for left in await delete_all(context, qualified(kind.group, kind.resource), namespace, remains.failures):
            remains.resources[f"{kind.resource}.{kind.group}"] += 1
            for finalizer in left["metadata"].get("finalizers", ()):
                remains.finalizers[finalizer] += 1
    if remains.finalizers:
        remains.estimate_s = FINALIZER_ESTIMATE_S
    return remains


async def delete_all(context: Context, resource: str, namespace: str, failures: list[str]) -> list[Object]:
    """Delete the objects of one kind; returns those that are still there, waiting for somebody."""
    client = context.client
    for count, each in enumerate(client.list(resource, namespace), 1):
        if count % DELETED_AT_ONCE == 0:
            await context.turn()
        metadata = each["metadata"]
        if "deletionTimestamp" in metadata:
            continue
        try:
            await client.delete(
                resource, namespace, metadata["name"], uid=metadata["uid"], propagation_policy="Background"
            )
        except (NotFound, Conflict, MethodNotAllowed):
            continue  # it went by itself, or is another by now: the list below tells
        except StatusError as error:
            failures.append(error.message)
    return client.list(resource, namespace)


def conditions_of(present: list[Object], remains: Remains, now: str) -> list[Object]:
    """The five conditions, in their order; one keeps its time as long as its status stays."""
    before = {condition["type"]: condition for condition in present}
    problems = {type: (reason, message) for type, reason, message in remains.problems()}
    conditions = []
    for type, well in WELL.items():
        reason, message = problems.get(type, well)
        status = "True" if type in problems else "False"
        old = before.get(type)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        conditions.append(
            {"type": type, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
        )
    return conditions


def pause_s(namespace: Object, remains: Remains, now: datetime) -> float:
    """Kubernetes looks again after half its estimate and a second; here the first looks come sooner."""
    marked = datetime.fromisoformat(namespace["metadata"]["deletionTimestamp"]).astimezone(UTC)
    passed_s = (now - marked).total_seconds()
    return min(max(passed_s, FIRST_LOOK_S), remains.estimate_s / 2 + 1)


CONTROLLER = Controller(name="namespace-controller", watches=(Watch("namespaces", key=own),), reconcile=reconcile)

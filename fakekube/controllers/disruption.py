"""Keeps the status of PodDisruptionBudgets: how many pods are healthy, how many must be, and how many may be evicted.

Evictions (fakekube/api/eviction.py) charge that status, and name the pods that are on their way; this controller strikes them off.
https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fakekube.controllers.amounts import scaled
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, controller_reference, own
from fakekube.controllers.pod_states import is_ready, time_of
from fakekube.errors import NotFound, qualified
from fakekube.objects.conditions import with_condition
from fakekube.objects.selectors import LabelSelector, label_selector_of

RESOURCE = "poddisruptionbudgets.policy"

POD = "pod "
"""Begins the keys of pods; names have no spaces."""

DELETION_TIMEOUT = timedelta(minutes=2)
"""An evicted pod that is not deleted by then counts as healthy again."""


class UnknownScale(Exception):
    """Why it cannot be said how many pods there should be."""


@dataclass(slots=True)
class Budget:
    """The pods of one budget, as they were last looked at."""

    uid: str
    spec: Object
    selector: LabelSelector
    pods: dict[str, Object] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    budgets: dict[str, dict[str, Budget]] = field(default_factory=dict)
    """By namespace and name."""


def pod_key(pod: Object) -> tuple[Key, ...]:
    metadata = pod["metadata"]
    return ((metadata["namespace"], POD + metadata["name"]),)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    memory: Memory = context.memory.setdefault("budgets", Memory())
    if name.startswith(POD):
        note_pod(context, memory, namespace, name.removeprefix(POD))
        return None
    budget = context.client.get(RESOURCE, namespace, name)
    if budget is None:
        memory.budgets.get(namespace, {}).pop(name, None)
        return None
    known = memory.budgets.setdefault(namespace, {})
    if name not in known or (known[name].uid, known[name].spec) != (budget["metadata"]["uid"], budget["spec"]):
        selector = label_selector_of(budget["spec"].get("selector"))
        pods = [each for each in context.client.list("pods", namespace) if selector.matches(labels_of(each))]
        known[name] = Budget(
            budget["metadata"]["uid"], budget["spec"], selector, {each["metadata"]["name"]: each for each in pods}
        )
    return await sync(context, budget, list(known[name].pods.values()))


def note_pod(context: Context, memory: Memory, namespace: str, name: str) -> None:
    """Look at a pod as it is now, and wake the budgets whose numbers it may change."""
    budgets = memory.budgets.get(namespace)
    if not budgets:
        return
    pod = context.client.get("pods", namespace, name)
    for budget_name, budget in budgets.items():
        before = budget.pods.pop(name, None)
        now = pod if pod is not None and budget.selector.matches(labels_of(pod)) else None
        if now is not None:
            budget.pods[name] = now
        if (before and view(before)) != (now and view(now)):
            context.wake((namespace, budget_name))


def labels_of(pod: Object) -> dict[str, str] | None:
    labels: dict[str, str] | None = pod["metadata"].get("labels")
    return labels


def view(pod: Object) -> tuple[object, ...]:
    """All of a pod that matters to a budget."""
    metadata = pod["metadata"]
    return metadata["uid"], "deletionTimestamp" in metadata, metadata.get("ownerReferences"), is_ready(pod)


async def sync(context: Context, budget: Object, pods: list[Object]) -> float | None:
    """Write the status if it says something else; returns the seconds until an eviction is given up."""
    if not pods:
        await context.recorder.normal(budget, "NoPods", "No matching pods found")
    now = context.clock.now()
    status, generation = budget.get("status", {}), budget["metadata"].get("generation", 0)
    try:
        expected, desired, unmanaged = numbers(context, budget["spec"], pods)
    except UnknownScale as error:
        message = str(error)
        text = f"Failed to calculate the number of expected pods: {message}"
        await context.recorder.warning(budget, "CalculateExpectedPodCountFailed", text)
        # What was counted last stays, and of which generation that was.
        failed = {**status, "disruptionsAllowed": 0}
        seen = status.get("observedGeneration", 0)
        condition = allowed_condition("False", "SyncFailed", seen, context.clock.timestamp(), message)
        await write(context, budget, failed, condition)
        return None
    if unmanaged:
        await context.recorder.warning(budget, "UnmanagedPods", unmanaged_text(budget["spec"].get("selector") or {}))
    disrupted, given_up, again_s = disruptions(status.get("disruptedPods") or {}, pods, now)
    for pod in given_up:
        metadata = budget["metadata"]
        text = f"Pod was expected by PDB {metadata['namespace']}/{metadata['name']} to be deleted but it wasn't"
        await context.recorder.warning(pod, "NotDeleted", text)
    healthy = sum(is_healthy(pod) for pod in pods if pod["metadata"]["name"] not in disrupted)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    new: Object = {
        "observedGeneration": generation,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    if disrupted:
        new["disruptedPods"] = disrupted
    if "conditions" in status:
        new["conditions"] = status["conditions"]
    state, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    condition = allowed_condition(state, reason, generation, context.clock.timestamp())
    await write(context, budget, new, condition)
    return again_s


def is_healthy(pod: Object) -> bool:
    return is_ready(pod) and "deletionTimestamp" not in pod["metadata"]


def allowed_condition(status: str, reason: str, generation: int, now: str, message: str = "") -> Object:
    return {
        "type": "DisruptionAllowed",
        "status": status,
        **({"observedGeneration": generation} if generation else {}),
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


async def write(context: Context, budget: Object, status: Object, condition: Object) -> None:
    status = {**status, "conditions": with_condition(status.get("conditions"), condition)}
    if status == budget.get("status"):
        return
    try:
        await context.client.update(RESOURCE, {**budget, "status": status}, "status")
    except NotFound:
        return


def disruptions(
    before: dict[str, str], pods: list[Object], now: datetime
) -> tuple[dict[str, str], list[Object], float | None]:
    """The evictions that have yet to delete their pods; pods of which that is not expected any more; seconds until the next such."""
    kept, given_up = {}, []
    again_s = None
    for pod in pods:
        metadata = pod["metadata"]
        time = before.get(metadata["name"])
        if time is None or "deletionTimestamp" in metadata:
            continue
        left_s = (time_of(time) + DELETION_TIMEOUT - now).total_seconds()
        if left_s <= 0:
            given_up.append(pod)
        else:
            kept[metadata["name"]] = time
            again_s = left_s if again_s is None else min(again_s, left_s)
    return dict(sorted(kept.items())), given_up, again_s


def numbers(context: Context, spec: Object, pods: list[Object]) -> tuple[int, int, bool]:
    """How many pods are expected, how many of them must be healthy, and whether some have no controller. Raises UnknownScale."""
    least, most_away = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most_away is not None:
        expected, unmanaged = expected_scale(context, pods)
        return expected, max(expected - scaled(most_away, expected, up=True), 0), unmanaged
    if isinstance(least, int):
        return len(pods), least, False
    if least is not None:
        expected, unmanaged = expected_scale(context, pods)
        return expected, scaled(least, expected, up=True), unmanaged
    return 0, 0, False


def expected_scale(context: Context, pods: list[Object]) -> tuple[int, bool]:
    """What the controllers of the pods want together, and whether a pod has none."""
    wanted: dict[str, int] = {}
    seen: set[str] = set()
    unmanaged = False
    for pod in pods:
        reference = controller_reference(pod)
        if reference is None:
            unmanaged = True
        elif reference["uid"] not in seen:
            seen.add(reference["uid"])
            uid, replicas = replicas_of(context, pod, reference)
            wanted[uid] = replicas
    return sum(wanted.values()), unmanaged


def replicas_of(context: Context, pod: Object, reference: Object) -> tuple[str, int]:
    """The uid of what has the last word about the number of pods, and that number."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    resource = resource_of(context, reference["apiVersion"], reference["kind"])
    if resource is None:
        raise UnknownScale(f'no matches for kind "{reference["kind"]}" in version "{reference["apiVersion"]}"')
    owner = context.client.get(resource, namespace, reference["name"])
    if owner is None or owner["metadata"]["uid"] != reference["uid"]:
        raise UnknownScale(f'found no controllers for pod "{name}"')
    above = controller_reference(owner) if reference["kind"] == "ReplicaSet" else None
    if above is not None and above["kind"] == "Deployment":
        deployment = context.client.get("deployments.apps", namespace, above["name"])
        if deployment is None or deployment["metadata"]["uid"] != above["uid"]:
            raise UnknownScale(f'found no controllers for pod "{name}"')
        return above["uid"], deployment["spec"].get("replicas", 0)
    try:
        scale = context.client.get_scale(resource, namespace, reference["name"])
    except NotFound:
        raise UnknownScale(f"{resource} does not implement the scale subresource") from None
    return reference["uid"], (scale or {"spec": {}})["spec"].get("replicas", 0)


def resource_of(context: Context, api_version: str, kind: str) -> str | None:
    """`replicasets.apps`; None when nothing of the kind is served. A reference may name another version than is served."""
    group = api_version.rpartition("/")[0]
    found = (each for each in context.client.resources() if each.kind == kind and each.group == group)
    return next((qualified(each.group, each.resource) for each in found if each.is_stored), None)


def unmanaged_text(selector: Object) -> str:
    labels = "".join(f"{key}: {value}," for key, value in sorted(selector.get("matchLabels", {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each['key']},Operator:{each['operator']},"
        f"Values:[{' '.join(each.get('values', []))}],}},"
        for each in selector.get("matchExpressions", [])
    )
    shown = (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {shown}) were found to be unmanaged. As a result, the status of "
        "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set "
        '".spec.minAvailable" field of the PDB to an integer value.'
    )


CONTROLLER = Controller(
    name="disruption-controller",
    events_from="controllermanager",
    watches=(Watch(RESOURCE, key=own), Watch("pods", key=pod_key, beside=RESOURCE)),
    reconcile=reconcile,
    patient=True,
)

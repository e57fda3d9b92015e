"""Keeps one pod of a DaemonSet on every node that suits it.

https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fakekube.controllers.amounts import scaled
from fakekube.controllers.claims import claimed, look_at_adopters, present, selector_of
from fakekube.controllers.controller_revisions import forget_old, present_revision, revisions_of
from fakekube.controllers.loop import ORPHANS, Context, Controller, Key, Object, Watch, own, owner_or_orphans
from fakekube.controllers.node_lifecycle import without_heartbeats
from fakekube.controllers.pod_control import create_pod, delete_pod, pod_from_template
from fakekube.controllers.pod_states import available_at, is_ready
from fakekube.controllers.scheduling_filters import Machine, Share, attracts
from fakekube.controllers.tolerations import tolerated
from fakekube.errors import NotFound

RESOURCE = "daemonsets.apps"

HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"
GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"

TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""The taints that daemon pods put up with, whatever their template says."""
TOLERATED_WITH_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")

FIRST_BACKOFF_S, LAST_BACKOFF_S = 1.0, 900.0
"""Pods that fail again and again on a node are replaced after so long, doubling."""

ALL_SETS: Key = ("", "")
"""The key of every DaemonSet: a node has changed."""


@dataclass(slots=True)
class Backoff:
    """How failed pods of one node are put off."""

    delay_s: float
    since: datetime


@dataclass(slots=True)
class Sync:
    """One look at a DaemonSet: its pods by the node they are on, or are meant for."""

    context: Context
    set: Object
    nodes: list[Object]
    pods: dict[str, list[Object]]
    hash: str
    again_s: float | None = None
    spec: Object = field(init=False)
    model: Object = field(init=False)
    """A pod of the template, by which nodes are judged."""
    suited: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    """What has been found of the nodes so far."""

    def __post_init__(self) -> None:
        self.spec = self.set["spec"]
        template = self.spec["template"]["spec"]
        self.model = {"spec": {**template, "tolerations": daemon_tolerations(template)}}

    def on(self, node: str) -> list[Object]:
        return self.pods.get(node, [])

    @property
    def generation(self) -> str | None:
        return self.set["metadata"].get("annotations", {}).get(GENERATION_ANNOTATION)  # type: ignore[no-any-return]

    def is_updated(self, pod: Object) -> bool:
        labels = pod["metadata"].get("labels", {})
        by_generation = self.generation is not None and labels.get(GENERATION_LABEL) == self.generation
        return bool(by_generation or labels.get(HASH_LABEL) == self.hash)

    def is_available(self, pod: Object) -> bool:
        at = available_at(pod, self.spec.get("minReadySeconds", 0))
        if at is None:
            return False
        left_s = (at - self.context.clock.now()).total_seconds()
        if left_s > 0:
            self.again_in(left_s)
        return left_s <= 0

    def again_in(self, seconds: float) -> None:
        self.again_s = seconds if self.again_s is None else min(self.again_s, seconds)


def every_set(_: Object) -> tuple[Key, ...]:
    return (ALL_SETS,)


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    if (namespace, name) == ALL_SETS:
        later = [
            await reconcile(context, each["metadata"]["namespace"], each["metadata"]["name"])
            for each in context.client.list(RESOURCE)
        ]
        return min((each for each in later if each is not None), default=None)
    if name == ORPHANS:
        await look_at_adopters(
            context, namespace, owners=RESOURCE, dependents="pods", selector_of=selector_of, reconcile=reconcile
        )
        return None
    daemon_set = context.client.get(RESOURCE, namespace, name)
    if daemon_set is None:
        context.memory.pop(name_in_memory(namespace, name), None)
        return None
    collisions = daemon_set.get("status", {}).get("collisionCount", 0)
    revisions = await revisions_of(context, daemon_set)
    revision, seen = await present_revision(
        context, daemon_set, revisions, hash_label=HASH_LABEL, collisions=collisions
    )
    pods = await claimed(context, daemon_set, "pods", selector_of(daemon_set))
    hash = revision["metadata"]["labels"][HASH_LABEL]
    sync = Sync(context, daemon_set, context.client.list("nodes"), by_node(pods), hash)
    if "deletionTimestamp" not in daemon_set["metadata"]:
        await keep_pods(sync)
        refresh(sync)
        if sync.spec["updateStrategy"].get("type") == "RollingUpdate":
            await replace_outdated(sync)
            refresh(sync)
        used = {pod["metadata"].get("labels", {}).get(HASH_LABEL) for each in sync.pods.values() for pod in each}
        in_use = {
            each["metadata"]["name"] for each in revisions if each["metadata"].get("labels", {}).get(HASH_LABEL) in used
        }
        await forget_old(context, daemon_set, revisions, in_use=in_use | {revision["metadata"]["name"]})
    await write_status(sync, seen if seen or "collisionCount" in daemon_set.get("status", {}) else None)
    return sync.again_s


def name_in_memory(namespace: str, name: str) -> str:
    return f"backoff {namespace}/{name}"


def by_node(pods: Sequence[Object]) -> dict[str, list[Object]]:
    """The pods of each node, the oldest first."""
    grouped: dict[str, list[Object]] = {}
    for pod in sorted(pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"])):
        grouped.setdefault(node_of(pod), []).append(pod)
    return grouped


def node_of(pod: Object) -> str:
    """Where the pod is, or the one node that its affinity allows."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    required = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    terms = required.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", ())
    for term in terms:
        for each in term.get("matchFields", ()):
            if each["key"] == "metadata.name" and each["operator"] == "In" and len(each.get("values", ())) == 1:
                return str(each["values"][0])
    return ""


def refresh(sync: Sync) -> None:
    """Look at the pods again, after some have been made or deleted."""
    namespace = sync.set["metadata"]["namespace"]
    names = sync.context.owners("pods").of(sync.set).names
    sync.pods = by_node(present(sync.context.client.get("pods", namespace, name) for name in names))


def new_pod(sync: Sync, node: str) -> Object:
    """A pod for one node: it is the scheduler that places it there, and nowhere else."""
    spec = sync.spec["template"]["spec"]
    pod = pod_from_template(sync.set, sync.spec["template"])
    labels = {**pod["metadata"].get("labels", {}), HASH_LABEL: sync.hash}
    if sync.generation is not None:
        labels[GENERATION_LABEL] = sync.generation
    pod["metadata"]["labels"] = labels
    affinity = spec.get("affinity", {})
    node_affinity = affinity.get("nodeAffinity", {})
    here = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [here]}}
    pod["spec"] = {
        **spec,
        "affinity": {**affinity, "nodeAffinity": {**node_affinity, **required}},
        "tolerations": daemon_tolerations(spec),
    }
    return pod


def daemon_tolerations(spec: Object) -> list[Object]:
    """Those of a template and, at the end or in the place of equal ones, those of every daemon pod."""
    taints = [*TOLERATED, TOLERATED_WITH_HOST_NETWORK] if spec.get("hostNetwork") else TOLERATED
    result = list(spec.get("tolerations", ()))
    for key, effect in taints:
        new = {"key": key, "operator": "Exists", "effect": effect}
        place = next((place for place, each in enumerate(result) if same_taint(each, new)), None)
        if place is None:
            result.append(new)
        else:
            result[place] = new
    return result


def same_taint(left: Object, right: Object) -> bool:
    keys = ("key", "effect", "operator", "value")
    return all(left.get(key) == right.get(key) for key in keys)


def suits(sync: Sync, node: Object) -> tuple[bool, bool]:
    """Whether the node should have a pod, and whether one that is there may stay.

    Only the template counts: its nodeName, its selector and affinity, and the taints that neither it nor any daemon pod tolerates.
    """
    name = node["metadata"]["name"]
    known = sync.suited.get(name)
    if known is None:
        known = sync.suited[name] = _suits(sync.model, node)
    return known


def _suits(pod: Object, node: Object) -> tuple[bool, bool]:
    name = node["metadata"]["name"]
    if pod["spec"].get("nodeName", name) != name or not attracts(pod, Machine(node, Share())):
        return False, False
    taints = node.get("spec", {}).get("taints", ())
    effects = {taint["effect"] for taint in taints if not tolerated(pod, taint)}
    return effects.isdisjoint({"NoSchedule", "NoExecute"}), "NoExecute" not in effects


async def keep_pods(sync: Sync) -> None:
    """Make what is missing and delete what is too much, has ended or has lost its node."""
    missing: list[str] = []
    surplus: list[Object] = []
    for node in sync.nodes:
        name = node["metadata"]["name"]
        should_run, may_stay = suits(sync, node)
        pods = sync.on(name)
        if should_run and not pods:
            missing.append(name)
        elif not may_stay:
            surplus += [pod for pod in pods if not is_going(pod)]
        else:
            surplus += await ended_or_doubled(sync, name, pods)
    known = {node["metadata"]["name"] for node in sync.nodes}
    for name, pods in sync.pods.items():
        if name not in known:
            surplus += [pod for pod in pods if not pod["spec"].get("nodeName") and not is_going(pod)]
    await make_and_delete(sync, missing, surplus)


async def ended_or_doubled(sync: Sync, node: str, pods: list[Object]) -> list[Object]:
    """What is to be deleted of the pods on one node that suits: those that have ended, and all but one that runs."""
    context, delete, running = sync.context, [], []
    namespace = sync.set["metadata"]["namespace"]
    for pod in pods:
        if is_going(pod):
            continue
        phase, name = pod["status"].get("phase"), pod["metadata"]["name"]
        if phase == "Failed":
            wait_s = backoff_s(sync, node)
            if wait_s > 0:
                sync.again_in(wait_s)
                continue
            text = f"Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it"
            await context.recorder.warning(sync.set, "FailedDaemonPod", text)
            delete.append(pod)
        elif phase == "Succeeded":
            text = f"Found succeeded daemon pod {namespace}/{name} on node {node}, will try to delete it"
            await context.recorder.normal(sync.set, "SucceededDaemonPod", text)
            delete.append(pod)
        else:
            running.append(pod)
    if surge(sync) and len(running) == 2:
        # An update makes the new pod beside the old one; that one stays until the new one is available.
        old, new = running
        both = sync.is_updated(new) and not sync.is_updated(old)
        return delete if both else [*delete, new]
    return [*delete, *running[1:]]


def backoff_s(sync: Sync, node: str) -> float:
    """How long a failed pod on this node still has to wait for its end; when none, the next one will wait longer."""
    metadata = sync.set["metadata"]
    place = name_in_memory(metadata["namespace"], metadata["name"])
    memory: dict[str, Backoff] = sync.context.memory.setdefault(place, {})
    now, known = sync.context.clock.now(), memory.get(node)
    if known is None or now - known.since > timedelta(seconds=2 * LAST_BACKOFF_S):
        memory[node] = Backoff(FIRST_BACKOFF_S, now)
        return 0.0
    left_s = known.delay_s - (now - known.since).total_seconds()
    if left_s <= 0:
        memory[node] = Backoff(min(known.delay_s * 2, LAST_BACKOFF_S), now)
    return left_s


async def replace_outdated(sync: Sync) -> None:
    """One step of a rolling update: as many new pods in the place of old ones as the limits allow."""
    if surge(sync):
        await replace_with_surge(sync, surge(sync))
    else:
        rolling = sync.spec["updateStrategy"].get("rollingUpdate", {})
        await replace_in_place(sync, scaled(rolling.get("maxUnavailable", 1), wanted(sync), up=True))


def wanted(sync: Sync) -> int:
    """How many nodes should have a pod."""
    return sum(suits(sync, node)[0] for node in sync.nodes)


def surge(sync: Sync) -> int:
    """How many nodes may have two pods during an update."""
    strategy = sync.spec["updateStrategy"]
    if strategy.get("type") != "RollingUpdate":
        return 0
    amount = strategy.get("rollingUpdate", {}).get("maxSurge", 0)
    return scaled(amount, wanted(sync), up=True) if amount else 0


async def replace_in_place(sync: Sync, most: int) -> None:
    """Old pods that are not available go at once; others while fewer than `most` nodes are without an available pod."""
    unavailable = 0
    at_once: list[Object] = []
    candidates: list[Object] = []
    for name in sorted(sync.pods):
        old, new = outdated_and_updated(sync, name)
        if len(old) + len(new) != 1:
            unavailable += 1  # none or several: what is missing or too much is put right first
        elif new:
            unavailable += not sync.is_available(new[0])
        elif not sync.is_available(old[0]):
            at_once.append(old[0])
        else:
            candidates.append(old[0])
    await make_and_delete(sync, [], [*at_once, *candidates[: max(most - unavailable, 0)]])


async def replace_with_surge(sync: Sync, most: int) -> None:
    """New pods come beside the old ones on at most `most` nodes; an old one goes when the new one is available."""
    doubled = 0
    at_once: list[str] = []
    candidates: list[str] = []
    delete: list[Object] = []
    for name in sorted(sync.pods):
        old, new = outdated_and_updated(sync, name)
        if len(old) > 1 or len(new) > 1:
            doubled += 1
        elif old and new:
            if sync.is_available(new[0]):
                delete.append(old[0])
            else:
                doubled += 1
        elif old:
            (candidates if sync.is_available(old[0]) else at_once).append(name)
    await make_and_delete(sync, [*at_once, *candidates[: max(most - doubled, 0)]], delete)


def outdated_and_updated(sync: Sync, node: str) -> tuple[list[Object], list[Object]]:
    staying = [pod for pod in sync.on(node) if not is_going(pod)]
    return [pod for pod in staying if not sync.is_updated(pod)], [pod for pod in staying if sync.is_updated(pod)]


def is_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


async def make_and_delete(sync: Sync, nodes: Sequence[str], pods: Sequence[Object]) -> None:
    for node in nodes:
        if await create_pod(sync.context, sync.set, new_pod(sync, node)) is None:
            return
        await sync.context.turn()
    for pod in pods:
        await delete_pod(sync.context, sync.set, pod)
        await sync.context.turn()


async def write_status(sync: Sync, collisions: int | None) -> None:
    desired = current = misscheduled = ready = available = updated = 0
    for node in sync.nodes:
        pods = sync.on(node["metadata"]["name"])
        if not suits(sync, node)[0]:
            misscheduled += bool(pods)
            continue
        desired += 1
        if pods:
            current += 1
            ready += is_ready(pods[0])
            available += is_ready(pods[0]) and sync.is_available(pods[0])
            updated += sync.is_updated(pods[0])
    numbers = {
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
        "collisionCount": collisions,
    }
    status: dict[str, Any] = {
        "currentNumberScheduled": current,
        "numberMisscheduled": misscheduled,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        "observedGeneration": sync.set["metadata"].get("generation", 0),
        **{key: number for key, number in numbers.items() if number},
    }
    if status != sync.set.get("status"):
        try:
            await sync.context.client.update(RESOURCE, {**sync.set, "status": status}, "status")
        except NotFound:
            return


CONTROLLER = Controller(
    name="daemon-set-controller",
    events_from="daemonset-controller",
    watches=(
        Watch(RESOURCE, key=own),
        Watch("pods", key=owner_or_orphans("DaemonSet"), owned_by=("DaemonSet", "")),
        # Of a node that is gone its pods tell, once they are.
        Watch("nodes", key=every_set, types=("ADDED", "MODIFIED"), of=without_heartbeats),
    ),
    reconcile=reconcile,
    patient=True,
)

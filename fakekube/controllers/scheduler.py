"""Places pods on nodes, and says of a pod that fits nowhere what keeps it from each node.

The nodes that fakekube runs come first, then those that somebody has made; among equals the one with the fewest pods.
https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.node_lifecycle import UNSCHEDULABLE, taints_of
from fakekube.controllers.persistent_volume import BIND_COMPLETED, waits_for_consumer
from fakekube.controllers.pod_states import is_finished
from fakekube.errors import Conflict, Forbidden, NotFound
from fakekube.objects.quantities import parse
from fakekube.registry.user import User

NAME = "default-scheduler"
INSTANCE = "default-scheduler-fakekube"

NO_NODES = "no nodes available to schedule pods"

PODS_AT_ONCE = 64
"""So many waiting pods are looked at before others get their turn."""

NOTHING = Decimal(0)


@dataclass(slots=True)
class Share:
    """What the pods on one node take together."""

    pods: int = 0
    used: dict[str, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """What the scheduler knows without asking: kept in step by looking at every pod that changes."""

    waiting: dict[Key, None] = field(default_factory=dict)
    placed: dict[Key, tuple[str, dict[str, Decimal]]] = field(default_factory=dict)
    """The node of each pod that takes room there, and what it takes."""
    shares: dict[str, Share] = field(default_factory=dict)

    def note(self, key: Key, pod: Object | None) -> bool:
        """Look at a pod as it is now; whether it has left a node."""
        if pod is not None and is_waiting(pod):
            self.waiting[key] = None
        else:
            self.waiting.pop(key, None)
        node = pod["spec"].get("nodeName") if pod is not None and not is_finished(pod) else None
        if node is None:
            return self._leave(key)
        assert pod is not None
        self.place(key, node, requests_of(pod))
        return False

    def place(self, key: Key, node: str, takes: dict[str, Decimal]) -> None:
        if self.placed.get(key) == (node, takes):
            return
        self._leave(key)
        self.placed[key] = (node, takes)
        share = self.shares.setdefault(node, Share())
        share.pods += 1
        for resource, amount in takes.items():
            share.used[resource] = share.used.get(resource, NOTHING) + amount

    def _leave(self, key: Key) -> bool:
        if key not in self.placed:
            return False
        node, takes = self.placed.pop(key)
        share = self.shares[node]
        share.pods -= 1
        for resource, amount in takes.items():
            share.used[resource] -= amount
        return True


def claims_and_nodes(object: Object) -> tuple[Key, ...]:
    """Not of interest themselves: they may help those who wait."""
    return (ALL_WAITING,)


ALL_WAITING: Key = ("", "")
"""The key of all pods that wait: pods themselves have a namespace."""


async def reconcile(context: Context, namespace: str, name: str) -> None:
    memory: Memory = context.memory.setdefault("scheduler", Memory())
    key = (namespace, name)
    if key != ALL_WAITING:
        pod = context.client.get("pods", namespace, name)
        has_left = memory.note(key, pod)
        if key in memory.waiting and pod is not None:
            await schedule(context, memory, pod)
        if not has_left:
            return
    for count, (each_namespace, each_name) in enumerate(list(memory.waiting), 1):
        pod = context.client.get("pods", each_namespace, each_name)
        if pod is not None and is_waiting(pod):
            await schedule(context, memory, pod)
        if count % PODS_AT_ONCE == 0:
            await asyncio.sleep(0)


def is_waiting(pod: Object) -> bool:
    """On no node, of this scheduler, not held back by a gate."""
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and spec.get("schedulerName", NAME) == NAME
        and not spec.get("schedulingGates")
        and "deletionTimestamp" not in pod["metadata"]
        and not is_finished(pod)
    )


async def schedule(context: Context, memory: Memory, pod: Object) -> None:
    metadata = pod["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    machines = [
        Machine(node, memory.shares.get(node["metadata"]["name"], Share())) for node in context.client.list("nodes")
    ]
    trouble = claim_trouble(context, pod)
    obstacles = [obstacles_of(pod, machine) for machine in machines]
    fitting = [machine for machine, found in zip(machines, obstacles, strict=True) if not found]
    try:
        if trouble and machines:
            await tell_unschedulable(context, pod, f"0/{len(machines)} nodes are available: {trouble}. not found")
            return
        if not fitting:
            await tell_unschedulable(context, pod, message_of(obstacles))
            return
        ours = context.settings.nodes
        best = min(fitting, key=lambda machine: (machine.name not in ours, machine.share.pods))
        await context.client.bind(namespace, name, best.name, metadata["uid"])
    except (NotFound, Conflict, Forbidden):
        return  # gone, placed by another, or on its way out with its namespace; a change of its own brings it back
    memory.waiting.pop((namespace, name), None)
    memory.place((namespace, name), best.name, requests_of(pod))
    text = f"Successfully assigned {namespace}/{name} to {best.name}"
    await context.recorder.action(pod, "Normal", "Scheduled", "Binding", text, instance=INSTANCE)


def claim_trouble(context: Context, pod: Object) -> str:
    """Says which claim of the pod's volumes is not there, or that one waits for its volume; empty when all is well."""
    for volume in pod["spec"].get("volumes", []):
        name = volume.get("persistentVolumeClaim", {}).get("claimName")
        if not name:
            continue
        claim = context.client.get("persistentvolumeclaims", pod["metadata"]["namespace"], name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if BIND_COMPLETED not in claim["metadata"].get("annotations", {}) and not waits_for_consumer(context, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return ""


async def tell_unschedulable(context: Context, pod: Object, message: str) -> None:
    metadata, before = pod["metadata"], pod["status"].get("conditions", [])
    old: Object = next((each for each in before if each["type"] == "PodScheduled"), {})
    if (old.get("reason"), old.get("message")) == ("Unschedulable", message):
        return
    condition = {
        "type": "PodScheduled",
        "observedGeneration": metadata.get("generation", 1),
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == "False" else context.clock.timestamp(),
        "reason": "Unschedulable",
        "message": message,
    }
    others = [each for each in before if each["type"] != "PodScheduled"]
    patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [*others, condition]}}
    await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")
    await context.recorder.action(pod, "Warning", "FailedScheduling", "Scheduling", message, instance=INSTANCE)


@dataclass(frozen=True, slots=True)
class Machine:
    """A node and what its pods take of it."""

    node: Object
    share: Share

    @property
    def name(self) -> str:
        return self.node["metadata"]["name"]  # type: ignore[no-any-return]

    @property
    def spec(self) -> Object:
        return self.node.get("spec", {})  # type: ignore[no-any-return]

    def allocatable(self, resource: str) -> Decimal:
        return parse(self.node.get("status", {}).get("allocatable", {}).get(resource, "0"))


def requests_of(pod: Object) -> dict[str, Decimal]:
    """What the pod asks for: its containers and sidecars together, or more where an init container asks for more."""
    spec = pod["spec"]
    total: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    for container in spec.get("initContainers", []):
        asked = _asked(container)
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            asked = dict(total)
        else:
            asked = {key: asked.get(key, NOTHING) + total.get(key, NOTHING) for key in {*asked, *total}}
        for resource, amount in asked.items():
            largest[resource] = max(largest.get(resource, NOTHING), amount)
    for container in spec.get("containers", []):
        _add(total, _asked(container))
    both = {key: max(total.get(key, NOTHING), largest.get(key, NOTHING)) for key in {*total, *largest}}
    _add(both, {key: parse(amount) for key, amount in spec.get("overhead", {}).items()})
    return both


def _asked(container: Object) -> dict[str, Decimal]:
    return {key: parse(amount) for key, amount in container.get("resources", {}).get("requests", {}).items()}


def _add(total: dict[str, Decimal], more: dict[str, Decimal]) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, NOTHING) + amount


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod does not fit on a node; `movable` when it might if other pods left."""

    reason: str
    movable: bool = False


def cordoned(pod: Object, machine: Machine) -> Iterable[Obstacle]:
    if machine.spec.get("unschedulable") and not tolerated(pod, {"key": UNSCHEDULABLE, "effect": "NoSchedule"}):
        yield Obstacle("node(s) were unschedulable")


def tainted(pod: Object, machine: Machine) -> Iterable[Obstacle]:
    # The taints that the node is about to have count already.
    taints = [taint for taint in taints_of(machine.node, "") if taint["effect"] in ("NoSchedule", "NoExecute")]
    if not all(tolerated(pod, taint) for taint in taints):
        yield Obstacle("node(s) had untolerated taint(s)")


def tolerated(pod: Object, taint: Object) -> bool:
    for toleration in pod["spec"].get("tolerations", []):
        if toleration.get("effect", "") not in ("", taint["effect"]):
            continue
        if toleration.get("key", "") not in ("", taint["key"]):
            continue
        operator = toleration.get("operator", "Equal")
        if operator == "Exists" or (operator == "Equal" and toleration.get("value", "") == taint.get("value", "")):
            return True
    return False


def unattractive(pod: Object, machine: Machine) -> Iterable[Obstacle]:
    """nodeSelector and the required node affinity."""
    spec, labels = pod["spec"], machine.node["metadata"].get("labels", {})
    selected = spec.get("nodeSelector", {}).items() <= labels.items()
    required = spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is not None:
        terms = required.get("nodeSelectorTerms", [])
        selected = selected and any(_term_matches(term, labels, machine.name) for term in terms)
    if not selected:
        yield Obstacle("node(s) didn't match Pod's node affinity/selector")


def _term_matches(term: Object, labels: dict[str, str], name: str) -> bool:
    expressions, node_fields = term.get("matchExpressions", []), term.get("matchFields", [])
    if not expressions and not node_fields:
        return False
    return all(_expression_matches(each, labels) for each in expressions) and all(
        _expression_matches(each, {"metadata.name": name}) for each in node_fields
    )


def _expression_matches(expression: Object, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    present = labels.get(key)
    match expression["operator"]:
        case "In":
            return present is not None and present in values
        case "NotIn":
            return present is None or present not in values
        case "Exists":
            return present is not None
        case "DoesNotExist":
            return present is None
        case "Gt" | "Lt" as operator:
            try:
                left, right = int(present or ""), int(values[0])
            except ValueError:
                return False
            return left > right if operator == "Gt" else left < right
    return False


def crowded(pod: Object, machine: Machine) -> Iterable[Obstacle]:
    """All resources of which there is too little, the number of pods first."""
    most = machine.allocatable("pods")
    if machine.share.pods + 1 > most:
        yield Obstacle("Too many pods", movable=True)
    for resource, amount in requests_of(pod).items():
        whole = machine.allocatable(resource)
        if amount and amount > whole - machine.share.used.get(resource, NOTHING):
            yield Obstacle(f"Insufficient {resource}", movable=amount <= whole)


FILTERS: tuple[Callable[[Object, Machine], Iterable[Obstacle]], ...] = (cordoned, tainted, unattractive, crowded)
"""In this order; the first that finds something says why a node does not do."""


def obstacles_of(pod: Object, machine: Machine) -> list[Obstacle]:
    for find in FILTERS:
        obstacles = list(find(pod, machine))
        if obstacles:
            return obstacles
    return []


def message_of(obstacles: list[list[Obstacle]]) -> str:
    """The condition's text; `obstacles` has an entry for each node."""
    if not obstacles:
        return NO_NODES
    available = f"0/{len(obstacles)} nodes are available: "
    reasons = Counter(each.reason for found in obstacles for each in found)
    victims = Counter(
        "No preemption victims found for incoming pod"
        if all(each.movable for each in found)
        else "Preemption is not helpful for scheduling"
        for found in obstacles
    )
    listed, preemption = (", ".join(sorted(f"{n} {text}" for text, n in each.items())) for each in (reasons, victims))
    return f"{available}{listed}. no new claims to deallocate, preemption: {available}{preemption}."


CONTROLLER = Controller(
    name=NAME,
    user=User("system:kube-scheduler", ("system:authenticated",)),
    field_manager="kube-scheduler",
    watches=(
        Watch("pods", key=own),
        Watch("nodes", key=claims_and_nodes),
        Watch("persistentvolumeclaims", key=claims_and_nodes),
    ),
    reconcile=reconcile,
)

"""Places pods on nodes, and says of a pod that fits nowhere what keeps it from each node.

The nodes that fakekube runs come first, then those that somebody has made; among them the one with the best score, and among equals, where
the real scheduler throws dice, the one with the fewest pods.
https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.node_lifecycle import without_heartbeats
from fakekube.controllers.pod_states import is_finished
from fakekube.controllers.preemption import Victims, best_victims, priority_of
from fakekube.controllers.scheduling_filters import (
    Amounts,
    Machine,
    Obstacle,
    Share,
    Surroundings,
    Wish,
    obstacles_of,
    requests_of,
)
from fakekube.controllers.scheduling_hints import may_help
from fakekube.controllers.scheduling_scores import ZONE, Scores
from fakekube.controllers.scheduling_volumes import carry_out, claim_trouble, volumes_of
from fakekube.errors import Conflict, Forbidden, NotFound
from fakekube.objects.conditions import with_condition
from fakekube.objects.selectors import LabelSelector
from fakekube.registry.user import User

NAME = "default-scheduler"
INSTANCE = "default-scheduler-fakekube"

NO_NODES = "no nodes available to schedule pods"


@dataclass(frozen=True, slots=True)
class Placed:
    """A pod that takes room on a node."""

    node: str
    takes: Amounts
    pod: Object


@dataclass(slots=True)
class Memory:
    """What the scheduler knows without asking: kept in step by looking at every pod that changes."""

    waiting: dict[Key, int] = field(default_factory=dict)
    """The pods that wait, with their priorities."""
    refused: dict[Key, frozenset[str]] = field(default_factory=dict)
    """Why they do: all that was said of whatever nodes."""
    nodes: dict[str, Object] = field(default_factory=dict)
    """As they were last seen."""
    placed: dict[Key, Placed] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    shy: set[Key] = field(default_factory=set)
    """Placed pods that want to be away from others."""
    fond: set[Key] = field(default_factory=set)
    """Placed pods that want, or would like, to be near others or away from them."""
    nominated: dict[Key, Placed] = field(default_factory=dict)
    """Waiting pods for which room is being made on a node."""
    known: dict[str, Machine] = field(default_factory=dict)
    nodes_differ: bool = False
    """Whether some have images or taints that count for scores."""
    only_ours: bool = False
    """Whether fakekube itself runs all nodes."""
    zoned: bool = False
    machines: list[Machine] | None = None
    """All that are there; None when nodes may have changed."""
    ours: frozenset[str] = frozenset()

    def note(self, key: Key, pod: Object | None) -> bool:
        """Look at a pod as it is now; whether others may fit better than before."""
        if pod is not None and is_waiting(pod):
            self.waiting[key] = priority_of(pod)
            nominated = pod["status"].get("nominatedNodeName")
            if nominated:
                self.nominated[key] = Placed(nominated, requests_of(pod), pod)
            else:
                self.nominated.pop(key, None)
        else:
            self.waiting.pop(key, None)
            self.refused.pop(key, None)
            self.nominated.pop(key, None)
        node = pod["spec"].get("nodeName") if pod is not None and not is_finished(pod) else None
        if node is None:
            return self._leave(key)
        assert pod is not None
        return self.place(key, node, pod)

    def place(self, key: Key, node: str, pod: Object) -> bool:
        """Whether it is new there, or its labels are."""
        before = self.placed.get(key)
        takes = requests_of(pod)
        if before is not None and (before.node, before.takes) == (node, takes):
            self.placed[key] = Placed(node, takes, pod)
            self.shares[node].pods[key] = pod
            return bool(before.pod["metadata"].get("labels") != pod["metadata"].get("labels"))
        self._leave(key)
        self.placed[key] = Placed(node, takes, pod)
        self.shares.setdefault(node, Share()).add(key, pod, takes)
        affinity = pod["spec"].get("affinity")
        if affinity and affinity.get("podAntiAffinity"):
            self.shy.add(key)
        if affinity and (affinity.get("podAffinity") or affinity.get("podAntiAffinity")):
            self.fond.add(key)
        return True

    def _leave(self, key: Key) -> bool:
        before = self.placed.pop(key, None)
        if before is None:
            return False
        self.shy.discard(key)
        self.fond.discard(key)
        self.shares[before.node].remove(key, before.takes)
        return True

    def all_machines(self, context: Context) -> list[Machine]:
        if self.machines is None:
            self.ours = frozenset(context.settings.nodes)
            self.machines = [self._machine(node) for node in context.client.list("nodes")]
            self.known = {machine.name: machine for machine in self.machines}
            self.zoned = any(ZONE in machine.labels for machine in self.machines)
            self.only_ours = self.known.keys() <= self.ours
            self.nodes_differ = any(machine.soft_taints or machine.images for machine in self.machines)
        return self.machines

    def _machine(self, node: Object) -> Machine:
        """What is known of a node is worked out once for each of its versions."""
        name = node["metadata"]["name"]
        known = self.known.get(name)
        if known is not None and known.node is node:
            return known
        return Machine(node, self.shares.setdefault(name, Share()))

    def in_order(self) -> list[Key]:
        """The more important ones first, then those that have waited for longer."""
        return sorted(self.waiting, key=lambda key: -self.waiting[key])


def all_waiting(object: Object) -> tuple[Key, ...]:
    """Of something that may help those who wait."""
    return (ALL_WAITING,)


def what_can_be_had(volume: Object) -> tuple[object, ...]:
    """All of a volume that matters to a pod that waits for one."""
    return volume["metadata"].get("labels"), volume["spec"], volume.get("status", {}).get("phase")


def what_is_placed(pod: Object) -> tuple[object, ...]:
    """All of a pod that matters to where it or another goes; what the scheduler itself says in its status does not."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    return (
        metadata.get("labels"),
        metadata.get("deletionTimestamp"),
        spec,
        is_finished(pod),
        status.get("nominatedNodeName"),
        status.get("startTime"),
    )


ALL_WAITING: Key = ("", "")
"""The key of all pods that wait: pods themselves have a namespace, nodes a name."""


async def reconcile(context: Context, namespace: str, name: str) -> None:
    memory: Memory = context.memory.setdefault("scheduler", Memory())
    key = (namespace, name)
    if namespace:
        pod = context.client.get("pods", namespace, name)
        helps = memory.note(key, pod)
        if key in memory.waiting and pod is not None:
            await schedule(context, memory, pod)
        if helps and memory.waiting:
            context.wake(ALL_WAITING)
        return
    memory.machines = None
    before = now = None
    if name:
        before, now = memory.nodes.pop(name, None), context.client.get("nodes", "", name)
        if now is not None:
            memory.nodes[name] = now
    for each in memory.in_order():
        pod = context.client.get("pods", *each)
        if pod is None or not is_waiting(pod):
            continue
        if not name or may_help(Wish(pod), memory.refused.get(each, ()), before, now):
            await schedule(context, memory, pod)
            await context.turn()


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
    volumes = volumes_of(context, pod)
    wish = Wish(pod, volumes)
    machines = reserved(memory, wish, memory.all_machines(context))
    around = surroundings(context, memory, wish, machines)
    trouble = claim_trouble(context, pod) if pod["spec"].get("volumes") else ""
    best = None if trouble else best_of(memory, wish, machines, around)
    namespace, name = wish.key
    try:
        if trouble and machines:
            memory.refused[wish.key] = frozenset((trouble,))
            await tell_unschedulable(context, pod, f"0/{len(machines)} nodes are available: {trouble}. not found")
            return
        if best is None:
            obstacles = [obstacles_of(wish, machine, around) for machine in machines]
            memory.refused[wish.key] = frozenset(each.reason for found in obstacles for each in found)
            await refuse(context, memory, wish, machines, obstacles)
            return
        plan = volumes.plan(best) if volumes is not None else None
        if plan is not None and (plan.take or plan.make):
            # That takes its time; meanwhile the pod says where it is going.
            await nominate(context, pod, best.name)
            await carry_out(context, plan, best.name)
            return  # a change of its claims brings it back
        await context.client.bind(namespace, name, best.name, pod["metadata"]["uid"])
    except (NotFound, Forbidden):
        return  # gone, or on its way out with its namespace; a change of its own brings it back
    except Conflict:
        present = context.client.get("pods", namespace, name)
        if present is not None and present["metadata"]["uid"] == pod["metadata"]["uid"] and is_waiting(present):
            raise
        return  # placed by another
    memory.waiting.pop(wish.key, None)
    memory.refused.pop(wish.key, None)
    memory.nominated.pop(wish.key, None)
    memory.place(wish.key, best.name, pod)
    text = f"Successfully assigned {namespace}/{name} to {best.name}"
    await context.recorder.action(pod, "Normal", "Scheduled", "Binding", text, instance=INSTANCE)


async def nominate(context: Context, pod: Object, node: str) -> None:
    if pod["status"].get("nominatedNodeName") != node:
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"nominatedNodeName": node}}
        await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")


def best_of(memory: Memory, wish: Wish, machines: list[Machine], around: Surroundings) -> Machine | None:
    """Of the nodes that the pod fits on."""
    fond = [(memory.placed[key].pod, memory.placed[key].node) for key in memory.fond]
    scores = Scores(wish, machines, around, fond, memory.nodes_differ, memory.zoned)
    if not scores.is_plain:
        # What a node is worth depends on what the others are that the pod fits on.
        machines = [machine for machine in machines if not obstacles_of(wish, machine, around)]
        scores = Scores(wish, machines, around, fond)
    ordered = in_order(memory, wish, machines, scores) if len(machines) > 1 else machines
    # Most pods fit on the best of all nodes: then no other is looked at.
    return next((each for each in ordered if not scores.is_plain or not obstacles_of(wish, each, around)), None)


def in_order(memory: Memory, wish: Wish, machines: list[Machine], scores: Scores) -> Iterator[Machine]:
    """The best first: the one that is prepared for the pod, our own, then by score."""
    meant, ours, totals = wish.meant, memory.ours, scores.totals()
    if meant is None and memory.only_ours:
        # Nearly always the very first will do, which is found without putting all in order.
        top = max(totals)
        yield min(
            (machine for machine, total in zip(machines, totals, strict=True) if total == top),
            key=lambda machine: len(machine.share.pods),
        )
    ranks = [
        (machine.name != meant, machine.name not in ours, -total, len(machine.share.pods), place)
        for place, (machine, total) in enumerate(zip(machines, totals, strict=True))
    ]
    for rank in sorted(ranks):
        yield machines[rank[-1]]


def reserved(memory: Memory, wish: Wish, machines: list[Machine]) -> list[Machine]:
    """The room that is being made for others, of no lower priority, is not to be had."""
    others = {key: each for key, each in memory.nominated.items() if key != wish.key}
    if not others:
        return machines
    found = []
    for machine in machines:
        share = machine.share.copy()
        for key, each in others.items():
            if each.node == machine.name and priority_of(each.pod) >= wish.priority:
                share.add(key, each.pod, each.takes)
        found.append(Machine(machine.node, share))
    return found


def surroundings(context: Context, memory: Memory, wish: Wish, machines: list[Machine]) -> Surroundings:
    def namespaces(selector: LabelSelector) -> set[str]:
        found = context.client.list("namespaces")
        return {each["metadata"]["name"] for each in found if selector.matches(each["metadata"].get("labels"))}

    shy = [(memory.placed[key].pod, memory.placed[key].node) for key in memory.shy]
    return Surroundings(wish, machines, namespaces, shy)


async def refuse(
    context: Context, memory: Memory, wish: Wish, machines: list[Machine], obstacles: list[list[Obstacle]]
) -> None:
    """Make room for the pod, if its priority allows, or say what keeps it from each node."""
    movable = [
        machine
        for machine, found in zip(machines, obstacles, strict=True)
        if found and all(each.movable for each in found)
    ]
    never = wish.spec.get("preemptionPolicy") == "Never"
    if not never and is_making_room(memory, wish):
        return
    victims = None
    if not never:
        budgets = context.client.list("poddisruptionbudgets.policy")
        victims = best_victims(wish, movable, lambda machine: fits(context, memory, wish, machines, machine), budgets)
    if victims is None:
        await tell_unschedulable(context, wish.pod, message_of(obstacles, never=never))
        return
    await make_room(context, wish, victims)
    node = victims.machine.name
    memory.nominated[wish.key] = Placed(node, wish.requests, wish.pod)
    await tell_unschedulable(context, wish.pod, f"{reasons_of(obstacles)}.", nominated=node)


def fits(context: Context, memory: Memory, wish: Wish, machines: list[Machine], machine: Machine) -> bool:
    """Whether the pod fits on `machine`, which stands for the one of its name."""
    instead = [machine if each.name == machine.name else each for each in machines]
    around = surroundings(context, memory, wish, instead)
    around.shy = [(pod, node) for pod, node in around.shy if node != machine.name or is_on(machine, pod)]
    return not obstacles_of(wish, machine, around)


def is_on(machine: Machine, pod: Object) -> bool:
    return (pod["metadata"]["namespace"], pod["metadata"]["name"]) in machine.share.pods


def is_making_room(memory: Memory, wish: Wish) -> bool:
    """Whether pods of lower priority are leaving the node that this one is to get."""
    node = wish.pod["status"].get("nominatedNodeName")
    share = memory.shares.get(node) if node else None
    return share is not None and any(
        "deletionTimestamp" in pod["metadata"] and priority_of(pod) < wish.priority for pod in share.pods.values()
    )


async def make_room(context: Context, wish: Wish, victims: Victims) -> None:
    """Delete the victims, each with a condition and an event that say why."""
    uid, node = wish.pod["metadata"]["uid"], victims.machine.name
    for victim in victims.pods:
        metadata = victim["metadata"]
        if "deletionTimestamp" in metadata:
            continue
        condition = {
            "type": "DisruptionTarget",
            "observedGeneration": metadata.get("generation", 1),
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": context.clock.timestamp(),
            "reason": "PreemptionByScheduler",
            "message": f"{NAME}: preempting to accommodate a higher priority pod",
        }
        present = context.client.get("pods", metadata["namespace"], metadata["name"])
        if present is None or present["metadata"]["uid"] != metadata["uid"]:
            continue
        conditions = with_condition(present["status"].get("conditions"), condition)
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": conditions}}
        try:
            await context.client.patch("pods", metadata["namespace"], metadata["name"], patch, "status")
            await context.client.delete("pods", metadata["namespace"], metadata["name"], uid=metadata["uid"])
        except NotFound:
            continue
        text = f"Preempted by pod {uid} on node {node}"
        await context.recorder.action(victim, "Normal", "Preempted", "Preempting", text, instance=INSTANCE)


async def tell_unschedulable(context: Context, pod: Object, message: str, *, nominated: str = "") -> None:
    metadata, before = pod["metadata"], pod["status"].get("conditions", [])
    old: Object = next((each for each in before if each["type"] == "PodScheduled"), {})
    present = pod["status"].get("nominatedNodeName", "")
    if (old.get("reason"), old.get("message"), present) == ("Unschedulable", message, nominated or present):
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
    status: Object = {"conditions": [*others, condition]}
    if nominated:
        status["nominatedNodeName"] = nominated
    await context.client.patch(
        "pods",
        metadata["namespace"],
        metadata["name"],
        {"metadata": {"uid": metadata["uid"]}, "status": status},
        "status",
    )
    await context.recorder.action(pod, "Warning", "FailedScheduling", "Scheduling", message, instance=INSTANCE)


def message_of(obstacles: list[list[Obstacle]], *, never: bool = False) -> str:
    """The condition's text; `obstacles` has an entry for each node. `never`: the pod would not have others go for it."""
    if not obstacles:
        return NO_NODES
    preemption = "not eligible due to preemptionPolicy=Never"
    if not never:
        victims = (
            "No preemption victims found for incoming pod"
            if all(each.movable for each in found)
            else "Preemption is not helpful for scheduling"
            for found in obstacles
        )
        preemption = f"0/{len(obstacles)} nodes are available: {counted(victims)}"
    return f"{reasons_of(obstacles)}. no new claims to deallocate, preemption: {preemption}."


def reasons_of(obstacles: list[list[Obstacle]]) -> str:
    return f"0/{len(obstacles)} nodes are available: {counted(each.reason for found in obstacles for each in found)}"


def counted(texts: Iterable[str]) -> str:
    """`1 a, 2 b`: sorted with the numbers before them."""
    return ", ".join(sorted(f"{number} {text}" for text, number in Counter(texts).items()))


CONTROLLER = Controller(
    name=NAME,
    user=User("system:kube-scheduler", ("system:authenticated",)),
    field_manager="kube-scheduler",
    watches=(
        Watch("pods", key=own, of=what_is_placed),
        Watch("nodes", key=own, of=without_heartbeats),
        Watch("persistentvolumeclaims", key=all_waiting),
        Watch("persistentvolumes", key=all_waiting, types=("ADDED", "MODIFIED"), of=what_can_be_had),
        Watch("storageclasses.storage.k8s.io", key=all_waiting, types=("ADDED", "MODIFIED")),
    ),
    reconcile=reconcile,
)

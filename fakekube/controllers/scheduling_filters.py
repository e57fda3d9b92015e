"""What keeps a pod from a node: filters in the order in which the scheduler asks them.

https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Protocol

from fakekube.controllers.loop import Key, Object, controller_reference
from fakekube.controllers.node_lifecycle import UNSCHEDULABLE, taints_of
from fakekube.controllers.tolerations import tolerated
from fakekube.objects.quantities import parse
from fakekube.objects.selectors import LabelSelector, label_selector_of

NOTHING = Decimal(0)

Amounts = dict[str, Decimal]

SPREAD = "node(s) didn't match pod topology spread constraints"
NOT_HERE = "node(s) didn't satisfy plugin(s) [NodeAffinity]"


@dataclass(slots=True)
class Share:
    """What the pods on one node take together."""

    pods: dict[Key, Object] = field(default_factory=dict)
    used: Amounts = field(default_factory=dict)
    nonzero: tuple[float, float] = (0.0, 0.0)
    """Processors and bytes, with something for those who ask for none."""
    owners: Counter[str] = field(default_factory=Counter)
    """uid of a controller -> how many pods of it are here."""
    scores: dict[tuple[float, float], int] = field(default_factory=dict)
    """What has been found of the room here, by what a pod asks for; valid until one comes or goes."""

    def add(self, key: Key, pod: Object, takes: Amounts) -> None:
        self.pods[key] = pod
        self._count(pod, 1)
        for resource, amount in takes.items():
            self.used[resource] = self.used.get(resource, NOTHING) + amount

    def remove(self, key: Key, takes: Amounts) -> None:
        pod = self.pods.pop(key, None)
        if pod is not None:
            self._count(pod, -1)
        for resource, amount in takes.items():
            self.used[resource] -= amount

    def copy(self) -> Share:
        return Share(dict(self.pods), dict(self.used), self.nonzero, Counter(self.owners))

    def _count(self, pod: Object, sign: int) -> None:
        processors, memory = nonzero_requests(pod)
        self.nonzero = (self.nonzero[0] + sign * processors, self.nonzero[1] + sign * memory)
        reference = controller_reference(pod)
        if reference is not None:
            self.owners[reference["uid"]] += sign
        self.scores.clear()


@dataclass
class Machine:
    """A node and what its pods take of it."""

    node: Object
    share: Share

    @cached_property
    def name(self) -> str:
        return self.node["metadata"]["name"]  # type: ignore[no-any-return]

    @cached_property
    def labels(self) -> dict[str, str]:
        return self.node["metadata"].get("labels", {})  # type: ignore[no-any-return]

    @cached_property
    def is_cordoned(self) -> bool:
        return bool(self.node.get("spec", {}).get("unschedulable"))

    @cached_property
    def taints(self) -> list[Object]:
        """Those that keep pods away; the ones that the node is about to have count already."""
        return [taint for taint in taints_of(self.node, "") if taint["effect"] in ("NoSchedule", "NoExecute")]

    @cached_property
    def soft_taints(self) -> list[Object]:
        """Those that keep pods away only where there is a better node."""
        taints = self.node.get("spec", {}).get("taints") or ()
        return [taint for taint in taints if taint["effect"] == "PreferNoSchedule"]

    @cached_property
    def images(self) -> dict[str, int]:
        """Name -> size in bytes of those that are there already."""
        images = self.node.get("status", {}).get("images") or ()
        return {with_tag(name): each.get("sizeBytes", 0) for each in images for name in each.get("names") or ()}

    @cached_property
    def allocatable(self) -> Amounts:
        amounts: Mapping[str, str] = self.node.get("status", {}).get("allocatable", {})
        return {resource: parse(amount) for resource, amount in amounts.items()}


@dataclass
class Wish:
    """A pod that looks for a node."""

    pod: Object
    volumes: Volumes | None = None

    @property
    def key(self) -> Key:
        return self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]

    @property
    def spec(self) -> Object:
        return self.pod["spec"]  # type: ignore[no-any-return]

    @cached_property
    def requests(self) -> Amounts:
        return {resource: amount for resource, amount in requests_of(self.pod).items() if amount}

    @cached_property
    def ports(self) -> list[tuple[str, str, int]]:
        return host_ports(self.pod)

    @cached_property
    def named_nodes(self) -> set[str] | None:
        """The only nodes that every term of the node affinity names; None when any may do."""
        terms = node_terms(self.pod)
        if not terms or not all(term.get("matchFields") for term in terms):
            return None
        return {
            name
            for term in terms
            for name in set.intersection(*(set(each.get("values", ())) for each in term["matchFields"]))
        }

    @cached_property
    def nominated(self) -> str | None:
        """The node on which room is being made."""
        return self.pod["status"].get("nominatedNodeName")  # type: ignore[no-any-return]

    @cached_property
    def meant(self) -> str | None:
        """The node that has been prepared for the pod: it gets this one if it still fits there."""
        return self.nominated or (self.volumes.selected if self.volumes is not None else None)

    @cached_property
    def prefers(self) -> bool:
        """Whether some nodes are dearer to it than others."""
        affinity = (self.spec.get("affinity") or {}).get("nodeAffinity") or {}
        return bool(affinity.get("preferredDuringSchedulingIgnoredDuringExecution"))

    @cached_property
    def soft_constraints(self) -> list[Object]:
        """Topology spread that need not be."""
        constraints = self.spec.get("topologySpreadConstraints") or ()
        return [each for each in constraints if each["whenUnsatisfiable"] == "ScheduleAnyway"]

    @cached_property
    def soft_terms(self) -> list[tuple[Object, int]]:
        return soft_terms(self.pod)

    @cached_property
    def nonzero(self) -> tuple[float, float]:
        return nonzero_requests(self.pod)

    @cached_property
    def priority(self) -> int:
        return self.spec.get("priority", 0)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod does not fit on a node; `movable` when it might if other pods left."""

    reason: str
    movable: bool = False


Filter = Callable[[Wish, Machine], Iterable[Obstacle]]


def elsewhere(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    if wish.named_nodes is not None and machine.name not in wish.named_nodes:
        yield Obstacle(NOT_HERE)


def cordoned(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    if machine.is_cordoned and not tolerated(wish.pod, {"key": UNSCHEDULABLE, "effect": "NoSchedule"}):
        yield Obstacle("node(s) were unschedulable")


def tainted(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    if machine.taints and not all(tolerated(wish.pod, taint) for taint in machine.taints):
        yield Obstacle("node(s) had untolerated taint(s)")


def unattractive(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    """nodeSelector and the required node affinity."""
    if not attracts(wish.pod, machine):
        yield Obstacle("node(s) didn't match Pod's node affinity/selector")


def attracts(pod: Object, machine: Machine) -> bool:
    spec = pod["spec"]
    selector = spec.get("nodeSelector")
    if selector and not selector.items() <= machine.labels.items():
        return False
    terms = node_terms(pod)
    return terms is None or any(term_matches(term, machine.labels, machine.name) for term in terms)


def node_terms(pod: Object) -> list[Object] | None:
    """Of the required node affinity; None without one."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else required.get("nodeSelectorTerms", [])


def term_matches(term: Object, labels: Mapping[str, str], name: str) -> bool:
    expressions, node_fields = term.get("matchExpressions", []), term.get("matchFields", [])
    if not expressions and not node_fields:
        return False
    return all(_expression_matches(each, labels) for each in expressions) and all(
        _expression_matches(each, {"metadata.name": name}) for each in node_fields
    )


def _expression_matches(expression: Object, labels: Mapping[str, str]) -> bool:
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


def preference(pod: Object, machine: Machine) -> int:
    """The weight of the preferred node affinity that this node meets."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution", ())
    return sum(each["weight"] for each in preferred if term_matches(each["preference"], machine.labels, machine.name))


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    """(address, protocol, port); the address 0.0.0.0 stands for all."""
    return [
        (port.get("hostIP") or "0.0.0.0", port.get("protocol", "TCP"), port["hostPort"])
        for container in pod["spec"].get("containers", ())
        for port in container.get("ports", ())
        if port.get("hostPort")
    ]


def taken_port(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    if not wish.ports:
        return
    taken = [port for pod in machine.share.pods.values() for port in host_ports(pod)]
    if any(_clash(mine, other) for mine in wish.ports for other in taken):
        yield Obstacle("node(s) didn't have free ports for the requested pod ports", movable=True)


def _clash(left: tuple[str, str, int], right: tuple[str, str, int]) -> bool:
    return left[1:] == right[1:] and (left[0] == right[0] or "0.0.0.0" in (left[0], right[0]))


def crowded(wish: Wish, machine: Machine) -> Iterable[Obstacle]:
    """All resources of which there is too little, the number of pods first."""
    allocatable, share = machine.allocatable, machine.share
    if len(share.pods) + 1 > allocatable.get("pods", NOTHING):
        yield Obstacle("Too many pods", movable=True)
    for resource, amount in wish.requests.items():
        whole = allocatable.get(resource, NOTHING)
        if amount > whole - share.used.get(resource, NOTHING):
            yield Obstacle(f"Insufficient {resource}", movable=amount <= whole)


def requests_of(pod: Object) -> Amounts:
    """What the pod asks for: its containers and sidecars together, or more where an init container asks for more."""
    spec = pod["spec"]
    total: Amounts = {}
    largest: Amounts = {}
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
    both = {key: max(total.get(key, NOTHING), largest.get(key, NOTHING)) for key in (*total, *(largest.keys() - total))}
    of_pod = (spec.get("resources") or {}).get("requests", {})
    both.update({key: parse(amount) for key, amount in of_pod.items()})
    _add(both, {key: parse(amount) for key, amount in spec.get("overhead", {}).items()})
    return both


def nonzero_requests(pod: Object) -> tuple[float, float]:
    """Processors and bytes, where a container that asks for none counts as a small one: so many of them are spread as well."""
    processors = memory = 0.0
    for container in pod["spec"].get("containers", ()):
        asked = container.get("resources", {}).get("requests", {})
        processors += float(parse(asked["cpu"])) if "cpu" in asked else LITTLE[0]
        memory += float(parse(asked["memory"])) if "memory" in asked else LITTLE[1]
    return processors, memory


LITTLE = (0.1, 200.0 * 1024 * 1024)
"""Processors and bytes of a container that asks for none."""


def soft_terms(pod: Object) -> list[tuple[Object, int]]:
    """The terms about other pods that need not hold, with their weights: negative for those to be away from."""
    affinity = pod["spec"].get("affinity") or {}
    return [
        (each["podAffinityTerm"], sign * each["weight"])
        for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1))
        for each in (affinity.get(kind) or {}).get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    ]


def with_tag(image: str) -> str:
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


def _asked(container: Object) -> Amounts:
    return {key: parse(amount) for key, amount in container.get("resources", {}).get("requests", {}).items()}


def _add(total: Amounts, more: Amounts) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, NOTHING) + amount


OF_THE_NODE: tuple[Filter, ...] = (elsewhere, cordoned, tainted, unattractive, taken_port, crowded)
"""In this order; the first that finds something says why a node does not do."""


class Volumes(Protocol):
    """What the volumes of the pod have to say."""

    @property
    def selected(self) -> str: ...

    def obstacles(self, machine: Machine, machines: Iterable[Machine]) -> list[Obstacle]: ...


@dataclass
class Surroundings:
    """What depends on the pods of all nodes: topology spread, affinity to other pods and away from them."""

    wish: Wish
    machines: list[Machine]
    namespaces: Callable[[LabelSelector], set[str]]
    """The names of those that a selector finds."""
    shy: Iterable[tuple[Object, str]] = ()
    """Pods that have anti-affinity, with the names of their nodes."""

    def obstacles(self, machine: Machine) -> Iterable[Obstacle]:
        yield from self.uneven(machine)
        yield from self.unsociable(machine)

    @cached_property
    def has_any(self) -> bool:
        spec = self.wish.spec
        affinity = spec.get("affinity") or {}
        return bool(
            spec.get("topologySpreadConstraints")
            or affinity.get("podAffinity")
            or affinity.get("podAntiAffinity")
            or any(True for _ in self.shy)
        )

    # Topology spread.

    @cached_property
    def constraints(self) -> list[tuple[Object, LabelSelector, dict[str, int]]]:
        """Each that must hold, with its selector and how many pods each domain has."""
        pod = self.wish.pod
        wanted = [
            each
            for each in self.wish.spec.get("topologySpreadConstraints", ())
            if each["whenUnsatisfiable"] == "DoNotSchedule"
        ]
        keys = [each["topologyKey"] for each in wanted]
        found = []
        for each in wanted:
            selector = self.spread_selector(each)
            counts: dict[str, int] = {}
            for machine in self.machines:
                if not all(key in machine.labels for key in keys):
                    continue
                if each.get("nodeAffinityPolicy", "Honor") == "Honor" and not attracts(pod, machine):
                    continue
                if each.get("nodeTaintsPolicy", "Ignore") == "Honor" and any(tainted(self.wish, machine)):
                    continue
                domain = machine.labels[each["topologyKey"]]
                counts[domain] = counts.get(domain, 0) + sum(
                    self.counts(selector, other) for other in machine.share.pods.values()
                )
            found.append((each, selector, counts))
        return found

    def spread_selector(self, constraint: Object) -> LabelSelector:
        labels = self.wish.pod["metadata"].get("labels", {})
        more = {key: labels[key] for key in constraint.get("matchLabelKeys", ()) if key in labels}
        selector = constraint.get("labelSelector")
        if more:
            selector = {**(selector or {}), "matchLabels": {**(selector or {}).get("matchLabels", {}), **more}}
        return label_selector_of(selector)

    def counts(self, selector: LabelSelector, other: Object) -> bool:
        metadata = other["metadata"]
        return (
            metadata["namespace"] == self.wish.key[0]
            and "deletionTimestamp" not in metadata
            and selector.matches(metadata.get("labels"))
        )

    def uneven(self, machine: Machine) -> Iterable[Obstacle]:
        reason = SPREAD
        for constraint, selector, counts in self.constraints:
            domain = machine.labels.get(constraint["topologyKey"])
            if domain is None:
                yield Obstacle(f"{reason} (missing required label)")
                return
            least = min(counts.values(), default=0) if len(counts) >= constraint.get("minDomains", 1) else 0
            own = selector.matches(self.wish.pod["metadata"].get("labels"))
            if counts.get(domain, 0) + own - least > constraint["maxSkew"]:
                yield Obstacle(reason, movable=True)
                return

    # Affinity.

    def terms(self, pod: Object, kind: str) -> list[Object]:
        affinity = (pod["spec"].get("affinity") or {}).get(kind) or {}
        return affinity.get("requiredDuringSchedulingIgnoredDuringExecution", [])  # type: ignore[no-any-return]

    def means(self, term: Object, owner: Object, other: Object) -> bool:
        """Whether a term of `owner` is about `other`."""
        metadata = other["metadata"]
        named, selector = term.get("namespaces") or [], term.get("namespaceSelector")
        spaces = set(named)
        if selector is not None:
            spaces |= self.namespaces(label_selector_of(selector))
        elif not named:
            spaces = {owner["metadata"]["namespace"]}
        if metadata["namespace"] not in spaces:
            return False
        return label_selector_of(term.get("labelSelector")).matches(metadata.get("labels"))

    def domains(self, term: Object, *, all_terms: list[Object] | None = None) -> set[str]:
        """The values of the topology key of nodes that hold a pod that the term, or all of them, mean."""
        pod = self.wish.pod
        return {
            machine.labels[term["topologyKey"]]
            for machine in self.machines
            if term["topologyKey"] in machine.labels
            and any(
                all(self.means(each, pod, other) for each in all_terms or [term])
                for other in machine.share.pods.values()
            )
        }

    @cached_property
    def near(self) -> list[tuple[str, set[str]]]:
        terms = self.terms(self.wish.pod, "podAffinity")
        return [(term["topologyKey"], self.domains(term, all_terms=terms)) for term in terms]

    @cached_property
    def far(self) -> list[tuple[str, set[str]]]:
        return [(term["topologyKey"], self.domains(term)) for term in self.terms(self.wish.pod, "podAntiAffinity")]

    @cached_property
    def shunned(self) -> set[tuple[str, str]]:
        """(topology key, value) where a pod is that wants to be away from this one."""
        nodes = {machine.name: machine for machine in self.machines}
        return {
            (term["topologyKey"], nodes[node].labels[term["topologyKey"]])
            for other, node in self.shy
            if node in nodes
            for term in self.terms(other, "podAntiAffinity")
            if term["topologyKey"] in nodes[node].labels and self.means(term, other, self.wish.pod)
        }

    def is_first(self, machine: Machine) -> bool:
        """A pod that wants to be near its like may be the first of them."""
        pod = self.wish.pod
        return not any(found for _, found in self.near) and all(
            self.means(term, pod, pod) and term["topologyKey"] in machine.labels
            for term in self.terms(pod, "podAffinity")
        )

    def unsociable(self, machine: Machine) -> Iterable[Obstacle]:
        if not all(machine.labels.get(key) in found for key, found in self.near) and not self.is_first(machine):
            yield Obstacle("node(s) didn't match pod affinity rules")
        elif any(machine.labels.get(key) in found for key, found in self.far):
            yield Obstacle("node(s) didn't match pod anti-affinity rules", movable=True)
        elif any(machine.labels.get(key) == value for key, value in self.shunned):
            yield Obstacle("node(s) didn't satisfy existing pods anti-affinity rules", movable=True)


def obstacles_of(wish: Wish, machine: Machine, surroundings: Surroundings) -> list[Obstacle]:
    for find in OF_THE_NODE:
        obstacles = list(find(wish, machine))
        if obstacles:
            return obstacles
    if wish.volumes is not None:
        obstacles = wish.volumes.obstacles(machine, surroundings.machines)
        if obstacles:
            return obstacles
    return list(surroundings.obstacles(machine))[:1] if surroundings.has_any else []

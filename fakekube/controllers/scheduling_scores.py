"""Which of the nodes that a pod fits on it gets: what the scheduler's plugins give a node, 0 to 100 each, by their weights.

https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fakekube.controllers.loop import Object, controller_reference
from fakekube.controllers.scheduling_filters import (
    Machine,
    Surroundings,
    Wish,
    attracts,
    preference,
    soft_terms,
    tainted,
    with_tag,
)
from fakekube.controllers.tolerations import tolerated

BEST = 100

ZONE = "topology.kubernetes.io/zone"
OF_THE_CLUSTER = (("kubernetes.io/hostname", 3), (ZONE, 5))
"""(topology key, maxSkew) by which pods of one controller are spread that say nothing of it themselves."""

HARD_AFFINITY = 1
"""What the required affinity of a pod that is there already counts."""

MEGABYTE = 1024 * 1024
SMALL_IMAGE, LARGE_IMAGE = 23 * MEGABYTE, 1000 * MEGABYTE


@dataclass
class Scores:
    """What `machines`, on all of which the pod fits, are worth to it."""

    wish: Wish
    machines: Sequence[Machine]
    around: Surroundings
    fond: Sequence[tuple[Object, str]] = ()
    """Placed pods with an affinity of any kind, or that would rather be away from others; with the names of their nodes."""
    nodes_differ: bool = True
    """Whether some nodes have images or taints that count here; False saves looking."""
    zoned: bool = True
    """Whether some nodes are in zones."""

    def totals(self) -> list[int]:
        """In the order of the machines."""
        totals = self.room()
        weighted = [(2, self.spread())]
        if not self.is_plain:
            weighted += [(3, self.taints()), (2, self.attraction()), (2, self.company()), (1, self.images())]
        for weight, scores in weighted:
            if scores is not None:
                totals = [total + weight * score for total, score in zip(totals, scores, strict=True)]
        return totals

    @cached_property
    def is_plain(self) -> bool:
        """Whether only the pods of its own controller and the room on the nodes count."""
        return not (
            self.wish.prefers or self.wish.soft_constraints or self.wish.soft_terms or self.fond or self.nodes_differ
        )

    def room(self) -> list[int]:
        """Room that is left, and whether processors and memory are used alike. Remembered until a pod comes or goes there."""
        asked, scores = self.wish.nonzero, []
        for machine in self.machines:
            known = machine.share.scores.get(asked)
            if known is None:
                known = machine.share.scores[asked] = _room(asked, machine)
            scores.append(known)
        return scores

    def taints(self) -> list[int]:
        """PreferNoSchedule: the fewer, the better."""
        pod = self.wish.pod
        counts = [sum(not tolerated(pod, taint) for taint in machine.soft_taints) for machine in self.machines]
        most = max(counts, default=0)
        return [BEST - BEST * count // most if most else BEST for count in counts]

    def attraction(self) -> list[int] | None:
        """The preferred node affinity."""
        if not self.wish.prefers:
            return None
        weights = [preference(self.wish.pod, machine) for machine in self.machines]
        most = max(weights, default=0)
        return [BEST * weight // most if most else 0 for weight in weights]

    # Topology spread.

    def spread(self) -> list[int] | None:
        """Constraints that need not hold; for pods of a controller that have none at all, those of the cluster."""
        if self.wish.spec.get("topologySpreadConstraints"):
            return self._spread_by_constraints() if self.wish.soft_constraints else None
        reference = controller_reference(self.wish.pod)
        if reference is None or len(self.machines) < 2:
            return None
        uid = reference["uid"]
        counts = [machine.share.owners.get(uid, 0) for machine in self.machines]
        if not any(counts):
            return None
        (_, hostname_skew), (_, zone_skew) = OF_THE_CLUSTER
        weight = math.log(len(self.machines) + 2)
        zones = [machine.labels.get(ZONE) for machine in self.machines] if self.zoned else []
        if not any(zones):
            each = sorted(set(counts))  # few, however many nodes there are
            scores = _the_fewer_the_better([count * weight + hostname_skew - 1 for count in each])
            by_count = dict(zip(each, scores, strict=True))
            return [by_count[count] for count in counts]
        in_zone: Counter[str | None] = Counter()
        for zone, count in zip(zones, counts, strict=True):
            in_zone[zone] += count
        zone_weight = math.log(len(in_zone.keys() - {None}) + 2)
        return _the_fewer_the_better(
            [
                count * weight
                + hostname_skew
                - 1
                + (0.0 if zone is None else in_zone[zone] * zone_weight + zone_skew - 1)
                for zone, count in zip(zones, counts, strict=True)
            ]
        )

    def _spread_by_constraints(self) -> list[int]:
        constraints = self.wish.soft_constraints
        keys = [each["topologyKey"] for each in constraints]
        complete = [all(key in machine.labels for key in keys) for machine in self.machines]
        totals: list[float | None] = [0.0 if each else None for each in complete]
        for each in constraints:
            key, selector = each["topologyKey"], self.around.spread_selector(each)
            counts: dict[str, int] = {}
            for machine in self.around.machines:
                if all(key in machine.labels for key in keys) and self._counts(each, machine):
                    counts[machine.labels[key]] = counts.get(machine.labels[key], 0) + sum(
                        self.around.counts(selector, other) for other in machine.share.pods.values()
                    )
            domains = {machine.labels[key] for machine, ok in zip(self.machines, complete, strict=True) if ok}
            weight = math.log(len(domains) + 2)
            totals = [
                None if total is None else total + counts.get(machine.labels[key], 0) * weight + each["maxSkew"] - 1
                for total, machine in zip(totals, self.machines, strict=True)
            ]
        return _the_fewer_the_better(totals)

    def _counts(self, constraint: Object, machine: Machine) -> bool:
        """Whether the pods of a node count for a constraint."""
        if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not attracts(self.wish.pod, machine):
            return False
        return constraint.get("nodeTaintsPolicy", "Ignore") != "Honor" or not any(tainted(self.wish, machine))

    # Affinity between pods.

    def company(self) -> list[int] | None:
        """What the pod would like to be near or away from, and who would like that of it."""
        pod, found = self.wish.pod, Counter[tuple[str, str]]()
        nodes = {machine.name: machine for machine in self.around.machines}

        def note(term: Object, machine: Machine, weight: int) -> None:
            value = machine.labels.get(term["topologyKey"])
            if value is not None:
                found[term["topologyKey"], value] += weight

        if self.wish.soft_terms:
            for machine in self.around.machines:
                for other in machine.share.pods.values():
                    for term, weight in self.wish.soft_terms:
                        if self.around.means(term, pod, other):
                            note(term, machine, weight)
        for other, node in self.fond:
            if node not in nodes:
                continue
            required = [(term, HARD_AFFINITY) for term in self.around.terms(other, "podAffinity")]
            for term, weight in (*required, *soft_terms(other)):
                if self.around.means(term, other, pod):
                    note(term, nodes[node], weight)
        if not found:
            return None
        sums = [
            sum(weight for (key, value), weight in found.items() if machine.labels.get(key) == value)
            for machine in self.machines
        ]
        least, most = min(sums, default=0), max(sums, default=0)
        return [BEST * (each - least) // (most - least) if most > least else 0 for each in sums]

    # Images.

    def images(self) -> list[int] | None:
        """The nodes that have the pod's images already; rare images count less, so that pods do not pile up where they are."""
        if not any(machine.images for machine in self.machines):
            return None
        containers = [*self.wish.spec.get("initContainers", ()), *self.wish.spec.get("containers", ())]
        wanted = [with_tag(container["image"]) for container in containers]
        everywhere = self.around.machines
        share = {name: sum(name in each.images for each in everywhere) / len(everywhere) for name in set(wanted)}
        least, most = SMALL_IMAGE, LARGE_IMAGE * len(containers)

        def score(machine: Machine) -> int:
            size = sum(int(machine.images.get(name, 0) * share[name]) for name in wanted)
            return BEST * (min(max(size, least), most) - least) // (most - least)

        return [score(machine) for machine in self.machines]


def _room(asked: tuple[float, float], machine: Machine) -> int:
    taken = machine.share.nonzero
    left, fractions = [], []
    for resource, more, used in zip(("cpu", "memory"), asked, taken, strict=True):
        whole = float(machine.allocatable.get(resource, 0))
        if whole <= 0:
            continue
        wanted = min(used + more, whole)
        left.append(int((whole - wanted) * BEST / whole))
        fractions.append(wanted / whole)
    if not left:
        return 0
    mean = sum(fractions) / len(fractions)
    uneven = math.sqrt(sum((each - mean) ** 2 for each in fractions) / len(fractions))
    return sum(left) // len(left) + int((1 - uneven) * BEST)


def _the_fewer_the_better(totals: Sequence[float | None]) -> list[int]:
    """Of the totals the least gets the best score; None, of nodes that do not take part, gets nothing."""
    known = [round(total) for total in totals if total is not None]
    least, most = min(known, default=0), max(known, default=0)
    if not most:
        return [0 if total is None else BEST for total in totals]
    return [0 if total is None else BEST * (most + least - round(total)) // most for total in totals]

"""Whom a pod of higher priority may drive from a node, so that it fits there.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fakekube.controllers.loop import Key, Object
from fakekube.controllers.scheduling_filters import Machine, Share, Wish, requests_of
from fakekube.objects.selectors import label_selector_of


@dataclass(frozen=True, slots=True)
class Victims:
    machine: Machine
    pods: list[Object]
    violations: int
    """How many of them their budgets would have kept."""

    @property
    def cost(self) -> tuple[int, int, int, int, str]:
        """The smallest is the best: budgets are kept, important pods stay, few go, and then those that have run for the shortest time."""
        priorities = [priority_of(pod) for pod in self.pods]
        youngest = min(_start(pod) for pod in self.pods if priority_of(pod) == max(priorities))
        # Counted from the lowest priority there is, so that more pods are never cheaper than fewer.
        total = sum(priority - LOWEST for priority in priorities)
        return self.violations, max(priorities), total, len(self.pods), _inverted(youngest)


LOWEST = -(2**31)


def best_victims(
    wish: Wish, machines: Iterable[Machine], fits: Callable[[Machine], bool], budgets: Sequence[Object] = ()
) -> Victims | None:
    """None when it helps nowhere. `fits` says whether the pod fits on a machine with the share it is given; `budgets`: all
    PodDisruptionBudgets, which are kept where that can be."""
    found = (victims_on(wish, machine, fits, budgets) for machine in machines)
    return min((each for each in found if each is not None), key=lambda each: each.cost, default=None)


def victims_on(
    wish: Wish, machine: Machine, fits: Callable[[Machine], bool], budgets: Sequence[Object] = ()
) -> Victims | None:
    """As few as can be: all of lower priority go, then they come back one by one as long as it still fits: first those whose budgets
    forbid that they go, the most important first, then the others likewise."""
    lower = [(key, pod) for key, pod in machine.share.pods.items() if priority_of(pod) < wish.priority]
    if not lower:
        return None
    share = machine.share.copy()
    for key, pod in lower:
        share.remove(key, requests_of(pod))
    if not fits(Machine(machine.node, share)):
        return None
    lower.sort(key=lambda each: (-priority_of(each[1]), _start(each[1])))
    kept = protected([pod for _, pod in lower], budgets)
    victims, violations = [], 0
    for is_kept in (True, False):
        for (key, pod), each in zip(lower, kept, strict=True):
            if each is is_kept and not _may_stay(machine, share, key, pod, fits):
                victims.append(pod)
                violations += is_kept
    return Victims(machine, victims, violations) if victims else None


def protected(pods: Sequence[Object], budgets: Sequence[Object]) -> list[bool]:
    """Of each pod whether a budget forbids that it goes, after those before it have gone."""
    left = [budget.get("status", {}).get("disruptionsAllowed", 0) for budget in budgets]
    selectors = [label_selector_of(budget["spec"].get("selector")) for budget in budgets]
    found = []
    for pod in pods:
        metadata, is_kept = pod["metadata"], False
        for number, (budget, selector) in enumerate(zip(budgets, selectors, strict=True)):
            # An empty selector protects from evictions, but the scheduler takes it for none.
            if budget["metadata"]["namespace"] != metadata["namespace"] or selector.everything:
                continue
            if not metadata.get("labels") or not selector.matches(metadata["labels"]):
                continue
            if metadata["name"] in budget.get("status", {}).get("disruptedPods", {}):
                continue  # it is on its way out, and counted already
            left[number] -= 1
            is_kept = is_kept or left[number] < 0
        found.append(is_kept)
    return found


def _may_stay(machine: Machine, share: Share, key: Key, pod: Object, fits: Callable[[Machine], bool]) -> bool:
    takes = requests_of(pod)
    share.add(key, pod, takes)
    if fits(Machine(machine.node, share)):
        return True
    share.remove(key, takes)
    return False


def priority_of(pod: Object) -> int:
    priority: int = pod["spec"].get("priority", 0)
    return priority


def _start(pod: Object) -> str:
    start: str = pod["status"].get("startTime") or pod["metadata"].get("creationTimestamp", "")
    return start


def _inverted(time: str) -> str:
    """Sorts later times first."""
    return "".join(chr(0x10FFFF - ord(character)) for character in time)

"""Whom a pod of higher priority may drive from a node, so that it fits there.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fakekube.controllers.loop import Key, Object
from fakekube.controllers.scheduling_filters import Machine, Share, Wish, requests_of


@dataclass(frozen=True, slots=True)
class Victims:
    machine: Machine
    pods: list[Object]

    @property
    def cost(self) -> tuple[int, int, int, str]:
        """The smallest is the best: important pods stay, then few go, then those that have run for the shortest time."""
        priorities = [priority_of(pod) for pod in self.pods]
        youngest = min(_start(pod) for pod in self.pods if priority_of(pod) == max(priorities))
        return max(priorities), sum(priorities), len(self.pods), _inverted(youngest)


def best_victims(wish: Wish, machines: Iterable[Machine], fits: Callable[[Machine], bool]) -> Victims | None:
    """None when it helps nowhere. `fits` says whether the pod fits on a machine with the share it is given."""
    found = (victims_on(wish, machine, fits) for machine in machines)
    return min((each for each in found if each is not None), key=lambda each: each.cost, default=None)


def victims_on(wish: Wish, machine: Machine, fits: Callable[[Machine], bool]) -> Victims | None:
    """As few as can be: all of lower priority go, then they come back one by one, the most important first, as long as it still fits."""
    lower = [(key, pod) for key, pod in machine.share.pods.items() if priority_of(pod) < wish.priority]
    if not lower:
        return None
    share = machine.share.copy()
    for key, pod in lower:
        share.remove(key, requests_of(pod))
    if not fits(Machine(machine.node, share)):
        return None
    victims = []
    for key, pod in sorted(lower, key=lambda each: (-priority_of(each[1]), _start(each[1]))):
        if not _may_stay(machine, share, key, pod, fits):
            victims.append(pod)
    return Victims(machine, victims) if victims else None


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

"""Whether a change of a node may help a pod that waits: only then is it tried again, and told anew why it does not fit.

https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/
"""

from __future__ import annotations

from collections.abc import Collection

from fakekube.controllers.loop import Object
from fakekube.controllers.scheduling_filters import (
    NOT_HERE,
    NOTHING,
    SPREAD,
    Machine,
    Share,
    Wish,
    attracts,
    cordoned,
    tainted,
)


def may_help(wish: Wish, reasons: Collection[str], before: Object | None, now: Object | None) -> bool:
    """`reasons` are those for which the pod was refused, of whatever nodes; None stands for a node that was not there, or has gone."""
    if not reasons:
        return True
    if now is None:
        return any(reason.startswith(SPREAD) for reason in reasons)
    new = Machine(now, Share())
    old = Machine(before, Share()) if before is not None else None
    return any(_helps(wish, reason, old, new) for reason in reasons)


def _helps(wish: Wish, reason: str, old: Machine | None, new: Machine) -> bool:
    """Whether what a filter minds is not so there now, and was before. It need not be the only one that minds something."""
    if reason == "node(s) were unschedulable":
        return not any(cordoned(wish, new)) and (old is None or any(cordoned(wish, old)))
    if reason == "node(s) had untolerated taint(s)":
        return not any(tainted(wish, new)) and (old is None or any(tainted(wish, old)))
    if reason in (NOT_HERE, "node(s) didn't match Pod's node affinity/selector"):
        return attracts(wish.pod, new) and (old is None or not attracts(wish.pod, old))
    if reason == "Too many pods" or reason.startswith("Insufficient "):
        return _has_room(wish, new) and (old is None or not _has_room(wish, old) or _grew(wish, old, new))
    return old is None or old.labels != new.labels or old.taints != new.taints


def _has_room(wish: Wish, machine: Machine) -> bool:
    """When it is empty."""
    allocatable = machine.allocatable
    return allocatable.get("pods", NOTHING) > 0 and all(
        amount <= allocatable.get(resource, NOTHING) for resource, amount in wish.requests.items()
    )


def _grew(wish: Wish, old: Machine, new: Machine) -> bool:
    resources = ("pods", *wish.requests)
    return any(new.allocatable.get(each, NOTHING) > old.allocatable.get(each, NOTHING) for each in resources)

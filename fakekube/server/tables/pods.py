"""The rows of pods: one word for what a pod is doing, out of the states of all its containers.

The rules are those of `kubectl get pods`; the first container with a reason gives the word, init containers before the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fakekube.registry.kind import Object
from fakekube.server.tables.cells import (
    AGE,
    NAME,
    NONE,
    Cell,
    Rows,
    RowsOfKinds,
    condition,
    field,
    get,
    is_deleted,
    is_true,
    items,
    since,
    text,
)

_SUMMARY = "(summary)"
"""Under this key the cells find `_summary` of their pod."""


@dataclass(slots=True)
class _Containers:
    """What has been counted over some containers."""

    ready: int = 0
    restarts: int = 0
    last_restart: str = ""
    """The latest end of an earlier run, RFC 3339, empty if there was none."""

    def count_restarts(self, status: dict[str, Any]) -> None:
        self.restarts += status.get("restartCount") or 0
        self.last_restart = max(self.last_restart, get(status, "lastState", "terminated", "finishedAt") or "")


def _is_sidecar(container: dict[str, Any]) -> bool:
    return container.get("restartPolicy") == "Always"


def _end_reason(terminated: dict[str, Any]) -> str:
    if reason := terminated.get("reason"):
        return str(reason)
    if signal := terminated.get("signal"):
        return f"Signal:{signal}"
    return f"ExitCode:{terminated.get('exitCode') or 0}"


def _initialising(pod: Object, all_init: _Containers, sidecars: _Containers) -> str:
    """Why the pod is still initialising (`Init:1/3`), empty when its init containers are done; counts as far as it goes."""
    statuses = items(pod, "status", "initContainerStatuses")
    if not statuses:
        return ""
    specs = items(pod, "spec", "initContainers")
    sidecar_names = {container.get("name") for container in specs if _is_sidecar(container)}
    for index, status in enumerate(statuses):
        all_init.count_restarts(status)
        sidecar = status.get("name") in sidecar_names
        if sidecar:
            sidecars.count_restarts(status)
        terminated = get(status, "state", "terminated")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and status.get("started"):
            sidecars.ready += bool(status.get("ready"))
            continue
        if terminated is not None:
            return f"Init:{_end_reason(terminated)}"
        waiting = get(status, "state", "waiting", "reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{len(specs)}"
    return ""


def _running(pod: Object, containers: _Containers, reason: str) -> str:
    """The pod's word out of its ordinary containers; `reason` if none of them has one."""
    has_running = False
    error_reason = ""
    # Backwards, so that the first container has the last word.
    for status in reversed(items(pod, "status", "containerStatuses")):
        containers.count_restarts(status)
        terminated = get(status, "state", "terminated")
        if waiting := get(status, "state", "waiting", "reason"):
            reason = waiting
        elif terminated is not None:
            reason = _end_reason(terminated)
            if terminated.get("exitCode"):
                error_reason = reason
        elif status.get("ready") and get(status, "state", "running") is not None:
            has_running = True
            containers.ready += 1
    if reason == "Completed":
        if has_running and is_true(pod, "Ready"):
            return "Running"
        return error_reason or ("NotReady" if has_running else reason)
    return reason


def _summary(pod: Object) -> tuple[str, _Containers]:
    """The pod's status in a word, and its containers counted."""
    reason = str(get(pod, "status", "reason") or get(pod, "status", "phase") or "")
    if condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    counted, sidecars = _Containers(), _Containers()
    initialising = _initialising(pod, counted, sidecars)
    reason = initialising or reason
    counted.ready = sidecars.ready
    if not initialising or is_true(pod, "Initialized"):
        # Restarts of init containers that are over count no longer.
        counted = sidecars
        reason = _running(pod, counted, reason)
    if is_deleted(pod):
        if get(pod, "status", "reason") == "NodeLost":
            reason = "Unknown"
        elif get(pod, "status", "phase") not in _FINISHED:
            reason = "Terminating"
    return reason, counted


def _summed_up(pod: Object) -> Object:
    return {**pod, _SUMMARY: _summary(pod)}


def _ready(pod: Object) -> str:
    sidecars = sum(map(_is_sidecar, items(pod, "spec", "initContainers")))
    return f"{pod[_SUMMARY][1].ready}/{len(items(pod, 'spec', 'containers')) + sidecars}"


def _status(pod: Object) -> str:
    status: str = pod[_SUMMARY][0]
    return status


def _restarts(pod: Object, now: datetime) -> str:
    counted: _Containers = pod[_SUMMARY][1]
    if counted.restarts and counted.last_restart:
        return f"{counted.restarts} ({since(counted.last_restart, now)} ago)"
    return str(counted.restarts)


def _ip(pod: Object) -> str:
    addresses = items(pod, "status", "podIPs")
    return addresses[0].get("ip") or NONE if addresses else NONE


def _readiness_gates(pod: Object) -> str:
    gates = items(pod, "spec", "readinessGates")
    if not gates:
        return NONE
    return f"{sum(is_true(pod, gate.get('conditionType')) for gate in gates)}/{len(gates)}"


_FINISHED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


def _row_conditions(pod: Object) -> list[dict[str, str]]:
    """Clients that hide finished pods go by this."""
    phase = get(pod, "status", "phase")
    if phase not in _FINISHED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _FINISHED[phase]}]


ROWS: RowsOfKinds = {
    ("", "Pod"): Rows(
        {
            "Name": NAME,
            "Ready": text(_ready),
            "Status": text(_status),
            "Restarts": Cell(_restarts),
            "Age": AGE,
            "IP": text(_ip, "status.podIP"),
            "Node": field("spec.nodeName", NONE),
            "Nominated Node": field("status.nominatedNodeName", NONE),
            "Readiness Gates": text(_readiness_gates, "spec.readinessGates"),
        },
        conditions=_row_conditions,
        read=_summed_up,
    )
}

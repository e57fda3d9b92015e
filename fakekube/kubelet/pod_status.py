"""What a kubelet reports of a pod at each moment of its life. Pure: from a pod and a time to its new status.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fakekube.kubelet import Object
from fakekube.kubelet.containers import ended, waiting
from fakekube.kubelet.lives import is_sidecar

ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""The kubelet's own conditions, as they stand; those of others follow."""

KILLED = 137
"""The exit code of a process that did not end when asked to: 128 and SIGKILL."""

LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")

Verdict = tuple[str, str, str]
"""status, reason and message of a condition; the last two may be empty."""

YES: Verdict = ("True", "", "")
NO: Verdict = ("False", "", "")


def is_finished(status: Object) -> bool:
    return status.get("phase") in ("Succeeded", "Failed")


def is_initialized(status: Object) -> bool:
    return _holds(status, "Initialized")


def is_ready_to_start(status: Object) -> bool:
    """Whether its volumes have been set up."""
    return _holds(status, "PodReadyToStartContainers")


def _holds(status: Object, type: str) -> bool:
    return any(each["type"] == type and each["status"] == "True" for each in status.get("conditions", ()))


def known(status: Object, key: str) -> dict[str, Object]:
    """The statuses of containers by name."""
    return {each["name"]: each for each in status.get(key) or ()}


def seen(pod: Object, host_address: str, now: str) -> Object:
    """The kubelet has taken the pod up: nothing runs yet."""
    spec = pod["spec"]
    initial = spec.get("initContainers", [])
    reason = "PodInitializing" if initial else "ContainerCreating"
    statuses = [waiting(container, reason) for container in spec["containers"]]
    unready = _not_ready(spec["containers"])
    status = _with_conditions(
        pod,
        now,
        {
            "PodReadyToStartContainers": NO,
            "Initialized": _not_initialized(initial) if initial else YES,
            "Ready": unready,
            "ContainersReady": unready,
            "PodScheduled": YES,
        },
    )
    status.update(
        phase="Pending",
        hostIP=host_address,
        hostIPs=[{"ip": host_address}],
        startTime=now,
        containerStatuses=statuses,
    )
    if initial:
        status["initContainerStatuses"] = [waiting(container, reason) for container in initial]
    return status


def lived(
    pod: Object,
    pod_address: str,
    now: str,
    phase: str,
    *,
    initial: Sequence[Object],
    main: Sequence[Object],
    ephemeral: Sequence[Object],
) -> Object:
    """The pod has its address; its containers are as their statuses say."""
    spec = pod["spec"]
    status: Object = {**addresses(pod_address), "phase": phase}
    if phase in ("Succeeded", "Failed"):
        initial = [
            _stopped_sidecar(pod, container, each, now) if is_sidecar(container) else each
            for container, each in zip(spec.get("initContainers", ()), initial, strict=True)
        ]
    for key, statuses in zip(LISTS, (initial, main, ephemeral), strict=True):
        if statuses:
            status[key] = list(statuses)
    status.update(_with_conditions(pod, now, _verdicts(pod, phase, initial, main)))
    return status


def _verdicts(pod: Object, phase: str, initial: Sequence[Object], main: Sequence[Object]) -> dict[str, Verdict]:
    containers = pod["spec"].get("initContainers", ())
    incomplete = [
        each["name"]
        for container, each in zip(containers, initial, strict=True)
        if not (
            each.get("started") if is_sidecar(container) else each["state"].get("terminated", {}).get("exitCode") == 0
        )
    ]
    if phase in ("Succeeded", "Failed"):
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        done = ("False", reason, "")
        initialized = ("True", reason, "") if phase == "Succeeded" else YES
        if phase == "Failed" and incomplete and not is_initialized(pod["status"]):
            initialized = _incomplete(incomplete)
        return {
            "PodReadyToStartContainers": NO,
            "Initialized": initialized,
            "Ready": done,
            "ContainersReady": done,
            "PodScheduled": YES,
        }
    sidecars = [each for container, each in zip(containers, initial, strict=True) if is_sidecar(container)]
    unready = [each["name"] for each in (*sidecars, *main) if not each["ready"]]
    containers_ready = _unready(unready) if unready else YES
    return {
        "PodReadyToStartContainers": YES,
        "Initialized": _incomplete(incomplete) if incomplete else YES,
        "Ready": containers_ready if unready else _gates(pod),
        "ContainersReady": containers_ready,
        "PodScheduled": YES,
    }


def stopped(pod: Object, now: str, exit_code: Callable[[Object], int], reason: str = "", message: str = "") -> Object:
    """The last report of a pod that was told to end: what ran has ended, each container with its code. `reason`: why the whole pod has."""
    spec, before = pod["spec"], pod["status"]
    status: Object = {}
    for key, containers in zip(
        LISTS, (spec.get("initContainers", ()), spec["containers"], spec.get("ephemeralContainers", ())), strict=True
    ):
        statuses = known(before, key)
        if containers and statuses:
            status[key] = [
                _stopped(
                    pod,
                    container,
                    statuses.get(container["name"]) or waiting(container, "ContainerCreating"),
                    now,
                    exit_code,
                )
                for container in containers
            ]
    codes = [
        each["state"].get("terminated", {}).get("exitCode", KILLED) for each in status.get("containerStatuses", ())
    ]
    failed = bool(reason) or any(codes) or not codes
    verdict = ("False", "PodFailed" if failed else "PodCompleted", "")
    verdicts = {
        "PodReadyToStartContainers": NO,
        "Initialized": YES if failed else ("True", "PodCompleted", ""),
        "Ready": verdict,
        "ContainersReady": verdict,
        "PodScheduled": YES,
    }
    if not is_initialized(before):
        verdicts["Initialized"] = _not_initialized(spec.get("initContainers", []))
    status.update(_with_conditions(pod, now, verdicts), phase="Failed" if failed else "Succeeded")
    status.update({key: text for key, text in (("reason", reason), ("message", message)) if text})
    return status


def _stopped(pod: Object, container: Object, status: Object, now: str, exit_code: Callable[[Object], int]) -> Object:
    state = status["state"]
    if "running" in state:
        return ended(pod, container, status, state["running"].get("startedAt") or now, now, exit_code(container))
    if "waiting" in state and status["lastState"]:
        return {**status, "state": status["lastState"]}
    return status


def _stopped_sidecar(pod: Object, container: Object, status: Object, now: str) -> Object:
    """Sidecars end with the pod, and well."""
    return _stopped(pod, container, status, now, lambda _: 0)


def _with_conditions(pod: Object, now: str, verdicts: dict[str, Verdict]) -> Object:
    """`observedGeneration` and `conditions`; a condition keeps its time as long as its status stays."""
    generation = pod["metadata"].get("generation", 1)
    before = {each["type"]: each for each in pod["status"].get("conditions", [])}
    conditions: list[Object] = []
    for type in ORDER:
        status, reason, message = verdicts[type]
        old = before.get(type)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        condition = {
            "type": type,
            "observedGeneration": generation,
            "status": status,
            "lastProbeTime": None,
            "lastTransitionTime": since or now,
        }
        condition.update({key: text for key, text in (("reason", reason), ("message", message)) if text})
        conditions.append(condition)
    conditions.extend(each for type, each in before.items() if type not in ORDER)
    return {"observedGeneration": generation, "conditions": conditions}


def _not_ready(containers: list[Object]) -> Verdict:
    return _unready([container["name"] for container in containers])


def _not_initialized(containers: list[Object]) -> Verdict:
    return _incomplete([container["name"] for container in containers])


def _unready(names: Sequence[str]) -> Verdict:
    return ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(names)}]")


def _incomplete(names: Sequence[str]) -> Verdict:
    return ("False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(names)}]")


def _gates(pod: Object) -> Verdict:
    """Whether the conditions hold that others are to set before the pod is ready."""
    present = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    texts = []
    for gate in pod["spec"].get("readinessGates", []):
        type = gate["conditionType"]
        if type not in present:
            texts.append(f'corresponding condition of pod readiness gate "{type}" does not exist.')
        elif present[type] != "True":
            texts.append(f'the status of pod readiness gate "{type}" is not "True", but {present[type]}')
    return ("False", "ReadinessGatesNotReady", ", ".join(texts)) if texts else YES


def addresses(pod_address: str) -> Object:
    return {"podIP": pod_address, "podIPs": [{"ip": pod_address}]}

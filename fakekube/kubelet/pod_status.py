"""What a kubelet reports of a pod at each moment of its life. Pure: from a pod and a time to its new status.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fakekube.kubelet import Object

ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
"""The kubelet's own conditions, as they stand; those of others follow."""

TERMINATED_BY_SIGNAL = 143
"""The exit code of a process that was asked to end and did: 128 and SIGTERM."""

Verdict = tuple[str, str, str]
"""status, reason and message of a condition; the last two may be empty."""

YES: Verdict = ("True", "", "")
NO: Verdict = ("False", "", "")


def is_running(status: Object) -> bool:
    return status.get("phase") == "Running"


def is_sidecar(container: Object) -> bool:
    return container.get("restartPolicy") == "Always"


def seen(pod: Object, host_address: str, now: str) -> Object:
    """The kubelet has taken the pod up: nothing runs yet."""
    spec = pod["spec"]
    initial = spec.get("initContainers", [])
    reason = "PodInitializing" if initial else "ContainerCreating"
    statuses = [_waiting(container, reason) for container in spec["containers"]]
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
        status["initContainerStatuses"] = [_waiting(container, reason) for container in initial]
    return status


def initialized(pod: Object, pod_address: str, now: str) -> Object:
    """The pod has its address and its init containers have ended; its containers are about to start."""
    unready = _not_ready(pod["spec"]["containers"])
    status = _with_conditions(
        pod,
        now,
        {
            "PodReadyToStartContainers": YES,
            "Initialized": YES,
            "Ready": unready,
            "ContainersReady": unready,
            "PodScheduled": YES,
        },
    )
    status.update(_addresses(pod_address))
    status["initContainerStatuses"] = [
        _running(pod, container, now) if is_sidecar(container) else _ended(pod, container, now, now, 0, "Completed")
        for container in pod["spec"].get("initContainers", [])
    ]
    return status


def running(pod: Object, pod_address: str, now: str) -> Object:
    """Every container runs and is ready. What runs already keeps its start."""
    spec, before = pod["spec"], pod["status"]
    status = _with_conditions(
        pod,
        now,
        {
            "PodReadyToStartContainers": YES,
            "Initialized": YES,
            "Ready": _gates(pod),
            "ContainersReady": YES,
            "PodScheduled": YES,
        },
    )
    status.update(_addresses(pod_address), phase="Running")
    status["containerStatuses"] = [
        _running(pod, container, _started_at(before, "containerStatuses", container) or now)
        for container in spec["containers"]
    ]
    if spec.get("ephemeralContainers"):
        status["ephemeralContainerStatuses"] = [
            _running(pod, container, _started_at(before, "ephemeralContainerStatuses", container) or now)
            for container in spec["ephemeralContainers"]
        ]
    return status


def completed(pod: Object, now: str) -> Object:
    """Every container has ended by itself and well."""
    status = _all_ended(pod, now, 0, "Completed")
    done = ("False", "PodCompleted", "")
    return {
        **status,
        "phase": "Succeeded",
        **_with_conditions(
            pod,
            now,
            {
                "PodReadyToStartContainers": NO,
                "Initialized": ("True", "PodCompleted", ""),
                "Ready": done,
                "ContainersReady": done,
                "PodScheduled": YES,
            },
        ),
    }


def stopped(pod: Object, now: str) -> Object:
    """The last report of a deleted pod: its containers were asked to end and did."""
    failed = ("False", "PodFailed", "")
    return {
        **_all_ended(pod, now, TERMINATED_BY_SIGNAL, "Error"),
        "phase": "Failed",
        **_with_conditions(
            pod,
            now,
            {
                "PodReadyToStartContainers": NO,
                "Initialized": YES,
                "Ready": failed,
                "ContainersReady": failed,
                "PodScheduled": YES,
            },
        ),
    }


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
    names = " ".join(container["name"] for container in containers)
    return ("False", "ContainersNotReady", f"containers with unready status: [{names}]")


def _not_initialized(containers: list[Object]) -> Verdict:
    names = " ".join(container["name"] for container in containers)
    return ("False", "ContainersNotInitialized", f"containers with incomplete status: [{names}]")


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


def _addresses(pod_address: str) -> Object:
    return {"podIP": pod_address, "podIPs": [{"ip": pod_address}]}


def _waiting(container: Object, reason: str) -> Object:
    return {
        "name": container["name"],
        "state": {"waiting": {"reason": reason}},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "",
        "started": False,
        **_mounted(container),
    }


def _running(pod: Object, container: Object, started_at: str) -> Object:
    return {
        "name": container["name"],
        "state": {"running": {"startedAt": started_at}},
        "lastState": {},
        "ready": True,
        "restartCount": 0,
        "image": container["image"],
        "imageID": image_id(container["image"]),
        "containerID": container_id(pod, container),
        "started": True,
        **_resources(container),
        **_mounted(container),
    }


def _ended(pod: Object, container: Object, started_at: str, now: str, exit_code: int, reason: str) -> Object:
    initial = container in pod["spec"].get("initContainers", [])
    return {
        "name": container["name"],
        "state": {
            "terminated": {
                "exitCode": exit_code,
                "reason": reason,
                "startedAt": started_at,
                "finishedAt": now,
                "containerID": container_id(pod, container),
            }
        },
        "lastState": {},
        # An init container that has done its work is ready; any other that has ended is not.
        "ready": initial and exit_code == 0,
        "restartCount": 0,
        "image": container["image"],
        "imageID": image_id(container["image"]),
        "containerID": container_id(pod, container),
        "started": False,
        **_resources(container),
        **_mounted(container),
    }


def _all_ended(pod: Object, now: str, exit_code: int, reason: str) -> Object:
    spec, before = pod["spec"], pod["status"]

    def end(key: str) -> Callable[[Object], Object]:
        return lambda container: _ended(
            pod, container, _started_at(before, key, container) or now, now, exit_code, reason
        )

    status: Object = {"containerStatuses": list(map(end("containerStatuses"), spec["containers"]))}
    initial = spec.get("initContainers", [])
    if initial:
        # Init containers ended long ago; sidecars end with the pod.
        known = {each["name"]: each for each in before.get("initContainerStatuses", [])}
        end_sidecar = end("initContainerStatuses")
        status["initContainerStatuses"] = [
            known[container["name"]]
            if container["name"] in known and not is_sidecar(container)
            else end_sidecar(container)
            for container in initial
        ]
    return status


def _started_at(status: Object, key: str, container: Object) -> str | None:
    for each in status.get(key, []):
        if each["name"] == container["name"]:
            started: str | None = each.get("state", {}).get("running", {}).get("startedAt")
            return started
    return None


def _resources(container: Object) -> Object:
    """As the container runs with them."""
    resources = {key: value for key, value in container.get("resources", {}).items() if key in ("limits", "requests")}
    if not resources:
        return {}
    allocated = {"allocatedResources": resources["requests"]} if "requests" in resources else {}
    return {**allocated, "resources": resources}


def _mounted(container: Object) -> Object:
    mounts: list[Object] = []
    for mount in container.get("volumeMounts", []):
        told: Object = {"name": mount["name"], "mountPath": mount["mountPath"]}
        if mount.get("readOnly"):
            told.update(readOnly=True, recursiveReadOnly=mount.get("recursiveReadOnly", "Disabled"))
        mounts.append(told)
    return {"volumeMounts": mounts} if mounts else {}


def image_id(image: str) -> str:
    """`<repository>@sha256:...`, the same for the same image."""
    repository = _repository(image)
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _repository(image: str) -> str:
    """The full name without tag and digest: `docker.io/library/busybox`."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    name = folder + slash + last.partition(":")[0]
    host = name.partition("/")[0]
    if "/" not in name:
        return f"docker.io/library/{name}"
    if "." not in host and ":" not in host and host != "localhost":
        return f"docker.io/{name}"
    return name


def container_id(pod: Object, container: Object) -> str:
    text = f"{pod['metadata']['uid']}/{container['name']}"
    return f"containerd://{hashlib.sha256(text.encode()).hexdigest()}"

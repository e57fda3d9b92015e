"""One container at one moment: from what is reported of it, and how it lives, to what is to be reported next. Pure.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from fakekube.api.container_processes import ContainerProcess
from fakekube.kubelet import Object
from fakekube.kubelet.lives import EPHEMERAL, INIT, MAIN, SIDECAR, Life, is_restarted
from fakekube.objects.times import to_datetime

NOW = 0.0
"""As an answer: look again at once."""

FIRST_BACK_OFF_S = 10
LAST_BACK_OFF_S = 300
FORGIVEN_AFTER_S = 600
"""A container that ran so long begins anew with its back-off."""

CREATING = ("ContainerCreating", "PodInitializing")
"""Reasons to wait that are no errors."""

PULLING = ("ErrImagePull", "ImagePullBackOff")

PATHS = {INIT: "initContainers", SIDECAR: "initContainers", MAIN: "containers", EPHEMERAL: "ephemeralContainers"}


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one container."""

    type: str
    reason: str
    message: str
    field_path: str


@dataclass(slots=True)
class Memory:
    """What a kubelet remembers of one container that no status holds."""

    restarts: int = 0
    """Since it last ran for long."""
    pulls: int = 0
    next_pull: datetime | None = None
    since: datetime | None = None
    """When it was last started, to the microsecond."""
    known: str = ""
    """The state that `since` belongs to."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What comes of looking at a container."""

    status: Object
    again_s: float | None = None
    """When it is to be looked at again; None: not before something changes."""
    events: tuple[Told, ...] = ()
    ended: bool = False
    """Whether it has just ended by itself."""


class Container:
    """One container of one pod, as its kubelet sees it at one moment."""

    def __init__(
        self,
        pod: Object,
        spec: Object,
        role: str,
        status: Object | None,
        life: Life,
        memory: Memory,
        now: datetime,
        process: ContainerProcess | None = None,
    ) -> None:
        self.pod = pod
        self.spec = spec
        self.role = role
        self.status = status or waiting(spec, "ContainerCreating")
        self.life = life
        self.memory = memory
        self.now = now
        self.process = process
        """By which it is played, in the place of its life."""
        self.stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def look(self) -> Moment:
        """One step further, if it is time for one."""
        state = self.status["state"]
        if self.process is not None and (self.process.is_started or self.process.waits):
            return self._played(self.process)
        if "running" in state:
            return self._running(state["running"])
        if "terminated" in state:
            return self._terminated(state["terminated"])
        return self._waiting(state.get("waiting", {}))

    def _played(self, process: ContainerProcess) -> Moment:
        """As the process has it: neither rules nor back-off hold it up, and it takes over a container that runs already."""
        state = self.status["state"]
        if process.waits is not None:
            wait = process.waits
            told = {"reason": wait.reason, **({"message": wait.message} if wait.message else {})}
            if state.get("waiting") == told:
                return Moment(self.status)
            is_error = wait.reason not in CREATING
            events = (self._told("Warning", "Failed", f"Error: {wait.message or wait.reason}"),) if is_error else ()
            waits = self._waits(wait.reason, wait.message)
            if "terminated" in state:
                waits["lastState"] = state
            return Moment(waits, None, events)
        if process.log.restarts is None:
            self.life = Life()
            if "running" in state:
                if not self.memory.known:
                    self.memory.restarts = self.status["restartCount"]
                moment = Moment(self.status)
            else:
                self.memory.restarts += bool(self.status["state"].get("terminated") or self.status["lastState"])
                moment = self._starts()
            process.log.restarts = moment.status["restartCount"]
            return Moment(moment.status, NOW if process.exit else None, moment.events)
        if "running" not in state:
            return Moment(self.status)
        if process.exit is not None:
            return self._ends(process.exit.code, "", process.exit.message, ())
        if self.status["ready"] and self.status.get("started"):
            return Moment(self.status)
        return Moment({**self.status, "ready": True, "started": True})

    def _waiting(self, state: Object) -> Moment:
        life, memory, reason = self.life, self.memory, state.get("reason")
        if life.wait_reason:
            if (reason, state.get("message", "")) == (life.wait_reason, life.wait_message):
                return Moment(self.status)
            event = self._told("Warning", "Failed", f"Error: {life.wait_message or life.wait_reason}")
            return Moment(self._waits(life.wait_reason, life.wait_message), None, (event,))
        if life.pull_error:
            return self._pulls(reason)
        if reason == "CrashLoopBackOff":
            return self._terminated(self.status["lastState"]["terminated"])
        if life.starts_after_s:
            left_s = life.starts_after_s - self._age_s("waiting", None)
            if left_s > 0:
                return Moment(self.status, left_s)
        memory.pulls, memory.next_pull = 0, None
        return self._starts(with_pull=reason in PULLING)

    def _pulls(self, reason: str | None) -> Moment:
        image, memory, error = (
            self.spec["image"],
            self.memory,
            self.life.pull_error.replace("{image}", self.spec["image"]),
        )
        if reason == "ErrImagePull":
            memory.pulls += 1
            pause_s = back_off_s(memory.pulls)
            memory.next_pull = self.now
            events: tuple[Told, ...] = (
                self._told("Normal", "BackOff", f'Back-off pulling image "{image}"'),
                self._told("Warning", "Failed", "Error: ImagePullBackOff"),
            )
            message = f'Back-off pulling image "{image}": ErrImagePull: {error}'
            return Moment(self._waits("ImagePullBackOff", message), pause_s, events)
        if reason == "ImagePullBackOff" and memory.next_pull is not None:
            left_s = back_off_s(memory.pulls) - (self.now - memory.next_pull).total_seconds()
            if left_s > 0:
                return Moment(self.status, left_s)
        events = (
            self._told("Normal", "Pulling", f'Pulling image "{image}"'),
            self._told("Warning", "Failed", f'Failed to pull image "{image}": {error}'),
            self._told("Warning", "Failed", "Error: ErrImagePull"),
        )
        return Moment(self._waits("ErrImagePull", error), NOW, events)

    def _starts(self, *, with_pull: bool = False) -> Moment:
        image, status = self.spec["image"], self.status
        last = status["state"].get("terminated") or status["lastState"].get("terminated")
        restarts = status["restartCount"] + 1 if last else 0
        self.memory.since, self.memory.known = self.now, f"running {restarts}"
        started = running(self.pod, self.spec, self.stamp, restarts)
        if last:
            started["lastState"] = {"terminated": last}
        present = f'Container image "{image}" already present on machine and can be accessed by the pod'
        pulled: tuple[Told, ...] = (
            (
                self._told("Normal", "Pulling", f'Pulling image "{image}"'),
                self._told("Normal", "Pulled", f'Successfully pulled image "{image}" in 1ms (1ms including waiting).'),
            )
            if with_pull
            else (self._told("Normal", "Pulled", present),)
        )
        events = (
            *pulled,
            self._told("Normal", "Created", "Container created"),
            self._told("Normal", "Started", "Container started"),
        )
        probed, again_s, unhealthy = self._probed(started, 0.0)
        times = [each for each in (again_s, *self._ends_s()) if each is not None]
        return Moment(probed, min(times, default=None), (*events, *unhealthy))

    def _ends_s(self) -> tuple[float | None, float | None, float | None]:
        """When it ends by itself, is killed since it is not live, or since it does not get started; all counted from its start."""
        life, probe = self.life, self.spec.get("startupProbe")
        gives_up_s = None
        if probe is not None and life.started_after_s is None:
            tries_s = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
            gives_up_s = float(probe.get("initialDelaySeconds", 0) + tries_s)
        return life.lasts_s, life.live_for_s, gives_up_s

    def _running(self, state: Object) -> Moment:
        life = self.life
        age_s = self._age_s(f"running {self.status['restartCount']}", state.get("startedAt"))
        if life.lasts_s is not None and age_s >= life.lasts_s:
            return self._ends(life.exit_code, life.reason, life.message, ())
        for probe, due_s in zip(("liveness", "startup"), self._ends_s()[1:], strict=True):
            if due_s is not None and age_s >= due_s:
                unhealthy = self._told("Warning", "Unhealthy", f"{probe.title()} probe failed: {life.probe_output}")
                text = f"Container {self.spec['name']} failed {probe} probe, will be restarted"
                killed = self._told("Normal", "Killing", text)
                return self._ends(life.stop_exit_code, "", "", (unhealthy, killed))
        resized = {**self.status, **_resources(self.spec)}
        if self._is_restarted_by(resized):
            text = f"Container {self.spec['name']} resize requires restart"
            return self._ends(life.stop_exit_code, "", "", (self._told("Normal", "Killing", text),))
        probed, again_s, events = self._probed(resized, age_s)
        for due_s in self._ends_s():
            if due_s is not None:
                left_s = due_s - age_s
                again_s = left_s if again_s is None else min(again_s, left_s)
        return Moment(probed, again_s, events)

    def _is_restarted_by(self, resized: Object) -> bool:
        """Whether an amount has changed that a running container does not take over."""
        if "resources" not in self.status:
            return False
        before, now = self.status["resources"], resized["resources"]
        return any(
            policy.get("restartPolicy") == "RestartContainer"
            and any((before.get(of) or {}).get(name) != (now.get(of) or {}).get(name) for of in ("requests", "limits"))
            for policy in self.spec.get("resizePolicy") or ()
            for name in (policy["resourceName"],)
        )

    def _probed(self, status: Object, age_s: float) -> tuple[Object, float | None, tuple[Told, ...]]:
        """The running container as its probes find it, when they will find something else, and what they tell."""
        life = self.life
        is_started = life.started_after_s is not None and age_s >= life.started_after_s
        is_ready = is_started and life.ready_after_s is not None and age_s >= life.ready_after_s
        if self.role == EPHEMERAL:  # nobody probes it, and nobody waits for it
            return {**status, "ready": False, "started": False}, None, ()
        later = [
            due_s - age_s for due_s in (life.started_after_s, life.ready_after_s) if due_s is not None and due_s > age_s
        ]
        again_s = min(later) if later and not is_ready else None
        if (status.get("started"), status["ready"]) == (is_started, is_ready):
            return status, again_s, ()
        events: tuple[Told, ...] = ()
        if not is_ready:
            probe = "Readiness" if is_started else "Startup"
            events = (self._told("Warning", "Unhealthy", f"{probe} probe failed: {life.probe_output}"),)
        return {**status, "ready": is_ready, "started": is_started}, again_s, events

    def _ends(self, exit_code: int, reason: str, message: str, events: tuple[Told, ...]) -> Moment:
        started_at = self.status["state"]["running"].get("startedAt") or self.stamp
        ran_s = self._age_s(f"running {self.status['restartCount']}", started_at)
        if ran_s >= FORGIVEN_AFTER_S:
            self.memory.restarts = 0
        done = ended(self.pod, self.spec, self.status, started_at, self.stamp, exit_code, reason, message)
        done["ready"] = self.role == INIT and exit_code == 0
        self.memory.since, self.memory.known = self.now, f"terminated {self.status['restartCount']}"
        return Moment(done, NOW, events, ended=True)

    def _terminated(self, state: Object) -> Moment:
        if not self.is_restarted(state.get("exitCode", 0)):
            return Moment(self.status)
        memory, restarts = self.memory, self.status["restartCount"]
        if not memory.restarts and restarts and not memory.known:
            memory.restarts = restarts  # a kubelet that begins anew
        pause_s = back_off_s(memory.restarts)
        left_s = pause_s - self._age_s(f"terminated {restarts}", state.get("finishedAt"))
        if left_s <= 0:
            memory.restarts += 1
            return self._starts()
        if "waiting" in self.status["state"]:
            return Moment(self.status, left_s)
        name, metadata = self.spec["name"], self.pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {go_seconds(pause_s)} restarting failed container={name} pod={pod}"
        status = self._waits("CrashLoopBackOff", message)
        status["lastState"] = {"terminated": state}
        event = self._told("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {pod}")
        return Moment(status, left_s, (event,))

    def is_restarted(self, exit_code: int) -> bool:
        """Whether it is started again once it has ended."""
        return is_restarted(self.pod, self.spec, self.role, exit_code)

    def _age_s(self, known: str, written: str | None) -> float:
        """For how long it has been so: exactly, as far as this kubelet has seen it begin; else from a status, in whole seconds."""
        memory = self.memory
        if memory.known != known or memory.since is None:
            memory.known = known
            memory.since = to_datetime(written) if written else self.now
        return (self.now - memory.since).total_seconds()

    def _waits(self, reason: str, message: str) -> Object:
        return {
            **self.status,
            "state": {"waiting": {"reason": reason, **({"message": message} if message else {})}},
            "ready": False,
            "started": False,
        }

    def _told(self, type: str, reason: str, message: str) -> Told:
        return Told(type, reason, message, f"spec.{PATHS[self.role]}{{{self.spec['name']}}}")


def waiting(container: Object, reason: str) -> Object:
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


def running(pod: Object, container: Object, started_at: str, restarts: int = 0) -> Object:
    return {
        "name": container["name"],
        "state": {"running": {"startedAt": started_at}},
        "lastState": {},
        "ready": True,
        "restartCount": restarts,
        "image": container["image"],
        "imageID": image_id(container["image"]),
        "containerID": container_id(pod, container, restarts),
        "started": True,
        **_resources(container),
        **_mounted(container),
    }


def ended(
    pod: Object,
    container: Object,
    before: Object | None,
    started_at: str,
    now: str,
    exit_code: int,
    reason: str = "",
    message: str = "",
) -> Object:
    restarts: int = before["restartCount"] if before else 0
    identity = container_id(pod, container, restarts)
    terminated = {
        "exitCode": exit_code,
        "reason": reason or ("Error" if exit_code else "Completed"),
        "message": message,
        "startedAt": started_at,
        "finishedAt": now,
        "containerID": identity,
    }
    if not message:
        del terminated["message"]
    return {
        "name": container["name"],
        "state": {"terminated": terminated},
        "lastState": before["lastState"] if before else {},
        "ready": False,
        "restartCount": restarts,
        "image": container["image"],
        "imageID": image_id(container["image"]),
        "containerID": identity,
        "started": False,
        **_resources(container),
        **_mounted(container),
    }


def back_off_s(failures: int) -> int:
    """0 at first, then 10 seconds, doubling up to five minutes."""
    return min(FIRST_BACK_OFF_S << min(failures - 1, 10), LAST_BACK_OFF_S) if failures else 0


def go_seconds(seconds: int) -> str:
    """As Go writes whole seconds: `10s`, `1m20s`, `5m0s`."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"


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
    return f"{_repository(image)}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


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


def container_id(pod: Object, container: Object, restarts: int = 0) -> str:
    """Another one for each start."""
    text = f"{pod['metadata']['uid']}/{container['name']}"
    if restarts:
        text = f"{text}/{restarts}"
    return f"containerd://{hashlib.sha256(text.encode()).hexdigest()}"

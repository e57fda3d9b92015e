"""One look at a pod: how far its containers have come, and what its kubelet has to report.

Init containers run one after the other, sidecars among them go on, then the main ones run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fakekube.api.container_processes import ContainerProcess
from fakekube.kubelet import Object, pod_status
from fakekube.kubelet.containers import NOW, Container, Memory, Moment, Told, waiting
from fakekube.kubelet.lives import EPHEMERAL, INIT, MAIN, SIDECAR, Life, Lives, is_restarted, is_sidecar
from fakekube.objects.times import to_datetime

CONFIG_ERROR = "CreateContainerConfigError"

Memories = dict[str, Memory]
"""By name of the container."""


@dataclass(slots=True)
class Look:
    """What comes of it: the status to report, when to look again, and events to tell."""

    status: Object
    again_s: float | None = None
    events: list[Told] = field(default_factory=list)
    over: list[ContainerProcess] = field(default_factory=list)
    """Processes of whose end the status tells."""

    @property
    def is_over(self) -> bool:
        return pod_status.is_finished(self.status)

    @property
    def waits_for_variables(self) -> bool:
        return any(
            each["state"].get("waiting", {}).get("reason") == CONFIG_ERROR
            for key in pod_status.LISTS
            for each in self.status.get(key) or ()
        )

    @property
    def is_well(self) -> bool:
        """Whether all there is runs and is ready."""
        return self.status["phase"] == "Running" and all(each["ready"] for each in self.status["containerStatuses"])


class PodLife:
    """One pod at one moment."""

    def __init__(
        self,
        pod: Object,
        lives: Lives,
        memories: Memories,
        address: str,
        now: datetime,
        processes: Mapping[str, ContainerProcess],
        config_trouble: Callable[[Object], str] = lambda container: "",
    ) -> None:
        """`processes`: those that play containers, by name of the container. `config_trouble` says of a container that is to start why
        it cannot be told its variables."""
        self._pod = pod
        self._spec: Object = pod["spec"]
        self._lives = lives
        self._memories = memories
        self._address = address
        self._now = now
        self._stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._again: list[float] = []
        self._events: list[Told] = []
        self._processes = processes
        self._config_trouble = config_trouble
        self._over: list[ContainerProcess] = []

    def look(self) -> Look:
        overdue_s = overdue_by(self._pod, self._now)
        if overdue_s is not None and overdue_s >= 0:
            return Look(self._deadline_exceeded())
        before = self._pod["status"]
        initial, is_done, has_failed = self._initial()
        spec = self._spec
        if is_done and (pod_status.is_initialized(before) or not initial):
            main = self._side_by_side(spec["containers"], MAIN, "containerStatuses")
            ephemeral = self._side_by_side(spec.get("ephemeralContainers", ()), EPHEMERAL, "ephemeralContainerStatuses")
        else:
            main = list(before.get("containerStatuses", ()))
            ephemeral = list(before.get("ephemeralContainerStatuses", ()))
            if is_done:
                self._again.append(NOW)
        phase = "Failed" if has_failed else self._phase(main) if is_done else "Pending"
        status = pod_status.lived(
            self._pod, self._address, self._stamp, phase, initial=initial, main=main, ephemeral=ephemeral
        )
        look = Look(status, min(self._again) if self._again else None, self._events, self._over)
        if look.is_over:
            look.again_s = None
        elif overdue_s is not None:
            look.again_s = -overdue_s if look.again_s is None else min(look.again_s, -overdue_s)
        return look

    def _initial(self) -> tuple[list[Object], bool, bool]:
        """(their statuses, whether the main containers may start, whether the pod has failed by them)"""
        known = pod_status.known(self._pod["status"], "initContainerStatuses")
        statuses: list[Object] = []
        is_done, has_failed = True, False
        for container in self._spec.get("initContainers", ()):
            status = known.get(container["name"]) or waiting(container, "PodInitializing")
            if is_done:
                role = SIDECAR if is_sidecar(container) else INIT
                status, may_end = self._step(container, role, status)
                if role == SIDECAR:
                    is_done = bool(status.get("started") or status["lastState"])
                else:
                    terminated = status["state"].get("terminated")
                    is_done = terminated is not None and terminated["exitCode"] == 0
                    has_failed = terminated is not None and not is_done and not may_end
            statuses.append(status)
        return statuses, is_done, has_failed

    def _side_by_side(self, containers: Sequence[Object], role: str, key: str) -> list[Object]:
        known = pod_status.known(self._pod["status"], key)
        return [self._step(container, role, known.get(container["name"]))[0] for container in containers]

    def _step(self, container: Object, role: str, status: Object | None) -> tuple[Object, bool]:
        """Its new status, and whether it will be started again when it has ended. An init container that takes no time is told of once."""
        rule = self._lives.of(self._pod, container, role)
        memory = self._memories.setdefault(container["name"], Memory())
        process = self._processes.get(container["name"])
        life = rule.life
        if process is None and not life.wait_reason and (status is None or "waiting" in status["state"]):
            life = self._held_up(container, life)
        one = Container(self._pod, container, role, status, life, memory, self._now, process)
        moment = self._noted(one.look())
        if process is not None:
            if moment.ended and process.exit is not None:
                self._over.append(process)
        elif role == INIT and rule.life.lasts_s == 0 and "running" in moment.status["state"]:
            one.status = moment.status
            moment = self._noted(one.look())
        if moment.ended and process is None:
            self._lives.ended(rule, self._pod, container)
        if moment.again_s is not None:
            self._again.append(moment.again_s)
        terminated = moment.status["state"].get("terminated")
        return moment.status, terminated is not None and one.is_restarted(terminated["exitCode"])

    def _held_up(self, container: Object, life: Life) -> Life:
        """A container that cannot be told its variables waits."""
        if life.ignores_missing or life.pull_error:
            return life
        trouble = self._config_trouble(container)
        return replace(life, wait_reason=CONFIG_ERROR, wait_message=trouble) if trouble else life

    def _noted(self, moment: Moment) -> Moment:
        self._events.extend(moment.events)
        return moment

    def _phase(self, main: Sequence[Object]) -> str:
        states = [each["state"] for each in main]
        if (
            any("waiting" in state and not each["lastState"] for state, each in zip(states, main, strict=True))
            or not main
        ):
            return "Pending"
        if any("terminated" not in state for state in states):
            return "Running"
        ends = zip(self._spec["containers"], states, strict=True)
        if any(is_restarted(self._pod, each, MAIN, state["terminated"]["exitCode"]) for each, state in ends):
            return "Running"
        return "Failed" if any(state["terminated"]["exitCode"] for state in states) else "Succeeded"

    def _deadline_exceeded(self) -> Object:
        message = "Pod was active on the node longer than the specified deadline"
        return pod_status.stopped(self._pod, self._stamp, self.exit_code, "DeadlineExceeded", message)

    def exit_code(self, container: Object) -> int:
        """With which it ends when it is told to."""
        return self._lives.of(self._pod, container, MAIN).life.stop_exit_code


def overdue_by(pod: Object, now: datetime) -> float | None:
    """Seconds since the pod's deadline; below 0 it is to come; None: it has none."""
    deadline = pod["spec"].get("activeDeadlineSeconds")
    if deadline is None:
        return None
    return (now - to_datetime(pod["status"]["startTime"])).total_seconds() - float(deadline)

"""What containers do, since nothing really runs: rules that say "when it looks like this, then it becomes that, after so long".

    Rule(image="*/flaky:*", life=Life(lasts_s=30, exit_code=1))
    Rule(name="web-*", life=Life(pull_error="not found"))

The first rule that fits a container counts; a test's own come before the DEFAULTS, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fakekube.kubelet import Object

INIT, SIDECAR, MAIN, EPHEMERAL = "init", "sidecar", "main", "ephemeral"
"""The roles of containers in a pod."""

TERMINATED_BY_SIGNAL = 143
"""The exit code of a process that was asked to end and did: 128 and SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What one container does, from its image to its end. Times are seconds; without any it starts at once, is ready, and goes on."""

    pull_error: str = ""
    """Why its image cannot be had; it is asked for again and again, with a back-off. `{image}` stands for its name."""
    wait_reason: str = ""
    """Why it does not start, without any back-off: CreateContainerConfigError, InvalidImageName, ErrImageNeverPull ..."""
    wait_message: str = ""
    ignores_missing: bool = False
    """Whether it starts although ConfigMaps and Secrets are not there that its volumes and variables come from."""
    starts_after_s: float = 0.0
    lasts_s: float | None = None
    """It ends by itself so long after its start; None: not before it is told to."""
    exit_code: int = 0
    """With which it ends by itself."""
    reason: str = ""
    """Why it ended; by default Completed or Error, by the exit code."""
    message: str = ""
    """What it left as its termination message."""
    started_after_s: float | None = 0.0
    """When its startup probe succeeds, counted from its start; None: never, and it is killed when the probe gives up, if it has one."""
    ready_after_s: float | None = 0.0
    """When its readiness probe succeeds, counted from its start; None: never."""
    live_for_s: float | None = None
    """When its liveness probe fails for good, so that it is killed and started again; None: never."""
    probe_output: str = "HTTP probe failed with statuscode: 503"
    """What a failing probe tells."""
    stops_after_s: float = 0.0
    """How long it takes to end when it is asked to; after the grace period it is killed."""
    stop_exit_code: int = TERMINATED_BY_SIGNAL
    """With which it ends when it is asked to."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """Which containers live how. What is not said fits all; names and images are patterns with `*` and `?`."""

    life: Life
    namespace: str = "*"
    name: str = "*"
    """Of the pod."""
    container: str = "*"
    image: str = "*"
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the pod."""
    owner: str = ""
    """The kind of the pod's controller: Job, ReplicaSet ..."""
    role: str = ""
    """init, sidecar, main or ephemeral."""
    uids: frozenset[str] = frozenset()
    """Only these pods."""
    once: bool = False
    """Whether it is over for a container once that has ended: the next one who starts lives by another rule."""

    def fits(self, pod: Object, container: Object, role: str) -> bool:
        metadata = pod["metadata"]
        return (
            (not self.role or self.role == role)
            and (not self.uids or metadata["uid"] in self.uids)
            and (not self.owner or self.owner == _owner(metadata))
            and fnmatchcase(metadata["name"], self.name)
            and fnmatchcase(metadata["namespace"], self.namespace)
            and fnmatchcase(container["name"], self.container)
            and (self.image == "*" or fnmatchcase(container["image"], self.image))
            and self.labels.items() <= (metadata.get("labels") or {}).items()
        )

    def concerns(self, pod: Object) -> bool:
        """Whether it fits any container of the pod."""
        return any(self.fits(pod, container, role) for container, role in containers_of(pod))


ENDLESS = Rule(life=Life())
"""A server: it is started and goes on."""

DEFAULTS = (
    Rule(role=INIT, life=Life(lasts_s=0)),
    Rule(role=MAIN, owner="Job", life=Life(lasts_s=0)),
    ENDLESS,
)
"""How containers live that nobody has said anything about."""


class Lives:
    """The rules of one cluster."""

    def __init__(self) -> None:
        self._own: list[Rule] = []
        self._over: set[tuple[int, str, str]] = set()
        """(rule, uid of the pod, name of the container) of the rules for once that have been followed."""
        self.silent: set[str] = set()
        """Nodes whose kubelets do nothing."""

    def add(self, rule: Rule) -> None:
        self._own.insert(0, rule)

    def remove(self, unwanted: Callable[[Rule], bool]) -> list[Rule]:
        """Forget the rules of one's own that are unwanted; returns them."""
        gone = [rule for rule in self._own if unwanted(rule)]
        self._own = [rule for rule in self._own if rule not in gone]
        self._over = {each for each in self._over if each[0] not in {id(rule) for rule in gone}}
        return gone

    def clear(self) -> None:
        self._own.clear()
        self._over.clear()
        self.silent.clear()

    def of(self, pod: Object, container: Object, role: str) -> Rule:
        for rule in self._own:
            if rule.fits(pod, container, role) and not (rule.once and _use(rule, pod, container) in self._over):
                return rule
        return next(rule for rule in DEFAULTS if rule.fits(pod, container, role))

    def is_endless(self, pod: Object) -> bool:
        """Whether nobody has said anything about the pod, and it goes on by itself."""
        if any(rule.concerns(pod) for rule in self._own):
            return False
        return _owner(pod["metadata"]) != "Job"

    def ended(self, rule: Rule, pod: Object, container: Object) -> None:
        """A container has ended by this rule."""
        if rule.once:
            self._over.add(_use(rule, pod, container))


def _use(rule: Rule, pod: Object, container: Object) -> tuple[int, str, str]:
    return id(rule), pod["metadata"]["uid"], container["name"]


def containers_of(pod: Object) -> list[tuple[Object, str]]:
    """All containers with their roles: init containers and sidecars, main ones, ephemeral ones."""
    spec = pod["spec"]
    return [
        *((each, SIDECAR if is_sidecar(each) else INIT) for each in spec.get("initContainers", ())),
        *((each, MAIN) for each in spec["containers"]),
        *((each, EPHEMERAL) for each in spec.get("ephemeralContainers", ())),
    ]


def is_sidecar(container: Object) -> bool:
    return container.get("restartPolicy") == "Always"


def is_restarted(pod: Object, container: Object, role: str, exit_code: int) -> bool:
    """Whether a container is started again once it has ended: its own rules count, then its own policy, then that of the pod.

    https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restart-rules
    """
    if role in (SIDECAR, EPHEMERAL):
        return role == SIDECAR
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes")
        if codes and (exit_code in codes.get("values", ())) == (codes["operator"] == "In"):
            return True  # there is no rule not to
    policy = container.get("restartPolicy") or pod["spec"].get("restartPolicy", "Always")
    if policy == "Never" or (role == INIT and not exit_code):
        return False
    return policy == "Always" or bool(exit_code)


def _owner(metadata: Object) -> str:
    for reference in metadata.get("ownerReferences", ()):
        if reference.get("controller"):
            kind: str = reference["kind"]
            return kind
    return ""

"""A Deployment with its ReplicaSets, as one sync sees and changes them.

https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from fakekube.controllers.amounts import scaled
from fakekube.controllers.loop import Context, Object

RESOURCE = "replicasets.apps"

HASH = "pod-template-hash"
"""The label by which the pods of each ReplicaSet are its own."""

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"

NO_DEADLINE = 2**31 - 1
"""A progressDeadlineSeconds that stands for none: then there is no condition Progressing either."""

NO_LIMIT = 2**31 - 1
"""The same of revisionHistoryLimit."""


@dataclass
class Rollout:
    """One look at a Deployment. What is to stand in its status and annotations is gathered here and written at the end."""

    context: Context
    deployment: Object
    sets: list[Object]
    """Its ReplicaSets, oldest first."""
    conditions: list[Object] = field(init=False)
    collisions: int | None = field(init=False)
    revision: str | None = field(init=False)
    again_s: float | None = None
    is_behind: bool = False
    """Whether the revision of its new ReplicaSet has changed, of which the next look tells."""
    is_told: bool = False
    """Whether the Deployment has been written in this look: what else there is to tell of it is a matter of the next one."""

    def __post_init__(self) -> None:
        status = self.deployment.get("status", {})
        self.sets.sort(key=age)
        self.conditions = list(status.get("conditions", ()))
        self.collisions = status.get("collisionCount")
        self.revision = annotations_of(self.deployment).get(REVISION)

    @property
    def spec(self) -> Object:
        return self.deployment["spec"]  # type: ignore[no-any-return]

    @property
    def replicas(self) -> int:
        return int(self.spec.get("replicas", 0))

    @property
    def paused(self) -> bool:
        return bool(self.spec.get("paused"))

    @property
    def rolling(self) -> bool:
        return bool(self.spec["strategy"]["type"] == "RollingUpdate")

    @property
    def has_deadline(self) -> bool:
        return bool(self.spec.get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)

    @cached_property
    def surge(self) -> int:
        """How many pods more than wanted there may be."""
        return self._limits()[0] if self.rolling else 0

    @cached_property
    def unavailable(self) -> int:
        """How many of the wanted pods may be missing."""
        return min(self._limits()[1], self.replicas) if self.rolling else 0

    def _limits(self) -> tuple[int, int]:
        rolling = self.spec["strategy"].get("rollingUpdate", {})
        surge = scaled(rolling.get("maxSurge", 0), self.replicas, up=True)
        unavailable = scaled(rolling.get("maxUnavailable", 0), self.replicas, up=False)
        # With neither nothing could ever be replaced.
        return surge, unavailable if surge or unavailable else 1

    @property
    def maximum(self) -> int:
        return self.replicas + self.surge

    @property
    def new(self) -> Object | None:
        """The ReplicaSet of the present template, the oldest of several."""
        template = self.spec["template"]
        return next((each for each in self.sets if template_of(each) == template), None)

    @property
    def old(self) -> list[Object]:
        new = self.new
        return [each for each in self.sets if each is not new]

    @property
    def active(self) -> list[Object]:
        """Those that are to have pods."""
        return [each for each in self.sets if size_of(each) > 0]

    def put(self, replica_set: Object) -> None:
        """Take over what has been written: it takes the place of what was read, or is new."""
        name = replica_set["metadata"]["name"]
        for place, each in enumerate(self.sets):
            if each["metadata"]["name"] == name:
                self.sets[place] = replica_set
                return
        self.sets.append(replica_set)

    def again_in(self, seconds: float) -> None:
        self.again_s = seconds if self.again_s is None else min(self.again_s, seconds)


def age(replica_set: Object) -> tuple[str, int, str]:
    """Smallest first is oldest first; among those of one second the revision tells."""
    metadata = replica_set["metadata"]
    return (metadata["creationTimestamp"], revision_of(replica_set), metadata["name"])


def template_of(replica_set: Object) -> Object:
    """The template as the Deployment had it: without the label of the hash."""
    template: Object = replica_set["spec"]["template"]
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != HASH}
    plain = {key: value for key, value in metadata.items() if key != "labels"}
    if labels:
        plain["labels"] = labels
    return {**template, "metadata": plain}


def size_of(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 0))


def total_size(sets: Iterable[Object]) -> int:
    return sum(map(size_of, sets))


def counted(replica_set: Object, key: str) -> int:
    """A number of its status; 0 when it is not there."""
    return int(replica_set.get("status", {}).get(key, 0))


def annotations_of(object: Object) -> dict[str, str]:
    return object["metadata"].get("annotations", {})  # type: ignore[no-any-return]


def revision_of(object: Object) -> int:
    return number(annotations_of(object).get(REVISION, ""))


def number(text: str) -> int:
    """What an annotation says; 0 when it says none."""
    return int(text) if text.isascii() and text.isdecimal() else 0

"""A cluster without an API: the real store, the real loop, and a client that knows just enough of the registry's rules."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from fakekube.api.binding import bound
from fakekube.api.client import Client
from fakekube.controllers.loop import Controller, Loop, Settings
from fakekube.errors import already_exists, conflict, not_found
from fakekube.kinds.events.event import to_storage
from fakekube.registry.clock import Chance, Clock
from fakekube.storage.store import Exists, Store

Object = dict[str, Any]

KINDS = {
    "namespaces": ("Namespace", "v1", False),
    "nodes": ("Node", "v1", False),
    "leases.coordination.k8s.io": ("Lease", "coordination.k8s.io/v1", True),
    "pods": ("Pod", "v1", True),
    "persistentvolumes": ("PersistentVolume", "v1", False),
    "persistentvolumeclaims": ("PersistentVolumeClaim", "v1", True),
    "secrets": ("Secret", "v1", True),
    "serviceaccounts": ("ServiceAccount", "v1", True),
    "configmaps": ("ConfigMap", "v1", True),
    "events": ("Event", "v1", True),
    "endpoints": ("Endpoints", "v1", True),
    "endpointslices.discovery.k8s.io": ("EndpointSlice", "discovery.k8s.io/v1", True),
    "poddisruptionbudgets.policy": ("PodDisruptionBudget", "policy/v1", True),
    "horizontalpodautoscalers.autoscaling": ("HorizontalPodAutoscaler", "autoscaling/v2", True),
    "resourcequotas": ("ResourceQuota", "v1", True),
    "services": ("Service", "v1", True),
    "replicationcontrollers": ("ReplicationController", "v1", True),
    "jobs.batch": ("Job", "batch/v1", True),
    "cronjobs.batch": ("CronJob", "batch/v1", True),
    "deployments.apps": ("Deployment", "apps/v1", True),
    "replicasets.apps": ("ReplicaSet", "apps/v1", True),
    "statefulsets.apps": ("StatefulSet", "apps/v1", True),
    "daemonsets.apps": ("DaemonSet", "apps/v1", True),
    "controllerrevisions.apps": ("ControllerRevision", "apps/v1", True),
    "certificatesigningrequests.certificates.k8s.io": (
        "CertificateSigningRequest",
        "certificates.k8s.io/v1",
        False,
    ),
    "validatingadmissionpolicies.admissionregistration.k8s.io": (
        "ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/v1",
        False,
    ),
    "clusterroles.rbac.authorization.k8s.io": ("ClusterRole", "rbac.authorization.k8s.io/v1", False),
    "storageclasses.storage.k8s.io": ("StorageClass", "storage.k8s.io/v1", False),
    "flowschemas.flowcontrol.apiserver.k8s.io": ("FlowSchema", "flowcontrol.apiserver.k8s.io/v1", False),
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": (
        "PriorityLevelConfiguration",
        "flowcontrol.apiserver.k8s.io/v1",
        False,
    ),
    "servicecidrs.networking.k8s.io": ("ServiceCIDR", "networking.k8s.io/v1", False),
    "ipaddresses.networking.k8s.io": ("IPAddress", "networking.k8s.io/v1", False),
}

WITH_STATUS = frozenset(
    {"Node", "Job", "CronJob", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"}
    | {"ResourceQuota", "PersistentVolume", "PersistentVolumeClaim", "CertificateSigningRequest"}
)


@dataclass(frozen=True)
class Served:
    """As much of `registry.kind.Kind` as controllers read."""

    collection: str
    kind: str
    api_version: str
    namespaced: bool
    verbs: tuple[str, ...] = ("create", "delete", "list")
    is_stored: bool = True

    @property
    def resource(self) -> str:
        return self.collection.partition(".")[0]

    @property
    def group(self) -> str:
        return self.collection.partition(".")[2]


class HeldClock(Clock):
    """Time passes when a test says so."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.timers: list[HeldTimer] = []

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> HeldTimer:
        timer = HeldTimer(self.time + timedelta(seconds=delay_s), callback)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        due = [timer for timer in self.timers if timer.at <= self.time]
        self.timers = [timer for timer in self.timers if timer.at > self.time]
        for timer in due:
            if not timer.cancelled:
                timer.callback()


@dataclass
class HeldTimer:
    at: datetime
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Cluster:
    """`writes` holds what was written, as (verb, resource, object or patch)."""

    controllers: tuple[Controller, ...] = ()
    settings: Settings = field(default_factory=lambda: Settings(ca_pem="PEM"))
    store: Store = field(default_factory=Store)
    clock: HeldClock = field(default_factory=HeldClock)
    chance: Chance = field(default_factory=lambda: Chance(1))
    writes: list[tuple[str, str, Object]] = field(default_factory=list)
    plane: Any = None
    """What a controller reads that is more than the verbs: a test says what."""
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next writes, one each."""

    def __post_init__(self) -> None:
        for collection, (kind, api_version, _) in KINDS.items():
            self.store.declare(collection, kind, api_version)
        self.new_loop()

    def new_loop(self) -> None:
        """Controllers that know nothing yet."""
        self.loop = Loop(
            self.controllers,
            store=self.store,
            client_for=lambda _: cast(Client, self),
            clock=self.clock,
            settings=self.settings,
        )

    def run(self, scenario: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
        """Play with the controllers running; `settle` waits for them."""

        async def play() -> None:
            self.loop.start()
            try:
                await self.settle()
                await scenario(self)
            finally:
                await self.loop.stop()

        asyncio.run(play())
        assert self.store.changed_objects() == []

    async def settle(self, seconds: float = 0.0) -> None:
        """Let time pass and the controllers finish; times less than a second away come by themselves."""
        self.clock.advance(seconds)
        rest = asyncio.ensure_future(self.loop.idle())
        for turn in range(1, 50_000):
            await asyncio.sleep(0)
            if rest.done():
                return
            if turn % 500 == 0:
                self.clock.advance(0.05)
        rest.cancel()
        raise AssertionError("the controllers do not come to rest")

    # What controllers are given.

    def resources(self) -> list[Served]:
        return [Served(collection, *facts) for collection, facts in KINDS.items()]

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        stored = self.store.get(resource, namespace, name)
        return None if stored is None else stored.value

    def list(
        self, resource: str, namespace: str | None = None, *, label_selector: str = "", field_selector: str = ""
    ) -> list[Object]:
        wanted = dict(pair.split("=") for pair in label_selector.split(",") if pair)
        return [
            stored.value
            for stored in self.store.list(resource, namespace or "")
            if wanted.items() <= (stored.labels or {}).items()
        ]

    async def create_canonical(self, resource: str, object: Object) -> None:
        if resource == "events.events.k8s.io":
            resource, object = "events", to_storage(object)
        await self.create(resource, object)

    async def create(self, resource: str, object: Object) -> Object:
        self._wrote("create", resource, object)
        kind, api_version, _ = KINDS[resource]
        metadata = {**object["metadata"]}
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + self.chance.suffix()
        metadata.update(uid=self.chance.uid(), creationTimestamp=self.clock.timestamp(), generation=1)
        rest = {key: value for key, value in object.items() if key not in ("kind", "apiVersion", "metadata")}
        new = copy.deepcopy({"kind": kind, "apiVersion": api_version, "metadata": metadata, **rest})
        if kind == "Pod":
            new.setdefault("status", {"phase": "Pending", "qosClass": "BestEffort"})
            new["spec"].setdefault("schedulerName", "default-scheduler")
        if kind == "Namespace":
            new.setdefault("spec", {"finalizers": ["kubernetes"]})
            new.setdefault("status", {"phase": "Active"})
        if kind in WITH_STATUS:
            new.setdefault("status", {})
        try:
            stored = self.store.create(resource, metadata.get("namespace", ""), metadata["name"], new)
        except Exists as error:
            raise already_exists("", resource, metadata["name"]) from error
        return stored.value

    async def update(self, resource: str, object: Object, subresource: str = "") -> Object:
        self._wrote(f"update {subresource}".strip(), resource, object)
        metadata = object["metadata"]
        stored = self._found(resource, metadata.get("namespace", ""), metadata["name"])
        if metadata.get("resourceVersion") not in (None, stored.value["metadata"]["resourceVersion"]):
            raise conflict("", resource, metadata["name"], "the object has been modified")
        new = copy.deepcopy(object)
        if subresource in ("status", "approval"):
            new = {**stored.copy(), "metadata": new["metadata"], "status": new["status"]}
        elif "status" in stored.value:
            new["status"] = stored.copy()["status"]
        return self._put(resource, stored, new)

    async def patch(
        self, resource: str, namespace: str, name: str, merge_patch: Object, subresource: str = ""
    ) -> Object:
        self._wrote(f"patch {subresource}".strip(), resource, merge_patch)
        stored = self._found(resource, namespace, name)
        return self._put(resource, stored, merged(stored.copy(), merge_patch))

    async def apply(
        self, resource: str, configuration: Object, subresource: str = "", *, field_manager: str = ""
    ) -> Object:
        """As if the applier had been the only one to write the fields that a configuration may have, `rules` and `status`."""
        self._wrote(f"apply {subresource}".strip(), resource, configuration)
        stored = self._found(
            resource, configuration["metadata"].get("namespace", ""), configuration["metadata"]["name"]
        )
        new = stored.copy()
        new.pop("rules", None)
        new.update((key, configuration[key]) for key in ("rules", "status") if key in configuration)
        return self._put(resource, stored, new)

    def get_scale(self, resource: str, namespace: str, name: str) -> Object | None:
        """Of whatever has spec.replicas."""
        found = self.get(resource, namespace, name)
        if found is None:
            return None
        if "replicas" not in found["spec"]:
            raise not_found("", resource, name)
        status, selector = found.get("status", {}), found["spec"].get("selector", {}).get("matchLabels", {})
        text = ",".join(f"{key}={value}" for key, value in selector.items())
        shown = {"replicas": status.get("replicas", 0), "selector": text}
        return {"metadata": found["metadata"], "spec": {"replicas": found["spec"]["replicas"]}, "status": shown}

    async def set_scale(self, resource: str, namespace: str, name: str, replicas: int) -> Object:
        return await self.patch(resource, namespace, name, {"spec": {"replicas": replicas}}, "scale")

    async def bind(self, namespace: str, name: str, node: str, uid: str) -> None:
        self._wrote("bind", "pods", {"name": name, "node": node})
        stored = self._found("pods", namespace, name)
        binding = {"metadata": {"name": name}, "target": {"name": node}}
        self._put("pods", stored, bound(stored.copy(), binding, self.clock.timestamp()))

    async def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> None:
        self._wrote("delete", resource, {"name": name, "uid": uid, "grace": grace_period_seconds})
        stored = self._found(resource, namespace, name)
        value = stored.copy()
        if uid is not None and value["metadata"]["uid"] != uid:
            raise conflict("", resource, name, "the UID in the precondition does not match")
        grace_s = 0
        if resource == "pods" and "nodeName" in value["spec"] and value["status"]["phase"] in ("Pending", "Running"):
            asked = value["spec"].get("terminationGracePeriodSeconds", 30)
            grace_s = asked if grace_period_seconds is None else grace_period_seconds
        if resource == "namespaces":
            value["metadata"].setdefault("deletionTimestamp", self.clock.timestamp())
            value["status"]["phase"] = "Terminating"
            self.store.update(resource, stored, value)
        elif grace_s or value["metadata"].get("finalizers"):
            value["metadata"].setdefault("deletionTimestamp", self.clock.timestamp())
            value["metadata"]["deletionGracePeriodSeconds"] = grace_s
            self.store.update(resource, stored, value)
        else:
            self.store.delete(resource, stored)

    def _wrote(self, verb: str, resource: str, object: Object) -> None:
        self.writes.append((verb, resource, copy.deepcopy(object)))
        if self.failures:
            raise self.failures.pop(0)

    def _found(self, resource: str, namespace: str, name: str) -> Any:
        stored = self.store.get(resource, namespace, name)
        if stored is None:
            raise not_found("", resource, name)
        return stored

    def _put(self, resource: str, stored: Any, new: Object) -> Object:
        metadata = new["metadata"]
        marked = "deletionTimestamp" in metadata and metadata.get("deletionGracePeriodSeconds", 0) == 0
        if marked and not metadata.get("finalizers") and not new.get("spec", {}).get("finalizers"):
            self.store.delete(resource, stored)
            return new
        present: Object = stored.value
        if new == present:
            return present
        if new.get("spec") != stored.value.get("spec") and "generation" in metadata:
            metadata["generation"] = stored.value["metadata"]["generation"] + 1
        updated: Object = self.store.update(resource, stored, new).value
        return updated


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), change)
    return result


def named(objects: Iterable[Object]) -> list[str]:
    return [each["metadata"]["name"] for each in objects]


def namespace(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}


Scenario = Callable[[Cluster], Awaitable[None]]

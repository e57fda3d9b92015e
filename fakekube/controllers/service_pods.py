"""Which pods stand behind which service, kept in step pod by pod: a change costs as much as one pod, not as many as a service has.

A controller that asks this has two sorts of keys: services by their names, and pods in the form that `pod_key` gives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fakekube.controllers.loop import Context, Key, Object
from fakekube.controllers.pod_states import condition, is_finished, time_of

POD = "pod "
"""Begins the keys of pods; names have no spaces."""

LARGE = 100
"""A service with more pods than this is not looked at after each of their changes."""

DELAY_PER_POD_S = 0.0001
LONGEST_DELAY_S = 0.5

IP_FAMILIES = {"IPv4": ".", "IPv6": ":"}
"""The character that only addresses of a family have."""


def pod_key(pod: Object) -> tuple[Key, ...]:
    metadata = pod["metadata"]
    return ((metadata["namespace"], POD + metadata["name"]),)


Selector = Mapping[str, str]


@dataclass(slots=True)
class Members:
    """The pods that one selector finds in a namespace, as they were last looked at."""

    selector: Selector
    pods: dict[str, Object] = field(default_factory=dict)
    due_at: datetime | None = None
    """Until then changes of a large service are collected."""
    service_time: str = ""
    pod_times: dict[str, str] = field(default_factory=dict)

    def delay_s(self, now: datetime) -> float:
        """For how long to wait for more changes before the service is looked at; 0 for not at all."""
        if len(self.pods) <= LARGE:
            return 0.0
        if self.due_at is None:
            self.due_at = now + timedelta(seconds=min(len(self.pods) * DELAY_PER_POD_S, LONGEST_DELAY_S))
        delay_s = (self.due_at - now).total_seconds()
        if delay_s <= 0:
            self.due_at = None
        return max(delay_s, 0.0)


@dataclass(slots=True)
class ServicePods:
    """Of one controller in one cluster."""

    selectors: dict[Key, Selector] = field(default_factory=dict)
    """Of the services that have one."""
    index: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    """(namespace, key, value) of the first label that a selector wants -> the services that want it."""
    members: dict[Key, Members] = field(default_factory=dict)
    service_times: dict[Key, str] = field(default_factory=dict)
    """What has been told of a service whose selector was another."""
    places: dict[Key, set[str]] = field(default_factory=dict)
    """Pod -> the services it is a member of."""

    def note_service(self, key: Key, service: Object | None) -> None:
        """Look at a service as it is now; None when it has gone."""
        selector = selector_of(service) if service is not None else None
        before = self.selectors.get(key)
        if selector == before:
            return
        gone = self.members.pop(key, None)
        if service is None:
            self.service_times.pop(key, None)
        elif gone is not None:
            self.service_times[key] = gone.service_time
        if before is not None:
            self.index[_entry(key, before)].discard(key[1])
            del self.selectors[key]
        if selector is not None:
            self.selectors[key] = selector
            self.index.setdefault(_entry(key, selector), set()).add(key[1])

    def of(self, context: Context, key: Key) -> Members:
        """The pods of a service that has been noted and has a selector."""
        members = self.members.get(key)
        if members is None:
            members = self.members[key] = Members(self.selectors[key], service_time=self.service_times.get(key, ""))
            for pod in context.client.list("pods", key[0]):
                if fits(members.selector, pod):
                    self._put(key, members, pod)
        return members

    def note_pod(self, context: Context, namespace: str, name: str) -> None:
        """Look at a pod as it is now, and wake the services whose endpoints it may change."""
        pod = context.client.get("pods", namespace, name)
        services = set(self.places.get((namespace, name), ()))
        if pod is not None:
            for label in pod["metadata"].get("labels", {}).items():
                services |= self.index.get((namespace, *label), set())
        for service in services:
            members = self.members.get((namespace, service))
            if members is None:
                continue  # it has yet to be looked at, and then all its pods are
            before = members.pods.get(name)
            if pod is not None and fits(members.selector, pod):
                self._put((namespace, service), members, pod)
                changed = before is None or view(before) != view(pod)
            else:
                changed = members.pods.pop(name, None) is not None
                members.pod_times.pop(name, None)
                self.places.get((namespace, name), set()).discard(service)
            if changed:
                context.wake((namespace, service))
        if pod is None:
            self.places.pop((namespace, name), None)

    def _put(self, service: Key, members: Members, pod: Object) -> None:
        name = pod["metadata"]["name"]
        members.pods[name] = pod
        self.places.setdefault((service[0], name), set()).add(service[1])


def _entry(key: Key, selector: Selector) -> tuple[str, str, str]:
    return (key[0], *next(iter(selector.items())))


def selector_of(service: Object) -> Selector | None:
    """None for services whose endpoints are somebody else's business."""
    spec = service["spec"]
    return None if spec.get("type") == "ExternalName" else spec.get("selector") or None


def fits(selector: Selector, pod: Object) -> bool:
    return bool(selector.items() <= pod["metadata"].get("labels", {}).items())


def view(pod: Object) -> tuple[object, ...]:
    """All of a pod that can be seen in endpoints."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    return (
        metadata["uid"],
        "deletionTimestamp" in metadata,
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
        is_finished(pod),
        status.get("podIP"),
        status.get("podIPs"),
        (condition(pod, "Ready") or {}).get("status"),
    )


def is_listed(pod: Object, *, terminating: bool) -> bool:
    """Whether the pod has an address at which somebody may answer."""
    if is_finished(pod) or not (pod["status"].get("podIP") or pod["status"].get("podIPs")):
        return False
    return terminating or "deletionTimestamp" not in pod["metadata"]


def address_of(pod: Object, family: str) -> str | None:
    """The pod's address of a family, `IPv4` or `IPv6`."""
    status = pod["status"]
    addresses = [each["ip"] for each in status.get("podIPs", ())] or [status.get("podIP", "")]
    return next((each for each in addresses if IP_FAMILIES[family] in each), None)


def hostname_of(pod: Object, service: Object) -> str | None:
    """By which DNS knows the pod beneath the service's name."""
    spec = pod["spec"]
    return spec.get("hostname") if spec.get("subdomain") == service["metadata"]["name"] else None


def port_number(pod: Object, port: Object) -> int | None:
    """At which port of the pod a port of the service arrives; None when the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    sidecars = [each for each in spec.get("initContainers", ()) if each.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for each in container.get("ports", ()):
            if each.get("name") == target and each.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return each["containerPort"]  # type: ignore[no-any-return]
    return None


def target_of(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def is_headless(service: Object) -> bool:
    """Has no address of its own."""
    return service["spec"].get("clusterIP", "") in ("", "None")


def trigger_time(members: Members, service: Object) -> str:
    """The earliest time of a change that is not in the endpoints yet, of the service or of a pod that became ready; "" for none.

    Remembers what it has told.
    """
    changed = []
    created = service["metadata"].get("creationTimestamp", "")
    if created > members.service_time:
        members.service_time = created
        changed.append(created)
    for name, pod in members.pods.items():
        since = (condition(pod, "Ready") or {}).get("lastTransitionTime")
        if since and since > members.pod_times.get(name, ""):
            members.pod_times[name] = since
            changed.append(since)
    return min(changed, default="", key=time_of)


def marked(annotations: Mapping[str, str], time: str) -> dict[str, str]:
    """Annotations that say when the change was that endpoints tell of."""
    others = {key: text for key, text in annotations.items() if key != TRIGGER_TIME}
    return {**others, TRIGGER_TIME: time} if time else others


TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"


def without(labels: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    left_out = set(keys)
    return {key: value for key, value in labels.items() if key not in left_out}

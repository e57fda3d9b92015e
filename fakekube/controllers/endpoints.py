"""Keeps the Endpoints of each Service with a selector: the addresses of its pods, those that are ready apart from those that are not.

https://kubernetes.io/docs/concepts/services-networking/service/#endpoints
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_control import is_end_of_namespace
from fakekube.controllers.pod_states import is_ready
from fakekube.controllers.service_pods import (
    HEADLESS,
    POD,
    Members,
    ServicePods,
    address_of,
    hostname_of,
    is_headless,
    is_listed,
    marked,
    pod_key,
    port_number,
    target_of,
    trigger_time,
    without,
)
from fakekube.errors import AlreadyExists, NotFound, StatusError

RESOURCE = "endpoints"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
NAME = "endpoint-controller"

MOST_ADDRESSES = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    behind: ServicePods | None = context.memory.get("pods")
    if behind is None:
        behind = context.memory["pods"] = ServicePods()
        await delete_left_over(context)
    if name.startswith(POD):
        behind.note_pod(context, namespace, name.removeprefix(POD))
        return None
    key = (namespace, name)
    service = context.client.get("services", namespace, name)
    behind.note_service(key, service)
    if service is None:
        await delete(context, namespace, name)
        return None
    if key not in behind.selectors:
        return None
    members = behind.of(context, key)
    delay_s = members.delay_s(context.clock.now())
    if delay_s:
        return delay_s
    await write(context, service, members)
    return None


async def delete_left_over(context: Context) -> None:
    """Services may have gone while nobody looked."""
    for endpoints in context.client.list(RESOURCE, label_selector=f"{MANAGED_BY}={NAME}"):
        metadata = endpoints["metadata"]
        if context.client.get("services", metadata["namespace"], metadata["name"]) is None:
            await delete(context, metadata["namespace"], metadata["name"])


async def delete(context: Context, namespace: str, name: str) -> None:
    if context.client.get(RESOURCE, namespace, name) is None:
        return
    try:
        await context.client.delete(RESOURCE, namespace, name)
    except NotFound:
        return


async def write(context: Context, service: Object, members: Members) -> None:
    """Write the Endpoints of a service if they say something else. Raises StatusError after telling of it."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    present = context.client.get(RESOURCE, namespace, name)
    subsets, is_truncated = truncated(subsets_of(service, members.pods.values()))
    labels = labels_of(service)
    time = trigger_time(members, service)
    metadata = present["metadata"] if present is not None else {"namespace": namespace, "name": name}
    annotations = without(metadata.get("annotations", {}), (OVER_CAPACITY,))
    if is_truncated:
        annotations[OVER_CAPACITY] = "truncated"
    if present is not None and (
        present.get("subsets", []) == subsets
        and metadata.get("labels") == labels
        and without(metadata.get("annotations", {}), ()) == annotations
    ):
        return
    wanted: Object = {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {**metadata, "labels": labels, "annotations": marked(annotations, time)},
        "subsets": subsets,
    }
    try:
        if present is None:
            await context.client.create(RESOURCE, wanted)
        else:
            await context.client.update(RESOURCE, wanted)
    except (AlreadyExists, NotFound):
        context.wake((namespace, name))
    except StatusError as error:
        if is_end_of_namespace(error):
            return
        if present is None:
            text = f"Failed to create endpoint for service {namespace}/{name}: {error.message}"
            await context.recorder.warning(wanted, "FailedToCreateEndpoint", text)
        else:
            text = f"Failed to update endpoint {namespace}/{name}: {error.message}"
            await context.recorder.warning(present, "FailedToUpdateEndpoint", text)
        raise


def labels_of(service: Object) -> dict[str, str]:
    labels = without(service["metadata"].get("labels", {}), (HEADLESS,))
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, MANAGED_BY: NAME}


Port = tuple[str, int, str, str]
"""Name, number, protocol, application protocol."""


def subsets_of(service: Object, pods: Iterable[Object]) -> list[Object]:
    """Addresses that share a set of ports stand together; a port that all share stands with all addresses."""
    spec = service["spec"]
    publish = spec.get("publishNotReadyAddresses", False)
    family = (spec.get("ipFamilies") or ["IPv4"])[0]
    at_port: dict[Port | None, dict[str, bool]] = {}
    addresses: dict[str, Object] = {}
    for pod in pods:
        ip = address_of(pod, family)
        if ip is None or not is_listed(pod, terminating=publish):
            continue
        uid = pod["metadata"]["uid"]
        addresses[uid] = address(pod, service, ip)
        for port in ports_of(pod, spec):
            at_port.setdefault(port, {})[uid] = publish or is_ready(pod)
    together: dict[frozenset[str], list[Port]] = {}
    for port, ready in at_port.items():
        together.setdefault(frozenset(ready), []).extend([port] if port is not None else [])
    readiness = {uid: ready for states in at_port.values() for uid, ready in states.items()}
    return [subset(uids, ports, addresses, readiness) for uids, ports in sorted(together.items(), key=_order)]


def _order(entry: tuple[frozenset[str], list[Port]]) -> tuple[list[str], list[Port]]:
    uids, ports = entry
    return sorted(uids), sorted(ports)


def ports_of(pod: Object, spec: Object) -> Iterable[Port | None]:
    """Where the pod answers for a service; None stands for a headless service that names no ports."""
    if not spec.get("ports"):
        return [None] if spec.get("clusterIP") == "None" else []
    found = []
    for port in spec["ports"]:
        number = port_number(pod, port)
        if number is not None:
            protocol, application = port.get("protocol", "TCP"), port.get("appProtocol", "")
            found.append((port.get("name", ""), number, protocol, application))
    return found


def subset(uids: Iterable[str], ports: list[Port], addresses: dict[str, Object], readiness: dict[str, bool]) -> Object:
    ordered = sorted(uids, key=lambda uid: (addresses[uid]["ip"], uid))
    ready = [addresses[uid] for uid in ordered if readiness[uid]]
    others = [addresses[uid] for uid in ordered if not readiness[uid]]
    made: Object = {}
    if ready:
        made["addresses"] = ready
    if others:
        made["notReadyAddresses"] = others
    if ports:
        made["ports"] = [port_object(port) for port in sorted(ports, key=port_rank)]
    return made


def port_rank(port: Port) -> int:
    """Ports stand in the order of a hash of what Go shows of them."""
    name, number, protocol, application = port
    shown = f"Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol}"
    return fnv_1a(f"(v1.EndpointPort){{{shown} AppProtocol:(*string){application or '<nil>'}}}")


def port_rank_in_slices(port: Port) -> int:
    """The same for the ports of EndpointSlices, all of whose fields are pointers."""
    name, number, protocol, application = port
    shown = f"Name:(*string){name} Protocol:(*v1.Protocol){protocol} Port:(*int32){number}"
    return fnv_1a(f"(v1.EndpointPort){{{shown} AppProtocol:(*string){application or '<nil>'}}}")


@lru_cache(maxsize=1024)
def fnv_1a(text: str) -> int:
    """The hash of 128 bits. http://www.isthe.com/chongo/tech/comp/fnv/"""
    value = 0x6C62272E07BB014262B821756295C58D
    for byte in text.encode():
        value = (value ^ byte) * 0x0000000001000000000000000000013B % (1 << 128)
    return value


def port_object(port: Port) -> Object:
    name, number, protocol, application = port
    made: Object = {"name": name} if name else {}
    made.update(port=number, protocol=protocol)
    if application:
        made["appProtocol"] = application
    return made


def address(pod: Object, service: Object, ip: str) -> Object:
    hostname = hostname_of(pod, service)
    made: Object = {"ip": ip}
    if hostname:
        made["hostname"] = hostname
    # The API server refuses the empty name of a pod that is on no node, and with it what is to be told of all others.
    return {**made, "nodeName": pod["spec"].get("nodeName", ""), "targetRef": target_of(pod)}


def truncated(subsets: list[Object]) -> tuple[list[Object], bool]:
    """At most MOST_ADDRESSES, those that are ready first; and whether some had to be left out."""
    total = sum(len(each.get("addresses", ())) + len(each.get("notReadyAddresses", ())) for each in subsets)
    if total <= MOST_ADDRESSES:
        return subsets, False
    kept = [{"ports": each["ports"]} if "ports" in each else {} for each in subsets]
    room = MOST_ADDRESSES
    for key in ("addresses", "notReadyAddresses"):
        for each, left in zip(subsets, kept, strict=True):
            some = each.get(key, [])[:room]
            room -= len(some)
            if some:
                left[key] = some
    return [each for each in kept if "addresses" in each or "notReadyAddresses" in each], True


def service_of(endpoints: Object) -> tuple[Key, ...]:
    """Has the name of the Endpoints."""
    return own(endpoints)


CONTROLLER = Controller(
    name=NAME,
    watches=(
        Watch("services", key=own),
        Watch("pods", key=pod_key),
        Watch(RESOURCE, key=service_of, types=("DELETED",)),
    ),
    reconcile=reconcile,
    patient=True,
)

"""Keeps the EndpointSlices of each Service with a selector: its pods with their conditions, at most a hundred to a slice.

https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from fakekube.controllers.claims import controls, owner_reference
from fakekube.controllers.endpoints import Port, port_rank_in_slices
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

RESOURCE = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
NAME = "endpointslice-controller"
MANAGER = "endpointslice-controller.k8s.io"

MOST_ENDPOINTS = 100
PODS_AT_ONCE = 100
"""So many pods are looked at before others get their turn."""

ZONE = "topology.kubernetes.io/zone"

SAME_ZONE = ("PreferClose", "PreferSameZone", "PreferSameNode")
"""Traffic distributions that hint at the zone."""

Ports = tuple[Port, ...]


async def reconcile(context: Context, namespace: str, name: str) -> float | None:
    behind: ServicePods = context.memory.setdefault("pods", ServicePods())
    if name.startswith(POD):
        behind.note_pod(context, namespace, name.removeprefix(POD))
        return None
    if name.startswith(NODE):
        for each in context.memory.get("waiting", {}).pop(name.removeprefix(NODE), ()):
            context.wake(each)
        return None
    key = (namespace, name)
    service = context.client.get("services", namespace, name)
    behind.note_service(key, service)
    # The slices of a service that has gone are the garbage collector's.
    if service is None or key not in behind.selectors or "deletionTimestamp" in service["metadata"]:
        return None
    members = behind.of(context, key)
    delay_s = members.delay_s(context.clock.now())
    if delay_s:
        return delay_s
    lost = await lost_pods(context, service, members)
    present = slices_of(context, namespace, name, MANAGER)
    families = service["spec"].get("ipFamilies") or ["IPv4"]
    plan = Plan([each for each in present if each["addressType"] not in families])
    labels = labels_of(service)
    for family in families:
        wanted = await endpoints_of(context, service, members, family, lost)
        of_family = [each for each in present if each["addressType"] == family]
        plan.add(planned(service, of_family, wanted, family, labels))
    await carry_out(context, service, plan, trigger_time(members, service))
    if lost:
        await tell_lost(context, service, lost)
    return None


NODE = "node "
"""Begins the keys of nodes that have come; names have no spaces."""


def node_key(node: Object) -> tuple[Key, ...]:
    return (("", NODE + node["metadata"]["name"]),)


async def lost_pods(context: Context, service: Object, members: Members) -> dict[str, str]:
    """The pods that are on no node that there is, with the names of those nodes: a Service that does not publish everybody leaves them out.

    It is looked at again when such a node comes.
    """
    if service["spec"].get("publishNotReadyAddresses"):
        return {}
    nodes: dict[str, bool] = {}
    lost = {}
    for name, pod in members.pods.items():
        node = pod["spec"].get("nodeName", "")
        if node not in nodes:
            nodes[node] = context.client.get("nodes", "", node) is not None
        if not nodes[node] and is_listed(pod, terminating=True):
            lost[name] = node
    waiting: dict[str, dict[Key, None]] = context.memory.setdefault("waiting", {})
    for node in lost.values():
        waiting.setdefault(node, {})[service["metadata"]["namespace"], service["metadata"]["name"]] = None
    return lost


async def tell_lost(context: Context, service: Object, lost: dict[str, str]) -> None:
    about = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
    texts = [f"skipping Pod {pod} for Service {about}: Node {node} Not Found" for pod, node in lost.items()]
    shown = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    text = f"Error updating Endpoint Slices for Service {about}: {shown}"
    await context.recorder.warning(service, "FailedToUpdateEndpointSlices", text)


def slices_of(context: Context, namespace: str, service: str, manager: str) -> list[Object]:
    """Those of one controller that stay, in the order of their names."""
    selector = f"{SERVICE_NAME}={service},{MANAGED_BY}={manager}"
    found = context.client.list(RESOURCE, namespace, label_selector=selector)
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def labels_of(service: Object) -> dict[str, str]:
    metadata = service["metadata"]
    labels = without(metadata.get("labels", {}), (HEADLESS, SERVICE_NAME, MANAGED_BY))
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER}


@dataclass(slots=True)
class Plan:
    """What is to be done to the slices of a service."""

    delete: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    create: list[Object] = field(default_factory=list)

    def add(self, other: Plan) -> None:
        self.delete += other.delete
        self.update += other.update
        self.create += other.create


async def endpoints_of(
    context: Context, service: Object, members: Members, family: str, lost: Container[str]
) -> dict[Ports, dict[tuple[str, str], Object]]:
    """The endpoints by the ports at which they answer, and by what tells them from each other. `lost` are left out."""
    found: dict[Ports, dict[tuple[str, str], Object]] = {}
    for count, (name, pod) in enumerate(members.pods.items(), 1):
        if count % PODS_AT_ONCE == 0:
            await context.turn()
        address = address_of(pod, family)
        if address is not None and name not in lost and is_listed(pod, terminating=True):
            made = endpoint(context, service, pod, address)
            found.setdefault(ports_of(pod, service), {})[identity(made)] = made
    return found


def identity(endpoint: Object) -> tuple[str, str]:
    return endpoint["addresses"][0], endpoint.get("targetRef", {}).get("uid", "")


def ports_of(pod: Object, service: Object) -> Ports:
    found = []
    for port in service["spec"].get("ports", ()):
        number = port_number(pod, port)
        if number is not None:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP"), port.get("appProtocol", "")))
    return tuple(sorted(found, key=port_rank_in_slices))


def endpoint(context: Context, service: Object, pod: Object, address: str) -> Object:
    serving, terminating = is_ready(pod), "deletionTimestamp" in pod["metadata"]
    spec = service["spec"]
    ready = spec.get("publishNotReadyAddresses", False) or (serving and not terminating)
    made: Object = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": target_of(pod),
    }
    hostname, node = hostname_of(pod, service), pod["spec"].get("nodeName")
    if hostname:
        made["hostname"] = hostname
    if node:
        made["nodeName"] = node
        machine = context.client.get("nodes", "", node)
        zone = machine["metadata"].get("labels", {}).get(ZONE, "") if machine is not None else ""
        if zone:
            made["zone"] = zone
            if ready and spec.get("trafficDistribution") in SAME_ZONE:
                made["hints"] = {"forZones": [{"name": zone}]}
        if ready and spec.get("trafficDistribution") == "PreferSameNode":
            made.setdefault("hints", {})["forNodes"] = [{"name": node}]
    return made


def planned(
    service: Object,
    present: list[Object],
    wanted: dict[Ports, dict[tuple[str, str], Object]],
    family: str,
    labels: dict[str, str],
) -> Plan:
    """How the slices of one address family become what is wanted, with as few writes as can be."""
    plan = Plan()
    by_ports: dict[Ports, list[Object]] = {}
    for each in present:
        if controls(service, each):
            by_ports.setdefault(ports_in(each), []).append(each)
        else:
            plan.delete.append(each)
    for ports, endpoints in wanted.items():
        plan.add(planned_for_ports(service, by_ports.pop(ports, []), ports, endpoints, family, labels))
    left = [each for group in by_ports.values() for each in group]
    if len(present) == len(left) + len(plan.delete) and not plan.create:
        # A service always has a slice, an empty one if need be.
        empty = new_slice(service, (), [], family, labels)
        kept = next((each for each in left if is_same(each, empty)), None)
        if kept is None:
            plan.create.append(empty)
        else:
            left.remove(kept)
    plan.delete += left
    reuse(service, plan)
    return plan


def planned_for_ports(
    service: Object,
    present: list[Object],
    ports: Ports,
    wanted: dict[tuple[str, str], Object],
    family: str,
    labels: dict[str, str],
) -> Plan:
    """Endpoints stay where they are; new ones fill slices that change anyway, then one that has room, then slices of their own."""
    plan, left = Plan(), dict(wanted)
    changed: list[Object] = []
    unchanged: list[Object] = []
    for each in present:
        before = each.get("endpoints") or []
        kept = [left.pop(identity(old)) for old in before if identity(old) in left]
        if kept == before and each["metadata"].get("labels") == labels and kept:
            unchanged.append(each)
        elif kept:
            changed.append({**each, "endpoints": kept})
        else:
            plan.delete.append(each)
    new = list(left.values())
    for each in changed:
        room = MOST_ENDPOINTS - len(each["endpoints"])
        each["endpoints"], new = each["endpoints"] + new[:room], new[room:]
    while len(new) >= MOST_ENDPOINTS:
        plan.create.append(new_slice(service, ports, new[:MOST_ENDPOINTS], family, labels))
        new = new[MOST_ENDPOINTS:]
    if new:
        fitting = [each for each in unchanged if len(each["endpoints"]) + len(new) <= MOST_ENDPOINTS]
        if fitting:
            fullest = max(fitting, key=lambda each: len(each["endpoints"]))
            changed.append({**fullest, "endpoints": [*fullest["endpoints"], *new]})
        else:
            plan.create.append(new_slice(service, ports, new, family, labels))
    for each in changed:
        each["metadata"] = {**each["metadata"], "labels": labels}
    plan.update += changed
    return plan


def ports_in(endpoint_slice: Object) -> Ports:
    found = [
        (each.get("name", ""), each.get("port", 0), each.get("protocol", "TCP"), each.get("appProtocol", ""))
        for each in endpoint_slice.get("ports") or ()
    ]
    return tuple(sorted(found, key=port_rank_in_slices))


def new_slice(service: Object, ports: Ports, endpoints: list[Object], family: str, labels: dict[str, str]) -> Object:
    metadata = service["metadata"]
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [owner_reference(service)],
        },
        "addressType": family,
        "endpoints": endpoints or None,
        "ports": [port_object(port) for port in ports] or None,
    }


def port_object(port: Port) -> Object:
    name, number, protocol, application = port
    made: Object = {"name": name, "port": number, "protocol": protocol}
    if application:
        made["appProtocol"] = application
    return made


def is_same(present: Object, wanted: Object) -> bool:
    return all((present.get(key) or None) == wanted[key] for key in ("addressType", "endpoints", "ports")) and bool(
        present["metadata"].get("labels") == wanted["metadata"]["labels"]
    )


def reuse(service: Object, plan: Plan) -> None:
    """A slice that would go becomes one that would be made."""
    for gone in [each for each in plan.delete if controls(service, each)]:
        if not plan.create:
            return
        new = plan.create.pop()
        plan.delete.remove(gone)
        metadata = {**gone["metadata"], "labels": new["metadata"]["labels"]}
        plan.update.append({**gone, **new, "metadata": metadata})


async def carry_out(context: Context, service: Object, plan: Plan, time: str) -> None:
    """Write what is planned. Raises StatusError after telling of it; what one attempt has done the next one finds done."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    doing = "delete"
    try:
        for each in plan.delete:
            await context.turn()
            await context.client.delete(RESOURCE, namespace, each["metadata"]["name"])
        doing = "create"
        for each in plan.create:
            await context.turn()
            await context.client.create(RESOURCE, timed(each, time))
        doing = "update"
        for each in plan.update:
            await context.turn()
            await context.client.update(RESOURCE, timed(each, time))
    except (AlreadyExists, NotFound):
        context.wake((namespace, name))
    except StatusError as error:
        if is_end_of_namespace(error):
            return
        text = f"Error updating Endpoint Slices for Service {namespace}/{name}: failed to {doing} EndpointSlice: "
        await context.recorder.warning(service, "FailedToUpdateEndpointSlices", text + error.message)
        raise


def timed(endpoint_slice: Object, time: str) -> Object:
    metadata = endpoint_slice["metadata"]
    return {**endpoint_slice, "metadata": {**metadata, "annotations": marked(metadata.get("annotations", {}), time)}}


def service_of(endpoint_slice: Object) -> tuple[Key, ...]:
    """The service of a slice of ours."""
    metadata = endpoint_slice["metadata"]
    labels = metadata.get("labels", {})
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return ((metadata["namespace"], labels[SERVICE_NAME]),)


CONTROLLER = Controller(
    name=NAME,
    events_from="endpoint-slice-controller",
    watches=(
        Watch("services", key=own),
        Watch("pods", key=pod_key),
        Watch("nodes", key=node_key, types=("ADDED",)),
        Watch(RESOURCE, key=service_of, types=("MODIFIED", "DELETED")),
    ),
    reconcile=reconcile,
    patient=True,
)

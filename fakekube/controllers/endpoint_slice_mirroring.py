"""Shows what somebody has written into the Endpoints of a Service without selector as EndpointSlices.

https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpointslice-mirroring
"""

from __future__ import annotations

from fakekube.controllers.claims import controls, owner_reference
from fakekube.controllers.endpoint_slice import (
    MANAGED_BY,
    RESOURCE,
    SERVICE_NAME,
    Plan,
    Ports,
    identity,
    port_object,
    ports_in,
    slices_of,
)
from fakekube.controllers.endpoints import MANAGED_BY as ENDPOINTS_MANAGED_BY
from fakekube.controllers.endpoints import port_rank_in_slices
from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pod_control import is_end_of_namespace
from fakekube.controllers.service_pods import TRIGGER_TIME, without
from fakekube.errors import AlreadyExists, NotFound, StatusError

NAME = "endpointslicemirroring-controller"
MANAGER = "endpointslicemirroring-controller.k8s.io"

SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

MOST_OF_A_SUBSET = 1000


async def reconcile(context: Context, namespace: str, name: str) -> None:
    present = slices_of(context, namespace, name, MANAGER)
    endpoints = context.client.get("endpoints", namespace, name)
    service = context.client.get("services", namespace, name)
    wanted = wanted_slices(endpoints) if endpoints is not None and is_mirrored(endpoints, service) else []
    try:
        await carry_out(context, namespace, planned(endpoints, present, wanted))
    except (AlreadyExists, NotFound):
        context.wake((namespace, name))
    except StatusError as error:
        if not is_end_of_namespace(error):
            raise


def is_mirrored(endpoints: Object, service: Object | None) -> bool:
    if service is None or service["spec"].get("selector"):
        return False
    metadata = endpoints["metadata"]
    if "deletionTimestamp" in metadata or metadata.get("labels", {}).get(SKIP) == "true":
        return False
    return LEADER not in metadata.get("annotations", {})


def wanted_slices(endpoints: Object) -> list[Object]:
    """Equal ports and equal address families stand together."""
    found: dict[tuple[str, Ports], dict[tuple[str, str], Object]] = {}
    for subset in endpoints.get("subsets") or ():
        ports = ports_in(subset)
        ready = [(each, True) for each in subset.get("addresses", ())]
        others = [(each, False) for each in subset.get("notReadyAddresses", ())]
        for address, is_ready in (ready + others)[:MOST_OF_A_SUBSET]:
            made = endpoint(address, is_ready)
            family = "IPv6" if ":" in address["ip"] else "IPv4"
            found.setdefault((family, ports), {}).setdefault(identity(made), made)
    return [new_slice(endpoints, family, ports, list(members.values())) for (family, ports), members in found.items()]


def endpoint(address: Object, is_ready: bool) -> Object:
    made: Object = {"addresses": [address["ip"]], "conditions": {"ready": is_ready}}
    made.update({key: address[key] for key in ("hostname", "targetRef", "nodeName") if key in address})
    return made


def new_slice(endpoints: Object, family: str, ports: Ports, members: list[Object]) -> Object:
    metadata = endpoints["metadata"]
    labels = without(metadata.get("labels", {}), (SERVICE_NAME, MANAGED_BY, ENDPOINTS_MANAGED_BY))
    made: Object = {
        "generateName": f"{metadata['name']}-",
        "namespace": metadata["namespace"],
        "labels": {**labels, SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER},
        "ownerReferences": [owner_reference(endpoints)],
    }
    annotations = without(metadata.get("annotations", {}), (TRIGGER_TIME, LAST_APPLIED))
    if annotations:
        made["annotations"] = annotations
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": made,
        "addressType": family,
        "endpoints": members,
        "ports": [port_object(port) for port in sorted(ports, key=port_rank_in_slices)] or None,
    }


def planned(endpoints: Object | None, present: list[Object], wanted: list[Object]) -> Plan:
    plan = Plan()
    by_form: dict[tuple[str, Ports], Object] = {}
    for each in present:
        form = (each["addressType"], ports_in(each))
        if endpoints is None or not controls(endpoints, each) or form in by_form:
            plan.delete.append(each)
        else:
            by_form[form] = each
    for new in wanted:
        old = by_form.pop((new["addressType"], ports_in(new)), None)
        if old is None:
            plan.create.append(new)
        elif not shows(old, new):
            changed = {key: new["metadata"].get(key, {}) for key in ("labels", "annotations")}
            plan.update.append({**old, "endpoints": new["endpoints"], "metadata": {**old["metadata"], **changed}})
    plan.delete += by_form.values()
    recycle(endpoints, plan)
    return plan


def recycle(endpoints: Object | None, plan: Plan) -> None:
    """A slice that would go becomes one of its address family that would be made."""
    for gone in [each for each in plan.delete if endpoints is not None and controls(endpoints, each)]:
        new = next((each for each in plan.create if each["addressType"] == gone["addressType"]), None)
        if new is not None:
            plan.create.remove(new)
            plan.delete.remove(gone)
            changed = {key: new["metadata"].get(key, {}) for key in ("labels", "annotations")}
            plan.update.append({**gone, **new, "metadata": {**gone["metadata"], **changed}})


def shows(old: Object, new: Object) -> bool:
    return bool(old.get("endpoints") == new["endpoints"]) and all(
        old["metadata"].get(key, {}) == new["metadata"].get(key, {}) for key in ("labels", "annotations")
    )


async def carry_out(context: Context, namespace: str, plan: Plan) -> None:
    for each in plan.delete:
        await context.client.delete(RESOURCE, namespace, each["metadata"]["name"])
    for each in plan.create:
        await context.client.create(RESOURCE, each)
    for each in plan.update:
        await context.client.update(RESOURCE, each)


def service_of(endpoint_slice: Object) -> tuple[Key, ...]:
    """The service of a slice that mirrors."""
    metadata = endpoint_slice["metadata"]
    labels = metadata.get("labels", {})
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return ()
    return ((metadata["namespace"], labels[SERVICE_NAME]),)


CONTROLLER = Controller(
    name=NAME,
    events_from="endpoint-slice-mirroring-controller",
    watches=(Watch("services", key=own), Watch("endpoints", key=own), Watch(RESOURCE, key=service_of)),
    reconcile=reconcile,
    patient=True,
)

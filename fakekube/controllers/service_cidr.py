"""A ServiceCIDR gets a finalizer and is ready; one that is deleted stays while addresses of services would lose their range.

https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from fakekube.controllers.loop import Context, Controller, Key, Object, Watch, own
from fakekube.controllers.pvc_protection import remove_finalizer

RESOURCE, IP_ADDRESSES = "servicecidrs.networking.k8s.io", "ipaddresses.networking.k8s.io"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
MANAGED_BY = "ipaddress.kubernetes.io/managed-by"
OF_SERVICES = "ipallocator.k8s.io"

GRACE_S = 10.0
"""So long after its deletion a range stays even if nobody needs it."""

READY = ("True", "", "Kubernetes Service CIDR is ready")
HELD = (
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)
"""Status, reason and message of the condition `Ready`."""

TERMINATING = ""
"""In the place of a name: all ranges that are deleted. Whom of them an address concerns is found out when they are looked at."""

Network = IPv4Network | IPv6Network


def of_address(address: Object) -> tuple[Key, ...]:
    """Only the addresses that the server has given hold a range."""
    labels = address["metadata"].get("labels") or {}
    return (("", TERMINATING),) if labels.get(MANAGED_BY) == OF_SERVICES else ()


async def reconcile(context: Context, _: str, name: str) -> float | None:
    if name == TERMINATING:
        _wake(context, ())
        return None
    service_cidr = context.client.get(RESOURCE, "", name)
    if service_cidr is None:
        return None
    metadata = service_cidr["metadata"]
    finalizers = metadata.get("finalizers") or []
    if "deletionTimestamp" not in metadata:
        if FINALIZER not in finalizers:
            # The whole list is replaced, so nobody may have changed it meanwhile.
            patch = {"resourceVersion": metadata["resourceVersion"], "finalizers": [*finalizers, FINALIZER]}
            await context.client.patch(RESOURCE, "", name, {"metadata": patch})
        await _tell(context, service_cidr, READY)
        _wake(context, networks(service_cidr))
        return None
    if is_needed(context, service_cidr):
        await _tell(context, service_cidr, HELD)
        return None
    deleted = datetime.fromisoformat(metadata["deletionTimestamp"]).astimezone(UTC)
    left_s = GRACE_S - (context.clock.now() - deleted).total_seconds()
    if left_s > 0:
        return left_s
    if FINALIZER in finalizers:
        await remove_finalizer(context, RESOURCE, service_cidr, FINALIZER)
    return None


def is_needed(context: Context, service_cidr: Object) -> bool:
    """Whether no other range covers it as a whole and some address of a service lies in no other."""
    own_networks = networks(service_cidr)
    others = [
        network
        for other in context.client.list(RESOURCE)
        if other["metadata"]["name"] != service_cidr["metadata"]["name"]
        for network in networks(other)
    ]
    if all(any(_covers(other, network) for other in others) for network in own_networks):
        return False
    for stored in context.client.list(IP_ADDRESSES, label_selector=f"{MANAGED_BY}={OF_SERVICES}"):
        address = ip_address(stored["metadata"]["name"])
        if any(address in network for network in own_networks) and not any(address in other for other in others):
            return True
    return False


def networks(service_cidr: Object) -> list[Network]:
    return [ip_network(text) for text in service_cidr["spec"].get("cidrs") or ()]


def _covers(wide: Network, narrow: Network) -> bool:
    return wide.overlaps(narrow) and wide.prefixlen <= narrow.prefixlen


def _wake(context: Context, by: Iterable[Network]) -> None:
    """Have the deleted ranges looked at that overlap with these; with none, all of them."""
    for name in _terminating(context, list(by)):
        context.wake(("", name))


def _terminating(context: Context, by: list[Network]) -> Iterator[str]:
    for other in context.client.list(RESOURCE):
        if "deletionTimestamp" in other["metadata"] and (
            not by or any(network.overlaps(each) for network in networks(other) for each in by)
        ):
            yield other["metadata"]["name"]


async def _tell(context: Context, service_cidr: Object, told: tuple[str, str, str]) -> None:
    for condition in (service_cidr.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and told == tuple(
            condition.get(key, "") for key in ("status", "reason", "message")
        ):
            return
    status, reason, message = told
    condition = {
        "type": "Ready",
        "status": status,
        "lastTransitionTime": context.clock.timestamp(),
        "reason": reason,
        "message": message,
    }
    configuration = {
        "kind": service_cidr["kind"],
        "apiVersion": service_cidr["apiVersion"],
        "metadata": {"name": service_cidr["metadata"]["name"]},
        "status": {"conditions": [condition]},
    }
    await context.client.apply(RESOURCE, configuration, "status", field_manager="service-cidr-controller")


CONTROLLER = Controller(
    name="service-cidrs-controller",
    watches=(
        Watch(RESOURCE, key=own),
        Watch(IP_ADDRESSES, key=of_address, types=("ADDED", "DELETED")),
    ),
    reconcile=reconcile,
)

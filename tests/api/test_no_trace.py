"""An object that fails leaves nothing behind: no address, no node port, no revision, no event, and no bit of a quota."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fakekube.admission import Chain, Plugin
from fakekube.api import create, patch, update
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import StatusError
from tests.api.conftest import MakeCall, Put

QUOTA = {"pods": "5", "services": "5", "services.nodeports": "5", "configmaps": "5", "requests.cpu": "5"}
UNUSED = dict.fromkeys(QUOTA, "0")


@pytest.fixture
async def counted(plane: ControlPlane, put: Put) -> ControlPlane:
    """A plane with a quota of which nothing is used, and a service that has an address and a node port."""
    taken = {"type": "NodePort", "clusterIP": "10.96.0.10", "ports": [{"port": 80, "nodePort": 30080}]}
    await put("services", "there", spec=taken)
    await put("namespaces", "shop")
    stored = await put("resourcequotas", "all", spec={"hard": QUOTA})
    quota = copy.deepcopy(stored.value)
    quota["status"] = {"hard": QUOTA, "used": UNUSED}
    plane.replace("", "resourcequotas", "shop", "all", quota)
    plane.admission = Chain((Plugin("resource_quota"),))
    return plane


def used(plane: ControlPlane) -> Any:
    quota = plane.get("", "resourcequotas", "shop", "all")
    assert quota is not None
    return quota["status"]["used"]


def traces(plane: ControlPlane) -> Any:
    """All that a write could leave."""
    stored = [kind for kind in plane.kinds if kind.is_stored and kind.is_stored_form]
    objects = {kind.collection: plane.list(kind.group, kind.resource, "") for kind in stored}
    names = {name: sorted(each["metadata"]["name"] for each in each_of) for name, each_of in objects.items()}
    addresses = [address for address in ("10.96.0.10", "10.96.0.11") if plane.allocators.cluster_ips.is_taken(address)]
    ports = [port for port in (30080, 30081) if plane.allocators.node_ports.is_taken(port)]
    return names, addresses, ports, used(plane)


def service(**spec: Any) -> Any:
    return {
        "metadata": {"name": "new"},
        "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30081}], **spec},
    }


FAILING: dict[str, tuple[str, Any]] = {
    "address taken": ("services", service(clusterIP="10.96.0.10")),
    "address of no range": ("services", service(clusterIP="192.0.2.1")),
    "node port taken, address free": (
        "services",
        service(clusterIP="10.96.0.11", ports=[{"port": 80, "nodePort": 30080}]),
    ),
    "second node port taken": (
        "services",
        service(ports=[{"name": "a", "port": 80, "nodePort": 30081}, {"name": "b", "port": 81, "nodePort": 30080}]),
    ),
    "invalid": ("services", service(sessionAffinity="Sometimes")),
    "version of its own": ("configmaps", {"metadata": {"name": "new", "resourceVersion": "5"}}),
    "over quota": (
        "pods",
        {
            "metadata": {"name": "new"},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "6"}}}]},
        },
    ),
    "name taken": ("services", {**service(), "metadata": {"name": "there"}}),
}


@pytest.mark.parametrize(("resource", "body"), FAILING.values(), ids=FAILING)
async def test_create_that_fails_leaves_nothing(
    counted: ControlPlane, call: MakeCall, resource: str, body: Any
) -> None:
    before, head = traces(counted), counted.store.revision

    with pytest.raises(StatusError):
        await create.create(counted, call(resource), copy.deepcopy(body))

    assert traces(counted) == before
    assert counted.store.revision - head in (0, 2), "a charge and its return, or nothing at all"


async def test_create_in_a_dry_run_leaves_nothing(counted: ControlPlane, call: MakeCall) -> None:
    before, head = traces(counted), counted.store.revision

    await create.create(counted, call("services", dryRun="All"), service())

    assert (traces(counted), counted.store.revision) == (before, head)


async def test_create_that_succeeds_is_charged_once(counted: ControlPlane, call: MakeCall) -> None:
    await create.create(counted, call("services"), service())

    assert used(counted) == UNUSED | {"services": "1", "services.nodeports": "1"}


Change = Callable[[ControlPlane, MakeCall, Any], Awaitable[object]]


async def _put(plane: ControlPlane, call: MakeCall, spec: Any) -> object:
    return await update.update(plane, call("services", "plain"), {"metadata": {"name": "plain"}, "spec": spec})


async def _patch(plane: ControlPlane, call: MakeCall, spec: Any) -> object:
    return await patch.patch(plane, call("services", "plain"), {"spec": spec}, "application/merge-patch+json")


@pytest.mark.parametrize("change", [_put, _patch])
async def test_change_that_fails_leaves_nothing(
    counted: ControlPlane, call: MakeCall, put: Put, change: Change
) -> None:
    await put("services", "plain", spec={"ports": [{"port": 80}]})
    before = traces(counted)

    with pytest.raises(StatusError) as refused:
        await change(counted, call, {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]})

    assert "provided port is already allocated" in refused.value.message
    assert traces(counted) == before

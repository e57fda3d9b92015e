from __future__ import annotations

from typing import Any

import pytest

from .conftest import POD, SHOP, Ask

REFUSED = "error trying to reach service: dial tcp {}: connect: connection refused"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


async def test_a_pod_without_an_address_is_not_reached(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "p", spec=POD)

    assert (await ask("GET", f"{SHOP}/pods/p:80/proxy/x/y")).message == "address not allowed"
    assert (await ask("GET", f"{SHOP}/pods/none/proxy/")).message == 'pods "none" not found'


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_more_methods_than_elsewhere_are_carried_on(ask: Ask, method: str) -> None:
    assert (await ask(method, f"{SHOP}/pods/none/proxy/")).status == 404
    assert (await ask("PURGE", f"{SHOP}/pods/none/proxy/")).status == 405


@pytest.mark.parametrize("path", ["pods/none/proxy/x", "services/none/proxy", "pods/none/exec"])
async def test_what_goes_on_elsewhere_cannot_be_tried_dry(ask: Ask, path: str) -> None:
    answer = await ask("POST", f"{SHOP}/{path}?dryRun=All")

    assert (answer.status, answer.message) == (400, "dryRun is not supported")


@pytest.mark.parametrize("name", ["ftp:p:80", "a:b:c:d", ":80"])
async def test_a_target_is_a_name_perhaps_with_scheme_and_port(ask: Ask, name: str) -> None:
    answer = await ask("GET", f"{SHOP}/pods/{name}/proxy")

    assert (answer.status, answer.message) == (400, f'invalid pod request "{name}"')


async def test_nothing_listens_in_own_pods(ask: Ask, running: Any) -> None:
    await running("p")

    answer = await ask("DELETE", f"{SHOP}/pods/p/proxy/")

    assert (answer.status, answer.message) == (
        501,
        "carrying requests on to pods is not available in this server (fakekube)",
    )


async def test_pods_of_other_machines_do_not_answer(ask: Ask, running: Any) -> None:
    await running("p", own=False)

    plain, secure = await ask("GET", f"{SHOP}/pods/p/proxy/"), await ask("GET", f"{SHOP}/pods/https:p:/proxy/")

    assert (plain.status, plain.message) == (503, REFUSED.format("10.244.0.2:80"))
    assert secure.message == REFUSED.format("10.244.0.2:443")


async def test_nodes_are_looked_for(ask: Ask, running: Any) -> None:
    await running("p", own=False)

    assert (await ask("GET", "/api/v1/nodes/none/proxy/")).message == 'nodes "none" not found'
    assert (await ask("GET", "/api/v1/nodes/n/proxy/pods")).message == REFUSED.format("192.0.2.7:10250")


async def test_a_service_is_known_by_its_slices(ask: Ask, make: Any) -> None:
    labels = {"labels": {"kubernetes.io/service-name": "s"}}
    ports = [{"name": "web", "port": 8080}]
    none = await ask("GET", f"{SHOP}/services/s/proxy/")
    await make(SLICES, "empty", metadata=labels, addressType="IPv4", endpoints=[], ports=ports)
    empty = await ask("GET", f"{SHOP}/services/s/proxy/")
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]
    await make(SLICES, "full", metadata=labels, addressType="IPv4", endpoints=endpoints, ports=ports)

    assert (none.status, none.message) == (404, 'services "s" not found')
    assert (empty.status, empty.message) == (503, 'no endpoints available for service "s"')
    named, other = await ask("GET", f"{SHOP}/services/s:web/proxy/"), await ask("GET", f"{SHOP}/services/s:x/proxy/")
    assert named.message == REFUSED.format("10.0.0.1:8080")
    assert other.message == 'no endpoints available for service "s:x"'


async def test_a_port_number_is_one_of_the_service(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/services", "s", spec={"ports": [{"name": "web", "port": 80}]})

    missing = await ask("GET", f"{SHOP}/services/s:81/proxy/")

    assert (missing.status, missing.message) == (503, 'no service port 81 found for service "s"')
    assert (await ask("GET", f"{SHOP}/services/none:80/proxy/")).message == 'services "none" not found'

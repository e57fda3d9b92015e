"""The variables that lead containers to Services."""

from __future__ import annotations

from typing import Any

from fakekube.kubelet.service_variables import variables_of, visible_to
from tests.kubelet.sources import API_SERVICE, Held, pod_of


def service(name: str, address: str, *ports: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": list(ports)}}


def names(services: list[dict[str, Any]] | None) -> list[str]:
    assert services is not None
    return [each["metadata"]["name"] for each in services]


def test_a_service_gives_its_address_its_ports_and_their_urls() -> None:
    redis = service(
        "redis-primary",
        "10.96.0.11",
        {"name": "client-port", "port": 6379, "protocol": "TCP"},
        {"name": "gossip", "port": 6380, "protocol": "UDP"},
    )

    assert variables_of([redis]) == {
        "REDIS_PRIMARY_SERVICE_HOST": "10.96.0.11",
        "REDIS_PRIMARY_SERVICE_PORT": "6379",
        "REDIS_PRIMARY_SERVICE_PORT_CLIENT_PORT": "6379",
        "REDIS_PRIMARY_SERVICE_PORT_GOSSIP": "6380",
        "REDIS_PRIMARY_PORT": "tcp://10.96.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP": "tcp://10.96.0.11:6379",
        "REDIS_PRIMARY_PORT_6379_TCP_PROTO": "tcp",
        "REDIS_PRIMARY_PORT_6379_TCP_PORT": "6379",
        "REDIS_PRIMARY_PORT_6379_TCP_ADDR": "10.96.0.11",
        "REDIS_PRIMARY_PORT_6380_UDP": "udp://10.96.0.11:6380",
        "REDIS_PRIMARY_PORT_6380_UDP_PROTO": "udp",
        "REDIS_PRIMARY_PORT_6380_UDP_PORT": "6380",
        "REDIS_PRIMARY_PORT_6380_UDP_ADDR": "10.96.0.11",
    }


def test_an_unnamed_port_has_no_variable_of_its_name() -> None:
    variables = variables_of([service("web", "10.96.0.12", {"port": 80})])

    assert [name for name in variables if "SERVICE" in name] == ["WEB_SERVICE_HOST", "WEB_SERVICE_PORT"]
    assert variables["WEB_PORT"] == "tcp://10.96.0.12:80"


def test_an_address_of_ipv6_stands_in_brackets_within_urls() -> None:
    variables = variables_of([service("web", "fd00::12", {"port": 80})])

    assert variables["WEB_SERVICE_HOST"] == variables["WEB_PORT_80_TCP_ADDR"] == "fd00::12"
    assert variables["WEB_PORT"] == variables["WEB_PORT_80_TCP"] == "tcp://[fd00::12]:80"


def test_services_without_an_address_are_left_out() -> None:
    assert variables_of([service("a", "None", {"port": 80}), service("b", "", {"port": 80})]) == {}


def test_a_pod_is_told_of_the_api_server_and_of_its_own_namespace() -> None:
    source = Held(
        all_services=[
            API_SERVICE,
            service("other", "10.96.0.9", {"port": 80}, namespace="default"),
            service("web", "10.96.0.12", {"port": 80}),
            service("headless", "None", {"port": 80}),
        ]
    )

    assert names(visible_to(pod_of(), source)) == ["kubernetes", "web"]
    assert names(visible_to(pod_of(enableServiceLinks=False), source)) == ["kubernetes"]


def test_a_service_kubernetes_of_the_own_namespace_hides_that_of_the_api_server() -> None:
    source = Held(all_services=[API_SERVICE, service("kubernetes", "10.96.0.66", {"port": 80})])

    seen = visible_to(pod_of(), source)

    assert seen is not None
    assert variables_of(seen)["KUBERNETES_SERVICE_HOST"] == "10.96.0.66"


def test_before_services_were_read_nothing_is_known() -> None:
    assert visible_to(pod_of(), Held(all_services=None)) is None

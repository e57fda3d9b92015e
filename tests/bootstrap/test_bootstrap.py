from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fakekube import bootstrap

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def fresh(**changes: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    settings = {
        "ca_pem": "-----BEGIN\nx\n",
        "service_cidr": "10.96.0.0/16",
        "server_address": "192.0.2.1:6443",
        "now": NOW,
    }
    objects = bootstrap.objects(**{**settings, **changes})
    return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in objects}


def test_kind_and_api_version_come_first_in_every_object() -> None:
    assert {tuple(each)[:2] for each in fresh().values()} == {("kind", "apiVersion")}


def test_every_placeholder_is_filled_in() -> None:
    assert "<" not in json.dumps(list(fresh().values()))


def test_a_fresh_cluster_has_four_namespaces_each_with_its_account_and_root_ca() -> None:
    objects = fresh()

    namespaces = [name for kind, _, name in objects if kind == "Namespace"]

    assert namespaces == ["default", "kube-node-lease", "kube-public", "kube-system"]
    for namespace in namespaces:
        assert ("ServiceAccount", namespace, "default") in objects
        assert objects["ConfigMap", namespace, "kube-root-ca.crt"]["data"] == {"ca.crt": "-----BEGIN\nx\n"}


def test_the_service_kubernetes_has_the_first_address_of_the_service_range() -> None:
    objects = fresh(service_cidr="10.0.0.0/24")

    assert objects["Service", "default", "kubernetes"]["spec"]["clusterIPs"] == ["10.0.0.1"]
    assert objects["IPAddress", "", "10.0.0.1"]["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"] == "IPv4"
    assert objects["ServiceCIDR", "", "kubernetes"]["spec"] == {"cidrs": ["10.0.0.0/24"]}


def test_the_endpoints_of_kubernetes_are_where_the_server_listens() -> None:
    subset = fresh()["Endpoints", "default", "kubernetes"]["subsets"][0]

    assert subset == {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}


def test_a_server_on_all_addresses_is_announced_on_the_loopback() -> None:
    objects = fresh(server_address="[::]:6443")

    assert objects["EndpointSlice", "default", "kubernetes"]["addressType"] == "IPv6"
    assert objects["EndpointSlice", "default", "kubernetes"]["endpoints"][0]["addresses"] == ["::1"]


def test_roles_that_gather_others_say_which() -> None:
    assert set(fresh()["ClusterRole", "", "edit"]) == {"kind", "apiVersion", "metadata", "rules", "aggregationRule"}

from __future__ import annotations

import copy
from typing import Any

import pytest

from fakekube.errors import Invalid
from fakekube.kinds.core.service import STRATEGY


def service(**spec: Any) -> dict[str, Any]:
    base = {"type": "ClusterIP", "sessionAffinity": "None", "selector": {"app": "x"}}
    port = {"port": 80, "protocol": "TCP", "targetPort": 80}
    return {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "s"}, "spec": {"ports": [port], **base, **spec}}


def created(operation: Any, **spec: Any) -> dict[str, Any]:
    new = service(**spec)
    assert STRATEGY.allocate is not None
    STRATEGY.prepare_create(new, operation)
    assert STRATEGY.validate_create(new) == []
    STRATEGY.allocate(new, None, operation)
    return new


def changed(operation: Any, old: dict[str, Any], **spec: Any) -> dict[str, Any]:
    new = service(**spec)
    assert STRATEGY.allocate is not None
    STRATEGY.prepare_update(new, old, operation)
    assert STRATEGY.validate_update(new, old) == []
    STRATEGY.allocate(new, old, operation)
    return new


def test_service_gets_an_address_of_the_cluster(operation: Any) -> None:
    spec = created(operation)["spec"]

    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert spec["clusterIP"].startswith("10.96.0.")
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_headless_service_without_selector_may_have_both_families(operation: Any) -> None:
    spec = created(operation, clusterIP="None", selector=None)["spec"]

    assert (spec["clusterIPs"], spec["ipFamilies"], spec["ipFamilyPolicy"]) == (
        ["None"],
        ["IPv4", "IPv6"],
        "RequireDualStack",
    )


def test_ports_of_one_number_and_two_protocols_share_a_node_port(operation: Any) -> None:
    ports = [{"name": name, "port": 53, "protocol": name.upper(), "targetPort": 53} for name in ("tcp", "udp")]
    spec = created(operation, type="NodePort", ports=ports)["spec"]

    assert spec["ports"][0]["nodePort"] == spec["ports"][1]["nodePort"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"clusterIP": "192.0.2.1"},
            'spec.clusterIPs: Invalid value: ["192.0.2.1"]: failed to allocate IP 192.0.2.1: '
            "the provided network does not match the current range",
        ),
        (
            {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 80}]},
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767",
        ),
        (
            {"ipFamilyPolicy": "RequireDualStack"},
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        ),
    ],
)
def test_what_cannot_be_allocated_is_told_as_an_invalid_field(operation: Any, spec: Any, text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        created(operation, **spec)

    assert refusal.value.message == f'Service "s" is invalid: {text}'


def test_taken_node_port_is_not_given_twice(operation: Any) -> None:
    port = created(operation, type="NodePort")["spec"]["ports"][0]["nodePort"]

    with pytest.raises(Invalid, match="provided port is already allocated"):
        created(operation, type="NodePort", ports=[{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": port}])


def test_address_and_node_port_that_are_left_unsaid_stay(operation: Any) -> None:
    old = created(operation, type="NodePort")

    new = changed(operation, old, type="NodePort")

    assert new["spec"] == old["spec"]


def test_address_may_not_change(operation: Any) -> None:
    old = created(operation)
    new = service(clusterIP="10.96.0.77")

    STRATEGY.prepare_update(new, old, operation)

    texts = [str(error) for error in STRATEGY.validate_update(new, old)]
    assert texts == ['spec.clusterIPs[0]: Invalid value: ["10.96.0.77"]: may not change once set']


def test_node_ports_go_with_the_type_though_ports_change_too(operation: Any) -> None:
    ports = [
        {"name": name, "port": port, "protocol": "TCP", "targetPort": port} for name, port in (("a", 80), ("b", 81))
    ]
    old = created(operation, type="NodePort", ports=ports)
    kept = old["spec"]["ports"][0]
    added = {"name": "c", "port": 82, "protocol": "TCP", "targetPort": 82}

    new = changed(operation, old, type="ClusterIP", ports=[dict(kept), added])

    assert [port.get("nodePort") for port in new["spec"]["ports"]] == [None, None]
    assert not operation.allocators.node_ports.is_taken(kept["nodePort"])


def test_external_name_gives_address_and_ports_back(operation: Any) -> None:
    old = created(operation, type="NodePort")
    address, port = old["spec"]["clusterIP"], old["spec"]["ports"][0]["nodePort"]
    sent = copy.deepcopy(old["spec"]) | {"type": "ExternalName", "externalName": "x.example.com"}

    new = changed(operation, old, **sent)

    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & set(new["spec"])
    assert not operation.allocators.cluster_ips.is_taken(address)
    assert not operation.allocators.node_ports.is_taken(port)


def test_deleted_service_gives_everything_back(operation: Any) -> None:
    gone = created(operation, type="NodePort")

    STRATEGY.release(gone, operation)

    assert not operation.allocators.cluster_ips.is_taken(gone["spec"]["clusterIP"])


def test_a_second_family_goes_when_one_is_asked_for(operation: Any) -> None:
    old = created(operation, clusterIP="None", selector=None)
    assert old["spec"]["ipFamilies"] == ["IPv4", "IPv6"]

    one = changed(operation, old, clusterIP="None", selector=None, ipFamilyPolicy="SingleStack")

    assert one["spec"]["ipFamilies"] == ["IPv4"]


def test_a_second_family_does_not_go_unasked(operation: Any) -> None:
    old = created(operation, clusterIP="None", selector=None)

    with pytest.raises(Invalid) as refused:
        changed(operation, old, clusterIP="None", selector=None, ipFamilies=["IPv4"])

    assert "must be 'SingleStack' to release the secondary IP family" in str(refused.value)


def test_refused_families_of_a_service_without_a_name_are_told(operation: Any) -> None:
    nameless = service(ipFamilyPolicy="RequireDualStack")
    del nameless["metadata"]["name"]

    with pytest.raises(Invalid, match='Service "" is invalid'):
        STRATEGY.prepare_create(nameless, operation)


def dry(operation: Any, **spec: Any) -> dict[str, Any]:
    operation.dry_run = True
    return created(operation, **spec)


def test_dry_run_gives_ports_that_are_never_given(operation: Any) -> None:
    named = [
        {"name": name, "port": number, "protocol": "TCP", "targetPort": 80} for number, name in ((1, "a"), (2, "b"))
    ]

    spec = dry(operation, type="LoadBalancer", externalTrafficPolicy="Local", ports=named)["spec"]

    assert spec["clusterIP"] == "10.96.0.0"
    assert [port["nodePort"] for port in spec["ports"]] == [32769, 32770]
    assert spec["healthCheckNodePort"] == 32771


def test_dry_run_asks_of_a_node_port_only_whether_it_is_free(operation: Any) -> None:
    taken = created(operation, type="NodePort")["spec"]["ports"][0]
    wanted = {"port": 80, "protocol": "TCP", "targetPort": 80}

    assert dry(operation, type="NodePort", ports=[{**wanted, "nodePort": 5}])["spec"]["ports"][0]["nodePort"] == 5
    with pytest.raises(Invalid, match="provided port is already allocated"):
        dry(operation, type="NodePort", ports=[{**wanted, "nodePort": taken["nodePort"]}])


def test_dry_run_asks_of_an_address_only_whether_it_is_in_the_range(operation: Any) -> None:
    taken = created(operation)["spec"]["clusterIP"]

    assert dry(operation, clusterIP=taken)["spec"]["clusterIP"] == taken
    with pytest.raises(Invalid, match=r"the provided IP \(10.97.0.1\) is not in the valid range"):
        dry(operation, clusterIP="10.97.0.1")


def test_traffic_policy_of_an_external_name_is_judged_and_never_shown(operation: Any) -> None:
    sent = {"type": "ExternalName", "externalName": "a.example.com"}

    assert "internalTrafficPolicy" not in created(operation, **sent, internalTrafficPolicy="Local")["spec"]
    (error,) = STRATEGY.validate_create(service(**sent, internalTrafficPolicy="Mine"))
    assert str(error).startswith('spec.internalTrafficPolicy: Unsupported value: "Mine"')


def kept(operation: Any, old: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    new = created(operation, **spec) if old is None else changed(operation, old, **spec)
    new["metadata"]["namespace"] = "shop"
    STRATEGY.stored(new, old, operation)
    return new


def test_each_address_of_a_service_says_whose_it_is(operation: Any) -> None:
    new = kept(operation)

    (address,) = operation.beside.values()
    assert address["metadata"]["name"] == new["spec"]["clusterIP"]
    assert address["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"] == "IPv4"
    assert address["spec"] == {"parentRef": {"resource": "services", "namespace": "shop", "name": "s"}}


def test_an_address_that_a_service_gives_back_is_nobodys(operation: Any) -> None:
    old = kept(operation)

    kept(operation, old, **copy.deepcopy(old["spec"]) | {"type": "ExternalName", "externalName": "x.example.com"})

    assert operation.beside == {}


def test_a_headless_service_has_no_address(operation: Any) -> None:
    kept(operation, clusterIP="None")

    assert operation.beside == {}


def test_a_deleted_service_takes_its_address_along(operation: Any) -> None:
    STRATEGY.release(kept(operation), operation)

    assert operation.beside == {}


def test_two_ports_of_a_new_service_share_no_node_port_but_for_one_number(operation: Any) -> None:
    ports = [
        {"name": name, "port": number, "protocol": "TCP", "nodePort": 30500} for number, name in ((1, "a"), (2, "b"))
    ]

    with pytest.raises(
        Invalid, match=r"spec.ports\[1\].nodePort: Invalid value: 30500: provided port is already alloc"
    ):
        created(operation, type="NodePort", ports=ports)

from __future__ import annotations

from typing import Any

import pytest

from fakekube.objects.pod_resources import pod_resources
from fakekube.objects.quota_usage import counted_resource, is_in_scope, usage


def container(requests: dict[str, str], *, always: bool = False) -> dict[str, Any]:
    return {"resources": {"requests": requests}, **({"restartPolicy": "Always"} if always else {})}


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [], **spec}, "status": {"phase": "Pending"}}


def asked(resource: str, object: dict[str, Any]) -> dict[str, str]:
    return {key: str(amount) for key, amount in usage(resource, object).items()}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container({"cpu": "100m"}), container({"cpu": "1"})]}, "1100m"),
        ({"containers": [container({"cpu": "1"})], "initContainers": [container({"cpu": "3"})]}, "3"),
        ({"containers": [container({"cpu": "1"})], "initContainers": [container({"cpu": "1"}, always=True)]}, "2"),
        (
            {
                "containers": [container({"cpu": "1"})],
                "initContainers": [container({"cpu": "1"}, always=True), container({"cpu": "2"})],
            },
            "3",
        ),
        ({"containers": [container({"cpu": "1"})], "overhead": {"cpu": "250m"}}, "1250m"),
        ({"containers": [container({"cpu": "1"})], "resources": {"requests": {"cpu": "4"}}}, "4"),
    ],
    ids=["together", "init", "sidecar", "init beside a sidecar", "overhead", "of the pod"],
)
def test_a_pod_asks_for_what_its_containers_need_at_most_at_one_time(spec: dict[str, Any], cpu: str) -> None:
    assert str(pod_resources(pod(**spec), "requests")["cpu"]) == cpu


def test_overhead_adds_to_limits_only_where_there_are_any() -> None:
    limited = {"resources": {"limits": {"cpu": "1"}}}

    limits = pod_resources(pod(containers=[limited], overhead={"cpu": "1", "memory": "1Gi"}), "limits")

    assert {name: str(amount) for name, amount in limits.items()} == {"cpu": "2"}


def test_a_pod_is_counted_by_all_its_names() -> None:
    resources = {"requests": {"cpu": "1", "memory": "1Gi", "example.com/gpu": "2"}, "limits": {"memory": "2Gi"}}

    assert asked("pods", pod(containers=[{"resources": resources}])) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1",
        "requests.cpu": "1",
        "memory": "1Gi",
        "requests.memory": "1Gi",
        "requests.example.com/gpu": "2",
        "limits.memory": "2Gi",
    }


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_is_there_and_takes_nothing(phase: str) -> None:
    finished = {**pod(containers=[container({"cpu": "1"})]), "status": {"phase": phase}}

    assert asked("pods", finished) == {"count/pods": "1"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"type": "ClusterIP", "ports": [{}]}, {}),
        ({"type": "NodePort", "ports": [{}, {}]}, {"services.nodeports": "2"}),
        ({"type": "LoadBalancer", "ports": [{}]}, {"services.nodeports": "1", "services.loadbalancers": "1"}),
        (
            {"type": "LoadBalancer", "ports": [{}, {"nodePort": 30000}], "allocateLoadBalancerNodePorts": False},
            {"services.nodeports": "1", "services.loadbalancers": "1"},
        ),
    ],
)
def test_a_service_takes_ports_of_nodes_and_load_balancers(spec: dict[str, Any], expected: dict[str, str]) -> None:
    assert asked("services", {"spec": spec}) == {"count/services": "1", "services": "1", **expected}


def test_a_claim_takes_storage_of_its_class_too() -> None:
    claim = {"spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "5Gi"}}}}

    assert asked("persistentvolumeclaims", claim) == {
        "count/persistentvolumeclaims": "1",
        "persistentvolumeclaims": "1",
        "requests.storage": "5Gi",
        "gold.storageclass.storage.k8s.io/requests.storage": "5Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
    }


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("pods", "pods"),
        ("limits.cpu", "pods"),
        ("hugepages-2Mi", "pods"),
        ("count/jobs.batch", "jobs.batch"),
        ("configmaps", "configmaps"),
        ("services.nodeports", "services"),
        ("requests.storage", "persistentvolumeclaims"),
        ("gold.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
    ],
)
def test_each_name_counts_one_resource(name: str, resource: str) -> None:
    assert counted_resource(name) == resource


BEST_EFFORT = pod(containers=[container({"example.com/gpu": "1"})])
BURSTABLE = pod(containers=[container({"cpu": "1"})], activeDeadlineSeconds=5, priorityClassName="high")


@pytest.mark.parametrize(
    ("scope", "best_effort", "burstable"),
    [
        ({"scopes": ["BestEffort"]}, True, False),
        ({"scopes": ["NotBestEffort"]}, False, True),
        ({"scopes": ["Terminating"]}, False, True),
        ({"scopes": ["NotTerminating"]}, True, False),
        ({"scopes": ["NotBestEffort", "NotTerminating"]}, False, False),
        ({}, True, True),
    ],
)
def test_all_scopes_must_hold(scope: dict[str, Any], best_effort: bool, burstable: bool) -> None:
    assert is_in_scope({"spec": scope}, "pods", BEST_EFFORT) is best_effort
    assert is_in_scope({"spec": scope}, "pods", BURSTABLE) is burstable


@pytest.mark.parametrize(
    ("operator", "values", "with_class", "without"),
    [
        ("In", ["high"], True, False),
        ("NotIn", ["high"], False, True),
        ("Exists", [], True, False),
        ("DoesNotExist", [], False, True),
    ],
)
def test_a_scope_may_ask_for_priority_classes(
    operator: str, values: list[str], with_class: bool, without: bool
) -> None:
    expression = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    quota = {"spec": {"scopeSelector": {"matchExpressions": [expression]}}}

    assert is_in_scope(quota, "pods", BURSTABLE) is with_class
    assert is_in_scope(quota, "pods", BEST_EFFORT) is without


def test_affinity_to_pods_of_other_namespaces_is_a_scope() -> None:
    term = {"topologyKey": "zone", "namespaces": ["other"]}
    affinity = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": term}]}}
    quota = {"spec": {"scopes": ["CrossNamespacePodAffinity"]}}

    assert is_in_scope(quota, "pods", pod(affinity=affinity))
    assert not is_in_scope(quota, "pods", BEST_EFFORT)


def test_a_quota_with_scopes_counts_pods_alone() -> None:
    assert not is_in_scope({"spec": {"scopes": ["BestEffort"]}}, "configmaps", {})

"""The official Python client, synchronous."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.informer import SharedInformer

from .conftest import Cluster


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Any]:
    configuration = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=configuration)
    with client.ApiClient(configuration) as connection:
        yield connection


def config_map(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def test_kubernetes_creates_reads_changes_and_deletes(api: Any, namespace: str, cluster: Cluster) -> None:
    core = client.CoreV1Api(api)

    made = core.create_namespaced_config_map(namespace, config_map("settings", colour="red"))
    assert core.read_namespaced_config_map("settings", namespace).metadata.uid == made.metadata.uid

    made.data["colour"] = "green"
    core.replace_namespaced_config_map("settings", namespace, made)
    operations = [{"op": "add", "path": "/data/size", "value": "small"}]
    core.patch_namespaced_config_map("settings", namespace, operations)
    merge = {"data": {"colour": "blue"}}
    core.patch_namespaced_config_map("settings", namespace, merge, _content_type="application/merge-patch+json")
    assert cluster.config_maps(namespace) == {"settings": {"colour": "blue", "size": "small"}}

    core.delete_namespaced_config_map("settings", namespace)
    with pytest.raises(client.ApiException) as missing:
        core.read_namespaced_config_map("settings", namespace)
    assert (missing.value.status, missing.value.reason) == (404, "Not Found")


def test_kubernetes_lists_in_pages(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    for number in range(5):
        core.create_namespaced_config_map(namespace, config_map(f"page-{number}"))

    names, token = [], ""
    while True:
        page = core.list_namespaced_config_map(namespace, limit=2, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break

    assert [name for name in names if name.startswith("page-")] == [f"page-{number}" for number in range(5)]


def test_kubernetes_watches_from_where_a_list_ended(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    since = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, config_map("settings", colour="red"))
    core.delete_namespaced_config_map("settings", namespace)

    stream = watch.Watch().stream(core.list_namespaced_config_map, namespace, resource_version=since, timeout_seconds=1)
    seen = [(event["type"], event["object"].metadata.name) for event in stream]

    assert [event for event in seen if event[1] == "settings"] == [("ADDED", "settings"), ("DELETED", "settings")]


def test_kubernetes_reads_pods_into_its_models(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    container = client.V1Container(name="main", image="nginx")
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="web"), spec=client.V1PodSpec(containers=[container]))
    core.create_namespaced_pod(namespace, pod)

    changes = watch.Watch()
    for event in changes.stream(core.list_namespaced_pod, namespace, timeout_seconds=20):
        if event["object"].status.phase == "Running":
            changes.stop()

    running = core.read_namespaced_pod("web", namespace)
    assert running.status.container_statuses[0].ready
    assert running.status.pod_ip
    assert core.list_node().items[0].metadata.name == running.spec.node_name


def test_kubernetes_informer_keeps_up(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    seen: queue.Queue[tuple[str, str]] = queue.Queue()
    informer = SharedInformer(core.list_namespaced_config_map, namespace=namespace)
    for kind in ("ADDED", "MODIFIED", "DELETED"):
        informer.add_event_handler(kind, lambda found, kind=kind: seen.put((kind, found.metadata.name)))
    core.create_namespaced_config_map(namespace, config_map("before"))

    informer.start()
    try:
        expect(seen, ("ADDED", "before"))
        core.create_namespaced_config_map(namespace, config_map("after", colour="red"))
        expect(seen, ("ADDED", "after"))
        core.replace_namespaced_config_map("after", namespace, config_map("after", colour="blue"))
        expect(seen, ("MODIFIED", "after"))
        core.delete_namespaced_config_map("after", namespace)
        expect(seen, ("DELETED", "after"))
        assert "before" in {found.metadata.name for found in informer.cache.list()}
    finally:
        core.create_namespaced_config_map(namespace, config_map("last"))  # its thread sees the end at an event
        informer.stop()


def expect(seen: queue.Queue[tuple[str, str]], wanted: tuple[str, str]) -> None:
    while seen.get(timeout=10) != wanted:
        pass


def test_kubernetes_dynamic_client_finds_every_kind(api: Any, namespace: str) -> None:
    resources = dynamic.DynamicClient(api).resources

    jobs = resources.get(api_version="batch/v1", kind="Job")

    assert jobs.get(namespace=namespace).items == []
    assert resources.get(api_version="networking.k8s.io/v1", kind="Ingress").namespaced

"""kr8s, which asks for aggregated discovery and goes by short names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kr8s
import kr8s.asyncio
import pytest
from kr8s.asyncio.objects import ConfigMap as AsyncConfigMap
from kr8s.objects import ConfigMap, Pod

from .conftest import Cluster

pytestmark = pytest.mark.filterwarnings(
    "ignore:Kubernetes version v1.36.2 is not supported:UserWarning",  # kr8s 0.20.15 knows versions up to 1.35
)


@pytest.fixture(autouse=True)
def _forget_connections() -> Iterator[None]:
    """kr8s keeps its connections for ever and has no way to close them."""
    yield
    kr8s.Api._instances.clear()
    kr8s.asyncio.Api._instances.clear()


@pytest.fixture
def api(cluster: Cluster, namespace: str) -> Any:
    return kr8s.api(kubeconfig=str(cluster.kubeconfig), namespace=namespace)


def manifest(name: str, namespace: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def test_kr8s_creates_reads_changes_and_deletes(api: Any, namespace: str, cluster: Cluster) -> None:
    settings = ConfigMap(manifest("settings", namespace, colour="red"), api=api)

    settings.create()
    settings.patch({"data": {"colour": "blue"}})
    settings.label({"app": "shop"})

    assert cluster.config_maps(namespace) == {"settings": {"colour": "blue"}}
    assert [found.name for found in api.get("cm", label_selector={"app": "shop"})] == ["settings"]
    settings.delete()
    assert not settings.exists()


def test_kr8s_waits_for_a_pod(api: Any, namespace: str) -> None:
    pod = Pod(
        {
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
        api=api,
    )

    pod.create()
    pod.wait("condition=Ready", timeout=20)

    assert pod.ready()
    assert pod.status.phase == "Running"


def test_kr8s_watches(api: Any, namespace: str) -> None:
    ConfigMap(manifest("settings", namespace), api=api).create()

    events = ((event, found.name) for event, found in api.watch("configmaps", namespace=namespace))

    assert ("ADDED", "settings") in [next(events), next(events)]


def test_kr8s_knows_who_it_is_and_what_there_is(api: Any) -> None:
    assert api.whoami() == "kubernetes-admin"
    assert {resource["kind"] for resource in api.api_resources()} >= {"Pod", "Deployment", "Job", "ClusterRole"}


async def test_kr8s_asynchronously(cluster: Cluster, namespace: str) -> None:
    api = await kr8s.asyncio.api(kubeconfig=str(cluster.kubeconfig), namespace=namespace)
    settings = await AsyncConfigMap(manifest("settings", namespace, colour="red"), api=api)

    await settings.create()
    await settings.patch([{"op": "add", "path": "/data/size", "value": "small"}], type="json")

    assert cluster.config_maps(namespace) == {"settings": {"colour": "red", "size": "small"}}
    await settings.delete()
    assert not await settings.exists()

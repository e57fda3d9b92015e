"""Clients of other libraries that `kube` gives out: they reach the fake over TLS as its administrator, and are closed."""

from __future__ import annotations

from typing import Any

import kr8s
import kubernetes
import kubernetes_asyncio
import pytest
from lightkube.resources.core_v1 import ConfigMap

from fakekube import FakeCluster
from fakekube.testing.clients import LibraryMissing, library

pytestmark = pytest.mark.usefixtures("forgotten_connections")

SETTINGS: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}


@pytest.fixture(autouse=True)
def _settings(kube: FakeCluster) -> None:
    kube.create(SETTINGS)


def test_the_official_client(kube: FakeCluster) -> None:
    api = kubernetes.client.CoreV1Api(kube.kubernetes())
    assert api.read_namespaced_config_map("settings", "default").metadata.name == "settings"


async def test_kubernetes_asyncio(kube: FakeCluster) -> None:
    async with kube.kubernetes_asyncio() as api:
        found = await kubernetes_asyncio.client.CoreV1Api(api).read_namespaced_config_map("settings", "default")
    assert found.metadata.name == "settings"


def test_kr8s(kube: FakeCluster) -> None:
    assert kr8s.objects.ConfigMap.get("settings", api=kube.kr8s()).name == "settings"


async def test_kr8s_asyncio(kube: FakeCluster) -> None:
    api = await kube.kr8s_asyncio()
    assert [each.name async for each in api.get("configmaps", "settings")] == ["settings"]
    await api._session.aclose()


def test_lightkube(kube: FakeCluster) -> None:
    assert kube.lightkube().get(ConfigMap, "settings").metadata.name == "settings"


async def test_lightkube_async(kube: FakeCluster) -> None:
    client = kube.lightkube_async()
    assert (await client.get(ConfigMap, "settings")).metadata.name == "settings"
    await client.close()


def test_requests_tell_who_asked_what(kube: FakeCluster) -> None:
    kube.lightkube().get(ConfigMap, "settings")
    asked = kube.requests[-1]
    assert (asked.method, asked.path, asked.status, asked.user) == (
        "GET",
        "/api/v1/namespaces/default/configmaps/settings",
        200,
        "kubernetes-admin",
    )


def test_a_library_that_is_missing_is_told() -> None:
    with pytest.raises(LibraryMissing, match="not_there is not installed: pip install not-there"):
        library("not_there.at_all")

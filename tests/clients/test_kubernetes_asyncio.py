"""kubernetes_asyncio, on the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes_asyncio import client, config, watch

from .conftest import Cluster


@pytest.fixture
async def core(cluster: Cluster) -> AsyncIterator[Any]:
    configuration = client.Configuration()
    await config.load_kube_config(str(cluster.kubeconfig), client_configuration=configuration)
    async with client.ApiClient(configuration) as connection:
        yield client.CoreV1Api(connection)


def config_map(name: str, **data: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


async def test_kubernetes_asyncio_creates_reads_changes_and_deletes(
    core: Any, namespace: str, cluster: Cluster
) -> None:
    await core.create_namespaced_config_map(namespace, config_map("settings", colour="red"))
    operations = [{"op": "replace", "path": "/data/colour", "value": "blue"}]
    await core.patch_namespaced_config_map("settings", namespace, operations)
    assert cluster.config_maps(namespace) == {"settings": {"colour": "blue"}}

    names = [item.metadata.name for item in (await core.list_namespaced_config_map(namespace)).items]
    assert "settings" in names

    await core.delete_namespaced_config_map("settings", namespace)
    with pytest.raises(client.ApiException) as missing:
        await core.read_namespaced_config_map("settings", namespace)
    assert missing.value.status == 404


async def test_kubernetes_asyncio_hears_of_changes_while_it_makes_them(core: Any, namespace: str) -> None:
    seen: list[tuple[str, str]] = []

    async def follow() -> None:
        async with watch.Watch() as changes:
            async for event in changes.stream(core.list_namespaced_config_map, namespace, timeout_seconds=20):
                seen.append((event["type"], event["object"].metadata.name))
                if seen[-1] == ("DELETED", "settings"):
                    return

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.2)
    await core.create_namespaced_config_map(namespace, config_map("settings"))
    await core.delete_namespaced_config_map("settings", namespace)
    await asyncio.wait_for(following, 20)

    assert [event for event in seen if event[1] == "settings"] == [("ADDED", "settings"), ("DELETED", "settings")]

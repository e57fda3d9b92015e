"""lightkube, synchronous and asynchronous."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lightkube import ApiError, AsyncClient, Client, KubeConfig
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from lightkube.types import PatchType

from .conftest import Cluster


@pytest.fixture
def client(cluster: Cluster, namespace: str) -> Iterator[Client]:
    config = KubeConfig.from_file(str(cluster.kubeconfig))
    with Client(config=config, namespace=namespace, trust_env=False) as connection:
        yield connection


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, labels={"app": "shop"}), data=data)


def test_lightkube_creates_reads_changes_and_deletes(client: Client, namespace: str, cluster: Cluster) -> None:
    made = client.create(config_map("settings", colour="red"))
    assert made.metadata is not None
    assert made.data is not None

    made.data["colour"] = "green"
    client.replace(made)
    client.patch(ConfigMap, "settings", {"data": {"size": "small"}}, patch_type=PatchType.MERGE)
    assert cluster.config_maps(namespace) == {"settings": {"colour": "green", "size": "small"}}

    found = [each.metadata.name for each in client.list(ConfigMap, labels={"app": "shop"}) if each.metadata]
    assert found == ["settings"]
    client.delete(ConfigMap, "settings")
    with pytest.raises(ApiError) as missing:
        client.get(ConfigMap, "settings")
    assert missing.value.status.code == 404


def test_lightkube_is_told_of_a_conflict(client: Client) -> None:
    first = client.create(config_map("settings", colour="red"))
    client.replace(config_map("settings", colour="blue"))

    with pytest.raises(ApiError) as conflict:
        client.replace(first)

    assert conflict.value.status.reason == "Conflict"


def test_lightkube_watches_from_a_version(client: Client) -> None:
    made = client.create(config_map("settings", colour="red"))
    assert made.metadata is not None
    client.delete(ConfigMap, "settings")

    events = client.watch(ConfigMap, resource_version=made.metadata.resourceVersion, server_timeout=5)
    event, gone = next(iter(events))

    assert event == "DELETED"
    assert gone.data == {"colour": "red"}


async def test_lightkube_asynchronously(cluster: Cluster, namespace: str) -> None:
    config = KubeConfig.from_file(str(cluster.kubeconfig))
    client = AsyncClient(config=config, namespace=namespace, trust_env=False)

    await client.create(config_map("settings", colour="red"))

    found = [each.metadata.name async for each in client.list(ConfigMap, labels={"app": "shop"}) if each.metadata]
    assert found == ["settings"]
    await client.delete(ConfigMap, "settings")
    await client.close()

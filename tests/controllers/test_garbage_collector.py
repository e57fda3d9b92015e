from __future__ import annotations

from typing import Any

from fakekube.controllers.garbage_collector import CONTROLLER
from tests.controllers.in_memory import Cluster, named

NOBODY = "11111111-1111-1111-1111-111111111111"


def cluster() -> Cluster:
    return Cluster((CONTROLLER,))


async def secret(cluster: Cluster, name: str, *owners: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A new Secret; returns the reference by which others name it as their owner."""
    references = {"ownerReferences": list(owners)} if owners else {}
    given = {"name": name, "namespace": "shop", **references, **metadata}
    made = await cluster.create("secrets", {"metadata": given})
    return {"apiVersion": "v1", "kind": "Secret", "name": name, "uid": made["metadata"]["uid"]}


def left(cluster: Cluster) -> list[str]:
    return named(cluster.list("secrets"))


def owners(cluster: Cluster, name: str) -> list[str]:
    found = cluster.get("secrets", "shop", name)
    assert found is not None
    return [each["name"] for each in found["metadata"].get("ownerReferences", [])]


def test_dependents_follow_an_owner_that_is_gone_to_the_last_generation() -> None:
    async def scenario(cluster: Cluster) -> None:
        owner = await secret(cluster, "owner")
        child = await secret(cluster, "child", owner)
        await secret(cluster, "grandchild", child)
        await cluster.settle()
        await cluster.delete("secrets", "shop", "owner")
        await cluster.settle()
        assert left(cluster) == []

    cluster().run(scenario)


def test_an_object_with_another_owner_loses_only_the_dead_reference() -> None:
    async def scenario(cluster: Cluster) -> None:
        first, second = await secret(cluster, "first"), await secret(cluster, "second")
        await secret(cluster, "child", first, second)
        await cluster.settle()
        await cluster.delete("secrets", "shop", "first")
        await cluster.settle()
        assert owners(cluster, "child") == ["second"]

    cluster().run(scenario)


def test_an_owner_that_never_was_or_has_another_uid_does_not_count() -> None:
    async def scenario(cluster: Cluster) -> None:
        owner = await secret(cluster, "owner")
        await secret(cluster, "lost", {**owner, "name": "nobody"})
        await secret(cluster, "wrong", {**owner, "uid": NOBODY})
        await cluster.settle()
        assert left(cluster) == ["owner"]

    cluster().run(scenario)


def test_dependents_of_an_unknown_kind_are_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await secret(cluster, "child", {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": NOBODY})
        await cluster.settle()
        assert left(cluster) == ["child"]

    cluster().run(scenario)


def test_an_owner_in_another_namespace_does_not_count_and_that_is_told() -> None:
    async def scenario(cluster: Cluster) -> None:
        owner = await secret(cluster, "far", namespace="other")
        await secret(cluster, "child", owner)
        await cluster.settle()
        assert left(cluster) == ["far"]
        event = cluster.list("events")[0]
        text = (
            f'ownerRef [v1/Secret, namespace: shop, name: far, uid: {owner["uid"]}] does not exist in namespace "shop"'
        )
        assert (event["reason"], event["message"]) == ("OwnerRefInvalidNamespace", text)

    cluster().run(scenario)


def test_an_owner_that_leaves_orphans_is_taken_out_of_them_and_goes() -> None:
    async def scenario(cluster: Cluster) -> None:
        owner = await secret(cluster, "owner", finalizers=["orphan"])
        await secret(cluster, "child", owner)
        await cluster.settle()
        await cluster.delete("secrets", "shop", "owner")
        await cluster.settle()
        assert left(cluster) == ["child"]
        assert owners(cluster, "child") == []

    cluster().run(scenario)


def test_in_the_foreground_an_owner_waits_for_those_that_block_it() -> None:
    async def scenario(cluster: Cluster) -> None:
        boss = await secret(cluster, "boss", finalizers=["foregroundDeletion"])
        await secret(cluster, "blocking", {**boss, "blockOwnerDeletion": True}, finalizers=["example.com/wait"])
        await secret(cluster, "free", boss)
        await cluster.settle()
        await cluster.delete("secrets", "shop", "boss")
        await cluster.settle()
        assert left(cluster) == ["blocking", "boss"]
        await cluster.patch("secrets", "shop", "blocking", {"metadata": {"finalizers": None}})
        await cluster.settle()
        assert left(cluster) == []

    cluster().run(scenario)


def test_objects_without_owners_cost_nothing() -> None:
    async def scenario(cluster: Cluster) -> None:
        await secret(cluster, "alone")
        assert not cluster.loop._queues[0].busy

    cluster().run(scenario)

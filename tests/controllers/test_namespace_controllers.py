from __future__ import annotations

from typing import Any

from fakekube.controllers import namespace as namespace_controller
from fakekube.controllers import root_ca, service_account
from tests.controllers.in_memory import Cluster, named, namespace

DEFAULTS = (service_account.CONTROLLER, root_ca.CONTROLLER)
ALL = (*DEFAULTS, namespace_controller.CONTROLLER)

WELL = [
    ("NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions"),
    ("NamespaceDeletionContentFailure", "False", "ContentDeleted"),
    ("NamespaceContentRemaining", "False", "ContentRemoved"),
    ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers"),
]


def conditions(object: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["type"], each["status"], each["reason"]) for each in object["status"]["conditions"]]


def test_a_new_namespace_gets_its_account_and_root_ca() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.settle()
        assert named(cluster.list("serviceaccounts")) == ["default"]
        assert cluster.list("configmaps")[0]["data"] == {"ca.crt": "PEM"}

    Cluster(DEFAULTS).run(scenario)


def test_what_every_namespace_has_comes_back_when_it_is_deleted() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.settle()
        await cluster.delete("serviceaccounts", "shop", "default")
        await cluster.delete("configmaps", "shop", "kube-root-ca.crt")
        await cluster.settle()
        assert named(cluster.list("serviceaccounts")) == ["default"]
        assert named(cluster.list("configmaps")) == ["kube-root-ca.crt"]

    Cluster(DEFAULTS).run(scenario)


def test_a_changed_root_ca_is_put_right_and_a_strangers_labels_stay() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.settle()
        change = {"data": {"ca.crt": "mine", "other": "x"}, "metadata": {"labels": {"a": "b"}, "annotations": None}}
        await cluster.patch("configmaps", "shop", "kube-root-ca.crt", change)
        await cluster.settle()
        config_map = cluster.get("configmaps", "shop", "kube-root-ca.crt")
        assert config_map is not None
        assert config_map["data"] == {"ca.crt": "PEM"}
        assert config_map["metadata"]["labels"] == {"a": "b"}
        assert "kubernetes.io/description" in config_map["metadata"]["annotations"]

    Cluster(DEFAULTS).run(scenario)


def test_other_accounts_and_config_maps_are_left_alone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.settle()
        before = len(cluster.writes)
        await cluster.create("configmaps", {"metadata": {"name": "mine", "namespace": "shop"}})
        await cluster.settle()
        assert len(cluster.writes) == before + 1

    Cluster(DEFAULTS).run(scenario)


def test_a_deleted_namespace_is_emptied_tells_that_all_is_well_and_goes() -> None:
    async def scenario(cluster: Cluster) -> None:
        events = []
        await cluster.create("namespaces", namespace("shop"))
        await cluster.create("secrets", {"metadata": {"name": "a", "namespace": "shop"}})
        await cluster.settle()
        cluster.store.subscribe("namespaces", lambda event: events.append((event.type, event.new or event.old)))
        await cluster.delete("namespaces", "", "shop")
        await cluster.settle()
        assert [type for type, _ in events] == ["MODIFIED", "MODIFIED", "DELETED"]
        last = events[2][1]
        assert last is not None
        assert conditions(last.value) == WELL
        assert last.value["spec"] == {"finalizers": ["kubernetes"]}
        assert [cluster.list(resource) for resource in ("secrets", "serviceaccounts", "configmaps")] == [[], [], []]

    Cluster(ALL).run(scenario)


def test_content_with_a_finalizer_holds_the_namespace_and_is_named() -> None:
    held = {"metadata": {"name": "held", "namespace": "shop", "finalizers": ["example.com/wait"]}}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.create("secrets", held)
        await cluster.delete("namespaces", "", "shop")
        await cluster.settle()
        status = cluster.list("namespaces")[0]["status"]
        assert [each["message"] for each in status["conditions"] if each["status"] == "True"] == [
            "Some resources are remaining: secrets. has 1 resource instances",
            "Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances",
        ]
        await cluster.patch("secrets", "shop", "held", {"metadata": {"finalizers": None}})
        await cluster.settle(10)
        assert cluster.list("namespaces") == []

    Cluster(ALL).run(scenario)


def test_while_pods_are_left_nothing_else_is_touched() -> None:
    pod = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"nodeName": "elsewhere"}}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", namespace("shop"))
        await cluster.create("pods", pod)
        await cluster.create("secrets", {"metadata": {"name": "a", "namespace": "shop"}})
        await cluster.delete("namespaces", "", "shop")
        await cluster.settle()
        assert named(cluster.list("secrets")) == ["a"]
        assert conditions(cluster.list("namespaces")[0]) == WELL

    Cluster(ALL).run(scenario)


def test_a_foreign_finalizer_of_the_namespace_holds_it_after_ours_has_gone() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create(
            "namespaces", {**namespace("shop"), "spec": {"finalizers": ["kubernetes", "example.com/hold"]}}
        )
        await cluster.delete("namespaces", "", "shop")
        await cluster.settle()
        assert cluster.list("namespaces")[0]["spec"] == {"finalizers": ["example.com/hold"]}

    Cluster(ALL).run(scenario)


def test_a_namespace_without_finalizers_is_finished_by_nobody() -> None:
    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", {**namespace("shop"), "spec": {}})
        await cluster.create("secrets", {"metadata": {"name": "a", "namespace": "shop"}})
        await cluster.delete("namespaces", "", "shop")
        await cluster.settle(60)
        assert "conditions" not in cluster.list("namespaces")[0]["status"]
        assert named(cluster.list("secrets")) == ["a"]

    Cluster(ALL).run(scenario)

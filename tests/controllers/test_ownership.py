from __future__ import annotations

from typing import Any

from fakekube.controllers.ownership import Owners
from fakekube.objects.selectors import parse_labels
from fakekube.storage.store import Store

OWNER = {"metadata": {"uid": "1", "namespace": "shop"}}


def a_store() -> Store:
    store = Store()
    store.declare("pods", "Pod", "v1")
    return store


def pod(name: str, *, owner: str = "1", labels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    references = [{"kind": "ReplicaSet", "name": "web", "uid": owner, "controller": True}] if owner else []
    metadata = {"name": name, "namespace": "shop", "resourceVersion": "", "labels": labels or {"app": "web"}}
    status = {"phase": "Running", **more}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {**metadata, "ownerReferences": references},
        "status": status,
    }


READY = [{"type": "Ready", "status": "True"}]


def test_what_was_there_before_the_first_question_and_what_comes_later_is_known_by_its_owner() -> None:
    store = a_store()
    store.create("pods", "shop", "a", pod("a"))
    pods = Owners(store)("pods")
    store.create("pods", "shop", "b", pod("b"))
    store.create("pods", "shop", "c", pod("c", owner="2"))
    store.create("pods", "shop", "d", pod("d", owner=""))

    assert pods.of(OWNER).names == ["a", "b"]
    assert pods.orphans("shop").names == ["d"]
    assert pods.orphans("other").names == []


def test_an_object_that_is_released_or_removed_is_no_longer_its_owners() -> None:
    store = a_store()
    pods = Owners(store)("pods")
    first = store.create("pods", "shop", "a", pod("a"))
    second = store.create("pods", "shop", "b", pod("b"))
    store.update("pods", first, pod("a", owner=""))
    store.delete("pods", second)

    assert pods.of(OWNER).names == []
    assert pods.orphans("shop").names == ["a"]


def test_pods_are_counted_as_active_ready_and_terminating() -> None:
    store = a_store()
    pods = Owners(store)("pods").of
    store.create("pods", "shop", "a", pod("a"))
    ready = store.create("pods", "shop", "b", pod("b", conditions=READY))
    store.create("pods", "shop", "c", pod("c", phase="Failed"))
    assert (pods(OWNER).active, pods(OWNER).ready, pods(OWNER).terminating) == (2, 1, 0)

    going = pod("b", conditions=READY)
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    store.update("pods", ready, going)

    assert (pods(OWNER).active, pods(OWNER).ready, pods(OWNER).terminating) == (1, 0, 1)


def test_a_selector_is_asked_once_for_all_objects_with_the_same_labels() -> None:
    store = a_store()
    group = Owners(store)("pods").of
    for name in ("a", "b"):
        store.create("pods", "shop", name, pod(name))
    store.create("pods", "shop", "c", pod("c", labels={"app": "web", "tier": "front"}))
    store.create("pods", "shop", "d", pod("d", labels={"app": "other"}))

    assert len(group(OWNER).bunches) == 3
    assert sorted(group(OWNER).matching(parse_labels("app=web"))) == ["a", "b", "c"]
    assert list(group(OWNER).matching(parse_labels("app=web"), fits=False)) == ["d"]
    assert group(OWNER).active_with({"app": "web", "tier": "front"}) == 1


def test_the_same_uid_in_another_namespace_is_another_owner() -> None:
    store = a_store()
    store.create("pods", "shop", "a", pod("a"))

    assert Owners(store)("pods").of({"metadata": {"uid": "1", "namespace": "other"}}).names == []


def test_after_the_stop_nothing_is_followed() -> None:
    store = a_store()
    owners = Owners(store)
    pods = owners("pods")
    owners.stop()
    store.create("pods", "shop", "a", pod("a"))

    assert pods.of(OWNER).names == []

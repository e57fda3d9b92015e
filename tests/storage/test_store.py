"""One contract, run against every implementation of the store. Today there is one: memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakekube.storage import history, watchers
from fakekube.storage.store import Clash, Compacted, Exists, Store

MAPS = "configmaps"


@pytest.fixture(params=[Store], ids=["memory"])
def store(request: pytest.FixtureRequest) -> Store:
    store: Store = request.param(monotonic=lambda: 0.0)
    store.declare(MAPS, "ConfigMap", "v1")
    return store


def config_map(name: str, namespace: str = "shop", **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}", "resourceVersion": ""}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data}


def put(store: Store, name: str, namespace: str = "shop", **data: str) -> Any:
    return store.create(MAPS, namespace, name, config_map(name, namespace, **data))


def names(store: Store, namespace: str = "") -> list[tuple[str, str]]:
    return [(stored.namespace, stored.name) for stored in store.list(MAPS, namespace)]


def test_each_write_takes_the_next_revision_of_the_one_counter(store: Store) -> None:
    before = store.revision
    first, second = put(store, "a"), put(store, "b")
    assert (first.revision, second.revision) == (before + 1, before + 2)
    assert second.value["metadata"]["resourceVersion"] == str(store.revision)


def test_a_name_is_taken_once_in_a_namespace(store: Store) -> None:
    put(store, "a")
    put(store, "a", "other")
    with pytest.raises(Exists):
        put(store, "a")


def test_lists_are_in_the_order_of_the_keys_bytes(store: Store) -> None:
    for namespace, name in (
        ("x", "b"),
        ("x-b", "a"),
        ("x", "a10"),
        ("x", "a9"),
        ("x", "a-b"),
        ("x", "a.b"),
        ("x", "a"),
    ):
        put(store, name, namespace)
    assert names(store) == [
        ("x-b", "a"), ("x", "a"), ("x", "a-b"), ("x", "a.b"), ("x", "a10"), ("x", "a9"), ("x", "b"),
    ]  # fmt: skip


def test_of_two_writers_that_read_the_same_state_the_second_clashes(store: Store) -> None:
    read = put(store, "a")
    store.update(MAPS, read, config_map("a", x="1"))
    with pytest.raises(Clash):
        store.update(MAPS, read, config_map("a", x="2"))
    with pytest.raises(Clash):
        store.delete(MAPS, read)


def test_a_deleted_object_is_last_seen_under_the_revision_of_its_deletion(store: Store) -> None:
    stored = put(store, "a", x="1")
    gone = store.delete(MAPS, stored)
    assert gone.revision == store.revision == stored.revision + 1
    assert gone.value["metadata"]["resourceVersion"] == str(gone.revision)
    assert gone.value["data"] == {"x": "1"}
    assert names(store) == []


def test_a_view_of_the_past_shows_what_was_there(store: Store) -> None:
    first = put(store, "a", x="old")
    second = put(store, "b")
    put(store, "c")
    store.update(MAPS, first, config_map("a", x="new"))
    store.delete(MAPS, second)
    past = store.view_at(MAPS, "shop", second.revision)
    assert [(stored.name, stored.value["data"]) for stored in past.in_order("shop")] == [("a", {"x": "old"}), ("b", {})]
    assert past.count_after("shop", ("shop", "a")) == 1


def test_events_since_a_revision_come_oldest_first(store: Store) -> None:
    first = put(store, "a")
    put(store, "b", "other")
    store.update(MAPS, first, config_map("a", x="1"))
    assert [(event.type, event.name) for event in store.since(MAPS, "", first.revision)] == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
    ]
    assert [event.name for event in store.since(MAPS, "shop", first.revision)] == ["a"]


def test_a_forgotten_revision_is_compacted(store: Store) -> None:
    first = put(store, "a")
    put(store, "b")
    store.forget_history()
    with pytest.raises(Compacted) as caught:
        store.since(MAPS, "", first.revision)
    assert caught.value.oldest == store.revision
    assert store.since(MAPS, "", store.revision) == []


def test_history_is_bounded_once_events_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "HISTORY_EVENTS", 3)
    time = [0.0]
    store = Store(monotonic=lambda: time[0])
    store.declare(MAPS, "ConfigMap", "v1")
    revisions = [put(store, f"a{i}").revision for i in range(5)]
    assert len(store.since(MAPS, "", revisions[0])) == 4
    time[0] = history.HISTORY_AGE_S + 1
    put(store, "late")
    with pytest.raises(Compacted):
        store.since(MAPS, "", revisions[0])


def test_a_fork_goes_its_own_way(store: Store) -> None:
    put(store, "a")
    other = store.fork()
    put(other, "b")
    assert names(store) == [("shop", "a")]
    assert names(other) == [("shop", "a"), ("shop", "b")]


def test_a_shared_object_that_somebody_changed_is_found(store: Store) -> None:
    stored = put(store, "a")
    assert store.changed_objects() == []
    stored.value["data"]["x"] = "changed in place"
    assert store.changed_objects() == [stored]


def test_an_object_of_another_kind_is_not_stored(store: Store) -> None:
    with pytest.raises(ValueError, match="must begin with"):
        store.create(MAPS, "shop", "a", {**config_map("a"), "kind": "Secret"})


async def test_every_watcher_of_the_namespace_or_of_all_is_told() -> None:
    store = Store()
    store.declare(MAPS, "ConfigMap", "v1")
    here, everywhere, elsewhere = store.watch(MAPS, "shop"), store.watch(MAPS), store.watch(MAPS, "other")
    put(store, "a")
    assert [len(watcher.pending) for watcher in (here, everywhere, elsewhere)] == [1, 1, 0]


async def test_a_waiting_watcher_wakes_for_an_event_and_when_it_is_told_to() -> None:
    store = Store()
    store.declare(MAPS, "ConfigMap", "v1")
    watcher = store.watch(MAPS)
    waiting = asyncio.ensure_future(watcher.wait())
    await asyncio.sleep(0)
    put(store, "a")
    await waiting
    watcher.pending.clear()
    waiting = asyncio.ensure_future(watcher.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    watcher.wake()
    await waiting


async def test_a_watcher_that_does_not_read_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "WATCHER_BACKLOG", 2)
    store = Store()
    store.declare(MAPS, "ConfigMap", "v1")
    slow = store.watch(MAPS)
    for i in range(4):
        put(store, f"a{i}")
    assert slow.closed
    assert store.watcher_count() == 0
    assert len(store.list(MAPS)) == 4


def test_callbacks_are_told_within_the_write(store: Store) -> None:
    told: list[str] = []
    stop = store.subscribe(MAPS, lambda event: told.append(event.name))
    put(store, "a")
    assert told == ["a"]
    stop()
    put(store, "b")
    assert told == ["a"]

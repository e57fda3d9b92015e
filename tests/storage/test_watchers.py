"""When watchers are woken: at once after a rest, and then for several changes at a time."""

from __future__ import annotations

import asyncio

from fakekube.storage.store import Store, Watcher


def store() -> Store:
    made = Store()
    made.declare("configmaps", "ConfigMap", "v1")
    return made


def create(store: Store, name: str, namespace: str = "default") -> None:
    metadata = {"name": name, "namespace": namespace}
    store.create("configmaps", namespace, name, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata})


async def read(watcher: Watcher) -> list[str]:
    await watcher.wait()
    names = [event.name for event in watcher.pending]
    watcher.pending.clear()
    return names


def test_the_first_change_after_a_rest_is_told_at_once() -> None:
    async def play() -> bool:
        kept = store()
        reading = asyncio.ensure_future(read(kept.watch("configmaps")))
        await asyncio.sleep(0)
        create(kept, "a")
        for _ in range(3):
            await asyncio.sleep(0)
        return reading.done()

    assert asyncio.run(play())


def test_changes_that_follow_quickly_are_told_together() -> None:
    async def play() -> list[list[str]]:
        kept = store()
        watcher = kept.watch("configmaps")
        first = asyncio.ensure_future(read(watcher))
        await asyncio.sleep(0)
        create(kept, "a")
        told = [await first]
        second = asyncio.ensure_future(read(watcher))
        for name in ("b", "c", "d"):
            await asyncio.sleep(0)
            create(kept, name)
        return [*told, await second]

    assert asyncio.run(play()) == [["a"], ["b", "c", "d"]]


def test_watchers_of_another_namespace_are_left_alone() -> None:
    async def play() -> bool:
        kept = store()
        reading = asyncio.ensure_future(read(kept.watch("configmaps", "other")))
        await asyncio.sleep(0)
        create(kept, "a")
        create(kept, "b")
        for _ in range(5):
            await asyncio.sleep(0)
        reading.cancel()
        return reading.done()

    assert not asyncio.run(play())


def test_who_is_behind_reads_on_without_being_woken() -> None:
    async def play() -> list[str]:
        kept = store()
        watcher = kept.watch("configmaps")
        create(kept, "a")
        create(kept, "b")
        return await read(watcher)

    assert asyncio.run(play()) == ["a", "b"]

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fakekube.controllers import CONTROLLERS
from fakekube.controllers.loop import Context, Controller, Watch, own, owner_of
from fakekube.errors import Conflict, NotFound
from tests.controllers.in_memory import Cluster


def recording(seen: list[str], answers: list[float | Exception | None] | None = None) -> Controller:
    """A controller of Secrets that notes the names it was told, and answers in turn."""

    async def reconcile(context: Context, namespace: str, name: str) -> float | None:
        seen.append(name)
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Controller(name="recorder", watches=(Watch("secrets", key=own),), reconcile=reconcile)


def secret(name: str, **metadata: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop", **metadata}}


def test_what_is_there_at_the_start_is_looked_at() -> None:
    seen: list[str] = []
    cluster = Cluster((recording(seen),))
    asyncio.run(cluster.create("secrets", secret("early")))

    async def scenario(cluster: Cluster) -> None:
        assert seen == ["early"]

    cluster.run(scenario)


def test_changes_that_come_before_a_key_is_looked_at_count_once() -> None:
    seen: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        await cluster.patch("secrets", "shop", "a", {"data": {"x": "eA=="}})
        await cluster.delete("secrets", "shop", "a")
        await cluster.settle()
        assert seen == ["a"]

    Cluster((recording(seen),)).run(scenario)


def test_a_status_error_is_tried_again_and_waits_longer_each_time() -> None:
    seen: list[str] = []
    answers: list[float | Exception | None] = [Conflict("a"), NotFound("b"), Conflict("c"), None]

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        await cluster.settle()
        assert seen == ["a"] * 4

    Cluster((recording(seen, answers),)).run(scenario)


def test_a_mistake_in_a_controller_is_logged_and_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        await cluster.create("secrets", secret("b"))
        await cluster.settle()
        assert seen == ["a", "b", "a"]

    with caplog.at_level(logging.ERROR):
        Cluster((recording(seen, [ZeroDivisionError("oh"), None]),)).run(scenario)

    assert [record.getMessage() for record in caplog.records] == ["recorder: shop/a: trying again"]


def test_a_key_comes_back_after_the_seconds_that_its_controller_asked_for() -> None:
    seen: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        await cluster.settle()
        await cluster.settle(9)
        assert seen == ["a"]
        await cluster.settle(2)
        assert seen == ["a", "a"]

    Cluster((recording(seen, [10.0, None]),)).run(scenario)


def test_of_two_wishes_to_come_back_the_last_counts() -> None:
    seen: list[str] = []

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        await cluster.settle()
        await cluster.patch("secrets", "shop", "a", {"data": {"x": "eA=="}})
        await cluster.settle(100)
        assert seen == ["a", "a"]

    Cluster((recording(seen, [10.0, None]),)).run(scenario)


def test_after_the_stop_nobody_is_called() -> None:
    seen: list[str] = []
    cluster = Cluster((recording(seen),))

    async def play() -> None:
        cluster.loop.start()
        await cluster.loop.stop()
        await cluster.create("secrets", secret("a"))
        await asyncio.sleep(0)

    asyncio.run(play())
    assert seen == []


def test_a_stop_does_not_wait_for_a_controller_that_hangs() -> None:
    async def reconcile(context: Context, namespace: str, name: str) -> None:
        await asyncio.get_running_loop().create_future()

    cluster = Cluster((Controller(name="slow", watches=(Watch("secrets", key=own),), reconcile=reconcile),))

    async def play() -> None:
        cluster.loop.start()
        await cluster.create("secrets", secret("a"))
        await asyncio.sleep(0)
        await cluster.loop.stop()

    asyncio.run(asyncio.wait_for(play(), 1))


def test_the_owner_that_controls_an_object_is_its_key() -> None:
    other = {"kind": "Job", "name": "other", "uid": "1"}
    work = {"kind": "Job", "name": "work", "uid": "2", "controller": True}

    assert owner_of("Job")(secret("a", ownerReferences=[other, work])) == (("shop", "work"),)
    assert owner_of("ReplicaSet")(secret("a", ownerReferences=[other, work])) == ()


def test_every_controller_file_is_found() -> None:
    names = {controller.name for controller in CONTROLLERS}

    assert {"namespace-controller", "service-account-controller", "root-ca-cert-publisher"} <= names


def test_controllers_that_start_anew_find_nothing_left_to_do() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}}
    work = {"selector": {"matchLabels": {"a": "b"}}, "completions": 2, "backoffLimit": 6, "template": template}
    ready = {"allocatable": {"pods": "1"}, "conditions": [{"type": "Ready", "status": "True"}]}

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("namespaces", {"metadata": {"name": "shop"}})
        await cluster.create("nodes", {"metadata": {"name": "n"}, "status": ready})
        await cluster.create("jobs.batch", {"metadata": {"name": "work", "namespace": "shop"}, "spec": work})
        await cluster.create("pods", {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": []}})
        await cluster.settle()
        before = list(cluster.writes)
        await cluster.loop.stop()
        cluster.new_loop()
        cluster.loop.start()
        await cluster.settle()
        assert cluster.writes == before

    Cluster(CONTROLLERS).run(scenario)


def test_a_mistake_in_telling_whom_a_change_concerns_does_not_reach_the_writer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def mistaken(_: object) -> tuple[tuple[str, str], ...]:
        raise ZeroDivisionError

    async def reconcile(context: Context, namespace: str, name: str) -> None:
        raise AssertionError("never asked")

    async def scenario(cluster: Cluster) -> None:
        await cluster.create("secrets", secret("a"))
        assert len(cluster.list("secrets")) == 1

    controller = Controller(name="mistaken", watches=(Watch("secrets", key=mistaken),), reconcile=reconcile)
    with caplog.at_level(logging.ERROR):
        Cluster((controller,)).run(scenario)

    assert [record.getMessage() for record in caplog.records] == ["mistaken: cannot tell whom shop/a concerns"]


def test_a_change_asks_only_those_who_watch_for_the_value_the_object_has_or_had() -> None:
    asked: list[str] = []

    def watcher_of(node: str) -> Controller:
        def key(pod: dict[str, Any]) -> tuple[tuple[str, str], ...]:
            asked.append(node)
            return ()

        async def reconcile(context: Context, namespace: str, name: str) -> None: ...

        return Controller(
            name=node, watches=(Watch("pods", key=key, where=("spec.nodeName", node)),), reconcile=reconcile
        )

    async def scenario(cluster: Cluster) -> None:
        pod = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"nodeName": "a", "containers": []}}
        await cluster.create("pods", pod)
        await cluster.settle()
        assert set(asked) == {"a"}

    Cluster((watcher_of("a"), watcher_of("b"))).run(scenario)


def test_only_those_who_watch_the_kind_of_its_controller_are_asked_about_a_pod() -> None:
    asked: list[str] = []

    def watcher_of(*kinds: str) -> Controller:
        name = kinds[0].lower()

        def key(pod: dict[str, Any]) -> tuple[tuple[str, str], ...]:
            asked.append(name)
            return own(pod)

        async def reconcile(context: Context, namespace: str, name: str) -> None: ...

        return Controller(name=name, watches=(Watch("pods", key=key, owned_by=kinds),), reconcile=reconcile)

    async def scenario(cluster: Cluster) -> None:
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u", "controller": True}
        metadata = {"name": "p", "namespace": "shop", "ownerReferences": [owner]}
        await cluster.create("pods", {"metadata": metadata, "spec": {"containers": []}})
        await cluster.settle()
        assert set(asked) == {"job"}
        asked.clear()
        await cluster.create("pods", {"metadata": {"name": "q", "namespace": "shop"}, "spec": {"containers": []}})
        await cluster.settle()
        assert set(asked) == {"replicaset"}

    Cluster((watcher_of("Job"), watcher_of("ReplicaSet", ""))).run(scenario)

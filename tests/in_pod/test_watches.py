from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.watches import Watch

PATH = "/api/v1/namespaces/default/configmaps"
WAIT_S = 10

Seen = queue.Queue[tuple[str, Any]]


@pytest.fixture
def seen(kube: FakeCluster, connection: Connection) -> Iterator[Seen]:
    """What a watch of the namespace's ConfigMaps tells, after the one that is always there."""
    seen: Seen = queue.Queue()
    watch = Watch(connection.another(), PATH, {}, lambda name, obj: seen.put((name, obj and obj.get("data"))))
    watch.start()
    assert seen.get(timeout=WAIT_S)[0] == "kube-root-ca.crt"
    yield seen
    watch.stop()
    watch.join(WAIT_S)
    assert not watch.is_alive()


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_what_comes_changes_and_goes_is_told(kube: FakeCluster, seen: Seen) -> None:
    kube.create(config_map("colours", sky="blue"))
    kube.patch("configmap", "colours", {"data": {"sky": "grey"}})
    kube.delete("configmap", "colours")

    assert [seen.get(timeout=WAIT_S) for _ in range(3)] == [
        ("colours", {"sky": "blue"}),
        ("colours", {"sky": "grey"}),
        ("colours", None),
    ]


def test_what_went_while_nobody_looked_is_told_when_the_watch_begins_anew(kube: FakeCluster, seen: Seen) -> None:
    kube.create(config_map("colours", sky="blue"))
    assert seen.get(timeout=WAIT_S) == ("colours", {"sky": "blue"})

    kube.reset()

    told = [seen.get(timeout=WAIT_S)]
    while told[-1] != ("colours", None):
        told.append(seen.get(timeout=WAIT_S))
    assert {name for name, _ in told} == {"kube-root-ca.crt", "colours"}

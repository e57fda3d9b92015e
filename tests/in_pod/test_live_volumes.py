from __future__ import annotations

import base64
import os
import queue
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fakekube import FakeCluster
from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.live_volumes import LiveVolumes, SetUpFailed

WAIT_S = 10

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "annotations": {"key1": "value1"}},
    "spec": {
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": "web"}],
        "volumes": [
            {
                "name": "info",
                "downwardAPI": {
                    "items": [{"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations['key1']"}}]
                },
            },
            {"name": "colours", "configMap": {"name": "colours", "optional": True}},
            {"name": "keys", "secret": {"secretName": "keys", "optional": True}},
            {"name": "scratch", "emptyDir": {}},
        ],
    },
}


class Written:
    """The volumes of a pod, and what was written of them."""

    def __init__(self, directory: Path, connection: Connection, pod: dict[str, Any]) -> None:
        self.written: queue.Queue[str] = queue.Queue()
        self.failed: queue.Queue[tuple[str, str]] = queue.Queue()
        self.directory = directory

        def place(name: str, is_shared: bool) -> Path:
            return directory / ("shared" if is_shared else "own") / name

        for each in ("shared", "own"):
            (directory / each).mkdir()
        self.volumes = LiveVolumes(
            pod,
            ClusterSource(connection),
            place,
            lambda volume, message: self.failed.put((volume, message)),
            written=self.written.put,
        )

    def text(self, path: str) -> str | None:
        file = self.directory / "own" / path
        return file.read_text() if file.exists() else None

    def wait_for(self, path: str, text: str | None) -> None:
        """Until a file has this content; looks whenever a volume has been written."""
        while self.text(path) != text:
            self.written.get(timeout=WAIT_S)


@pytest.fixture
def written(kube: FakeCluster, connection: Connection, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Written]]:
    made: list[Written] = []

    def write(pod: dict[str, Any]) -> Written:
        kube.create(pod)
        kube.wait_for("pod", pod["metadata"]["name"], lambda found: bool(found["status"].get("podIP")))
        made.append(Written(tmp_path, connection, kube.get("pod", pod["metadata"]["name"])))
        return made[-1]

    yield write
    for each in made:
        each.volumes.stop()


def test_volumes_lie_where_they_are_asked_for(written: Callable[[dict[str, Any]], Written]) -> None:
    web = written(POD)

    web.volumes.set_up()

    assert web.text("info/annotations") == "value1"
    assert web.volumes.path("scratch") == web.directory / "shared" / "scratch"
    assert os.listdir(web.volumes.path("colours")) in ([], ["..data"]) or web.text("colours/sky") is None


def test_a_change_of_the_pod_a_config_map_or_a_secret_is_written_at_once(
    kube: FakeCluster, connection: Connection, written: Callable[[dict[str, Any]], Written]
) -> None:
    web = written(POD)
    web.volumes.set_up()
    web.volumes.follow(connection)

    kube.patch("pod", "web", {"metadata": {"annotations": {"key1": "changed"}}})
    web.wait_for("info/annotations", "changed")
    kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "colours"}, "data": {"sky": "blue"}})
    web.wait_for("colours/sky", "blue")
    data = {"door": base64.b64encode(b"open").decode()}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": data})
    web.wait_for("keys/door", "open")
    kube.delete("configmap", "colours")
    web.wait_for("colours/sky", None)


def test_a_missing_object_is_told_in_the_kubelets_words(written: Callable[[dict[str, Any]], Written]) -> None:
    volumes = [{"name": "colours", "configMap": {"name": "none"}}, {"name": "keys", "secret": {"secretName": "none"}}]
    web = written({**POD, "spec": {**POD["spec"], "volumes": volumes}})

    with pytest.raises(SetUpFailed) as raised:
        web.volumes.set_up()

    assert raised.value.failures == [
        ("colours", 'configmap "none" not found'),
        ("keys", 'secret "none" not found'),
    ]


def test_what_can_no_longer_be_written_is_told_once_and_stays(
    kube: FakeCluster, connection: Connection, written: Callable[[dict[str, Any]], Written]
) -> None:
    kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "colours"}, "data": {"sky": "blue"}})
    items = [{"key": "sky", "path": "sky"}]
    volumes = [{"name": "colours", "configMap": {"name": "colours", "items": items}}]
    web = written({**POD, "spec": {**POD["spec"], "volumes": volumes}})
    web.volumes.set_up()
    web.volumes.follow(connection)

    kube.patch("configmap", "colours", {"data": {"sky": None, "sea": "green"}})

    assert web.failed.get(timeout=WAIT_S) == ("colours", "configmap references non-existent config key: sky")
    assert web.text("colours/sky") == "blue"


def test_with_a_sync_period_changes_wait(
    kube: FakeCluster, connection: Connection, written: Callable[[dict[str, Any]], Written]
) -> None:
    web = written(POD)
    web.volumes._sync_period_s = 3600.0
    web.volumes.set_up()
    web.volumes.follow(connection)

    kube.patch("pod", "web", {"metadata": {"annotations": {"key1": "changed"}}})

    with web.volumes._changed:
        assert web.volumes._changed.wait_for(lambda: "info" in web.volumes._dirty, WAIT_S)
    assert web.text("info/annotations") == "value1"


def test_a_token_is_replaced_when_it_is_time_and_not_before(
    kube: FakeCluster,
    connection: Connection,
    written: Callable[[dict[str, Any]], Written],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fakekube.kubelet.token_manager.LONGEST_AGE", timedelta(seconds=0.3))
    monkeypatch.setattr("fakekube.in_pod.cluster_source.MOST_JITTER", timedelta(0))
    account = {"name": "account", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    web = written({**POD, "spec": {**POD["spec"], "volumes": [account]}})
    web.volumes.set_up()
    first = web.text("account/token")
    web.written.get_nowait()
    web.volumes.follow(connection)

    web.written.get(timeout=WAIT_S)

    asked = [each.path for each in kube.requests if each.path.endswith("/token")]
    assert first
    assert web.text("account/token") not in (None, first)
    assert len(asked) == 2

"""The volumes of one pod, as files, for as long as a view shows them: written by the kubelet's rules, and again with each change.

The kubelet looks at its pods about once a minute. Here a change shows at once, unless `sync_period_s` imitates that delay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fakekube.in_pod.cluster_source import ClusterSource
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.watches import Watch
from fakekube.kubelet import Object
from fakekube.kubelet.volumes import VolumeError, references, set_up
from fakekube.remote import RemoteError

TRY_AGAIN_S = 10.0
"""After a token that is due could not be replaced."""

FOLLOWED = ("configmaps", "secrets")
"""Collections whose changes reach volumes; the pod itself is followed as well."""


class SetUpFailed(Exception):
    """Some volumes cannot be set up: (volume, the kubelet's message) of each."""

    def __init__(self, failures: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f'volume "{name}": {message}' for name, message in failures))
        self.failures = failures


class LiveVolumes:
    """`place(name, is_shared)` is where a volume may lie.

    `failed(volume, message)` hears of changes that could not be written, `written(volume)` whenever one has been written.
    """

    def __init__(
        self,
        pod: Object,
        source: ClusterSource,
        place: Callable[[str, bool], Path],
        failed: Callable[[str, str], None] = lambda volume, message: None,
        sync_period_s: float = 0.0,
        written: Callable[[str], None] = lambda volume: None,
    ) -> None:
        self._pod = pod
        self._source = source
        self._place = place
        self._failed = failed
        self._written = written
        self._sync_period_s = sync_period_s
        self._volumes: list[Object] = pod["spec"].get("volumes") or []
        self._paths: dict[str, Path] = {}
        self._renew_at: dict[str, datetime] = {}
        self._dirty: set[str] = set()
        self._told: dict[str, str] = {}
        """The failure of a volume that has been told last."""
        self._changed = threading.Condition()
        self._stopping = False
        self._writer = threading.Thread(target=self._write, name="volumes", daemon=True)
        self._watches: list[Watch] = []

    def set_up(self) -> None:
        """For the first time; all of them, as a kubelet does before it starts any container. Raises SetUpFailed, RemoteError."""
        failures = []
        for volume in self._volumes:
            try:
                self._set_up(volume)
            except VolumeError as error:
                failures.append((volume["name"], str(error)))
        if failures:
            raise SetUpFailed(failures)

    def path(self, name: str) -> Path:
        """What is to be bound. Raises KeyError when the pod has no such volume."""
        return self._paths[name]

    def follow(self, connection: Connection) -> None:
        """From now on volumes are written again when what they show changes. `connection` says to which server others are opened."""
        wanted = {resource for volume in self._volumes for resource, _ in references(volume, self._pod)}
        metadata = self._pod["metadata"]
        namespace = metadata["namespace"]
        if "pods" in wanted:
            query = {"fieldSelector": f"metadata.name={metadata['name']}"}
            self._follow(connection, namespace, "pods", query)
        for resource in FOLLOWED:
            if resource in wanted:
                self._follow(connection, namespace, resource, {})
        if wanted or self._renew_at:
            self._writer.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        for watch in self._watches:
            watch.stop()
        if self._writer.ident is not None:
            self._writer.join()

    def _follow(self, connection: Connection, namespace: str, resource: str, query: dict[str, str]) -> None:
        def seen(name: str, obj: Object | None) -> None:
            if resource == "pods":
                self._pod_seen(obj)
            elif self._source.learn(resource, namespace, name, obj):
                self._mark(resource, name)

        # What was there when the volumes were set up may have gone before the watch begins.
        known = {name for volume in self._volumes for kind, name in references(volume, self._pod) if kind == resource}
        watch = Watch(connection.another(), f"/api/v1/namespaces/{namespace}/{resource}", query, seen, known)
        self._watches.append(watch)
        watch.start()

    def _pod_seen(self, pod: Object | None) -> None:
        # Another pod of the same name is none of ours.
        if pod is None or pod["metadata"]["uid"] != self._pod["metadata"]["uid"]:
            return
        changed = pod["metadata"]["resourceVersion"] != self._pod["metadata"]["resourceVersion"]
        self._pod = pod
        if changed:
            self._mark("pods", pod["metadata"]["name"])

    def _mark(self, resource: str, name: str) -> None:
        with self._changed:
            self._dirty |= {
                volume["name"] for volume in self._volumes if (resource, name) in references(volume, self._pod)
            }
            self._changed.notify()

    def _write(self) -> None:
        """The thread that writes what has changed, and tokens before they end."""
        next_sync = time.monotonic() + self._sync_period_s
        while True:
            with self._changed:
                while not self._stopping and not (due := self._due(next_sync)):
                    self._changed.wait(self._pause_s(next_sync))
                if self._stopping:
                    return
                self._dirty -= due
            if time.monotonic() >= next_sync:
                next_sync = time.monotonic() + self._sync_period_s
            for volume in self._volumes:
                if volume["name"] in due:
                    self._write_again(volume)

    def _due(self, next_sync: float) -> set[str]:
        now = datetime.now(UTC)
        due = {name for name, at in self._renew_at.items() if at <= now}
        return due | self._dirty if time.monotonic() >= next_sync else due

    def _pause_s(self, next_sync: float) -> float | None:
        """Until something is due by itself; None: nothing will be."""
        pauses = [(at - datetime.now(UTC)).total_seconds() for at in self._renew_at.values()]
        if self._dirty:
            pauses.append(next_sync - time.monotonic())
        return max(0.0, min(pauses)) if pauses else None

    def _write_again(self, volume: Object) -> None:
        name = volume["name"]
        try:
            self._set_up(volume)
        except (VolumeError, OSError) as error:
            self._tell(name, str(error))
        except RemoteError:
            pass  # the server is away; what it said last holds
        else:
            self._told.pop(name, None)
        at = self._renew_at.get(name)
        if at is not None and at <= datetime.now(UTC):
            self._renew_at[name] = datetime.fromtimestamp(time.time() + TRY_AGAIN_S, UTC)

    def _set_up(self, volume: Object) -> None:
        name = volume["name"]
        ready = set_up(volume, self._pod, self._source, self._place(name, "emptyDir" in volume))
        self._paths[name] = ready.path
        if ready.renew_at is None:
            self._renew_at.pop(name, None)
        else:
            self._renew_at[name] = ready.renew_at
        if ready.changed:
            self._written(name)

    def _tell(self, name: str, message: str) -> None:
        if self._told.get(name) != message:
            self._told[name] = message
            self._failed(name, message)

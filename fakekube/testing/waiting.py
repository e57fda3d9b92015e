"""Waiting for an object without polling: the store's events are the alarm clock, and no state in between is missed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fakekube.api.body import from_storage
from fakekube.testing.conditions import Test
from fakekube.testing.mailbox import Mailbox

if TYPE_CHECKING:
    from concurrent.futures import Future

    from fakekube.api.control_plane import ControlPlane
    from fakekube.registry.kind import Kind
    from fakekube.storage.store import Stored

Object = dict[str, Any]

News = tuple[str, Object | None]
"""(name, the object or None when it has gone); ("", None) when no more will come."""


class WaitTimeout(TimeoutError):
    """What was waited for did not come. `last` is the object as it was last seen, None when it was not there."""

    def __init__(self, message: str, last: Object | None) -> None:
        super().__init__(message)
        self.last = last


async def report(plane: ControlPlane, kind: Kind, namespace: str, name: str | None, news: Mailbox[News]) -> None:
    """Tell of what is there and of every change, until the cluster is reset or stopped. Runs in the server's loop.

    `name` None is all objects of the namespace; `namespace` "" all namespaces, or that of cluster-scoped kinds.
    """
    watcher = plane.store.watch(kind.collection, namespace)
    try:
        present = [each for each in plane.store.list(kind.collection, namespace) if name in (None, each.name)]
        for stored in present:
            news.put((stored.name, _own(kind, stored)))
        if name is not None and not present:
            news.put((name, None))
        while not watcher.closed:
            await watcher.wait()
            while watcher.pending:
                event = watcher.pending.popleft()
                if name in (None, event.name):
                    news.put((event.name, None if event.new is None else _own(kind, event.new)))
    finally:
        watcher.close()


def _own(kind: Kind, stored: Stored) -> Object:
    """A dict that the test may change."""
    return from_storage(kind, stored.copy())


class Waiting:
    """What has been heard while waiting, and whether it is enough."""

    def __init__(self, what: str, test: Test, timeout_s: float, reporting: Future[None]) -> None:
        self.what = what
        self.test = test
        self.timeout_s = timeout_s
        self.reporting = reporting
        self.last: Object | None = None
        self._ends = time.monotonic() + timeout_s

    @property
    def left_s(self) -> float:
        return max(0.0, self._ends - time.monotonic())

    def enough(self, news: News) -> bool:
        """Raises RuntimeError when the cluster has gone, and whatever the condition raises."""
        name, obj = news
        if not name:
            if not self.reporting.cancelled():
                self.reporting.result()
            raise RuntimeError(f"the cluster was reset or stopped while {self.what} was waited for")
        if obj is None:
            if self.test.absent:
                return True
            self.last = None
            return False
        self.last = obj
        return bool(self.test.holds(obj))

    def timed_out(self, events: list[Object]) -> WaitTimeout:
        lines = [f"{self.what}: {self.test.described} did not come true within {self.timeout_s:g} s"]
        if self.last is None:
            lines.append("it is not there")
        else:
            lines.append(f"its last state: {_shown(self.last)}")
        lines += [f"event {each.get('reason', '')}: {each.get('message', '')}" for each in events[-5:]]
        return WaitTimeout("\n".join(lines), self.last)


def _shown(obj: Mapping[str, Any]) -> str:
    """What changes: the metadata that matter for waiting, and the status."""
    import json

    metadata = obj.get("metadata", {})
    kept = {key: metadata[key] for key in ("name", "namespace", "finalizers", "deletionTimestamp") if key in metadata}
    shown = {"metadata": kept, **{key: obj[key] for key in ("status",) if key in obj}}
    return json.dumps(shown, indent=2, ensure_ascii=False)

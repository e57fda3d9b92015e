"""What changes in the cluster, told as it happens: one thread for each collection that is followed.

A watch begins with all that is there (`sendInitialEvents`), so that nothing is asked twice and nothing is missed when it begins anew.
https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from typing import Any

from fakekube.in_pod.connection import Connection, ConnectionLost
from fakekube.remote import RemoteError

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 5.0
"""Between two tries while the server is away; doubled from the first to the last."""

Object = dict[str, Any]


class Watch(threading.Thread):
    """Follows the objects of `path` that `query` selects, until `stop`.

    `seen(name, object)` is called in this thread for each object that is there, has come or has changed; with None for one that
    is there no more. While the server cannot be asked, or refuses, what was known stays. Of the names `known` from before it is
    told as well when they are not there.
    """

    def __init__(
        self,
        connection: Connection,
        path: str,
        query: dict[str, str],
        seen: Callable[[str, Object | None], None],
        known: Collection[str] = (),
    ) -> None:
        super().__init__(name=f"watch {path}", daemon=True)
        self._connection = connection
        self._path = path
        self._query = {
            **query,
            "watch": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
        }
        self._seen = seen
        self._names = set(known)
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        self._connection.close()

    def run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                self._follow()
                pause_s = FIRST_PAUSE_S
            except (RemoteError, ConnectionLost):
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
            self._connection.close()
            if self._stopped.wait(pause_s):
                return
            self._connection = self._connection.another()

    def _follow(self) -> None:
        """One watch, until the server ends it."""
        present: set[str] | None = set()
        for line in self._connection.lines(self._path, self._query):
            event = json.loads(line)
            kind, obj = event["type"], event["object"]
            if kind == "ERROR":
                return
            if kind == "BOOKMARK":
                if present is not None and (obj["metadata"].get("annotations") or {}).get(INITIAL_EVENTS_END):
                    for name in self._names - present:
                        self._tell(name, None)
                    present = None
                continue
            name = obj["metadata"]["name"]
            if present is not None:
                present.add(name)
            self._tell(name, None if kind == "DELETED" else obj)

    def _tell(self, name: str, obj: Object | None) -> None:
        if obj is None:
            self._names.discard(name)
        else:
            self._names.add(name)
        self._seen(name, obj)

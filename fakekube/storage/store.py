"""Keys -> objects at revisions: one counter for the whole cluster, a change and its event are one step.

The event loop is the lock: every method is plain `def`, so nothing happens between its lines. Nothing but `registry` writes here.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import orjson

from fakekube.storage.history import Compacted, History
from fakekube.storage.stored import Event, Object, Stored
from fakekube.storage.watchers import Watcher, Watchers

__all__ = ["Clash", "Compacted", "Event", "Exists", "Past", "Store", "Stored", "View", "Watcher"]


READ_SELDOM = frozenset({"events"})
"""Collections of which no component reads what it has written; there may be many more of these objects than of all others."""


class Exists(Exception):
    """The key is taken; `stored` holds it."""

    def __init__(self, stored: Stored) -> None:
        super().__init__(stored)
        self.stored = stored


class Clash(Exception):
    """The object is not what the writer has read: read again and repeat."""


class Collection:
    """All objects of one resource, by namespace ("" for cluster-scoped ones) and name."""

    __slots__ = ("_in_order", "_namespaces", "head", "history", "name", "objects", "revision", "watchers")

    def __init__(self, name: str, head: bytes, oldest: int) -> None:
        self.name = name
        self.head = head
        self.revision = oldest
        """That of the last change here."""
        self.objects: dict[str, dict[str, Stored]] = {}
        self.history = History(oldest)
        self.watchers = Watchers()
        self._in_order: dict[str, list[str]] = {}
        self._namespaces: list[str] | None = None

    def names(self, namespace: str) -> list[str]:
        """The names in a namespace in the order of their bytes."""
        names = self._in_order.get(namespace)
        if names is None:
            # UTF-8 keeps the order of code points, so that sorting text is sorting bytes.
            names = self._in_order[namespace] = sorted(self.objects.get(namespace, ()))
        return names

    def namespaces(self) -> list[str]:
        """The namespaces in the order of the keys `namespace/name`: `x-b` before `x`, since `-` is less than `/`."""
        if self._namespaces is None:
            self._namespaces = sorted(self.objects, key=_namespace_key)
        return self._namespaces

    def put(self, stored: Stored) -> None:
        shelf = self.objects.get(stored.namespace)
        if shelf is None:
            shelf = self.objects[stored.namespace] = {}
            self._namespaces = None
        if stored.name not in shelf:
            self._in_order.pop(stored.namespace, None)
        shelf[stored.name] = stored

    def remove(self, stored: Stored) -> None:
        shelf = self.objects[stored.namespace]
        del shelf[stored.name]
        self._in_order.pop(stored.namespace, None)
        if not shelf:
            del self.objects[stored.namespace]
            self._namespaces = None

    def in_order(self, namespace: str, after: tuple[str, str] | None = None) -> Iterator[Stored]:
        """The objects of a namespace, or ("") of all, in key order, those after the key (namespace, name)."""
        namespaces = self.namespaces() if not namespace else [namespace]
        for each in namespaces:
            shelf = self.objects.get(each)
            if shelf is None:
                continue
            names = self.names(each)
            if after is not None:
                if _namespace_key(each) < _namespace_key(after[0]):
                    continue
                if each == after[0]:
                    names = names[bisect_right(names, after[1]) :]
            for name in names:
                yield shelf[name]

    def count_after(self, namespace: str, key: tuple[str, str]) -> int:
        """How many objects of a namespace, or ("") of all, follow the key (namespace, name)."""
        follow = 0
        for each in self.namespaces() if not namespace else [namespace]:
            if each == key[0]:
                names = self.names(each)
                follow += len(names) - bisect_right(names, key[1])
            elif _namespace_key(each) > _namespace_key(key[0]):
                follow += len(self.objects.get(each, ()))
        return follow

    def __len__(self) -> int:
        return sum(len(shelf) for shelf in self.objects.values())

    def fork(self) -> Collection:
        other = Collection(self.name, self.head, self.revision)
        other.objects = {namespace: dict(shelf) for namespace, shelf in self.objects.items()}
        other.history = self.history.fork()
        return other


class View(Protocol):
    """The objects of a collection at one moment."""

    def in_order(self, namespace: str, after: tuple[str, str] | None = None) -> Iterator[Stored]: ...

    def count_after(self, namespace: str, key: tuple[str, str]) -> int: ...


class Past:
    """A View of what was."""

    def __init__(self, in_order: Sequence[Stored]) -> None:
        self._in_order = in_order

    def in_order(self, namespace: str, after: tuple[str, str] | None = None) -> Iterator[Stored]:
        return iter(self._in_order[self._position(after) :] if after is not None else self._in_order)

    def count_after(self, namespace: str, key: tuple[str, str]) -> int:
        return len(self._in_order) - self._position(key)

    def _position(self, key: tuple[str, str]) -> int:
        return bisect_right(self._in_order, (_namespace_key(key[0]), key[1]), key=_key)


def _key(stored: Stored) -> tuple[str, str]:
    return _namespace_key(stored.namespace), stored.name


def _namespace_key(namespace: str) -> str:
    return namespace + "/"


class Store:
    """The objects of one cluster in memory.

    Collections are named as kubectl names resources: `pods`, `jobs.batch`. Before anything is written to one, `declare` says which
    kind lies in it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.revision = 1
        self._monotonic = monotonic
        self._collections: dict[str, Collection] = {}
        self._advanced: list[Callable[[], None]] = []
        self._declared: list[Callable[[str], None]] = []

    def declare(self, collection: str, kind: str, api_version: str) -> None:
        """Make room for a kind; a collection that is there already stays, and takes objects in this version from now on."""
        head = b'{"kind":%b,"apiVersion":%b,' % (orjson.dumps(kind), orjson.dumps(api_version))
        present = self._collections.get(collection)
        if present is not None:
            present.head = head
            return
        self._collections[collection] = Collection(collection, head, self.revision)
        for callback in tuple(self._declared):
            callback(collection)

    def on_declare(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Be told the name of every new collection; returns how to stop it."""
        self._declared.append(callback)
        return lambda: self._declared.remove(callback)

    def end_watches(self, collection: str) -> None:
        """Have the watches of a collection end, so that those who watch begin anew."""
        self._collections[collection].watchers.close_all()

    def remove_collection(self, collection: str) -> None:
        """Forget a kind and all its objects without events; its watches end."""
        gone = self._collections.pop(collection, None)
        if gone is not None:
            gone.watchers.close_all()

    def collections(self) -> Sequence[Collection]:
        return list(self._collections.values())

    def has_collection(self, name: str) -> bool:
        return name in self._collections

    def collection(self, name: str) -> Collection:
        return self._collections[name]

    def get(self, collection: str, namespace: str, name: str) -> Stored | None:
        shelf = self._collections[collection].objects.get(namespace)
        return None if shelf is None else shelf.get(name)

    def list(self, collection: str, namespace: str = "") -> list[Stored]:
        """What is there now in key order, in a namespace or ("") in all."""
        shelf = self._collections[collection]
        return list(shelf.in_order(namespace)) if not namespace or namespace in shelf.objects else []

    def view_at(self, collection: str, namespace: str, revision: int | None) -> View:
        """What is there now (None) or was there at `revision`, in a namespace or ("") in all. Raises Compacted.

        Valid until the next write.
        """
        shelf = self._collections[collection]
        if revision is None or revision >= shelf.revision:
            return shelf
        undone: dict[tuple[str, str], Stored | None] = {}
        for event in shelf.history.backwards(revision):
            if not namespace or event.namespace == namespace:
                undone[event.namespace, event.name] = event.old
        if not undone:
            return shelf
        then = [stored for stored in shelf.in_order(namespace) if (stored.namespace, stored.name) not in undone]
        then.extend(stored for stored in undone.values() if stored is not None)
        return Past(sorted(then, key=_key))

    def since(self, collection: str, namespace: str, revision: int) -> Sequence[Event]:
        """The events after `revision`, oldest first, of a namespace or ("") of all.

        `revision` is an int >= 0; clients know it as the string `metadata.resourceVersion`.

        Raises Compacted once `revision` is older than what is remembered. A watch reports that inside its stream: HTTP 200, then one
        ERROR event holding the Status.

        https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
        """
        events = self._collections[collection].history.since(revision)
        if namespace:
            return [event for event in events if event.namespace == namespace]
        return events

    def create(self, collection: str, namespace: str, name: str, value: Object) -> Stored:
        """Put a new object; `value["metadata"]["resourceVersion"]` is there to be filled in. Raises Exists."""
        shelf = self._collections[collection]
        present = self.get(collection, namespace, name)
        if present is not None:
            raise Exists(present)
        stored = self._stamped(shelf, namespace, name, value)
        shelf.put(stored)
        self._commit(shelf, Event("ADDED", stored, None, stored.revision))
        return stored

    def update(self, collection: str, expected: Stored, value: Object) -> Stored:
        """Replace `expected`, which must be what is stored now. Raises Clash."""
        shelf = self._collections[collection]
        if self.get(collection, expected.namespace, expected.name) is not expected:
            raise Clash
        stored = self._stamped(shelf, expected.namespace, expected.name, value)
        shelf.put(stored)
        self._commit(shelf, Event("MODIFIED", stored, expected, stored.revision))
        return stored

    def delete(self, collection: str, expected: Stored) -> Stored:
        """Remove `expected`; returns its last state under the revision of the removal. Raises Clash."""
        shelf = self._collections[collection]
        if self.get(collection, expected.namespace, expected.name) is not expected:
            raise Clash
        self.revision += 1
        shelf.remove(expected)
        self._commit(shelf, Event("DELETED", None, expected, self.revision))
        return expected.restamped(self.revision)

    def watch(self, collection: str, namespace: str = "") -> Watcher:
        """A reader of what happens from now on."""
        return self._collections[collection].watchers.watch(namespace)

    def subscribe(self, collection: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Be called within each write; returns how to stop it."""
        return self._collections[collection].watchers.subscribe(callback)

    def on_advance(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Be called after every write to any collection; returns how to stop it."""
        self._advanced.append(callback)
        return lambda: self._advanced.remove(callback)

    def close_watchers(self) -> None:
        for collection in self._collections.values():
            collection.watchers.close_all()

    def watcher_count(self) -> int:
        return sum(len(collection.watchers) for collection in self._collections.values())

    def forget_history(self) -> None:
        """Begin the history now: what was written before cannot be watched any more."""
        for collection in self._collections.values():
            collection.history.forget(self.revision)

    def fork(self) -> Store:
        """A store of its own that begins with the same objects at the same revision; nobody watches it."""
        other = Store(self._monotonic)
        other.revision = self.revision
        other._collections = {name: collection.fork() for name, collection in self._collections.items()}
        return other

    def changed_objects(self) -> Sequence[Stored]:
        """The stored objects whose shared dict somebody has changed: always a mistake."""
        return [
            stored
            for collection in self._collections.values()
            for stored in collection.in_order("")
            if not stored.is_unchanged()
        ]

    def _stamped(self, shelf: Collection, namespace: str, name: str, value: Object) -> Stored:
        revision = self.revision + 1
        value["metadata"]["resourceVersion"] = str(revision)
        stored = Stored(value, shelf.head, namespace, name, revision)
        self.revision = revision
        return stored

    def _commit(self, shelf: Collection, event: Event) -> None:
        shelf.revision = event.revision
        shelf.history.append(event, self._monotonic())
        shelf.watchers.tell(event)
        if event.old is not None:
            event.old.is_replaced()
        if event.new is not None and shelf.name in READ_SELDOM:
            event.new.is_read_seldom()
        if self._advanced:
            for callback in tuple(self._advanced):
                callback()

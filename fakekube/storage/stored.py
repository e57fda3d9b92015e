"""An object in the store, and a change of one.

The JSON bytes are the truth: a GET answers them, a LIST joins them, every watcher of an event shares them. The dict is read back from them
when somebody asks, and kept only while it is in use, since the bytes take a quarter of its memory; but for the dict that knows more than
they say (objects/as_sent.py).
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import orjson

from fakekube.objects import as_sent

Object = dict[str, Any]

VALUES_KEPT = 4096
"""So many of the dicts last asked for are kept beside their bytes, those of replaced versions not among them."""


class Stored:
    """One version of one object; never changed.

    `json` is the object without kind and apiVersion (`{"metadata":...`), as items of a list are written; `head` is what makes it a whole
    object: `{"kind":"Pod","apiVersion":"v1",`.
    """

    __slots__ = ("_value", "head", "json", "labels", "name", "namespace", "revision")

    def __init__(self, value: Object, head: bytes, namespace: str, name: str, revision: int) -> None:
        encoded, kept = as_sent.encoded(value)
        if not encoded.startswith(head):
            message = f"an object must begin with {head.decode()!r} to be stored, not with {encoded[:80]!r}"
            raise ValueError(message)
        self.json = b"{" + encoded[len(head) :]
        self.head = head
        self.namespace = namespace
        self.name = name
        self.revision = revision
        self.labels: dict[str, str] | None = value["metadata"].get("labels")
        self._value: Object | None = kept
        if kept is value:
            self._keep(value)

    @property
    def value(self) -> Object:
        """The object, shared by all who ask: whoever wants to change it takes a `copy`."""
        value = self._value
        if value is None:
            value = self.copy()
            self._keep(value)
        return value

    def copy(self) -> Object:
        """A dict of one's own."""
        if self._value is not None and self not in _values:
            return copy.deepcopy(self._value)
        value: Object = orjson.loads(self.encoded())
        return value

    def encoded(self) -> bytes:
        """The whole object as JSON."""
        return self.head + self.json[1:]

    def restamped(self, revision: int) -> Stored:
        """The same state under another resourceVersion, as a DELETED event shows it."""
        other = Stored.__new__(Stored)
        old, new = b'"resourceVersion":"%d"' % self.revision, b'"resourceVersion":"%d"' % revision
        # In metadata, which comes first, only names and the uid stand before the version: the first match is the right one.
        other.json = self.json.replace(old, new, 1)
        other.head, other.namespace, other.name, other.labels = self.head, self.namespace, self.name, self.labels
        other.revision = revision
        other._value = None
        return other

    def is_unchanged(self) -> bool:
        """Whether nobody has changed the shared dict: our own tests ask."""
        return self._value is None or as_sent.encoded(self._value)[0] == self.encoded()

    def is_replaced(self) -> None:
        """Another version has taken its place: hardly anybody will ask for the dict of this one."""
        _values.pop(self, None)
        self._value = None

    def is_read_seldom(self) -> None:
        """Its dict is the first to go when room is wanted."""
        if self in _values:
            _values.move_to_end(self, last=False)

    def _keep(self, value: Object) -> None:
        self._value = value
        _values[self] = None
        if len(_values) > VALUES_KEPT:
            _values.popitem(last=False)[0]._value = None

    def __repr__(self) -> str:
        return f"<Stored {self.namespace}/{self.name} at {self.revision}>"


_values: OrderedDict[Stored, None] = OrderedDict()


class Event:
    """One committed change. `old` is None for a create, `new` for a delete; `revision` is that of the change."""

    __slots__ = ("_last", "name", "namespace", "new", "old", "revision", "type")

    def __init__(self, type: str, new: Stored | None, old: Stored | None, revision: int) -> None:
        self.type = type
        """ADDED, MODIFIED or DELETED."""
        self.new = new
        self.old = old
        self.revision = revision
        present = new or old
        assert present is not None
        self.namespace = present.namespace
        self.name = present.name
        self._last: Stored | None = None

    def last(self) -> Stored:
        """The state before the change under the revision of the change: what a watch that loses the object is shown."""
        if self._last is None:
            assert self.old is not None
            self._last = self.old.restamped(self.revision)
        return self._last

    def __repr__(self) -> str:
        return f"<Event {self.type} {self.namespace}/{self.name} at {self.revision}>"

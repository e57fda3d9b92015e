"""Who owns what, kept in step by the store's own events: controllers ask for their objects without looking at everybody's.

Objects of one owner that carry the same labels stand together in a bunch, and bunches are few. So whether a selector still fits all of
them, and how many pods are ready, is known without looking at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakekube.controllers.pod_states import is_active, is_ready, is_terminating

if TYPE_CHECKING:
    from fakekube.objects.selectors import LabelSelector
    from fakekube.storage.store import Event, Store, Stored

Object = dict[str, Any]
LabelSet = frozenset[tuple[str, str]]

_NO_LABELS: Mapping[str, str] = {}


@dataclass(slots=True)
class Bunch:
    """Objects of one owner with the same labels. The numbers are of pods, and stay 0 for others."""

    labels: Mapping[str, str]
    names: dict[str, None] = field(default_factory=dict)
    active: int = 0
    """Pods that count: neither finished nor deleted."""
    ready: int = 0
    """Of the active ones."""
    terminating: int = 0


class Group:
    """What one owner has in one namespace; or what has no owner there."""

    __slots__ = ("bunches",)

    def __init__(self) -> None:
        self.bunches: dict[LabelSet, Bunch] = {}

    @property
    def names(self) -> list[str]:
        return [name for bunch in self.bunches.values() for name in bunch.names]

    @property
    def active(self) -> int:
        return sum(bunch.active for bunch in self.bunches.values())

    @property
    def ready(self) -> int:
        return sum(bunch.ready for bunch in self.bunches.values())

    @property
    def terminating(self) -> int:
        return sum(bunch.terminating for bunch in self.bunches.values())

    def active_with(self, labels: Mapping[str, str]) -> int:
        """How many active pods carry all of these labels."""
        wanted = labels.items()
        return sum(bunch.active for bunch in self.bunches.values() if wanted <= bunch.labels.items())

    def matching(self, selector: LabelSelector, *, fits: bool = True) -> Iterator[str]:
        """The names of those that the selector finds; with `fits=False` of the others."""
        for bunch in list(self.bunches.values()):
            if selector.matches(bunch.labels) is fits:
                yield from list(bunch.names)


NOBODY = Group()
"""Of an owner that has nothing. Not to be changed."""

Place = tuple[str, str]
"""The uid of an owner ("" for none) and a namespace."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """How an object was counted, so that it can be taken back."""

    place: Place
    labels: LabelSet
    numbers: tuple[bool, bool, bool]


class Ownership:
    """The objects of one collection by their controllers."""

    def __init__(self, store: Store, collection: str) -> None:
        self._groups: dict[Place, Group] = {}
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._numbers = _pod_numbers if collection == "pods" else _no_numbers
        for stored in store.list(collection):
            self._add(stored)
        self.stop = store.subscribe(collection, self._changed)

    def of(self, owner: Object) -> Group:
        """What this object controls, in its own namespace."""
        metadata = owner["metadata"]
        return self._groups.get((metadata["uid"], metadata.get("namespace", "")), NOBODY)

    def orphans(self, namespace: str) -> Group:
        """What nobody controls."""
        return self._groups.get(("", namespace), NOBODY)

    def _changed(self, event: Event) -> None:
        if event.old is not None and event.new is not None and self._counts_as_before(event.old, event.new):
            return
        if event.old is not None:
            self._remove(event.old.namespace, event.old.name)
        if event.new is not None:
            self._add(event.new)

    def _counts_as_before(self, old: Stored, new: Stored) -> bool:
        value, seen = new.value, self._seen[new.namespace, new.name]
        return (
            seen.place[0] == _controller_uid(value)
            and (old.labels or _NO_LABELS) == (new.labels or _NO_LABELS)
            and seen.numbers == self._numbers(value)
        )

    def _add(self, stored: Stored) -> None:
        value = stored.value
        place = (_controller_uid(value), stored.namespace)
        labels = stored.labels or _NO_LABELS
        seen = _Seen(place, frozenset(labels.items()), self._numbers(value))
        self._seen[stored.namespace, stored.name] = seen
        group = self._groups.get(place)
        if group is None:
            group = self._groups[place] = Group()
        bunch = group.bunches.get(seen.labels)
        if bunch is None:
            bunch = group.bunches[seen.labels] = Bunch(labels)
        bunch.names[stored.name] = None
        active, ready, terminating = seen.numbers
        bunch.active += active
        bunch.ready += ready
        bunch.terminating += terminating

    def _remove(self, namespace: str, name: str) -> None:
        seen = self._seen.pop((namespace, name))
        group = self._groups[seen.place]
        bunch = group.bunches[seen.labels]
        del bunch.names[name]
        if not bunch.names:
            del group.bunches[seen.labels]
            if not group.bunches:
                del self._groups[seen.place]
            return
        active, ready, terminating = seen.numbers
        bunch.active -= active
        bunch.ready -= ready
        bunch.terminating -= terminating


def _controller_uid(object: Object) -> str:
    references: Iterable[Object] = object["metadata"].get("ownerReferences", ())
    return next((each["uid"] for each in references if each.get("controller")), "")


def _pod_numbers(pod: Object) -> tuple[bool, bool, bool]:
    active = is_active(pod)
    return active, active and is_ready(pod), is_terminating(pod)


def _no_numbers(_: Object) -> tuple[bool, bool, bool]:
    return False, False, False


class Owners:
    """The ownership of every collection that somebody has asked about."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Ownership] = {}

    def __call__(self, collection: str) -> Ownership:
        """Of `pods`, `replicasets.apps`; watched from the first question on."""
        known = self._known.get(collection)
        if known is None:
            known = self._known[collection] = Ownership(self._store, collection)
        return known

    def stop(self) -> None:
        stops: list[Callable[[], None]] = [each.stop for each in self._known.values()]
        self._known.clear()
        for stop in stops:
            stop()

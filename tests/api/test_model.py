"""Random writes, lists and watches against a model of the store that fits on a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, precondition, rule

from fakekube.admission import Chain
from fakekube.api import create, delete, get, update, watch
from fakekube.api import list as lists
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.api.list_options import parse
from fakekube.errors import AlreadyExists, Conflict, Expired, NotFound
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.storage.store import Store
from tests.api.conftest import ADMINISTRATOR

READ_TIMEOUT_S = 0.2

Key = tuple[str, str]
COLOURS = ("", "red", "blue")
SELECTORS: dict[str, Callable[[str], bool]] = {
    "": lambda colour: True,
    "colour=red": lambda colour: colour == "red",
    "colour!=red": lambda colour: colour != "red",
    "colour": lambda colour: colour != "",
    "colour in (red,blue)": lambda colour: colour in ("red", "blue"),
}


@dataclass(frozen=True)
class State:
    """Of one object: what decides which selectors it matches, what else is in it, and when it became so."""

    colour: str
    text: str
    revision: int


@dataclass
class Model:
    """All that ever happened, as (revision, key, state or None). Everything else follows from that."""

    past: list[tuple[int, Key, State | None]] = field(default_factory=list)

    def at(self, revision: int) -> dict[Key, State]:
        last = {key: state for then, key, state in self.past if then <= revision}
        return {key: state for key, state in last.items() if state is not None}

    def listed(self, revision: int, namespace: str, selector: str) -> list[tuple[Key, int]]:
        found = [(key, state) for key, state in self.at(revision).items() if namespace in ("", key[0])]
        matching = [(key, state.revision) for key, state in found if SELECTORS[selector](state.colour)]
        return sorted(matching, key=lambda each: f"{each[0][0]}/{each[0][1]}")

    def events(self, after: int, namespace: str, selector: str) -> list[tuple[str, Key, int]]:
        events = []
        for revision, key, state in self.past:
            old = self.at(revision - 1).get(key)
            was = old is not None and SELECTORS[selector](old.colour)
            is_ = state is not None and SELECTORS[selector](state.colour)
            if revision > after and namespace in ("", key[0]) and (was or is_):
                events.append(("MODIFIED" if was and is_ else "ADDED" if is_ else "DELETED", key, revision))
        return events


@dataclass
class Following:
    """A watch and what it has yet to be told of."""

    watch: watch.Watch
    after: int | None
    """The revision it has been told of; None while it has not been read and begins with the state of then."""
    namespace: str
    selector: str
    read: bool = False
    ended: bool = False


keys = st.tuples(st.sampled_from(["a", "a-b", "b"]), st.sampled_from(["x", "x1", "x-1", "x.1", "y"]))
colours, texts = st.sampled_from(COLOURS), st.sampled_from(["one", "two"])
namespaces, selectors = st.sampled_from(["", "a", "b"]), st.sampled_from(sorted(SELECTORS))


class AgainstTheModel(RuleBasedStateMachine):
    pages = Bundle("pages")
    watches = Bundle("watches")

    def __init__(self) -> None:
        super().__init__()
        clock, chance = Clock(), Chance(1)
        store = Store()
        kinds = Kinds.builtin()
        self.kind = kinds.named("configmaps")
        store.declare(self.kind.collection, self.kind.kind, self.kind.api_version)
        self.plane = ControlPlane(store, kinds, clock, chance, Allocators("10.96.0.0/16", chance.random), Chain(()))
        self.model = Model()
        self.oldest = store.revision
        self.runner = asyncio.Runner()
        self.open: list[watch.Watch] = []

    def teardown(self) -> None:
        for each in self.open:
            each.close()
        self.runner.close()
        assert self.plane.store.changed_objects() == []

    def call(self, namespace: str, name: str = "", **query: str) -> Call:
        return Call(ADMINISTRATOR, self.kind, namespace, name, "", query, lambda key: [query[key]])

    def state(self, key: Key) -> State | None:
        return self.model.at(self.plane.store.revision).get(key)

    def noted(self, key: Key, state: State | None) -> None:
        self.model.past.append((self.plane.store.revision, key, state))

    @rule(key=keys, colour=colours, text=texts)
    def create(self, key: Key, colour: str, text: str) -> None:
        creating = create.create(self.plane, self.call(key[0]), manifest(key[1], colour, text))
        if self.state(key):
            with pytest.raises(AlreadyExists):
                self.runner.run(creating)
        else:
            made = self.runner.run(creating)
            assert made.revision == self.plane.store.revision
            self.noted(key, State(colour, text, made.revision))

    @rule(key=keys, colour=colours, text=texts, reads=st.sampled_from(["nothing", "current", "older"]))
    def replace(self, key: Key, colour: str, text: str, reads: str) -> None:
        before = self.state(key)
        version = before.revision if before and reads == "current" else 1 if reads == "older" else None
        new = manifest(key[1], colour, text, version)
        replacing = update.update(self.plane, self.call(*key), new)
        if before is None or reads == "older":
            with pytest.raises(NotFound if before is None else Conflict):
                self.runner.run(replacing)
            return
        stored, made = self.runner.run(replacing)
        assert not made
        if (before.colour, before.text) == (colour, text):
            assert stored.revision == before.revision, "nothing changed, so nothing was written"
        else:
            assert stored.revision == self.plane.store.revision
            self.noted(key, State(colour, text, stored.revision))

    @rule(key=keys)
    def delete(self, key: Key) -> None:
        deleting = delete.delete(self.plane, self.call(*key), {})
        if self.state(key):
            self.runner.run(deleting)
            self.noted(key, None)
        else:
            with pytest.raises(NotFound):
                self.runner.run(deleting)

    @rule()
    def forget(self) -> None:
        self.plane.store.forget_history()
        self.oldest = self.plane.store.revision

    @rule(key=keys)
    def get(self, key: Key) -> None:
        before = self.state(key)
        if before is None:
            with pytest.raises(NotFound):
                self.runner.run(get.get(self.plane, self.call(*key)))
        else:
            found = self.runner.run(get.get(self.plane, self.call(*key)))
            labels = found.value["metadata"].get("labels", {})
            assert State(labels.get("colour", ""), found.value["data"]["text"], found.revision) == before

    @rule(namespace=namespaces, selector=selectors, data=st.data())
    def list_at(self, namespace: str, selector: str, data: st.DataObject) -> None:
        now = self.plane.store.revision
        revision = data.draw(st.integers(max(self.oldest, 1), max(now, 1)))
        query = {"resourceVersion": str(revision), "resourceVersionMatch": "Exact", "labelSelector": selector}
        page = self.runner.run(lists.list_(self.plane, self.call(namespace, **query)))
        assert shown(page) == self.model.listed(revision, namespace, selector)

    @rule(target=pages, namespace=namespaces, selector=selectors, limit=st.integers(0, 3))
    def list_first(self, namespace: str, selector: str, limit: int) -> tuple[lists.Page, str, dict[str, str]]:
        query = {"labelSelector": selector, "limit": str(limit)}
        page = self.runner.run(lists.list_(self.plane, self.call(namespace, **query)))
        wanted = self.model.listed(self.plane.store.revision, namespace, selector)
        assert page.revision == self.plane.store.revision
        assert shown(page) == (wanted[:limit] if limit else wanted)
        assert bool(page.continue_token) == bool(limit and len(wanted) > limit)
        return page, namespace, query

    @rule(listed=consumes(pages))
    def list_the_rest(self, listed: tuple[lists.Page, str, dict[str, str]]) -> None:
        first, namespace, query = listed
        token, seen = first.continue_token, shown(first)
        while token:
            call = self.call(namespace, **query, **{"continue": token})
            if first.revision < self.oldest:
                with pytest.raises(Expired):
                    self.runner.run(lists.list_(self.plane, call))
                return
            page = self.runner.run(lists.list_(self.plane, call))
            assert page.revision == first.revision
            token, seen = page.continue_token, seen + shown(page)
        assert seen == self.model.listed(first.revision, namespace, query["labelSelector"])

    @precondition(lambda self: self.plane.store.revision > 1)
    @rule(target=watches, namespace=namespaces, selector=selectors, data=st.data())
    def watch_from(self, namespace: str, selector: str, data: st.DataObject) -> Following:
        revision = data.draw(st.integers(max(self.oldest, 1), self.plane.store.revision))
        return self.followed(namespace, selector, revision, resourceVersion=str(revision))

    @rule(target=watches, namespace=namespaces, selector=selectors)
    def watch_from_now(self, namespace: str, selector: str) -> Following:
        return self.followed(namespace, selector, None)

    def followed(self, namespace: str, selector: str, after: int | None, **query: str) -> Following:
        call = self.call(namespace, watch="1", labelSelector=selector, **query)
        opened = watch.Watch(self.plane, call, parse(call, watch=True))
        self.open.append(opened)
        return Following(opened, after, namespace, selector)

    @rule(following=watches)
    def read_watch(self, following: Following) -> None:
        now, scope = self.plane.store.revision, (following.namespace, following.selector)
        if following.after is not None and following.after < self.oldest and not following.read:
            (refused,) = self.runner.run(following.watch.next()) or []
            assert isinstance(refused.error, Expired)
            following.after, following.ended = now, True
        if following.ended:
            assert self.runner.run(following.watch.next()) is None
            return
        if following.after is None:
            wanted = [("ADDED", key, revision) for key, revision in self.model.listed(now, *scope)]
        else:
            wanted = self.model.events(following.after, *scope)
        told: list[tuple[str, Key, int]] = []
        while len(told) < len(wanted):
            told += seen(self.runner.run(asyncio.wait_for(following.watch.next(), READ_TIMEOUT_S)))
        assert told == wanted
        if wanted:
            following.after, following.read = now, True


def manifest(name: str, colour: str, text: str, version: int | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": {"colour": colour} if colour else {}}
    if version is not None:
        metadata["resourceVersion"] = str(version)
    return {"metadata": metadata, "data": {"text": text}}


def shown(page: lists.Page) -> list[tuple[Key, int]]:
    return [((stored.namespace, stored.name), stored.revision) for stored in page.items]


def seen(notices: list[watch.Notice] | None) -> list[tuple[str, Key, int]]:
    assert notices is not None
    return [
        (notice.type, (notice.stored.namespace, notice.stored.name), notice.stored.revision)
        for notice in notices
        if notice.stored is not None
    ]


AgainstTheModel.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestAgainstTheModel = AgainstTheModel.TestCase

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fakekube.admission import Chain
from fakekube.api import custom_resources
from fakekube.api.client import Client
from fakekube.api.control_plane import ControlPlane
from fakekube.controllers.custom_resource_definitions import CONTROLLER, accepted_names
from fakekube.controllers.loop import Loop, Settings
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.user import User
from fakekube.storage.store import Store

Object = dict[str, Any]


def names(plural: str, kind: str, *short: str, list_kind: str = "") -> Object:
    wanted = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": list_kind or f"{kind}List"}
    return {**wanted, "shortNames": list(short)} if short else wanted


def definition(wanted: Object, accepted: Object | None = None) -> Object:
    return {"spec": {"names": wanted}, "status": {"acceptedNames": accepted or {"plural": "", "kind": ""}}}


PEARS = names("pears", "Pear", "pe", "pr")


def test_names_that_nobody_has_are_accepted() -> None:
    accepted, conflict = accepted_names(definition(PEARS), [])
    assert accepted == PEARS
    assert list(accepted) == ["plural", "singular", "shortNames", "kind", "listKind"]
    assert conflict is None


def test_of_several_conflicts_the_last_is_told_and_the_free_names_are_kept() -> None:
    wanted = {**names("plums", "Pear", "pe"), "singular": "plum"}
    accepted, conflict = accepted_names(definition(wanted), [definition(PEARS, PEARS)])
    assert accepted == {"plural": "plums", "singular": "plum", "kind": ""}
    assert conflict == ("ListKindConflict", '"PearList" is already in use')


def test_plurals_and_short_names_are_one_set() -> None:
    _, conflict = accepted_names(definition(names("pe", "Pea")), [definition(PEARS, PEARS)])
    assert conflict == ("PluralConflict", '"pe" is already in use')


def test_several_short_names_in_use_are_told_together() -> None:
    _, conflict = accepted_names(definition(names("plums", "Plum", "pe", "pr")), [definition(PEARS, PEARS)])
    assert conflict == ("ShortNamesConflict", '["pe" is already in use, "pr" is already in use]')


def test_what_one_has_already_is_no_conflict() -> None:
    assert accepted_names(definition(PEARS, PEARS), [definition(PEARS, PEARS)])[1] is None


def test_new_categories_are_taken_with_the_names() -> None:
    accepted, _ = accepted_names(definition({**PEARS, "categories": ["all"]}, PEARS), [])
    assert accepted["categories"] == ["all"]


DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass
class Cluster:
    client: Client
    loop: Loop

    async def define(self, plural: str, kind: str) -> None:
        schema = {"openAPIV3Schema": {"type": "object"}}
        versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
        spec = {"group": "example.com", "scope": "Cluster", "names": {"plural": plural, "kind": kind}}
        metadata = {"name": f"{plural}.example.com"}
        await self.client.create(DEFINITIONS, {"metadata": metadata, "spec": {**spec, "versions": versions}})
        await self.loop.idle()

    def reasons(self, plural: str) -> list[str]:
        definition = self.client.get(DEFINITIONS, "", f"{plural}.example.com")
        assert definition is not None
        return [condition["reason"] for condition in definition["status"]["conditions"]]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """The definitions of a real control plane, and nobody but their controller."""
    client = new_client()
    loop = new_loop(client)
    loop.start()
    yield Cluster(client, loop)
    await loop.stop()


class Killed(Exception):
    """Nobody catches it, as nobody outlives its process."""


class Mortal(Client):
    """Whoever acts through it is dead after `last` writes, counted from 0; the one after that does not come about."""

    last = -1
    written = 0

    async def update(self, resource: str, obj: Object, subresource: str = "") -> Object:
        if self.written == self.last:
            raise Killed
        self.written += 1
        return await super().update(resource, obj, subresource)


def new_loop(client: Client) -> Loop:
    plane = client.plane
    return Loop([CONTROLLER], store=plane.store, client_for=lambda _: client, clock=plane.clock, settings=Settings())


def new_client() -> Client:
    clock, chance, kinds = Clock(), Chance(1), Kinds.builtin()
    store = Store()
    for kind in kinds:
        if kind.is_stored and kind.is_stored_form:
            store.declare(kind.collection, kind.kind, kind.api_version)
    plane = ControlPlane(store, kinds, clock, chance, Allocators("10.96.0.0/16", chance.random), Chain(()))
    custom_resources.follow(plane)
    return Client(plane, User("admin", ("system:masters",)))


async def until(done: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if done():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to this")


@pytest.mark.parametrize("last", range(5))
async def test_a_controller_that_begins_anew_after_any_write_comes_to_the_same_end(
    last: int,
) -> None:
    client = new_client()
    mortal = Mortal(client.plane, client.user)
    mortal.last = last
    first = new_loop(mortal)
    first.start()
    cluster = Cluster(client, first)
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    for plural, kind in (("pears", "Pear"), ("plums", "Plum")):
        names = {"plural": plural, "kind": kind}
        spec = {"group": "example.com", "scope": "Cluster", "names": names, "versions": versions}
        await client.create(DEFINITIONS, {"metadata": {"name": f"{plural}.example.com"}, "spec": spec})
    await asyncio.sleep(0)
    await client.delete(DEFINITIONS, "", "plums.example.com")
    await until(lambda: mortal.written == last or not first.is_busy)
    await first.stop()
    assert mortal.written == last

    second = new_loop(client)
    second.start()
    await second.idle()
    await second.stop()

    assert cluster.reasons("pears") == ["NoConflicts", "InitialNamesAccepted"]
    assert client.get(DEFINITIONS, "", "plums.example.com") is None


async def test_a_definition_is_established_and_served(cluster: Cluster) -> None:
    await cluster.define("pears", "Pear")
    assert cluster.reasons("pears") == ["NoConflicts", "InitialNamesAccepted"]
    assert cluster.client.list("pears.example.com") == []


async def test_a_rival_is_established_when_the_first_has_gone(cluster: Cluster) -> None:
    await cluster.define("pears", "Pear")
    await cluster.define("plums", "Pear")
    assert cluster.reasons("plums") == ["ListKindConflict", "NotAccepted"]
    await cluster.client.delete(DEFINITIONS, "", "pears.example.com")
    await cluster.loop.idle()
    assert cluster.reasons("plums") == ["NoConflicts", "InitialNamesAccepted"]


async def test_a_deleted_definition_takes_its_objects_along(cluster: Cluster) -> None:
    await cluster.define("pears", "Pear")
    watcher = cluster.client.plane.store.watch("pears.example.com")
    pear = {"apiVersion": "example.com/v1", "kind": "Pear", "metadata": {"name": "a"}}
    await cluster.client.create("pears.example.com", pear)
    await cluster.client.delete(DEFINITIONS, "", "pears.example.com")
    await cluster.loop.idle()
    assert [event.type for event in watcher.pending] == ["ADDED", "DELETED"]
    assert watcher.closed
    assert cluster.client.get(DEFINITIONS, "", "pears.example.com") is None


async def test_a_definition_waits_for_objects_that_are_held(cluster: Cluster) -> None:
    await cluster.define("pears", "Pear")
    metadata = {"name": "a", "finalizers": ["example.com/hold"]}
    pear = {"apiVersion": "example.com/v1", "kind": "Pear", "metadata": metadata}
    await cluster.client.create("pears.example.com", pear)
    await cluster.client.delete(DEFINITIONS, "", "pears.example.com")
    while cluster.reasons("pears")[-1] == "InstanceDeletionPending":
        await asyncio.sleep(0)
    assert cluster.reasons("pears")[-1] == "InstanceDeletionInProgress"
    await cluster.client.patch("pears.example.com", "", "a", {"metadata": {"finalizers": None}})
    await cluster.loop.idle()
    assert cluster.client.get(DEFINITIONS, "", "pears.example.com") is None

"""A control plane without a server: what the verbs work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakekube.admission import Chain
from fakekube.api import create
from fakekube.api.call import Call
from fakekube.api.control_plane import ControlPlane
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.user import User
from fakekube.storage.store import Store, Stored

ADMINISTRATOR = User("admin", ("system:masters", "system:authenticated"))

MakeCall = Callable[..., Call]
Put = Callable[..., Any]


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    """Empty but for the namespace `shop`; nothing is admitted or controlled."""
    clock, chance = Clock(), Chance(1)
    store, kinds = Store(), Kinds.builtin()
    for kind in kinds:
        if kind.is_stored and kind.is_stored_form:
            store.declare(kind.collection, kind.kind, kind.api_version)
    allocators = Allocators("10.96.0.0/16", chance.random)
    yield ControlPlane(store, kinds, clock, chance, allocators, Chain(()))
    assert store.changed_objects() == [], "somebody changed a shared object"


@pytest.fixture
def call(plane: ControlPlane) -> MakeCall:
    """`call("configmaps", "name", limit="2")`: a call in the namespace shop with the parameters of a query."""

    def make(resource: str, name: str = "", subresource: str = "", **query: str) -> Call:
        kind = plane.kinds.named(resource)
        namespace = "shop" if kind.namespaced else ""
        return Call(ADMINISTRATOR, kind, namespace, name, subresource, query, lambda key: [query[key]])

    return make


@pytest.fixture
def put(plane: ControlPlane, call: MakeCall) -> Put:
    """`await put("configmaps", "a", data={...})` creates an object."""

    async def create_one(resource: str, name: str, labels: dict[str, str] | None = None, **fields: Any) -> Stored:
        metadata = {"name": name, "labels": labels or {}}
        return await create.create(plane, call(resource), {"metadata": metadata, **fields})

    return create_one

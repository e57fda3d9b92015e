"""A cluster's application in process, without controllers and bootstrap: `shop` is its namespace."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import orjson
import pytest

from fakekube.access.authentication import Authenticator
from fakekube.access.authorization import Authorizer
from fakekube.admission import Chain
from fakekube.api.control_plane import ControlPlane
from fakekube.kinds import Kinds
from fakekube.registry.allocators import Allocators
from fakekube.registry.clock import Chance, Clock
from fakekube.registry.user import User
from fakekube.server.app import App
from fakekube.server.capabilities import CAPABILITIES
from fakekube.server.discovery import Discovery
from fakekube.server.health import Health
from fakekube.server.metrics import Metrics
from fakekube.server.openapi import OpenApi
from fakekube.server.state import State
from fakekube.storage.store import Store

SHOP = "/api/v1/namespaces/shop"
POD = {"containers": [{"name": "c", "image": "i"}]}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json().get("message", ""))


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def app() -> App:
    clock, chance, store, kinds = Clock(), Chance(1), Store(), Kinds.builtin()
    for kind in kinds:
        if kind.is_stored and kind.is_stored_form:
            store.declare(kind.collection, kind.kind, kind.api_version)
    allocators = Allocators("10.96.0.0/16", chance.random)
    plane = ControlPlane(store, kinds, clock, chance, allocators, Chain(()), dict(CAPABILITIES))
    tokens = {"admin": User("admin", ("system:masters",)), "jane": User("jane")}
    app = App()
    app.state = State(
        plane,
        Authenticator(tokens),
        Authorizer(store),
        Discovery(kinds, lambda: "127.0.0.1:1"),
        OpenApi(),
        Health(),
        Metrics(),
    )
    return app


@pytest.fixture
def ask(app: App) -> Ask:
    """`await ask("GET", SHOP + "/pods/p/log")`: the answer to one request, as the administrator unless `token` says otherwise."""

    async def request(method: str, target: str, body: Any = None, *, token: str = "admin", **headers: str) -> Answer:
        path, _, query = target.partition("?")
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json", **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        outgoing: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": json.dumps(body).encode() if body is not None else b""}

        async def send(message: Any) -> None:
            outgoing.append(message)

        await app(scope, receive, send)
        answered = {name.decode(): value.decode() for name, value in outgoing[0]["headers"]}
        return Answer(outgoing[0]["status"], answered, b"".join(each.get("body", b"") for each in outgoing[1:]))

    return request


@pytest.fixture
def make(ask: Ask) -> Callable[..., Awaitable[Any]]:
    """`await make(SHOP + "/pods", "p", spec=POD)` creates an object."""

    async def create(collection: str, name: str, **fields: Any) -> Any:
        answer = await ask("POST", collection, {"metadata": {"name": name, **fields.pop("metadata", {})}, **fields})
        assert answer.status == 201, answer.body
        return answer.json()

    return create


@pytest.fixture
def running(make: Any, ask: Ask) -> Callable[..., Awaitable[None]]:
    """`await running("p", own=True)`: a pod on a node, of this process or of a machine that is not there, whose container runs."""

    async def run(name: str, *, own: bool = True, state: str = "running") -> None:
        addresses = [{"type": "InternalIP", "address": "192.0.2.7"}]
        spec = {"providerID": "fakekube://n"} if own else {}
        await make("/api/v1/nodes", "n", spec=spec, status={"addresses": addresses})
        await make(f"{SHOP}/pods", name, spec={**POD, "nodeName": "n"})
        status = {"name": "c", "image": "i", "imageID": "", "ready": True, "restartCount": 0, "state": {state: {}}}
        patch = {"status": {"phase": "Running", "podIP": "10.244.0.2", "containerStatuses": [status]}}
        headers = {"content-type": "application/merge-patch+json"}
        answer = await ask("PATCH", f"{SHOP}/pods/{name}/status", patch, **headers)
        assert answer.status == 200, answer.body

    return run

"""WebSockets of a FakeCluster without sockets: what a client sends goes in, what the server sends comes out."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from fakekube import FakeCluster
from fakekube.testing.asgi_door import Exchange

TIMEOUT_S = 10.0


class WebSocket:
    """One WebSocket. What is not there within TIMEOUT_S is a failure."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.accepted: Any = None
        """The server's first message: websocket.accept, or the beginning of an answer that is none."""

    async def next(self) -> Any:
        """The next message of the server; None when it has ended."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self._exchange.next()

    def send(self, data: bytes) -> None:
        self._exchange.feed({"type": "websocket.receive", "bytes": data})

    def say(self, **message: Any) -> None:
        """A JSON object."""
        self._exchange.feed({"type": "websocket.receive", "text": orjson.dumps(message).decode()})

    async def hear(self) -> Any:
        """The server's next JSON object; the code with which it closes, as {"closed": code}; None when it has ended."""
        message = await self.next()
        if message is None:
            return None
        if message["type"] == "websocket.close":
            return {"closed": message["code"]}
        return orjson.loads(message["text"])

    async def closed(self) -> int:
        """All the server still says is passed over. The code with which it closes."""
        while (message := await self.next()) is not None:
            if message["type"] == "websocket.close":
                code: int = message["code"]
                return code
        raise AssertionError("the server has ended without closing")

    async def status(self) -> Any:
        """The Status with which the server answers in the place of a WebSocket, with `code` as it is in HTTP."""
        assert self.accepted["type"] == "websocket.http.response.start", self.accepted
        body = (await self.next())["body"]
        answer = orjson.loads(body)
        assert answer["code"] == self.accepted["status"]
        return answer

    def leave(self) -> None:
        self._exchange.close()


@asynccontextmanager
async def websocket(
    kube: FakeCluster, target: str, *protocols: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> AsyncIterator[WebSocket]:
    path, _, query = target.partition("?")
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query.encode(),
        "subprotocols": list(protocols),
        "headers": [(b"connection", b"Upgrade"), *headers],
    }
    exchange = kube.app.open(scope)
    exchange.feed({"type": "websocket.connect"})
    one = WebSocket(exchange)
    try:
        one.accepted = await one.next()
        yield one
    finally:
        exchange.close()


class PlayedProcess:
    """What `fakekube run` says of a process."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket

    def start(self, pid: int = 4711, **more: Any) -> None:
        self.socket.say(type="started", pid=pid, **more)

    def write(self, text: str, stream: str = "stdout") -> None:
        self.socket.say(type="output", stream=stream, data=base64.b64encode(text.encode()).decode())

    async def exit(self, code: int, **more: Any) -> None:
        """And wait until the server has taken note of it."""
        self.socket.say(type="exited", exitCode=code, **more)
        assert await self.socket.closed() == 1000


@asynccontextmanager
async def played(kube: FakeCluster, pod: str, container: str = "c") -> AsyncIterator[PlayedProcess]:
    """A process that the server has accepted."""
    async with websocket(kube, process_path(pod, container)) as socket:
        assert await socket.hear() == {"type": "accepted"}
        yield PlayedProcess(socket)


def process_path(pod: str, container: str = "c") -> str:
    return f"/fakekube/v1/namespaces/default/pods/{pod}/containers/{container}/process"


def a_pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", "image": "busybox"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": containers, **spec}}

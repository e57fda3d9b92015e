"""The cluster as an ASGI application that may be called from any event loop: `httpx.ASGITransport(kube.app)` needs no socket.

The application itself runs in the server's loop, as for everyone. Messages are carried over: what the caller sends is read in the caller's
task, what the server answers is sent there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import CancelledError
from typing import Any

from fakekube.testing.mailbox import Mailbox

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MESSAGES_AHEAD = 64
"""So many messages may wait for a caller that does not read; then the server's side of it waits."""

BODY_BYTES_DRAINED = 8 << 20
"""So much of a body is read although the answer is there already."""

TOKEN_PROTOCOL = b"base64url.bearer.authorization.k8s.io."


class AsgiDoor:
    """An ASGI application. Requests without credentials are the administrator's, since this is the test's own process.

    An Authorization header, whatever it says, is taken instead, so a test sees what another user sees.
    """

    def __init__(self, app: Application, loop: Callable[[], asyncio.AbstractEventLoop], token: str) -> None:
        self._app = app
        self._loop = loop
        self._authorization = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif _running_loop() is self._loop():
            await self._app(self._with_credentials(scope), receive, send)
        elif scope["type"] == "websocket":
            await _both_ways(self.open(scope), receive, send)
        else:
            await _answer(self.open(scope), receive, send)

    def open(self, scope: Scope) -> Exchange:
        """Begin to answer a request. Raises RuntimeError when the server is not running."""
        return Exchange(self._app, self._with_credentials(scope), self._loop())

    def _with_credentials(self, scope: Scope) -> Scope:
        headers = [(bytes(name).lower(), bytes(value)) for name, value in scope.get("headers", ())]
        if not any(name == b"authorization" or _is_token(name, value) for name, value in headers):
            headers.append((b"authorization", self._authorization))
        return {**scope, "headers": headers}


class Exchange:
    """One request while it is answered in the server's loop, seen from the caller's thread."""

    def __init__(self, app: Application, scope: Scope, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: Mailbox[Message | None] = Mailbox()
        self._room = asyncio.Event()
        self._closed = False
        self._disconnect = "websocket.disconnect" if scope["type"] == "websocket" else "http.disconnect"
        self._future = asyncio.run_coroutine_threadsafe(self._run(app, scope), loop)
        self._future.add_done_callback(lambda _: self._outgoing.put(None))

    @property
    def done(self) -> bool:
        return self._future.done()

    def feed(self, message: Message) -> None:
        """What the application receives next."""
        if not self._future.done():
            self._loop.call_soon_threadsafe(self._incoming.put_nowait, message)

    async def next(self) -> Message | None:
        """What the application sends next, None when it has returned. Raises what it raised."""
        return self._taken(await self._outgoing.receive())

    def close(self) -> None:
        """The caller goes: the application is told, and what it still sends is dropped."""
        self._closed = True
        if not self._future.done():
            self._loop.call_soon_threadsafe(self._room.set)
            self.feed({"type": self._disconnect, "code": 1005})

    def _taken(self, message: Message | None) -> Message | None:
        if message is None:
            try:
                self._future.result()
            except CancelledError:
                raise RuntimeError("the server was stopped before it had answered") from None
        elif len(self._outgoing) == MESSAGES_AHEAD - 1:
            self._loop.call_soon_threadsafe(self._room.set)
        return message

    async def _run(self, app: Application, scope: Scope) -> None:
        await app(scope, self._incoming.get, self._send)

    async def _send(self, message: Message) -> None:
        if self._closed:
            return
        self._room.clear()
        self._outgoing.put(message)
        if len(self._outgoing) >= MESSAGES_AHEAD:
            await self._room.wait()


async def _answer(exchange: Exchange, receive: Receive, send: Send) -> None:
    """HTTP: the body goes in, the answer comes out; whoever leaves during a stream ends it."""
    try:
        more, size = True, 0
        # An answer may come before the body has been read; the caller's generator is emptied all the same, within reason.
        while more and not (exchange.done and size > BODY_BYTES_DRAINED):
            message = await receive()
            exchange.feed(message)
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
        while (answer := await exchange.next()) is not None:
            await send(answer)
            if answer.get("more_body", False):
                await _both_ways(exchange, receive, send)
                return
    finally:
        exchange.close()


async def _both_ways(exchange: Exchange, receive: Receive, send: Send) -> None:
    """Carry messages in both directions until one side ends."""
    import anyio.lowlevel

    async def listen() -> None:
        while True:
            message = await receive()
            exchange.feed(message)
            if message["type"].endswith(".disconnect"):
                exchange.close()
                return
            # A `receive` that never waits must not keep answers from being sent.
            await anyio.lowlevel.checkpoint()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            while (answer := await exchange.next()) is not None:
                await send(answer)
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        exchange.close()


def _is_token(name: bytes, value: bytes) -> bool:
    return name == b"sec-websocket-protocol" and TOKEN_PROTOCOL in value


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

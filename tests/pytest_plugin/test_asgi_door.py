"""The cluster as an ASGI application in the test's own event loop, asyncio's or trio's, though it lives on another thread's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import httpx
import pytest
import trio

from fakekube import FakeCluster

CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
CONFIGS = "/api/v1/namespaces/default/configmaps"

Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Run:
    return {"asyncio": lambda main: asyncio.run(main()), "trio": trio.run}[request.param]


def client(kube: FakeCluster) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(kube.app), base_url=kube.url)


def test_requests_are_the_administrators_unless_they_say_otherwise(kube: FakeCluster, run: Run) -> None:
    async def main() -> None:
        async with client(kube) as http:
            assert (await http.get(CONFIGS)).status_code == 200
            assert (await http.get(CONFIGS, headers={"Authorization": "Bearer wrong"})).status_code == 401

    run(main)


def test_bodies_go_in_and_come_out(kube: FakeCluster, run: Run) -> None:
    async def main() -> None:
        async with client(kube) as http:
            made = await http.post(CONFIGS, json={**CONFIG, "data": {"large": "x" * 200_000}})
            assert made.status_code == 201
            listed = await http.get(CONFIGS)
            assert listed.headers["content-encoding"] == "gzip"
            assert listed.json()["items"][-1]["data"] == {"large": "x" * 200_000}

    run(main)


def test_a_body_without_end_is_refused(kube: FakeCluster, run: Run) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        await anyio.sleep(0)
        return {"type": "http.request", "body": b" " * (1 << 20), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        post = {**scope(CONFIGS), "method": "POST", "headers": [(b"content-type", b"application/json")]}
        await kube.app(post, receive, send)

    run(main)
    assert sent[0]["status"] == 413


def test_a_watch_with_an_end_fits_httpx_own_transport(kube: FakeCluster, run: Run) -> None:
    async def main() -> None:
        async with client(kube) as http, anyio.create_task_group() as group:
            group.start_soon(anyio.to_thread.run_sync, _create_and_reset, kube)
            answer = await http.get(CONFIGS, params={"watch": "1"})
            assert '"name":"settings"' in answer.text

    run(main)


def _create_and_reset(kube: FakeCluster) -> None:
    while not kube.plane.store.watcher_count():
        kube.list("pods")
    kube.create(CONFIG)
    kube.reset()


def test_events_of_a_watch_come_one_by_one_and_end_when_the_caller_goes(kube: FakeCluster, run: Run) -> None:
    plane = kube.plane

    async def main() -> None:
        gone = anyio.Event()
        seen: list[bytes] = []
        arrived = anyio.Event()

        async def receive() -> Any:
            if not seen:
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            seen.append(message.get("body", b""))
            if b'"name":"settings"' in seen[-1]:
                arrived.set()

        async with anyio.create_task_group() as group:
            group.start_soon(kube.app, scope(f"{CONFIGS}", b"watch=1"), receive, send)
            while len(seen) < 2:
                await anyio.sleep(0)
            kube.create(CONFIG)
            await arrived.wait()
            gone.set()

    run(main)
    kube.list("cm")
    assert plane.store.watcher_count() == 0


def test_a_cancelled_caller_ends_its_watch(kube: FakeCluster, run: Run) -> None:
    async def main() -> None:
        async with kube.httpx() as http:
            with anyio.move_on_after(0.05) as cancelled:
                async with http.stream("GET", CONFIGS, params={"watch": "1"}) as response:
                    async for _ in response.aiter_raw():
                        pass
            assert cancelled.cancelled_caught

    run(main)
    kube.list("cm")
    assert kube.plane.store.watcher_count() == 0


def test_a_caller_that_does_not_read_holds_up_nobody_else(kube: FakeCluster) -> None:
    exchange = kube.app.open(scope(CONFIGS, b"watch=1"))
    exchange.feed({"type": "http.request", "body": b"", "more_body": False})
    for number in range(200):
        kube.create({**CONFIG, "metadata": {"name": f"settings-{number}"}})

    async def read() -> bytes:
        text = b""
        while b'"name":"settings-199"' not in text:
            message = await exchange.next()
            assert message is not None
            text += message.get("body", b"")
        return text

    assert asyncio.run(read()).count(b'"type":"ADDED"') >= 200
    exchange.close()


def test_a_watch_goes_through_a_websocket(kube: FakeCluster, run: Run) -> None:
    async def main() -> None:
        sent: list[Any] = []
        gone = anyio.Event()
        incoming = [{"type": "websocket.connect"}]

        async def receive() -> Any:
            if incoming:
                return incoming.pop()
            await gone.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "websocket.send":
                gone.set()

        with anyio.fail_after(5):
            await kube.app({**scope(CONFIGS, b"watch=1"), "type": "websocket", "subprotocols": []}, receive, send)
        assert [each["type"] for each in sent[:2]] == ["websocket.accept", "websocket.send"]

    run(main)


def test_it_may_be_called_in_the_servers_own_loop(kube: FakeCluster) -> None:
    async def main() -> int:
        async with client(kube) as http:
            return (await http.get(CONFIGS)).status_code

    assert kube.server.call(main()) == 200


async def test_lifespan_is_answered(kube: FakeCluster) -> None:
    incoming = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    sent: list[str] = []

    async def receive() -> Any:
        return incoming.pop()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await kube.app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_exception_in_send_reaches_the_caller_as_it_is(kube: FakeCluster) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    def failing_at(number: int) -> Callable[[Any], Awaitable[None]]:
        count = 0

        async def send(message: Any) -> None:
            nonlocal count
            count += 1
            if count == number:
                raise OSError("the client has gone")

        return send

    for number in (1, 3):
        with pytest.raises(OSError, match="the client has gone"):
            await kube.app(scope(CONFIGS, b"watch=1"), receive, failing_at(number))


def test_a_server_that_has_ended_says_so() -> None:
    with FakeCluster() as kube:
        exchange = kube.app.open(scope("/version"))  # which waits for its body

    async def read() -> Any:
        while (message := await exchange.next()) is not None:
            pass
        return message

    asyncio.run(read())
    with pytest.raises(RuntimeError, match="the server is not running"):
        kube.app.open(scope("/version"))


def scope(path: str, query: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [],
    }

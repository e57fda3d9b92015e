from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakekube.api.container_logs import Entry
from fakekube.server.app import App

from .conftest import POD, SHOP, Ask


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", 422, "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=0", 422, "sinceSeconds: Invalid value: 0: must be greater than 0"),
        (
            "sinceSeconds=5&sinceTime=2024-01-01T00:00:00Z",
            422,
            "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        ("stream=Stdout", 422, "stream: Forbidden: may not be specified"),
        ("limitBytes=0&tailLines=abc", 400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
        (
            "sinceTime=yesterday",
            400,
            'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
        ),
    ],
)
async def test_options_are_judged_before_the_pod_is_looked_for(ask: Ask, query: str, status: int, message: str) -> None:
    answer = await ask("GET", f"{SHOP}/pods/none/log?{query}")

    assert answer.status == status
    assert answer.message.endswith(message)
    if status == 422:
        assert answer.message.startswith('PodLogOptions "none" is invalid: ')


async def test_a_missing_pod_has_no_log(ask: Ask) -> None:
    answer = await ask("GET", f"{SHOP}/pods/none/log")
    assert (answer.status, answer.message) == (404, 'pods "none" not found')


async def test_of_several_containers_one_must_be_chosen(ask: Ask, make: Any) -> None:
    containers = [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]
    await make(f"{SHOP}/pods", "p", spec={"initContainers": [{"name": "a", "image": "i"}], "containers": containers})

    several = await ask("GET", f"{SHOP}/pods/p/log")
    unknown = await ask("GET", f"{SHOP}/pods/p/log?container=zzz")

    assert several.message == "a container name must be specified for pod p, choose one of: [a c d]"
    assert unknown.message == "container zzz is not valid for pod p"
    assert (await ask("GET", f"{SHOP}/pods/p/log?container=a")).status == 204


async def test_a_pod_without_a_node_has_an_empty_log(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "p", spec=POD)

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    ("form", "status"),
    [("Table", 406), ("PartialObjectMetadata", 500), ("PartialObjectMetadataList", 406)],
)
async def test_a_log_has_no_form_but_its_own(ask: Ask, make: Any, form: str, status: int) -> None:
    await make(f"{SHOP}/pods", "p", spec=POD)

    answer = await ask("GET", f"{SHOP}/pods/p/log", accept=f"application/json;as={form};v=v1;g=meta.k8s.io")

    assert answer.status == status


async def test_a_missing_node_is_said_to_be_a_missing_pod(ask: Ask, make: Any) -> None:
    await make(f"{SHOP}/pods", "p", spec={**POD, "nodeName": "gone"})

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert (answer.status, answer.message) == (404, 'pods "gone" not found')


async def test_a_node_without_an_address_cannot_be_asked(ask: Ask, make: Any) -> None:
    await make("/api/v1/nodes", "n")
    await make(f"{SHOP}/pods", "p", spec={**POD, "nodeName": "n"})

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert (answer.status, answer.message) == (500, "no preferred addresses found; known addresses: []")
    assert "reason" not in answer.json()


async def test_nobody_answers_on_a_node_of_another(ask: Ask, running: Any) -> None:
    await running("p", own=False)

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert answer.status == 500
    assert answer.message == (
        'Get "https://192.0.2.7:10250/containerLogs/shop/p/c": dial tcp 192.0.2.7:10250: connect: connection refused'
    )


async def test_a_running_container_has_written_nothing(ask: Ask, running: Any) -> None:
    await running("p")

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "text/plain")


async def test_a_container_that_waits_has_no_log_yet(ask: Ask, running: Any) -> None:
    await running("p", state="waiting")

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert (answer.status, answer.message) == (
        400,
        'container "c" in pod "p" is waiting to start: ContainerCreating',
    )


async def test_a_container_that_never_ended_has_no_previous_log(ask: Ask, running: Any) -> None:
    await running("p")

    answer = await ask("GET", f"{SHOP}/pods/p/log?previous=true")

    assert (answer.status, answer.message) == (400, 'previous terminated container "c" in pod "p" not found')


WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def write(app: App, text: str, *, after_s: int = 0, appended: bool = False, **which: Any) -> None:
    entry = Entry(text=text, time=WRITTEN + timedelta(seconds=after_s), appended=appended, **which)
    app.state.plane.logs.put(entry)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "one\ntwo\nthree\n"),
        ("tailLines=2", "two\nthree\n"),
        ("tailLines=0", ""),
        ("sinceTime=2026-01-02T03:04:06Z", "three\n"),
        ("sinceSeconds=1", ""),
        ("limitBytes=5", "one\nt"),
        ("tailLines=1&timestamps=true", "2026-01-02T03:04:15.000000000Z three\n"),
        ("follow=false", "one\ntwo\nthree\n"),
    ],
)
async def test_what_was_written_is_shown_as_it_is_asked_for(
    app: App, ask: Ask, running: Any, query: str, expected: str
) -> None:
    await running("p")
    write(app, "one\ntwo\n")
    write(app, "three\n", after_s=10, appended=True)

    answer = await ask("GET", f"{SHOP}/pods/p/log?{query}")

    assert answer.body.decode() == expected


async def test_the_newest_log_that_fits_counts(app: App, ask: Ask, running: Any) -> None:
    await running("p")
    write(app, "old\n")
    write(app, "new\n", name="p*", image="i")
    write(app, "another's\n", name="q")

    assert (await ask("GET", f"{SHOP}/pods/p/log")).body == b"new\n"


async def test_a_log_may_be_made_up_for_each_container(app: App, ask: Ask, running: Any) -> None:
    await running("p")
    app.state.plane.logs.put(Entry(text=lambda pod, container: f"{pod['metadata']['name']}/{container} says hello\n"))

    answer = await ask("GET", f"{SHOP}/pods/p/log")

    assert answer.body == b"p/c says hello\n"


async def test_a_crashed_container_has_the_log_of_its_last_run_and_a_previous_one(
    app: App, ask: Ask, running: Any
) -> None:
    await running("p", state="waiting")
    last = {"terminated": {"exitCode": 1, "startedAt": "2026-01-02T03:04:05Z"}}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 1}
    patch = {"status": {"containerStatuses": [{**status, "state": waits, "lastState": last}]}}
    headers = {"content-type": "application/merge-patch+json"}
    await ask("PATCH", f"{SHOP}/pods/p/status", patch, **headers)
    write(app, "oh no\n")
    write(app, "before\n", previous=True)

    assert (await ask("GET", f"{SHOP}/pods/p/log")).body == b"oh no\n"
    assert (await ask("GET", f"{SHOP}/pods/p/log?previous=true")).body == b"before\n"


async def test_who_follows_sees_what_is_added_until_the_container_ends(app: App, ask: Ask, running: Any) -> None:
    await running("p")
    write(app, "one\n")
    sent: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        if message.get("body"):
            sent.put_nowait(message["body"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"{SHOP}/pods/p/log",
        "query_string": b"follow=true",
        "headers": [(b"authorization", b"Bearer admin")],
    }
    following = asyncio.ensure_future(app(scope, receive, send))
    assert await sent.get() == b"one\n"
    write(app, "two\n", appended=True)
    assert await sent.get() == b"two\n"
    assert not following.done()
    ended = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": {"terminated": {}}}
    patch = {"status": {"containerStatuses": [ended]}}
    await ask("PATCH", f"{SHOP}/pods/p/status", patch, **{"content-type": "application/merge-patch+json"})
    await asyncio.wait_for(following, 5)

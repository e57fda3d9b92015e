"""The door of a process that plays a container, and what becomes of the pod: status, log, events, end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from fakekube import FakeCluster

from ..doors import PlayedProcess, a_pod, played, process_path, websocket

LOG = "/api/v1/namespaces/default/pods/p/log"


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as kube:
        yield kube


@pytest.fixture
def kube(cluster: FakeCluster) -> FakeCluster:
    cluster.reset()
    return cluster


def make(kube: FakeCluster, **spec: Any) -> None:
    kube.create(a_pod(**spec))
    kube.settle()


def container(kube: FakeCluster, name: str = "c") -> Any:
    kube.settle()
    status = kube.get("pod", "p")["status"]
    for key in ("initContainerStatuses", "containerStatuses"):
        for each in status.get(key, ()):
            if each["name"] == name:
                return each
    raise AssertionError(name)


def reasons(kube: FakeCluster) -> list[tuple[str, str, str]]:
    return [(each["type"], each["reason"], each["message"]) for each in kube.list("events")]


async def log(kube: FakeCluster, query: str = "") -> str:
    async with kube.httpx() as http:
        return str((await http.get(f"{LOG}?{query}")).text)


async def started(kube: FakeCluster, process: PlayedProcess) -> None:
    """Until the server has taken note of it."""
    process.start()
    process.write("")
    while (
        not (known := kube.plane.processes.of_pod(kube.get("pod", "p")["metadata"]["uid"])) or not known[0].is_started
    ):
        kube.settle()
    kube.settle()


async def test_a_process_takes_over_a_container_that_runs(kube: FakeCluster) -> None:
    make(kube)
    before = container(kube)

    async with played(kube, "p") as process:
        await started(kube, process)
        process.write("hello\n")
        during = container(kube)
        await process.exit(3)

    assert during == before
    after = container(kube)
    assert (after["restartCount"], after["lastState"]["terminated"]["exitCode"]) == (1, 3)
    assert (after["lastState"]["terminated"]["reason"], list(after["state"])) == ("Error", ["running"])


@pytest.mark.parametrize(
    ("policy", "code", "phase"), [("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded")]
)
async def test_a_process_that_is_not_started_again_ends_its_pod(
    kube: FakeCluster, policy: str, code: int, phase: str
) -> None:
    make(kube, restartPolicy=policy)

    async with played(kube, "p") as process:
        process.start()
        await process.exit(code, message="done")

    status = kube.get("pod", "p")["status"]
    assert status["phase"] == phase
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (code, "done")
    async with websocket(kube, process_path("p")) as socket:
        refused = await socket.hear()
    assert refused == {
        "type": "refused",
        "message": f"pod default/p has ended ({phase}), and is not started again: delete it and create another",
    }


async def test_the_second_end_leads_to_a_back_off_which_a_new_process_does_not_wait_for(kube: FakeCluster) -> None:
    make(kube)
    for _ in range(2):
        async with played(kube, "p") as process:
            process.start()
            process.write("oh no\n")
            await process.exit(1)

    waits = container(kube)
    assert waits["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert waits["lastState"]["terminated"]["exitCode"] == 1
    assert await log(kube) == "oh no\n"
    async with played(kube, "p") as process:
        await started(kube, process)
        runs = container(kube)
        await process.exit(0)

    assert (runs["ready"], runs["restartCount"]) == (True, 2)
    assert container(kube)["lastState"]["terminated"]["reason"] == "Completed"


async def test_a_connection_that_is_lost_is_a_process_that_was_killed(kube: FakeCluster) -> None:
    make(kube, restartPolicy="Never")

    async with played(kube, "p") as process:
        await started(kube, process)

    kube.wait_for("pod", "p", "jsonpath={.status.phase}=Failed")
    ended = container(kube)["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (137, "the connection to its process was lost")


async def test_its_output_is_the_log(kube: FakeCluster) -> None:
    make(kube, restartPolicy="Never")

    async with played(kube, "p") as process:
        process.start()
        process.write("one\ntw")
        process.write("warning\n", "stderr")
        process.write("o\nprompt> ")
        await started(kube, process)
        assert await log(kube) == "one\nwarning\ntwo\n"
        assert await log(kube, "tailLines=1") == "two\n"
        assert await log(kube, "sinceSeconds=60") == "one\nwarning\ntwo\n"
        assert (await log(kube, "timestamps=true&tailLines=1")).endswith("Z two\n")
        await process.exit(0)

    assert await log(kube) == "one\nwarning\ntwo\nprompt> "


async def test_who_follows_the_log_sees_all_of_it(kube: FakeCluster) -> None:
    make(kube, restartPolicy="Never")

    async with played(kube, "p") as process, kube.httpx() as http:
        await started(kube, process)
        process.write("one\n")
        async with http.stream("GET", f"{LOG}?follow=true") as following:
            pieces = following.aiter_text()
            text = await anext(pieces)
            process.write("two\n")
            process.write("no line feed")
            await process.exit(0)
            async for piece in pieces:
                text += piece

    assert text == "one\ntwo\nno line feed"


async def test_each_process_has_a_log_of_its_own(kube: FakeCluster) -> None:
    make(kube)
    for text in ("first\n", "second\n"):
        async with played(kube, "p") as process:
            process.start()
            process.write(text)
            await process.exit(0)
    async with played(kube, "p") as process:
        await started(kube, process)
        process.write("third\n")
        await started(kube, process)

        assert await log(kube) == "third\n"
        assert await log(kube, "previous=true") == "second\n"


async def test_what_a_restarted_container_without_a_process_shows_is_the_last_ones_output(kube: FakeCluster) -> None:
    make(kube)
    async with played(kube, "p") as process:
        process.start()
        process.write("traceback\n")
        await process.exit(1)
    kube.settle()

    assert await log(kube) == "traceback\n"
    assert await log(kube, "previous=true") == "traceback\n"


async def test_why_a_container_cannot_start_is_its_state_and_events_of_the_pod(kube: FakeCluster) -> None:
    make(kube)
    error = 'configmap "settings" not found'
    async with played(kube, "p") as process:
        process.socket.say(type="event", reason="FailedMount", message='MountVolume.SetUp failed for volume "v" : no')
        process.socket.say(type="event", reason="Pulled", message="fine", eventType="Normal")
        process.socket.say(type="waiting", reason="CreateContainerConfigError", message=error)
        kube.wait_for("pod", "p", "jsonpath={.status.phase}=Pending")

    waits = container(kube)
    assert (waits["state"], waits["ready"]) == (
        {"waiting": {"reason": "CreateContainerConfigError", "message": error}},
        False,
    )
    told = reasons(kube)
    assert ("Warning", "FailedMount", 'MountVolume.SetUp failed for volume "v" : no') in told
    assert ("Warning", "Failed", f"Error: {error}") in told
    assert ("Normal", "Pulled", "fine") in told

    async with played(kube, "p") as process:
        await started(kube, process)
        runs = container(kube)
        assert (runs["ready"], runs["restartCount"], list(runs["state"])) == (True, 0, ["running"])


async def test_a_container_goes_on_by_itself_when_no_process_was_started(kube: FakeCluster) -> None:
    make(kube)
    before = container(kube)

    async with played(kube, "p"):
        pass

    assert container(kube) == before
    async with played(kube, "p"):
        pass


async def test_an_event_is_told_though_whoever_said_it_is_gone(kube: FakeCluster) -> None:
    make(kube)
    async with played(kube, "p") as process:
        process.socket.say(type="event", reason="FailedMount", message="no")

    while ("Warning", "FailedMount", "no") not in reasons(kube):
        kube.settle()
    async with played(kube, "p"):
        pass


async def test_a_deleted_pod_ends_with_its_process(kube: FakeCluster) -> None:
    make(kube, terminationGracePeriodSeconds=20)

    async with played(kube, "p") as process:
        await started(kube, process)
        kube.delete("pod", "p")
        assert await process.socket.hear() == {"type": "signal", "signal": 15, "grace_s": 20.0}
        assert "deletionTimestamp" in kube.get("pod", "p")["metadata"]
        await process.exit(143)
        kube.wait_for("pod", "p", "delete")


async def test_after_the_grace_period_a_process_is_killed(kube: FakeCluster) -> None:
    make(kube)
    kube.clock.freeze()
    async with played(kube, "p") as process:
        await started(kube, process)
        kube.delete("pod", "p")
        assert (await process.socket.hear())["signal"] == 15
        kube.clock.advance(timedelta(seconds=31))
        assert await process.socket.hear() == {"type": "signal", "signal": 9, "grace_s": 0}
        assert await process.socket.closed() == 1000

    assert not kube.list("pods")


async def test_a_pod_that_is_deleted_without_grace_takes_its_process_along(kube: FakeCluster) -> None:
    make(kube)
    async with played(kube, "p") as process:
        await started(kube, process)
        kube.delete("pod", "p", grace_period_seconds=0)
        assert (await process.socket.hear())["signal"] == 9
        assert await process.socket.closed() == 1000


async def test_a_container_is_played_by_one_process(kube: FakeCluster) -> None:
    make(kube)
    async with played(kube, "p") as process:
        await started(kube, process)
        async with websocket(kube, process_path("p")) as socket:
            refused = await socket.hear()
            assert await socket.hear() == {"closed": 1000}

    assert refused["message"] == (
        "container c of pod default/p is played by another process already (PID 4711): end that one first"
    )


def test_a_client_that_is_gone_at_once_leaves_the_container_free(kube: FakeCluster) -> None:
    make(kube)
    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == "websocket.send":
            raise OSError("the client has gone")

    async def leave() -> None:
        scope = {"type": "websocket", "path": process_path("p"), "query_string": b"", "subprotocols": [], "headers": []}
        with pytest.raises(OSError, match="the client has gone"):
            await kube.app(scope, receive, send)

    kube.server.call(leave())

    assert sent == ["websocket.accept", "websocket.send"]
    assert kube.plane.processes.of_pod(kube.get("pod", "p")["metadata"]["uid"]) == []


async def test_a_pod_that_waits_for_its_node_is_waited_for(kube: FakeCluster) -> None:
    kube.create(a_pod())

    async with played(kube, "p") as process:
        process.start()
        await process.exit(0)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "pod default/p is on no node: 0/1 nodes are available"),
        ({"nodeName": "elsewhere"}, "pod default/p is on node elsewhere, which this server does not run"),
    ],
)
async def test_a_pod_that_is_not_on_a_node_of_this_server_is_refused(
    kube: FakeCluster, spec: dict[str, Any], why: str
) -> None:
    kube.create(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "elsewhere"}, "spec": {"unschedulable": True}}
    )
    make(kube, **spec)

    async with websocket(kube, process_path("p")) as socket:
        refused = await socket.hear()

    assert refused["type"] == "refused"
    assert refused["message"].startswith(why.replace("0/1", "0/2"))


async def test_an_init_container_that_is_done_is_not_played(kube: FakeCluster) -> None:
    make(kube, initContainers=[{"name": "i", "image": "busybox"}])

    async with websocket(kube, process_path("p", "i")) as socket:
        refused = await socket.hear()

    assert refused["message"] == (
        "container i of pod default/p has ended (exit code 0), and is not started again: delete the pod and create another"
    )


async def test_a_server_without_nodes_says_what_it_lacks() -> None:
    with FakeCluster(nodes=0) as kube:
        kube.create(a_pod())
        async with websocket(kube, process_path("p")) as socket:
            refused = await socket.hear()

    assert refused["message"] == (
        "pod default/p cannot run: this server has no node (--nodes 0). Start it with --nodes 1, or with --run-any-node"
    )


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (process_path("none"), 404, 'pods "none" not found'),
        (process_path("p", "none"), 400, "container none is not valid for pod p"),
    ],
)
async def test_what_is_not_there_is_a_status(kube: FakeCluster, path: str, code: int, message: str) -> None:
    make(kube)

    async with websocket(kube, path) as socket:
        answer = await socket.status()

    assert (answer["code"], answer["message"]) == (code, message)


async def test_the_door_is_for_those_who_may_run_commands(kube: FakeCluster) -> None:
    make(kube)

    async with websocket(kube, process_path("p"), headers=((b"impersonate-user", b"jane"),)) as socket:
        answer = await socket.status()

    assert answer["message"] == (
        'pods "p" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"'
    )


async def test_the_door_is_a_websocket(kube: FakeCluster) -> None:
    make(kube)

    async with kube.httpx() as http:
        plain = await http.get(process_path("p"))
        elsewhere = await http.get("/fakekube/v1/none")

    assert (plain.status_code, plain.json()["message"]) == (400, "Upgrade request required")
    assert elsewhere.status_code == 404


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "no message: expected a JSON object with a type"),
        ({"type": "started"}, "started: expected the number of a process as pid"),
        ({"type": "started", "pid": 1, "network": "x"}, "started: expected host or pod as network"),
        (
            {"type": "output", "stream": "x", "data": ""},
            "output: expected stdout or stderr as stream, and a text in base64 as data",
        ),
        ({"type": "output", "stream": "stdout", "data": "%"}, "output: data is no base64"),
        ({"type": "waiting"}, "waiting: expected a text as reason"),
        ({"type": "event", "reason": "x", "eventType": "y"}, "event: expected Normal or Warning as eventType"),
        ({"type": "exited", "exitCode": 256}, "exited: expected a number from 0 to 255 as exitCode"),
        ({"type": "exited", "exitCode": 0}, "exited: the process has not been started"),
        ({"type": "x"}, "a message of an unknown type: expected one of started, output, waiting, event, exited"),
    ],
)
async def test_what_is_no_message_ends_the_connection(kube: FakeCluster, message: dict[str, Any], why: str) -> None:
    make(kube)
    async with played(kube, "p") as process:
        process.socket.say(**message)

        assert await process.socket.hear() == {"type": "refused", "message": why}
        assert await process.socket.hear() == {"closed": 1003}


async def test_a_reset_ends_the_connection(kube: FakeCluster) -> None:
    make(kube)
    async with played(kube, "p") as process:
        await started(kube, process)
        kube.reset()

        assert await process.socket.hear() == {"closed": 1001}

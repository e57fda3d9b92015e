"""Commands in containers, and processes one attaches to, through WebSockets; local programs stand for `fakekube exec`."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from fakekube import FakeCluster
from fakekube.api.command_answers import CommandResult
from fakekube.server.programs import Launch, Target

from ..doors import PlayedProcess, WebSocket, a_pod, played, websocket
from ..test_programs import runs

V5, V4, V4_BASE64 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
SUCCESS = {"metadata": {}, "status": "Success"}


class Launches:
    """What the server was asked to start."""

    def __init__(self) -> None:
        self.seen: list[tuple[Target, list[str], bool, bool]] = []

    def __call__(self, target: Target, command: Sequence[str], reads: bool, terminal: bool) -> Launch:
        self.seen.append((target, list(command), reads, terminal))
        return Launch(command)


@pytest.fixture(scope="module")
def launches() -> Launches:
    return Launches()


@pytest.fixture(scope="module")
def cluster(launches: Launches) -> Iterator[FakeCluster]:
    cluster = FakeCluster(allow_exec=True)
    cluster.launcher = launches
    with cluster:
        yield cluster


@pytest.fixture
def kube(cluster: FakeCluster, launches: Launches) -> FakeCluster:
    cluster.reset()
    launches.seen.clear()
    cluster.create(a_pod())
    cluster.settle()
    return cluster


class Client:
    """A client of channels."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.text: dict[int, bytes] = {}

    def type(self, data: bytes, channel: int = 0) -> None:
        self.socket.send(bytes((channel,)) + data)

    def end_input(self) -> None:
        self.socket.send(b"\xff\x00")

    async def read(self) -> tuple[int, bytes]:
        message = await self.socket.next()
        data: bytes = message["bytes"]
        self.text[data[0]] = self.text.get(data[0], b"") + data[1:]
        return data[0], data[1:]

    async def read_until(self, text: bytes, channel: int = 1) -> None:
        while text not in self.text.get(channel, b""):
            await self.read()

    async def status(self) -> Any:
        """All there is to read, and then how it ended."""
        while (await self.read())[0] != 3 or not self.text[3]:
            pass
        assert await self.socket.closed() == 1000
        return orjson.loads(self.text[3])


@asynccontextmanager
async def executing(
    kube: FakeCluster, *command: str, protocol: str = V5, door: str = "exec", **options: Any
) -> AsyncIterator[Client]:
    query = [("command", word) for word in command]
    query += [(name, "true" if wanted else "false") for name, wanted in options.items()]
    path = f"/api/v1/namespaces/default/pods/p/{door}?{urlencode(query)}"
    async with websocket(kube, path, *([protocol] if protocol else [])) as socket:
        yield Client(socket)


async def test_a_command_runs_and_its_streams_are_told_apart(kube: FakeCluster, launches: Launches) -> None:
    script = "echo out; echo err >&2; exit 3"
    async with executing(kube, "sh", "-c", script, stdout=True, stderr=True) as client:
        status = await client.status()

    assert client.socket.accepted == {"type": "websocket.accept", "subprotocol": V5}
    assert (client.text[1], client.text[2]) == (b"out\n", b"err\n")
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    assert status["message"].endswith(f"error executing command [sh -c {script}], exit code 3")
    assert launches.seen == [(Target("default", "p", "c"), ["sh", "-c", script], False, False)]


async def test_only_what_is_asked_for_is_sent(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "echo out; echo err >&2", stderr=True, stdout=False) as client:
        assert await client.status() == SUCCESS

    assert (client.text.get(1), client.text[2]) == (None, b"err\n")


async def test_input_ends_when_the_client_says_so(kube: FakeCluster) -> None:
    async with executing(kube, "cat", stdin=True, stdout=True) as client:
        client.type(b"one\n")
        await client.read_until(b"one\n")
        client.type(b"two\n")
        client.end_input()
        assert await client.status() == SUCCESS

    assert client.text[1] == b"one\ntwo\n"


async def test_a_client_of_v4_types_and_the_command_ends_by_itself(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "read line; echo got $line", protocol=V4, stdin=True, stdout=True) as client:
        client.type(b"it\n")
        assert await client.status() == SUCCESS

    assert client.text[1] == b"got it\n"


async def test_channels_in_base64_are_spoken_too(kube: FakeCluster) -> None:
    async with executing(kube, "cat", protocol=V4_BASE64, stdin=True, stdout=True) as client:
        client.socket._exchange.feed({"type": "websocket.receive", "text": "0" + base64.b64encode(b"hi\n").decode()})
        texts = [(await client.socket.next())["text"] for _ in range(2)]

    assert texts == ["1", "1" + base64.b64encode(b"hi\n").decode()]


async def test_megabytes_go_through_in_both_directions(kube: FakeCluster) -> None:
    data = os.urandom(1 << 20)
    async with executing(kube, "cat", stdin=True, stdout=True) as client:
        for start in range(0, len(data), 32768):
            client.type(data[start : start + 32768])
        client.end_input()
        assert await client.status() == SUCCESS

    assert client.text[1] == data


async def test_a_terminal_has_a_size_and_one_way_out(kube: FakeCluster, launches: Launches) -> None:
    script = "stty size; read line; stty size; echo err >&2; test -t 0 && echo terminal"
    async with executing(kube, "sh", "-c", script, stdin=True, stdout=True, stderr=True, tty=True) as client:
        client.type(b'{"Width":100,"Height":40}', channel=4)
        client.type(b'{"Width":"no"}', channel=4)
        await client.read_until(b"\r\n")
        client.type(b"\n")
        assert await client.status() == SUCCESS

    lines = client.text[1].split(b"\r\n")
    assert b"40 100" in lines
    assert {b"err", b"terminal"} <= set(lines)
    assert 2 not in client.text
    assert launches.seen[0][2:] == (True, True)


async def test_control_c_interrupts_what_runs_in_a_terminal(kube: FakeCluster) -> None:
    script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done"
    async with executing(kube, "sh", "-c", script, stdin=True, stdout=True, tty=True) as client:
        await client.read_until(b"ready")
        client.type(b"\x03")
        status = await client.status()

    assert b"caught" in client.text[1]
    assert status["details"]["causes"][0]["message"] == "7"


async def test_the_end_of_input_reaches_a_terminal(kube: FakeCluster) -> None:
    async with executing(kube, "cat", stdin=True, stdout=True, tty=True) as client:
        client.type(b"x\n")
        await client.read_until(b"x\r\nx\r\n")
        client.end_input()
        assert await client.status() == SUCCESS


async def test_a_program_that_is_not_there_is_told(kube: FakeCluster) -> None:
    async with executing(kube, "/no/such/program", stdout=True) as client:
        status = await client.status()

    assert (status["status"], status["reason"]) == ("Failure", "InternalError")
    assert status["message"] == "the command cannot be started: /no/such/program: there is no such program"


async def test_a_signal_is_an_exit_code(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "kill -9 $$", stdout=True) as client:
        status = await client.status()

    assert status["details"]["causes"][0]["message"] == "137"


async def test_what_a_command_leaves_behind_does_not_hold_up_its_end(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "sleep 100 & echo $!", stdout=True) as client:
        assert await client.status() == SUCCESS

    await gone(int(client.text[1]))


async def test_a_program_dies_with_its_connection(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "echo $$; sleep 100", stdout=True) as client:
        await client.read_until(b"\n")

    await gone(int(client.text[1]))


@pytest.mark.parametrize("how", ["delete", "fail"])
async def test_a_program_dies_with_its_container(kube: FakeCluster, how: str) -> None:
    async with executing(kube, "sh", "-c", "echo $$; sleep 100", stdout=True) as client:
        await client.read_until(b"\n")
        kube.create(a_pod("other"))
        kube.pods.fail("p") if how == "fail" else kube.delete("pod", "p")
        status = await client.status()

    assert status["details"]["causes"][0]["message"] == "137"
    await gone(int(client.text[1]))


async def test_programs_die_with_a_reset(kube: FakeCluster) -> None:
    async with executing(kube, "sh", "-c", "echo $$; sleep 100", stdout=True) as client:
        await client.read_until(b"\n")
        kube.reset()
        await gone(int(client.text[1]))


async def test_a_server_that_stops_leaves_no_program_behind() -> None:
    cluster = FakeCluster(allow_exec=True)
    cluster.launcher = Launches()
    with cluster as kube:
        kube.create(a_pod())
        kube.settle()
        async with executing(kube, "sh", "-c", "trap '' TERM HUP; echo $$; sleep 100", stdout=True) as client:
            await client.read_until(b"\n")
            kube.stop()
            await gone(int(client.text[1]))


async def gone(pid: int) -> None:
    """Within a second."""
    async with asyncio.timeout(1):
        while runs(pid):
            await asyncio.sleep(0.005)


async def test_what_a_test_has_said_comes_before_programs(kube: FakeCluster, launches: Launches) -> None:
    kube.pods.set_exec("p", lambda words, stdin: CommandResult(stdin.decode().upper(), exit_code=2), command=["shout"])

    async with executing(kube, "shout", stdin=True, stdout=True) as client:
        client.type(b"hello ")
        client.type(b"there")
        client.end_input()
        status = await client.status()

    assert client.text[1] == b"HELLO THERE"
    assert status["details"]["causes"][0]["message"] == "2"
    assert launches.seen == []


async def test_a_client_that_cannot_end_its_input_is_answered_after_the_first_message(kube: FakeCluster) -> None:
    kube.pods.set_exec("p", lambda words, stdin: stdin.decode().upper())

    async with executing(kube, "shout", protocol=V4, stdin=True, stdout=True) as client:
        client.type(b"hello")
        assert await client.status() == SUCCESS

    assert client.text[1] == b"HELLO"


async def test_an_answer_that_fails_is_told(kube: FakeCluster) -> None:
    kube.pods.set_exec("p", lambda words: words[7])

    async with executing(kube, "ls", stdout=True) as client:
        status = await client.status()

    assert status["message"] == "the function that is to answer has failed: IndexError: list index out of range"


@pytest.mark.parametrize(
    ("command", "options", "code", "message"),
    [
        ([], {"stdout": True}, 400, "you must specify at least one word of a command"),
        (["ls"], {}, 400, "you must specify at least 1 of stdin, stdout, stderr"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    kube: FakeCluster, command: list[str], options: dict[str, Any], code: int, message: str
) -> None:
    async with executing(kube, *command, **options) as client:
        answer = await client.socket.status()

    assert (answer["code"], answer["message"]) == (code, message)


async def test_a_container_that_does_not_run_has_no_commands(kube: FakeCluster) -> None:
    kube.pods.crash_loop("p")

    async with executing(kube, "ls", stdout=True) as client:
        answer = await client.socket.status()

    assert (answer["code"], answer["message"]) == (500, 'container not found ("c")')


async def test_a_client_that_is_no_websocket_must_be_one_of_spdy(kube: FakeCluster) -> None:
    async with kube.httpx() as http:
        path = "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=1"
        answer = await http.post(path, headers={"connection": "Upgrade", "upgrade": "h2c"})

    assert (answer.status_code, answer.json()["message"]) == (400, "unable to upgrade: expected WebSocket or SPDY/3.1")


@pytest.fixture
def attachable(kube: FakeCluster) -> FakeCluster:
    kube.create({**a_pod("q"), "spec": {"containers": [
        {"name": "c", "image": "busybox", "stdin": True, "stdinOnce": True, "tty": True}
    ]}})  # fmt: skip
    kube.settle()
    return kube


@asynccontextmanager
async def attaching(
    kube: FakeCluster, pod: str = "q", *, stdin: bool = True
) -> AsyncIterator[tuple[PlayedProcess, Client]]:
    """To a process."""
    query = urlencode({"stdin": stdin, "stdout": True})
    async with played(kube, pod) as process:
        process.start()
        process.socket.say(type="output", stream="stdout", data="")
        uid = kube.get("pod", pod)["metadata"]["uid"]
        while not kube.plane.processes.of_pod(uid)[0].is_started:
            kube.settle()
        async with websocket(kube, f"/api/v1/namespaces/default/pods/{pod}/attach?{query}", V5) as socket:
            yield process, Client(socket)


async def test_who_attaches_sees_output_and_types_input(attachable: FakeCluster) -> None:
    async with attaching(attachable) as (process, client):
        assert await client.read() == (1, b"")
        process.write("$ ")
        await client.read_until(b"$ ")
        client.type(b"ls\n")
        client.type(b'{"Width":100,"Height":40}', channel=4)
        client.end_input()
        heard = [await process.socket.hear() for _ in range(3)]
        process.write("bye\n")
        await process.exit(0)
        assert await client.status() == SUCCESS

    assert heard == [
        {"type": "stdin", "data": base64.b64encode(b"ls\n").decode()},
        {"type": "resize", "width": 100, "height": 40},
        {"type": "stdin", "data": None},
    ]
    assert client.text[1] == b"$ bye\n"


async def test_a_container_without_stdin_is_told_nothing(kube: FakeCluster) -> None:
    async with attaching(kube, "p") as (process, client):
        client.type(b"ls\n")
        client.type(b'{"Width":100,"Height":40}', channel=4)
        assert await process.socket.hear() == {"type": "resize", "width": 100, "height": 40}


async def test_input_that_is_for_one_client_ends_with_it(attachable: FakeCluster) -> None:
    async with attaching(attachable) as (process, client):
        assert await client.read() == (1, b"")
        client.socket.leave()

        assert await process.socket.hear() == {"type": "stdin", "data": None}


async def test_there_must_be_a_process_to_attach_to(kube: FakeCluster) -> None:
    async with executing(kube, door="attach", stdout=True) as client:
        answer = await client.socket.status()

    assert (answer["code"], answer["message"]) == (
        400,
        "container c of pod default/p is not played by a process: start one with `fakekube run pod/p -c c -- COMMAND`",
    )

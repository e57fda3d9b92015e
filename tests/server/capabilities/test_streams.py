from __future__ import annotations

from typing import Any

import pytest

from fakekube.api.command_answers import CommandAnswer, CommandResult
from fakekube.server import connection
from fakekube.server.app import App
from fakekube.server.programs import Launch

from .conftest import POD, SHOP, Ask

UPGRADE = {"connection": "Upgrade", "upgrade": "SPDY/3.1"}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("door", ["exec", "attach", "portforward"])
async def test_a_pod_without_a_node_cannot_be_reached(ask: Ask, make: Any, method: str, door: str) -> None:
    await make(f"{SHOP}/pods", "p", spec=POD)

    answer = await ask(method, f"{SHOP}/pods/p/{door}")

    assert (answer.status, answer.message) == (400, "pod p does not have a host assigned")


async def test_other_methods_do_not_exist(ask: Ask) -> None:
    assert (await ask("PUT", f"{SHOP}/pods/p/exec")).status == 405


@pytest.mark.parametrize(
    ("door", "what"),
    [
        ("exec", "running commands in containers"),
        ("attach", "attaching to containers"),
        ("portforward", "forwarding ports to pods"),
    ],
)
async def test_what_is_not_there_is_said_and_not_faked(ask: Ask, running: Any, door: str, what: str) -> None:
    await running("p")

    answer = await ask("POST", f"{SHOP}/pods/p/{door}", **UPGRADE)

    assert (answer.status, answer.json()["reason"]) == (501, "NotImplemented")
    how = "start it with --allow-exec, which lets them run programs on this machine"
    if door == "exec":
        how += ", or have a test say what they answer (kube.pods.set_exec)"
    assert answer.message == f"{what} is not available in this server (fakekube): {how}"


async def test_nobody_answers_on_a_node_of_another(ask: Ask, running: Any) -> None:
    await running("p", own=False)

    answer = await ask("POST", f"{SHOP}/pods/p/exec", **UPGRADE)

    assert answer.message == "error dialing backend: dial tcp 192.0.2.7:10250: connect: connection refused"


async def test_a_stream_needs_an_upgrade(ask: Ask, running: Any) -> None:
    await running("p")

    answer = await ask("POST", f"{SHOP}/pods/p/exec")

    assert (answer.status, answer.message) == (400, "Upgrade request required")


@pytest.mark.parametrize(
    ("ports", "why"),
    [
        ("abc", 'parsing "abc": invalid syntax'),
        ("80,70000", 'parsing "70000": value out of range'),
        ("-1", 'parsing "-1": invalid syntax'),
    ],
)
async def test_ports_are_numbers(ask: Ask, ports: str, why: str) -> None:
    answer = await ask("POST", f"{SHOP}/pods/none/portforward?ports={ports}")

    assert (answer.status, answer.message) == (400, f"cannot convert to []int32: strconv.ParseUint: {why}")


async def test_whoever_may_only_get_does_not_come_in_as_a_websocket(ask: Ask, make: Any) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
    await make(f"{rbac}/roles", "r", rules=[{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["get"]}])
    reference = {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
    await make(f"{rbac}/rolebindings", "b", roleRef=reference, subjects=[{"kind": "User", "name": "jane"}])

    answer = await ask("GET", f"{SHOP}/pods/none/exec", token="jane")

    assert (answer.status, answer.message) == (403, 'pods "none" is forbidden: ')


@pytest.mark.parametrize(
    ("query", "frames"),
    [
        (
            "command=ls&command=-l&stdout=true&stderr=true",
            [b"\x01", b"\x01ls -l says hello\n", b'\x03{"metadata":{},"status":"Success"}'],
        ),
        (
            "command=false&stdout=true&stderr=true",
            [
                b"\x01",
                b"\x02no\n",
                b'\x03{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: error '
                b'executing command [false], exit code 3","reason":"NonZeroExitCode","details":{"causes":[{"reason":'
                b'"ExitCode","message":"3"}]}}',
            ],
        ),
        ("command=ls&stderr=true", [b"\x02", b'\x03{"metadata":{},"status":"Success"}']),
    ],
)
async def test_what_a_command_answers_goes_through_channels(
    app: App, running: Any, query: str, frames: list[bytes]
) -> None:
    await running("p")
    commands = app.state.plane.commands
    commands.put(CommandAnswer(answer=lambda words: f"{' '.join(words)} says hello\n", name="p"))
    commands.put(CommandAnswer(answer=CommandResult(stderr="no\n", exit_code=3), command=["false"]))
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": f"{SHOP}/pods/p/exec",
        "query_string": query.encode(),
        "subprotocols": ["unheard.of", "v5.channel.k8s.io", "v4.channel.k8s.io"],
        "headers": [(b"authorization", b"Bearer admin"), (b"connection", b"Upgrade")],
    }
    await app(scope, receive, send)

    assert sent[0] == {"type": "websocket.accept", "subprotocol": "v5.channel.k8s.io"}
    assert [message["bytes"] for message in sent[1:-1]] == frames
    assert sent[-1] == {"type": "websocket.close", "code": 1000}


async def test_a_command_that_nobody_has_said_anything_about_stays_unanswered(app: App) -> None:
    pod = {"metadata": {"name": "p", "namespace": "shop"}}
    commands = app.state.plane.commands
    commands.put(CommandAnswer(answer="yes", command=["ls"], container="c"))

    answer = commands.answer(pod, "c", ["ls", "-l"])

    assert answer is not None
    assert answer.result(["ls", "-l"]) == CommandResult("yes")
    assert commands.answer(pod, "c", ["cat"]) is None
    assert commands.answer(pod, "d", ["ls"]) is None


def test_a_function_of_two_arguments_gets_the_input() -> None:
    both = CommandAnswer(answer=lambda words, stdin: f"{words} {stdin!r}")
    one = CommandAnswer(answer=lambda words: f"{words}")

    assert (both.reads_stdin, both.result(["cat"], b"x").stdout) == (True, "['cat'] b'x'")
    assert (one.reads_stdin, one.result(["cat"], b"x").stdout) == (False, "['cat']")


@pytest.mark.parametrize(
    ("door", "offered", "accepted"),
    [
        ("exec?command=ls&stdout=1", "v3.channel.k8s.io, channel.k8s.io", "v5.channel.k8s.io v4.channel.k8s.io"),
        ("portforward", "v4.channel.k8s.io", "portforward.k8s.io"),
    ],
)
async def test_a_client_of_spdy_and_the_server_must_have_a_protocol_in_common(
    app: App, running: Any, door: str, offered: str, accepted: str
) -> None:
    await running("p")
    app.state.launcher = lambda target, command, reads, terminal: Launch(command)
    path, _, query = door.partition("?")
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{SHOP}/pods/p/{path}",
        "query_string": query.encode(),
        "headers": [
            (b"authorization", b"Bearer admin"),
            (b"connection", b"Upgrade"),
            (b"x-stream-protocol-version", offered.encode()),
        ],
        connection.UPGRADE: None,
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == 400
    client = f"client supports [{offered.replace(',', '')}]"
    assert f"unable to negotiate protocol: {client}, server accepts [{accepted}]" in sent[1]["body"].decode()

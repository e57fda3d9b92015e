"""Commands in containers, attaching, copying and forwarded ports with the clients people use; local programs stand for `fakekube exec`."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pty
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import kr8s
import kr8s.asyncio
import kubernetes_asyncio.stream
import pytest
from kr8s.objects import Pod
from kubernetes import client, stream
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from fakekube import FakeCluster
from fakekube.server.programs import Launch, Target
from tests.server.capabilities.echo import Echo
from tests.server.doors import process_path

TIMEOUT_S = 30.0

SWITCHES = ("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", "KUBECTL_PORT_FORWARD_WEBSOCKETS")


def local(target: Target, command: Sequence[str], reads: bool, terminal: bool) -> Launch:
    return Launch(command)


@pytest.fixture(scope="module")
def kube() -> Iterator[FakeCluster]:
    """With a pod `p`, whose container may be typed to."""
    cluster = FakeCluster(allow_exec=True)
    cluster.launcher = local
    with cluster:
        container = {"name": "c", "image": "busybox", "stdin": True, "stdinOnce": True}
        cluster.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
        )
        cluster.wait_for("pod", "p", "condition=Ready")
        yield cluster


@pytest.fixture(params=["websocket", "spdy"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl speaks WebSockets, or what it spoke before version 1.31."""
    for name in SWITCHES:
        monkeypatch.setenv(name, str(request.param == "websocket").lower())


def environment(kube: FakeCluster) -> dict[str, str]:
    home = str(kube.kubeconfig.parent)
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    switches = {name: os.environ[name] for name in SWITCHES if name in os.environ}
    mine = {"PATH": programs, "KUBECONFIG": str(kube.kubeconfig), "HOME": home, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    return mine | switches


def kubectl(kube: FakeCluster, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["kubectl", *arguments]
    return subprocess.run(
        command, env=environment(kube), input=stdin, capture_output=True, timeout=TIMEOUT_S, check=False
    )


class PlayedByThread:
    """A process that writes back what it is typed, in capitals, and ends with its input; its port is that of an echo server."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        assert json.loads(connection.recv()) == {"type": "accepted"}
        self._say(type="started", pid=4711)
        self.thread = threading.Thread(target=self._play)
        self.thread.start()

    def _say(self, **message: Any) -> None:
        self._connection.send(json.dumps(message))

    def write(self, data: bytes) -> None:
        self._say(type="output", stream="stdout", data=base64.b64encode(data).decode())

    def _play(self) -> None:
        try:
            for text in self._connection:
                message = json.loads(text)
                if message["type"] == "stdin" and message["data"] is None:
                    self._say(type="exited", exitCode=0)
                elif message["type"] == "stdin":
                    self.write(base64.b64decode(message["data"]).upper())
        except ConnectionClosed:
            return


@contextmanager
def played(kube: FakeCluster) -> Iterator[PlayedByThread]:
    context = ssl.create_default_context(cafile=str(kube.ca_file))
    address = f"wss{kube.url.removeprefix('https')}{process_path('p')}"
    headers = {"Authorization": f"Bearer {kube.token}"}
    with connect(address, ssl=context, additional_headers=headers) as connection:
        process = PlayedByThread(connection)
        uid = kube.get("pod", "p")["metadata"]["uid"]
        while not any(each.is_started for each in kube.plane.processes.of_pod(uid)):
            kube.settle()
        yield process
    process.thread.join(TIMEOUT_S)
    kube.settle()


@pytest.mark.usefixtures("transport")
def test_kubectl_exec_tells_streams_and_exit_codes_apart(kube: FakeCluster) -> None:
    done = kubectl(kube, "exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 3")

    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert done.stderr == b"err\ncommand terminated with exit code 3\n"


@pytest.mark.usefixtures("transport")
def test_kubectl_exec_passes_input_on_and_ends_it(kube: FakeCluster) -> None:
    data = os.urandom(1 << 20)

    done = kubectl(kube, "exec", "-i", "p", "--", "sh", "-c", "sleep 0.05; cat", stdin=data)

    assert (done.returncode, done.stdout == data, done.stderr) == (0, True, b"")


@pytest.mark.usefixtures("transport")
def test_kubectl_exec_gives_a_terminal_of_the_same_size(kube: FakeCluster) -> None:
    here, there = pty.openpty()
    subprocess.run(["stty", "rows", "33", "cols", "101"], stdin=there, check=True)
    command = ["kubectl", "exec", "-it", "p", "--", "sh", "-c", "read line; stty size; exit 5"]
    with subprocess.Popen(
        command, env=environment(kube), stdin=there, stdout=there, stderr=there, start_new_session=True
    ) as running:
        os.close(there)
        os.write(here, b"go\n")
        seen = b""
        try:
            while piece := os.read(here, 4096):
                seen += piece
        except OSError:  # EIO: the other end is closed
            pass
        assert running.wait(TIMEOUT_S) == 5
    os.close(here)
    assert b"33 101" in seen


@pytest.mark.usefixtures("transport")
def test_kubectl_cp_copies_both_ways(kube: FakeCluster, tmp_path: Path) -> None:
    data = os.urandom(200_000)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    (tmp_path / "here" / "file").write_bytes(data)

    into = kubectl(kube, "cp", f"{tmp_path}/here/file", f"p:{tmp_path}/there/file")
    out = kubectl(kube, "cp", f"p:{tmp_path}/there/file", f"{tmp_path}/back")

    assert (into.returncode, out.returncode) == (0, 0), into.stderr + out.stderr
    assert (tmp_path / "there" / "file").read_bytes() == (tmp_path / "back").read_bytes() == data


@pytest.mark.usefixtures("transport")
def test_kubectl_attach_talks_to_the_process(kube: FakeCluster) -> None:
    with played(kube):
        done = kubectl(kube, "attach", "-i", "p", stdin=b"hello\n")

    assert (done.returncode, done.stdout) == (0, b"HELLO\n")
    assert kubectl(kube, "logs", "p").stdout == b"HELLO\n"


@pytest.mark.usefixtures("transport")
def test_kubectl_port_forward_carries_connections(kube: FakeCluster) -> None:
    with Echo() as echo, played(kube):
        command = ["kubectl", "port-forward", "--address=127.0.0.1", "p", f":{echo.port}"]
        with subprocess.Popen(
            command, env=environment(kube), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            assert running.stdout is not None
            port = int(running.stdout.readline().split(b"127.0.0.1:")[1].split()[0])
            answers = [ask(port, bytes(range(256)) * size) for size in (1, 2000)]
            running.terminate()

    assert answers == [bytes(range(256)) * size for size in (1, 2000)]


@pytest.mark.usefixtures("transport")
def test_kubectl_port_forward_says_why_a_port_cannot_be_reached(kube: FakeCluster) -> None:
    command = ["kubectl", "port-forward", "--address=127.0.0.1", "p", ":80"]
    with subprocess.Popen(command, env=environment(kube), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        port = int(running.stdout.readline().split(b"127.0.0.1:")[1].split()[0])
        assert ask(port, b"x") == b""
        told = running.stderr.read()  # kubectl gives up by itself

    assert b"error forwarding port 80 to pod default/p: no process plays it" in told


def ask(port: int, data: bytes) -> bytes:
    """What comes back for it."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        sending = threading.Thread(target=_send, args=(connection, data))
        sending.start()
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        sending.join(TIMEOUT_S)
        return answer


def _send(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_without_the_option_kubectl_says_how_to_have_it(tmp_path: Path) -> None:
    with FakeCluster() as kube:
        kube.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p"},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            }
        )
        kube.wait_for("pod", "p", "condition=Ready")
        executed, attached = kubectl(kube, "exec", "p", "--", "ls"), kubectl(kube, "attach", "p")
        forwarded = kubectl(kube, "port-forward", "p", ":80")

    how = "is not available in this server (fakekube): start it with --allow-exec, which lets them run programs on this machine"
    assert f"running commands in containers {how}" in executed.stderr.decode()
    assert f"attaching to containers {how}" in attached.stderr.decode()
    assert f"forwarding ports to pods {how}" in forwarded.stderr.decode()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the client does not close what it has read to its end
def test_the_official_client_streams(kube: FakeCluster) -> None:
    core = client.CoreV1Api(kube.kubernetes())
    execute: Any = core.connect_get_namespaced_pod_exec
    options = {"name": "p", "namespace": "default", "stdout": True, "stderr": True, "tty": False}

    text = stream.stream(execute, command=["echo", "hi"], stdin=False, **options)
    command = ["sh", "-c", "read line; echo got $line; exit 4"]
    running = stream.stream(execute, command=command, stdin=True, _preload_content=False, **options)
    running.write_stdin("it\n")
    answer = running.readline_stdout(timeout=TIMEOUT_S)
    running.run_forever(timeout=TIMEOUT_S)

    assert (text, answer, running.returncode) == ("hi\n", "got it", 4)
    running.sock.shutdown()  # which its own close() leaves out after the server has closed


def test_the_official_client_forwards_ports(kube: FakeCluster) -> None:
    core = client.CoreV1Api(kube.kubernetes())
    with Echo() as echo, played(kube):
        forward = stream.portforward(core.connect_get_namespaced_pod_portforward, "p", "default", ports=str(echo.port))
        connection = forward.socket(echo.port)
        connection.setblocking(True)
        connection.sendall(b"hello")
        answer = connection.recv(100)
        connection.close()

    assert answer == b"hello"
    assert forward.error(echo.port) is None


async def test_kubernetes_asyncio_streams(kube: FakeCluster) -> None:
    configuration = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(str(kube.kubeconfig), client_configuration=configuration)
    async with kubernetes_asyncio.stream.WsApiClient(configuration) as api:
        core: Any = kubernetes_asyncio.client.CoreV1Api(api)
        text = await core.connect_get_namespaced_pod_exec(
            "p", "default", command=["echo", "hi"], stdout=True, stderr=True, stdin=False, tty=False
        )

    assert text == "hi\n"


@pytest.mark.filterwarnings("ignore:Kubernetes version v1.36.2 is not supported:UserWarning")
def test_kr8s_executes(kube: FakeCluster) -> None:
    pod = Pod.get("p", api=kube.kr8s())

    done = pod.exec(["sh", "-c", "echo out; echo err >&2; exit 2"], check=False)

    assert (done.returncode, done.stdout, done.stderr) == (2, b"out\n", b"err\n")


@pytest.mark.filterwarnings("ignore:Kubernetes version v1.36.2 is not supported:UserWarning")
async def test_kr8s_forwards_ports(kube: FakeCluster) -> None:
    with Echo() as echo, played(kube):
        pod = await kr8s.asyncio.objects.Pod.get("p", api=await kube.kr8s_asyncio())
        async with pod.portforward(echo.port, local_port="auto") as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            answer = await reader.readexactly(5)
            writer.close()
            await writer.wait_closed()

    assert answer == b"hello"

"""Where the connections of a program in a view lead: to the redirected addresses' targets, and never anywhere else."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox import actors
from tests.sandbox.actors import Place

CLUSTER_ADDRESS = "192.0.2.1"
"""TEST-NET-1: what leaves the machine for it gets no answer, so a test that lets it leave fails by its timeout."""

catching = pytest.mark.parametrize("place", actors.catching(), ids=str)
in_python_alone = [place for place in actors.places() if place.rung == "python" and place not in actors.catching()]


class Server:
    """Answers each connection with a greeting; `port` on 127.0.0.1."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            # A client may close before it has read all.
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"greeting\n")
                # Closing with something unread would reset the connection, and lose the greeting.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.socket.shutdown(socket.SHUT_RDWR)
    server.socket.close()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port: int = once.getsockname()[1]
        return port


def run_python(place: Place, script: str, redirects: list[tuple[str, int, str, int]], **view: Any) -> actors.Done:
    script = "import asyncio, errno, os, socket, sys, threading\nsocket.setdefaulttimeout(5)\n" + script
    return actors.run(place, actors.python(), "-c", script, redirects=redirects, **view)


@pytest.mark.parametrize("place", [*actors.catching(), *in_python_alone], ids=str)
@pytest.mark.parametrize(
    "script",
    [
        f"s = socket.create_connection(('{CLUSTER_ADDRESS}', 443)); print(s.recv(99))",
        f"s = socket.socket(socket.AF_INET6); s.connect(('::ffff:{CLUSTER_ADDRESS}', 443)); print(s.recv(99))",
        "s = socket.create_connection(('::1', 8001)); print(s.recv(99))",
        "s = socket.create_connection(('127.0.0.1', 8001)); print(s.recv(99))",
        "s = socket.create_connection(('0.0.0.0', 8001)); print(s.recv(99))",
        f"async def main():\n    r, w = await asyncio.open_connection('{CLUSTER_ADDRESS}', 443)\n    print(await r.read())\n"
        "asyncio.run(main())",
        f"def body(): print(socket.create_connection(('{CLUSTER_ADDRESS}', 443)).recv(99))\n"
        "t = threading.Thread(target=body); t.start(); t.join()",
        "s = socket.create_connection(('kubernetes.default', 443)); print(s.recv(99))",
    ],
    ids=["IPv4", "v4-mapped", "::1", "127.0.0.1", "0.0.0.0", "asyncio", "thread", "name"],
)
def test_redirected_address_reaches_its_target(place: Place, server: Server, script: str) -> None:
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", server.port), ("127.0.0.1", 8001, "127.0.0.1", server.port)]
    hosts = f"127.0.0.1\tlocalhost\n{CLUSTER_ADDRESS}\tkubernetes.default\n"

    done = run_python(place, script, redirects, files={"/etc/hosts": hosts})

    assert (done.stdout, done.stderr) == ("b'greeting\\n'\n", "")


@catching
def test_program_that_is_not_python_is_redirected_too(place: Place, server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.fail("curl is needed: apt-get install curl")
    redirects = [(CLUSTER_ADDRESS, 80, "127.0.0.1", server.port)]

    done = actors.run(place, "curl", "--http0.9", "-sS", "-m", "5", f"http://{CLUSTER_ADDRESS}/", redirects=redirects)

    assert (done.stdout, done.stderr) == ("greeting\n", "")


@catching
def test_signal_during_a_connect_does_not_start_it_anew(place: Place, server: Server) -> None:
    """Go's runtime sends signals to its own threads all the time."""
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", server.port)]
    script = (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *_: None); signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)\n"
        "found = set()\n"
        "for _ in range(200):\n"
        "    s = socket.socket(); s.setblocking(True)\n"
        f"    found.add(errno.errorcode.get(s.connect_ex(('{CLUSTER_ADDRESS}', 443)), 'connected')); s.close()\n"
        "print(found)"
    )

    done = run_python(place, script, redirects)

    assert done.stdout in ("{'connected'}\n", "{'connected', 'EINTR'}\n", "{'EINTR', 'connected'}\n"), done.stderr


@catching
def test_other_addresses_are_as_ever(place: Place, server: Server) -> None:
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", 1)]

    done = run_python(place, f"print(socket.create_connection(('127.0.0.1', {server.port})).recv(99))", redirects)

    assert (done.stdout, done.stderr) == ("b'greeting\\n'\n", "")


@catching
def test_target_that_does_not_listen_is_a_refusal(place: Place, closed_port: int) -> None:
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", closed_port)]
    script = f"print(errno.errorcode[socket.socket().connect_ex(('{CLUSTER_ADDRESS}', 443))])"

    done = run_python(place, script, redirects)

    assert (done.stdout, done.stderr) == ("ECONNREFUSED\n", "")


@catching
def test_ways_around_connect_are_refused(place: Place, server: Server) -> None:
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", server.port)]
    script = (
        "import ctypes\n"
        f"try: socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('{CLUSTER_ADDRESS}', 443))\n"
        "except OSError as error: print(error.errno == errno.EOPNOTSUPP)\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.syscall(425, 1, ctypes.create_string_buffer(120)), errno.errorcode[ctypes.get_errno()])"
    )

    done = run_python(place, script, redirects)

    assert done.stdout.split() == ["True", "-1", "EPERM"]


@catching
def test_unreadable_address_is_refused_without_harm(place: Place, server: Server) -> None:
    redirects = [(CLUSTER_ADDRESS, 443, "127.0.0.1", server.port)]
    script = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\ns = socket.socket()\n"
        "print(libc.connect(s.fileno(), ctypes.c_void_p(1), 16))\n"
        f"print(socket.create_connection(('{CLUSTER_ADDRESS}', 443)).recv(99))"
    )

    done = run_python(place, script, redirects)

    assert done.stdout == "-1\nb'greeting\\n'\n"


@pytest.mark.parametrize("place", [place for place in actors.with_mounts() if place.rung != "bubblewrap"], ids=str)
def test_connection_after_the_monitors_death_leads_nowhere(place: Place, server: Server) -> None:
    """The program dies with the monitor; what it may manage meanwhile is no connection to the real address."""
    script = (
        "import os, socket, sys, time\nsys.stdin.read(1)\n"
        f"os.write(1, str(socket.socket().connect_ex(('{CLUSTER_ADDRESS}', 443))).encode())"
    )
    order = {
        "do": "start",
        "backend": place.rung,
        "view": {
            "argv": [actors.python(), "-c", script],
            "redirects": [(CLUSTER_ADDRESS, 443, "127.0.0.1", server.port)],
        },
    }
    with actors.driven(place.actor, order, stdin=subprocess.PIPE) as (driver, told):
        monitor = next(told)["monitor"]
        os.kill(monitor, signal.SIGKILL)

        stdout, _ = driver.communicate("x", timeout=30)

    assert stdout in ("", "38")  # ENOSYS is what the kernel answers when nobody listens to the filter.


@pytest.mark.parametrize("place", [place for place in actors.places() if place not in actors.catching()], ids=str)
def test_where_connect_cannot_be_caught_a_relay_listens_or_it_is_said(place: Place, server: Server) -> None:
    redirects = [("127.96.0.1", 443, "127.0.0.1", server.port), (CLUSTER_ADDRESS, 443, "127.0.0.1", server.port)]

    done = run_python(place, "print(socket.create_connection(('127.96.0.1', 443)).recv(99))", redirects)

    assert (
        done.stdout == "b'greeting\\n'\n"
    )  # Of Python programs the connections are mapped, where nothing may be listened on.
    told = [sentence for sentence in done.missing if "does not lead to the API server" in sentence]
    assert any(sentence.startswith(f"{CLUSTER_ADDRESS}:443 ") for sentence in told)
    assert any(sentence.startswith("127.96.0.1:443 ") for sentence in told) is not place.actor.is_root


with_networks = pytest.mark.parametrize(
    "place", [place for place in actors.places() if place.rung in ("root", "namespaces")], ids=str
)
NAMES = {"kubernetes.default.svc.cluster.local": ["10.96.0.1"], "web.shop.svc.cluster.local": ["10.96.7.7", "fd00::7"]}


@with_networks
def test_network_of_a_pod_has_the_services_addresses(place: Place, server: Server) -> None:
    redirects = [("10.96.0.1", 443, "127.0.0.1", server.port), ("127.0.0.1", 8001, "127.0.0.1", server.port)]
    script = (
        "for a in (('10.96.0.1', 443), ('127.0.0.1', 8001), ('::1', 8001)): print(socket.create_connection(a).recv(99))"
    )

    done = run_python(place, script, redirects, network="pod")

    assert (done.stdout, done.stderr) == ("b'greeting\\n'\n" * 3, "")


@with_networks
def test_program_listens_on_any_port_of_its_pods_network(place: Place) -> None:
    script = (
        "s = socket.create_server(('0.0.0.0', 80)); print(socket.create_connection(('127.0.0.1', 80)).getpeername())"
    )

    done = run_python(place, script, [], network="pod", uid=1234, gid=1234)

    assert (done.stdout, done.stderr) == ("('127.0.0.1', 80)\n", "")


@with_networks
def test_service_that_does_not_answer_resets_the_connection(place: Place, closed_port: int) -> None:
    redirects = [("10.96.0.1", 443, "127.0.0.1", closed_port)]
    script = (
        "try: socket.create_connection(('10.96.0.1', 443)).recv(9)\n"
        "except OSError as error: print(errno.errorcode[error.errno])"
    )

    done = run_python(place, script, redirects, network="pod")

    assert done.stdout == "ECONNRESET\n"


@with_networks
def test_names_of_the_cluster_are_resolved_by_its_dns(place: Place, server: Server) -> None:
    script = (
        "print(socket.create_connection(('kubernetes.default.svc.cluster.local', 443)).recv(99))\n"
        "print(socket.gethostbyname('web.shop.svc.cluster.local'))\n"
        "try: socket.gethostbyname('other.shop.svc.cluster.local')\n"
        "except socket.gaierror as error: print(error.errno == socket.EAI_NONAME)\n"
        "print(open('/etc/resolv.conf').read())"
    )
    redirects = [("10.96.0.1", 443, "127.0.0.1", server.port)]

    done = run_python(
        place, script, redirects, network="pod", names=NAMES, files={"/etc/hosts": "127.0.0.1 localhost\n"}
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[:5] == [
        "b'greeting\\n'",
        "10.96.7.7",
        "True",
        "nameserver 10.96.0.10",
        "options ndots:5",
    ]


@pytest.mark.parametrize(
    "place", [place for place in actors.places() if place.rung not in ("root", "namespaces")], ids=str
)
def test_network_of_its_own_is_refused_where_it_cannot_be_had(place: Place) -> None:
    done = actors.run(place, "true", network="pod")

    assert done.exit_code == 125
    assert done.failed.startswith(f'the rung "{place.rung}" cannot give a view a network of its own: ')


@with_networks
def test_network_of_a_pod_leads_to_the_host_only_through_pasta(place: Place, server: Server) -> None:
    script = (
        f"s = socket.socket(); code = s.connect_ex(('127.0.0.1', {server.port}))\n"
        "print(os.stat('/proc/self/ns/net').st_ino, s.recv(99) if code == 0 else errno.errorcode[code])"
    )

    done = run_python(place, script, [], network="pod")

    network, answer = done.stdout.split(maxsplit=1)
    assert int(network) != os.stat("/proc/self/ns/net").st_ino
    if done.missing:
        (sentence,) = done.missing
        assert sentence.startswith("The network of the pod leads nowhere but to the redirected addresses: ")
        assert answer == "ECONNREFUSED\n"
    else:
        assert answer == "b'greeting\\n'\n"


def test_actors_stand_on_the_rungs_that_a_linux_machine_with_namespaces_has() -> None:
    """Guards the parametrisation: were nothing probed usable, the tests above would not exist."""
    rungs = {place.rung for place in actors.places()}

    assert "python" in rungs
    if pathlib.Path("/proc/self/ns/user").exists() and os.geteuid() == 0:
        assert "files" in rungs

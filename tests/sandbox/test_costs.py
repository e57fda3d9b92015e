"""What a view costs: no more than is promised, in the best of some tries, because other programs may keep the machine busy."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from fakekube import sandbox
from tests.sandbox import actors
from tests.sandbox.actors import Actor

MOST_TRIES = 40
PYTHON_START_S = 0.009
"""What `python -I -S -c pass` takes on the machine that the promise of 60 ms was made for, when nothing else runs there."""
OWN = [rung for rung in actors.probed(Actor(os.geteuid() == 0))["usable"] if rung in ("root", "namespaces")]


def least(body: Callable[[], float], bound: float) -> float:
    """The least of what `body` measures, tried until it is within the bound."""
    found = body()
    for _ in range(MOST_TRIES):
        if found <= bound:
            break
        found = min(found, body())
    return found


@pytest.mark.parametrize("rung", OWN)
def test_view_costs_at_most_60_ms_over_the_bare_command(rung: sandbox.RungName, public: pathlib.Path) -> None:
    view = sandbox.View(
        ("true",),
        {"PATH": os.environ["PATH"]},
        hostname="pod-0",
        mounts=(
            sandbox.Mount(public, "/var/run/secrets/kubernetes.io/serviceaccount", read_only=True),
            sandbox.Mount(public, "/etc/fakekube-downward", read_only=True),
        ),
        files={"/etc/hosts": b"127.0.0.1 localhost\n"},
        redirects={sandbox.API_ADDRESS: ("127.0.0.1", 1)},
    )

    def cost() -> float:
        bare = took(lambda: subprocess.run(["true"], check=True))
        python = took(lambda: subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True))
        return (took(lambda: run(view, rung)) - bare) * min(1.0, PYTHON_START_S / python)

    assert least(cost, 0.060) <= 0.060


def took(body: Callable[[], object]) -> float:
    begin = time.perf_counter()
    body()
    return time.perf_counter() - begin


def run(view: sandbox.View, rung: sandbox.RungName) -> None:
    with sandbox.start(view, backend=rung) as process:
        assert process.wait() == 0


@pytest.mark.parametrize("rung", OWN)
def test_redirected_connect_costs_at_most_200_microseconds(rung: sandbox.RungName) -> None:
    script = (
        "import socket, time\n"
        "def took():\n"
        "    s = socket.socket(); begin = time.perf_counter(); s.connect(('192.0.2.1', 443))\n"
        "    took = time.perf_counter() - begin; s.close(); return took\n"
        "print(sorted(took() for _ in range(60))[30])"
    )
    with socket.create_server(("127.0.0.1", 0), backlog=10_000) as server:
        redirects = {("192.0.2.1", 443): ("127.0.0.1", int(server.getsockname()[1]))}
        view = sandbox.View((actors.python(), "-c", script), {}, redirects=redirects)

        def cost() -> float:
            reading, writing = os.pipe()
            with sandbox.start(view, backend=rung, stdout=writing) as process, open(reading) as output:
                os.close(writing)
                assert process.wait() == 0
                return float(output.read())

        assert least(cost, 0.0002) <= 0.0002

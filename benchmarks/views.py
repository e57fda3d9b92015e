"""What it costs to see what a pod sees: the view of a program over the bare program, and connections that are led to the server.

Times on the clock, the best of several tries, with the cheapest rung that this machine has.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Row
from benchmarks.servers import fakekube
from fakekube import sandbox

OUTSIDE = ("192.0.2.1", 443)
"""An address that leads nowhere, except in the view."""

CONNECTS = """
import socket, time
def took():
    with socket.socket() as one:
        start = time.perf_counter()
        one.connect(("192.0.2.1", 443))
        return time.perf_counter() - start
print(sorted(took() for _ in range(60))[30])
"""

POD = """
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "measured"}, "spec": {"containers": [{"name": "main", "image": "measured"}]}}
"""


@dataclass(frozen=True, slots=True)
class Tries:
    """How much is measured."""

    count: int = 20


QUICK = Tries(5)


def measure(tries: Tries) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    rung = sandbox.probe().best.name
    yield _view(tries, rung)
    yield _connect(tries, rung)
    yield _run(tries)


def _least(tries: Tries, body: Callable[[], float]) -> float:
    return min(body() for _ in range(tries.count))


def _took(body: Callable[[], object]) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def _bare(tries: Tries) -> float:
    return _least(tries, lambda: _took(lambda: subprocess.run(["true"], check=True)))


def _milliseconds(what: str, seconds: float, bare: float, most_ms: int | None = None) -> Row:
    row = Row(what, f"{seconds * 1e3:.1f} ms", result=f"{(seconds - bare) * 1e3:.1f} ms over {bare * 1e3:.1f} ms")
    if most_ms is not None:
        row.target, row.reached = f"at most {most_ms} ms over", (seconds - bare) * 1e3 <= most_ms
    return row


def _view(tries: Tries, rung: sandbox.RungName) -> Row:
    """As `fakekube run` has it for a pod with a service account and a volume."""
    with tempfile.TemporaryDirectory() as name:
        mounts = tuple(
            sandbox.Mount(Path(name), target, read_only=True)
            for target in ("/var/run/secrets/kubernetes.io/serviceaccount", "/etc/downward")
        )
        view = sandbox.View(
            ("true",),
            {"PATH": os.environ["PATH"]},
            hostname="measured",
            mounts=mounts,
            files={"/etc/hosts": b"127.0.0.1 localhost\n"},
            redirects={sandbox.API_ADDRESS: ("127.0.0.1", 1)},
        )

        def run() -> None:
            with sandbox.start(view, backend=rung) as process:
                if process.wait():
                    raise RuntimeError("the command `true` failed in its view")

        return _milliseconds(f"the view of a pod, rung `{rung}`", _least(tries, lambda: _took(run)), _bare(tries), 60)


def _connect(tries: Tries, rung: sandbox.RungName) -> Row:
    with socket.create_server(("127.0.0.1", 0), backlog=10_000) as server:
        redirects = {OUTSIDE: ("127.0.0.1", int(server.getsockname()[1]))}
        view = sandbox.View((sys.executable, "-I", "-S", "-c", CONNECTS), {}, redirects=redirects)

        def cost() -> float:
            reading, writing = os.pipe()
            with open(reading) as output, sandbox.start(view, backend=rung, stdout=writing) as process:
                os.close(writing)
                if process.wait():
                    raise RuntimeError(f"a program in its view could not connect to {OUTSIDE[0]}")
                return float(output.read())

        seconds = _least(Tries(min(tries.count, 5)), cost)
    row = Row("a connect() that is led to the server", f"{seconds * 1e6:.0f} µs")
    row.target, row.reached = "at most 200 µs", seconds <= 0.0002
    return row


def _run(tries: Tries) -> Row:
    """The whole of `fakekube run`, from its own start to its end: Python, what is asked of the server, and what it is told."""
    with tempfile.TemporaryDirectory() as name, fakekube(Path(name)):
        environment = {**os.environ, "KUBECONFIG": str(Path(name, "kubeconfig"))}

        def command(*words: str) -> list[str]:
            return [sys.executable, "-m", "fakekube", *words]

        subprocess.run(
            command("apply", "-f", "-"), env=environment, input=POD.encode(), check=True, stdout=subprocess.DEVNULL
        )
        words = command("run", "pod/measured", "--", "true")

        def run() -> None:
            subprocess.run(words, env=environment, check=True, stderr=subprocess.DEVNULL)

        return _milliseconds("`fakekube run pod/NAME -- true`", _least(tries, lambda: _took(run)), _bare(tries))

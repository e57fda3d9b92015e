"""The servers that are compared, each in a process of its own: fakekube, bare Starlette with the same bytes, and kmock.

`python -m benchmarks.servers NAME PORT FOLDER` is how the latter two are started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.client import Address, Connection, Unexpected
from benchmarks.pods import NAMESPACE, pod

START_TIMEOUT_S = 30.0
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    address: Address
    pid: int
    start_seconds: float
    """From the start of its process to its first answer."""

    def cpu_seconds(self) -> float:
        """Processor time used so far: to the nanosecond, where the system counts so, else in steps of 10 ms; 0 without /proc."""
        process = Path(f"/proc/{self.pid}")
        try:
            threads = [int(path.read_text().split()[0]) for path in process.glob("task/*/schedstat")]
            if any(threads):
                return sum(threads) / 1e9
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """Resident memory; 0 where the system has no /proc."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0


@contextmanager
def fakekube(folder: Path, *options: str) -> Iterator[Server]:
    """`fakekube serve` as a user starts it; the certificates are kept in `folder`."""
    port = free_port()
    command = ["-m", "fakekube", "serve", "--port", str(port), "--certs-dir", str(folder), "--quiet", *options]

    def address() -> Address:
        token = (folder / "admin.token").read_text().strip()
        return Address(port, folder / "ca.crt", token)

    with _process("fakekube", command, address) as server:
        yield server


@contextmanager
def bare_starlette(folder: Path) -> Iterator[Server]:
    """Starlette on uvicorn, TLS by trustme; it returns `one.json`, `created.json` and, once it is there, `list.json` of `folder`."""
    port = free_port()
    command = ["-m", "benchmarks.servers", "starlette", str(port), str(folder)]

    def address() -> Address:
        # A token that nobody reads, so that the requests are as long.
        return Address(port, folder / "bare.crt", "0" * 43)

    with _process("starlette", command, address) as server:
        yield server


@contextmanager
def kmock(folder: Path, stored: int) -> Iterator[Server]:
    """kmock's emulator, over plain HTTP (it has no TLS), with this many pods `p0`, `p1` ..."""
    port = free_port()
    command = ["-m", "benchmarks.servers", f"kmock{stored}", str(port), str(folder)]
    with _process("kmock", command, lambda: Address(port)) as server:
        yield server


@contextmanager
def _process(name: str, arguments: list[str], address: Callable[[], Address]) -> Iterator[Server]:
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], preexec_fn=_use_first_core)
    try:
        reached = _first_answer(process, address, start)
        yield Server(name, reached, process.pid, time.perf_counter() - start)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _first_answer(process: subprocess.Popen[bytes], address: Callable[[], Address], start: float) -> Address:
    while time.perf_counter() - start < START_TIMEOUT_S:
        if process.poll() is not None:
            raise Unexpected(f"{process.args!r} ended with {process.returncode}")
        try:
            reached = address()
            connection = Connection(reached)
            connection.exchange(reached.request("GET", "/version"))
        except (OSError, ValueError, Unexpected):
            time.sleep(0.002)
        else:
            connection.close()
            return reached
    raise Unexpected(f"{process.args!r} did not answer within {START_TIMEOUT_S} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _use_first_core() -> None:
    _use_core(0)


def use_last_core() -> None:
    """For the client: another core than the servers'."""
    _use_core(-1)


def _use_core(index: int) -> None:
    if CORES:
        os.sched_setaffinity(0, {CORES[index]})


def serve_starlette(port: int, folder: Path) -> None:
    import trustme
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    one, created = ((folder / f"{name}.json").read_bytes() for name in ("one", "created"))

    @cache
    def many() -> bytes:
        return (folder / "list.json").read_bytes()

    async def get(request: Request) -> Response:
        return Response(one, media_type="application/json")

    async def list_(request: Request) -> Response:
        return Response(many(), media_type="application/json")

    async def create(request: Request) -> Response:
        await request.body()
        return Response(created, 201, media_type="application/json")

    async def version(request: Request) -> Response:
        return Response(b"{}", media_type="application/json")

    collection = "/api/v1/namespaces/{namespace}/pods"
    routes = [
        Route("/version", version),
        Route(collection + "/{name}", get),
        Route(collection, list_, methods=["GET"]),
        Route(collection, create, methods=["POST"]),
    ]
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "bare.pem")
    authority.cert_pem.write_to_path(folder / "bare.crt")
    uvicorn.run(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=port,
        # As `pip install uvicorn httptools` gives them; uvloop, where it happens to be installed, would be another comparison.
        loop="asyncio",
        http="httptools",
        log_level="warning",
        access_log=False,
        ssl_certfile=folder / "bare.pem",
    )


async def serve_kmock(port: int, stored: int) -> None:
    import kmock as library

    async with library.KubernetesEmulator() as emulator, library.Server(emulator, port=port):
        resource: Any = {"kind": "Pod", "namespaced": True, "verbs": {"get", "list", "create"}}
        emulator.resources["v1/pods"] = resource
        for index in range(stored):
            emulator.objects["v1/pods", NAMESPACE, f"p{index}"] = pod(f"p{index}")
        await asyncio.Event().wait()


def main() -> None:
    name, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if name == "starlette":
        serve_starlette(port, folder)
    else:
        asyncio.run(serve_kmock(port, int(name.removeprefix("kmock"))))


if __name__ == "__main__":
    main()

"""What is measured, and what is to be reached.

fakekube runs as users start it: TLS, authentication, authorization and all that a write sets off, without nodes. Rates of two servers that
are compared are taken in turns, some tenths of a second each, and their medians divided: whatever else the machine does hits both.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.client import Address, Connection, Load, Unexpected, Watch, drive, fan_out
from benchmarks.pods import NAMESPACE, body_like_no_other, pod_body
from benchmarks.report import Row
from benchmarks.servers import PODS, Server, bare_starlette, fakekube, kmock

LIST_NAMESPACE, WATCH_NAMESPACE = f"{NAMESPACE}-list", f"{NAMESPACE}-watch"
CONNECTIONS, LIST_CONNECTIONS, WRITERS = 16, 4, 2
"""So many that the server always has something to do."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    slices: int = 9
    slice_seconds: float = 0.5
    stored: int = 100_000
    requests: int = 100_000
    watchers: int = 100
    writes: int = 300
    starts: int = 7


QUICK = Effort(slices=3, slice_seconds=0.2, stored=20_000, requests=5_000, writes=50, starts=3)


@dataclass(frozen=True, slots=True)
class Turn:
    """One stretch of requests to one server."""

    load: Load
    cpu_seconds: float
    """Processor time of the server's process; 0 where the system does not tell."""

    @property
    def cpu_per_answer(self) -> float:
        return self.cpu_seconds / self.load.answers


@dataclass(slots=True)
class Pair:
    """Two servers in turns."""

    fakekube: list[Turn] = field(default_factory=list)
    bare: list[Turn] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """fakekube's speed as a part of the bare server's: of each turn to the one beside it, the middle one of these.

        By answers per second or by the processor's time for an answer, whichever is worse: where the client is what limits both
        (answers of 3 MB must be decrypted), only the latter tells.
        """
        turns = list(zip(self.fakekube, self.bare, strict=True))
        by_rate = median(ours.load.rate / theirs.load.rate for ours, theirs in turns)
        if not all(turn.cpu_seconds for turn in (*self.fakekube, *self.bare)):
            return by_rate
        return min(by_rate, median(theirs.cpu_per_answer / ours.cpu_per_answer for ours, theirs in turns))

    def row(self, what: str, least: float) -> Row:
        return Row(what, _cell(self.fakekube), _cell(self.bare),
                   result=f"{self.ratio:.2f}", target=f"at least {least}", reached=self.ratio >= least)  # fmt: skip


def _cell(turns: list[Turn]) -> str:
    text = f"{median(turn.load.rate for turn in turns):,.0f}/s"
    cpu = median(turn.cpu_per_answer for turn in turns)
    return f"{text}, {cpu * 1e6:,.0f} µs" if cpu else text


def measure(effort: Effort) -> Iterator[Row]:
    """The rows, each as soon as it is known."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _starts(effort, folder)
        yield _fresh_cluster(effort, folder)
        peer = _peer(effort, folder)
        with ExitStack() as stack:
            server = stack.enter_context(fakekube(folder, "--nodes", "0"))
            yield from _with_one_server(effort, folder, server, stack, peer)
        with ExitStack() as stack:
            server = stack.enter_context(fakekube(folder, "--nodes", "0"))
            yield _request_after_many(effort, folder, server, stack)


def _progress(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


# A server's start


def _starts(effort: Effort, folder: Path) -> Iterator[Row]:
    _progress("start")
    seconds: list[float] = []
    memory: list[int] = []
    with fakekube(folder, "--nodes", "0") as server:
        first = server.start_seconds
    for _ in range(effort.starts):
        with fakekube(folder, "--nodes", "0") as server:
            seconds.append(server.start_seconds)
            memory.append(server.memory_bytes())
    middle = median(seconds)
    yield Row("`fakekube serve`, cold process to first answer", f"{middle:.2f} s", result=f"{first:.2f} s when it makes its CA",
              target="at most 0.4 s", reached=middle <= 0.4)  # fmt: skip
    if any(memory):
        megabytes = median(memory) / 1e6
        yield Row(
            "memory (RSS) of an empty server", f"{megabytes:.0f} MB", target="at most 80 MB", reached=megabytes <= 80
        )


def _fresh_cluster(effort: Effort, folder: Path) -> Row:
    """What the fixture `kube` does before each test, in the test's process; what the test before has left is thrown away."""
    _progress("fresh cluster")
    from fakekube.cluster import FakeCluster

    milliseconds = []
    with FakeCluster() as cluster:
        authority = folder / "fixture.crt"
        authority.write_text(cluster.certificates.ca.certificate)
        address = Address(cluster.server.port, authority, cluster.certificates.admin_token)
        for _ in range(effort.slices * 5):
            connection = Connection(address)
            for index in range(3):
                body = b'{"metadata":{"name":"used-%d"}}' % index
                connection.exchange(address.request("POST", "/api/v1/namespaces/default/configmaps", body))
            connection.close()
            start = time.perf_counter()
            cluster.reset()
            milliseconds.append((time.perf_counter() - start) * 1e3)
    middle = median(milliseconds)
    return Row(
        "a fresh cluster behind a running fixture", f"{middle:.1f} ms", target="at most 5 ms", reached=middle <= 5
    )


# Rates


def _with_one_server(
    effort: Effort, folder: Path, server: Server, stack: ExitStack, peer: dict[str, str]
) -> Iterator[Row]:
    """One server from its first pod to its last."""
    names = (f"p{index:06}" for index in itertools.count())
    setup = Connection(server.address)
    for namespace in (NAMESPACE, LIST_NAMESPACE, WATCH_NAMESPACE):
        _make_namespace(setup, server, namespace)
    for _ in range(10):
        created = _create(setup, server, NAMESPACE, next(names))
    (folder / "created.json").write_bytes(created)
    one = setup.exchange(server.address.request("GET", f"{PODS}/p000000"))
    (folder / "one.json").write_bytes(one)
    bare = stack.enter_context(bare_starlette(folder))

    _progress("GET")
    get = f"{PODS}/p000000"
    few = _get_in_turns(effort, server, bare, get)
    row = few.row(f"GET of a pod of {len(one) / 1e3:.1f} KB", 0.7)
    row.kmock = peer["GET"]
    yield row

    _progress("CREATE")
    creates = (server.address.request("POST", PODS, pod_body(name)) for name in names)
    few_creates = _in_turns(effort, server, bare, creates, _gets(bare, get), CONNECTIONS)
    row = few_creates.row("CREATE of that pod, beside bare GET", 0.2)
    row.kmock = peer["CREATE"]
    yield row
    unlike = (server.address.request("POST", PODS, body_like_no_other(name)) for name in names)
    yield _in_turns(effort, server, bare, unlike, _gets(bare, get), CONNECTIONS).row(
        "CREATE of pods that are each like no other", 0.15
    )

    _progress("LIST")
    for index in range(1_000):
        _create(setup, server, LIST_NAMESPACE, f"p{index:06}")
    path = f"/api/v1/namespaces/{LIST_NAMESPACE}/pods"
    (folder / "list.json").write_bytes(setup.exchange(server.address.request("GET", path)))
    lists = itertools.repeat(server.address.request("GET", path))
    row = _in_turns(effort, server, bare, lists, _gets(bare, path), LIST_CONNECTIONS).row(
        "LIST of 1,000 such pods", 0.8
    )
    row.kmock = peer["LIST"]
    yield row

    yield _watchers(effort, server, setup)

    _progress(f"{effort.stored:,} stored")
    before = server.memory_bytes()
    present = int(next(names)[1:]) + 1_010
    connections = _connections(server, CONNECTIONS)
    load = drive(connections, itertools.islice(creates, effort.stored - present))
    _close(connections)
    _progress(f"{load.answers:,} created at {load.rate:,.0f}/s")
    memory = (server.memory_bytes() - before) / load.answers / 1e3

    many = _get_in_turns(effort, server, bare, get)
    many_creates = _in_turns(effort, server, bare, creates, _gets(bare, get), CONNECTIONS)
    for what, early, late in ("GET", few, many), ("CREATE", few_creates, many_creates):
        yield _beside(f"{what} with {effort.stored:,} pods stored, beside 10", early, late)
    if before:
        yield Row("memory (RSS) for each stored pod", f"{memory:.1f} KB", target="at most 12 KB", reached=memory <= 12)


def _request_after_many(effort: Effort, folder: Path, server: Server, stack: ExitStack) -> Row:
    _progress(f"{effort.requests:,} requests")
    setup = Connection(server.address)
    _make_namespace(setup, server, NAMESPACE)
    _create(setup, server, NAMESPACE, "p000000")
    bare = stack.enter_context(bare_starlette(folder))
    path = f"{PODS}/p000000"
    early = _get_in_turns(effort, server, bare, path)
    connections = _connections(server, CONNECTIONS)
    drive(connections, itertools.islice(_gets(server, path), effort.requests))
    _close(connections)
    late = _get_in_turns(effort, server, bare, path)
    return _beside(f"GET after {effort.requests:,} requests, beside the first ones", early, late)


def _beside(what: str, early: Pair, late: Pair) -> Row:
    """Both beside the bare server of their own time, so that a machine that became slower does not count."""
    result = late.ratio / early.ratio
    return Row(what, _cell(late.fakekube), _cell(late.bare),
               result=f"{result:.2f}", target="at least 0.9", reached=result >= 0.9)  # fmt: skip


def _watchers(effort: Effort, server: Server, setup: Connection) -> Row:
    _progress("watchers")
    _create(setup, server, WATCH_NAMESPACE, "seen")
    path = f"/api/v1/namespaces/{WATCH_NAMESPACE}/pods"
    watches = [Watch(server.address, f"{path}?watch=true") for _ in range(effort.watchers)]
    patches = [
        server.address.request(
            "PATCH",
            f"{path}/seen",
            b'{"metadata":{"annotations":{"example.com/turn":"%06d"}}}' % turn,
            "application/merge-patch+json",
        )
        for turn in range(effort.writes)
    ]
    writers = _connections(server, WRITERS)
    # The first event of each watch is the pod as it is.
    fan_out(watches, writers[:1], patches[:1])
    cpu = server.cpu_seconds()
    load = fan_out(watches, writers, patches[1:])
    cpu = server.cpu_seconds() - cpu
    for watch in watches:
        watch.connection.close()
    _close(writers)
    text = f"{load.rate:,.0f}/s" + (f", {cpu / load.answers * 1e6:,.0f} µs" if cpu else "")
    return Row(f"events, one write delivered to {effort.watchers} watchers", text,
               target="at least 20,000/s", reached=load.rate >= 20_000)  # fmt: skip


def _peer(effort: Effort, folder: Path) -> dict[str, str]:
    """Rates of kmock, where it is installed; each is measured in a process of its own, because all its requests slow it down."""
    cells = dict.fromkeys(("GET", "LIST", "CREATE"), "")
    try:
        import kmock as _  # noqa: F401
    except ImportError:
        return cells
    _progress("kmock")
    for what, count, method, path in (
        ("GET", 100, "GET", f"{PODS}/p0"),
        ("LIST", 20, "GET", PODS),
        ("CREATE", 50, "POST", PODS),
    ):
        with kmock(folder, 1_000 if what == "LIST" else 10) as server:
            connections = _connections(server, 1)
            bodies = (pod_body(f"n{index}") if method == "POST" else None for index in range(count))
            load = drive(connections, (server.address.request(method, path, body) for body in bodies))
            _close(connections)
            cells[what] = f"{load.rate:,.0f}/s"
    return cells


def _get_in_turns(effort: Effort, server: Server, bare: Server, path: str) -> Pair:
    return _in_turns(effort, server, bare, _gets(server, path), _gets(bare, path), CONNECTIONS)


def _gets(server: Server, path: str) -> Iterator[bytes]:
    return itertools.repeat(server.address.request("GET", path))


def _in_turns(
    effort: Effort,
    server: Server,
    bare: Server,
    requests: Iterator[bytes],
    bare_requests: Iterator[bytes],
    connections: int,
) -> Pair:
    for one in (server, bare):
        _settle(one)
    ours, theirs = _connections(server, connections), _connections(bare, connections)
    pair = Pair()
    # A first turn that does not count: connections, caches, the processor's own pace.
    drive(theirs, bare_requests, effort.slice_seconds / 2)
    drive(ours, requests, effort.slice_seconds / 2)
    for _ in range(effort.slices):
        for one, opened, wanted, turns in (
            (bare, theirs, bare_requests, pair.bare),
            (server, ours, requests, pair.fakekube),
        ):
            cpu = one.cpu_seconds()
            load = drive(opened, wanted, effort.slice_seconds)
            turns.append(Turn(load, one.cpu_seconds() - cpu))
    _close(ours + theirs)
    return pair


LOOK_S, IDLE_CPU_S, IDLE_LOOKS = 0.2, 0.01, 5
"""A server is at rest that used no more than this in so many looks in a row: one alone may have met a moment that others had the core."""


def _settle(server: Server) -> None:
    """Wait until controllers have done what earlier requests gave them to do; not for long where the system tells no times."""
    start = time.perf_counter()
    idle = 0
    for _ in range(1_000):
        cpu = server.cpu_seconds()
        time.sleep(LOOK_S)
        idle = idle + 1 if server.cpu_seconds() - cpu <= IDLE_CPU_S else 0
        if idle == IDLE_LOOKS:
            took = time.perf_counter() - start
            if took > IDLE_LOOKS * LOOK_S + 1:
                _progress(f"{server.name} came to rest after {took:.0f} s")
            return
    raise Unexpected(f"{server.name} does not come to rest")


def _connections(server: Server, count: int) -> list[Connection]:
    return [Connection(server.address) for _ in range(count)]


def _close(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()


def _make_namespace(connection: Connection, server: Server, name: str) -> None:
    """A namespace in which pods can be made: its service account is there."""
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    connection.exchange(server.address.request("POST", "/api/v1/namespaces", json.dumps(body).encode()))
    wanted = server.address.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
    for _ in range(500):
        try:
            connection.exchange(wanted)
        except Unexpected:
            time.sleep(0.01)
        else:
            return
    raise Unexpected(f"the namespace {name} has no service account")


def _create(connection: Connection, server: Server, namespace: str, name: str) -> bytes:
    path = f"/api/v1/namespaces/{namespace}/pods"
    return connection.exchange(server.address.request("POST", path, pod_body(name)))

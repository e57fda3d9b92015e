"""A client that costs little: sockets, ready-made requests, and just enough HTTP to know where an answer ends.

It runs in a process of its own, on another core than the servers where the system lets us choose.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECEIVE_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and what every request to it carries."""

    port: int
    ca_file: Path | None = None
    """None: plain HTTP."""
    token: str = ""
    host: str = "127.0.0.1"

    def request(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> bytes:
        """The bytes of a request."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Accept: application/json"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if body is not None:
            lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Unexpected(Exception):
    """A server answered something else than was to be measured."""


class Connection:
    """One kept-alive connection, one request at a time."""

    def __init__(self, address: Address) -> None:
        plain = socket.create_connection((address.host, address.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = plain
        if address.ca_file is not None:
            context = ssl.create_default_context(cafile=str(address.ca_file))
            self.socket = context.wrap_socket(plain, server_hostname=address.host)
        self.buffer = bytearray(RECEIVE_BYTES)
        self.missing = 0
        """Bytes of the answer that have not come yet; -1: its head has not."""

    def send(self, request: bytes) -> None:
        self.missing = -1
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what has come; True once the answer is whole. Raises Unexpected unless it is a success."""
        view = self.buffer
        while self.missing:
            try:
                count = self.socket.recv_into(view)
            except (ssl.SSLWantReadError, BlockingIOError):
                return False
            if not count:
                raise Unexpected("the server closed the connection")
            if self.missing > 0:
                self.missing -= count
                continue
            end = view.find(b"\r\n\r\n", 0, count)
            head = bytes(view[:end]).lower()
            if head[9:11] != b"20":
                raise Unexpected(bytes(view[:count]).decode("latin-1"))
            length = head.index(b"content-length: ") + 16
            stop = head.find(b"\r", length)
            self.missing = int(head[length : stop if stop > 0 else None]) - (count - end - 4)
        return True

    def exchange(self, request: bytes) -> bytes:
        """The body of the answer, waited for. Raises Unexpected for anything but a 2xx."""
        self.socket.settimeout(60)
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._some()
        head, _, body = data.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if b"content-length" in fields:
            while len(body) < int(fields[b"content-length"]):
                body += self._some()
        elif b"chunked" in fields.get(b"transfer-encoding", b""):
            while not body.endswith(b"0\r\n\r\n"):
                body += self._some()
        if not head[9:10] == b"2":
            raise Unexpected((head + body).decode("latin-1"))
        return body

    def _some(self) -> bytes:
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise Unexpected("the server closed the connection")
        return data

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a stretch of requests."""

    answers: int
    seconds: float
    client_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


def drive(connections: list[Connection], requests: Iterator[bytes], seconds: float = float("inf")) -> Load:
    """Keep a request under way on every connection until the time is over or the requests are used up."""
    selector = selectors.DefaultSelector()
    start, cpu, now = time.perf_counter(), time.process_time(), 0.0
    answers = under_way = 0
    for connection in connections:
        connection.socket.setblocking(False)
        request = next(requests, None)
        if request is not None:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
            under_way += 1
    while under_way:
        for key, _ in selector.select():
            connection = key.data
            if not connection.receive():
                continue
            answers += 1
            now = time.perf_counter()
            request = next(requests, None) if now - start < seconds else None
            if request is None:
                selector.unregister(connection.socket)
                under_way -= 1
            else:
                connection.send(request)
    return Load(answers, now - start, time.process_time() - cpu)


class Watch:
    """A connection that counts the events it is sent; nothing is parsed."""

    def __init__(self, address: Address, path: str) -> None:
        self.connection = Connection(address)
        self.connection.socket.sendall(address.request("GET", path))
        self.events = 0
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.connection.socket.recv(RECEIVE_BYTES)
        if data[9:12] != b"200":
            raise Unexpected(data.decode("latin-1"))
        self.events += data.partition(b"\r\n\r\n")[2].count(b"}\n")
        self.connection.socket.setblocking(False)

    def receive(self) -> None:
        buffer = self.connection.buffer
        while True:
            try:
                count = self.connection.socket.recv_into(buffer)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            if not count:
                raise Unexpected("the server ended a watch")
            # A line ends an event, and no event has a newline inside; a chunk may be cut anywhere but its newline is one byte.
            self.events += buffer.count(b"}\n", 0, count)


def fan_out(watches: list[Watch], writers: list[Connection], requests: list[bytes]) -> Load:
    """Writes, one under way on each writer, until every watch has had an event of each."""
    selector = selectors.DefaultSelector()
    for watch in watches:
        selector.register(watch.connection.socket, selectors.EVENT_READ, watch)
    before = sum(watch.events for watch in watches)
    expected = before + len(requests) * len(watches)
    todo = iter(requests)
    start, cpu = time.perf_counter(), time.process_time()
    for writer, request in zip(writers, todo, strict=False):
        writer.socket.setblocking(False)
        selector.register(writer.socket, selectors.EVENT_READ, writer)
        writer.send(request)
    while sum(watch.events for watch in watches) < expected:
        ready = selector.select(timeout=30)
        if not ready:
            raise Unexpected("events are missing")
        for key, _ in ready:
            if isinstance(key.data, Watch):
                key.data.receive()
            elif key.data.receive():
                request = next(todo, b"")
                if request:
                    key.data.send(request)
                else:
                    selector.unregister(key.data.socket)
    return Load(expected - before, time.perf_counter() - start, time.process_time() - cpu)

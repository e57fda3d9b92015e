"""A listening socket, an event loop, and in between every connection: from `start()` to `stop()`.

The loop runs in a thread of its own, because a server on a test's own loop would hang every synchronous client; or in the
foreground, for the command line. Stopping does not wait for clients: watches are ended by the application, then the
connections are closed, after a tenth of a second without asking.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeVar

from uvicorn.config import Config

from fakekube.server.connection import STALL_TIMEOUT_S, App, Connection, State

if TYPE_CHECKING:
    import concurrent.futures
    import ssl

    from fakekube.server.certificates import Certificates

T = TypeVar("T")

BACKLOG = 2048
TICK_S = 1.0
HANDSHAKE_TIMEOUT_S = 10.0
GRACE_S = 0.1
"""How long answers that are under way may take to end when the server stops."""

PLAIN_HTTP_ANSWER = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class ListenError(Exception):
    """The address cannot be listened on; the message says why and what to do."""


class RunningServer:
    """Serves `app` from construction (clients may connect) and `start()` or `run()` (they are answered) until `stop()`.

    Without `certificates` it speaks plain HTTP. `port` 0 takes any free one. `on_start` runs in the server's loop before the
    first request; `before_stop` in the same loop when stopping begins, to end watches and background tasks.

    Raises ListenError.
    """

    def __init__(
        self,
        app: App,
        *,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        on_start: Callable[[], Awaitable[None]] | None = None,
        before_stop: Callable[[], Awaitable[None] | None] | None = None,
    ) -> None:
        self.app = app
        self.host = host
        self._context = certificates.server_context() if certificates is not None else None
        self._on_start = on_start
        self._before_stop = before_stop
        self._listener = listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._state = State()

    @property
    def url(self) -> str:
        """Where clients on this machine find it, without a slash at the end."""
        return server_url(self.host, self.port, secure=self._context is not None)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that serves. Raises RuntimeError before the start and after the end."""
        if self._loop is None:
            raise RuntimeError("the server is not running")
        return self._loop

    def start(self) -> None:
        """Serve in a thread of its own; returns once requests are answered. What `on_start` raises is raised here."""
        if self._thread is not None:
            raise RuntimeError("the server has been started before")
        ready = threading.Event()
        failures: list[BaseException] = []

        def serve() -> None:
            try:
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    runner.run(self.serve(ready.set))
            except BaseException as error:
                failures.append(error)
            finally:
                self._loop = None
                ready.set()

        self._thread = threading.Thread(target=serve, name="fakekube-server", daemon=True)
        self._thread.start()
        ready.wait()
        if failures:
            self._thread.join()
            self._listener.close()
            raise failures[0]

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve in this (the main) thread until Ctrl-C, SIGTERM or `stop()`. `on_ready` is called when requests are answered."""

        async def serve() -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._request_stop)
            try:
                await self.serve(on_ready)
            finally:
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.remove_signal_handler(number)

        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(serve())
        finally:
            self._loop = None

    def stop(self) -> None:
        """End within 0.3 s, whatever clients do. May be called from any thread but the server's, and more than once."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(self._request_stop)
        if self._thread is not None:
            self._thread.join()
        self._listener.close()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it in the server's loop, wait for it from another thread, and give back what it returns or raises."""
        return self.submit(coroutine).result()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    async def serve(self, on_ready: Callable[[], None] | None = None) -> None:
        """Serve in the running loop until `stop()`."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        acceptor = _Acceptor(self.app, self._listener, self._context, self._state)
        try:
            if self._on_start is not None:
                await self._on_start()
            acceptor.open()
            if on_ready is not None:
                on_ready()
            await self._stopping.wait()
        finally:
            acceptor.close()
            if self._before_stop is not None:
                ending = self._before_stop()
                if ending is not None:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(ending, GRACE_S)
            await acceptor.end_connections()
            self._loop = None

    def _request_stop(self) -> None:
        if self._stopping is not None:
            self._stopping.set()


class _Acceptor:
    """Takes connections from the listening socket; on a TLS port it looks at a connection's first byte before the handshake."""

    def __init__(self, app: App, listener: socket.socket, context: ssl.SSLContext | None, state: State) -> None:
        self.loop = asyncio.get_running_loop()
        self.listener = listener
        self.context = context
        self.state = state
        self.silent: dict[socket.socket, float] = {}
        """Connections from which no byte has come yet, and since when they are there."""
        self.handshakes: set[asyncio.Task[None]] = set()
        self.stalled: dict[Any, float] = {}
        """WebSockets whose clients do not read, and since when."""
        self.ticking: asyncio.TimerHandle | None = None
        self.config = Config(app, lifespan="off", interface="asgi3", ws="none", http=Connection, log_config=None,
                             proxy_headers=False, server_header=False, ws_max_size=3 << 20, ws_ping_interval=None,
                             ws_ping_timeout=None, ws_per_message_deflate=False)  # fmt: skip
        self.config.load()

    def open(self) -> None:
        self.tick()
        self.loop.add_reader(self.listener, self.accept)

    def close(self) -> None:
        self.loop.remove_reader(self.listener)
        self.listener.close()
        if self.ticking is not None:
            self.ticking.cancel()
        for connection in list(self.silent):
            self.drop(connection)

    def tick(self) -> None:
        self.state.now = now = self.loop.time()
        self.state.date_line = b"Date: %b\r\n" % formatdate(usegmt=True).encode()
        for connection, since in list(self.silent.items()):
            if now - since > HANDSHAKE_TIMEOUT_S:
                self.drop(connection)
        stalled: dict[Any, float] = {}
        for protocol in list(self.state.connections):
            if isinstance(protocol, Connection):
                protocol.give_up_if_stalled(now)
            elif not protocol.writable.is_set():  # type: ignore[union-attr]
                stalled[protocol] = since = self.stalled.get(protocol, now)
                if now - since > STALL_TIMEOUT_S:
                    protocol.transport.abort()
        self.stalled = stalled
        self.ticking = self.loop.call_later(TICK_S, self.tick)

    def accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                connection, _ = self.listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of file descriptors: connections wait in the backlog until some have ended.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self.loop.remove_reader(self.listener)
                    self.loop.call_later(TICK_S, self.accept_again)
                return
            connection.setblocking(False)
            if self.context is None:
                self.hand_over(connection)
            else:
                self.silent[connection] = self.loop.time()
                self.loop.add_reader(connection, self.first_byte, connection)

    def accept_again(self) -> None:
        if self.listener.fileno() >= 0:
            self.loop.add_reader(self.listener, self.accept)

    def first_byte(self, connection: socket.socket) -> None:
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if not first:
            self.drop(connection)
        elif first.isalpha():
            # A TLS handshake begins with 0x16; a letter begins the method of an HTTP request.
            with contextlib.suppress(OSError):
                connection.recv(1 << 16)
                connection.send(PLAIN_HTTP_ANSWER)
                connection.shutdown(socket.SHUT_WR)
            self.drop(connection)
        else:
            self.loop.remove_reader(connection)
            del self.silent[connection]
            self.hand_over(connection)

    def drop(self, connection: socket.socket) -> None:
        self.loop.remove_reader(connection)
        self.silent.pop(connection, None)
        connection.close()

    def hand_over(self, connection: socket.socket) -> None:
        task = self.loop.create_task(self.connect(connection))
        self.handshakes.add(task)
        task.add_done_callback(self.handshakes.discard)

    async def connect(self, connection: socket.socket) -> None:
        keywords: dict[str, Any] = {}
        if self.context is not None:
            keywords = {"ssl": self.context, "ssl_handshake_timeout": HANDSHAKE_TIMEOUT_S, "ssl_shutdown_timeout": 1.0}
        # What a client's handshake fails on is its own affair; it has been told by a TLS alert.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self.loop.connect_accepted_socket(self.new_protocol, connection, **keywords)

    def new_protocol(self) -> Connection:
        return Connection(self.config, self.state, {}, self.loop)

    async def end_connections(self) -> None:
        """Let answers end for a moment, then close everything."""
        state = self.state
        if self.handshakes:
            for _ in range(3):
                await asyncio.sleep(0)  # asyncio leaves a socket open whose handshake is cancelled before it has begun
            for handshake in self.handshakes:
                handshake.cancel()
            if self.handshakes:
                await asyncio.wait(self.handshakes, timeout=GRACE_S)
        for protocol in list(state.connections):
            protocol.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=GRACE_S)
        for protocol in list(state.connections):
            protocol.transport.abort()
            with contextlib.suppress(OSError, KeyError):
                state.sockets[protocol].shutdown(socket.SHUT_RDWR)
        for task in state.tasks:
            task.cancel()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=GRACE_S)
        for _ in range(3):
            await asyncio.sleep(0)  # until the sockets of what was aborted are closed


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on the first address of `host`, IPv4 before IPv6. Raises ListenError."""
    if not 0 <= port <= 65535:
        raise ListenError(f"{port} is not a port: expected 0 (any free one) to 65535")
    try:
        addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ListenError(
            f"{host!r} is not an address of this machine: give an IP address or name, as 127.0.0.1"
        ) from None
    family, kind, _, _, address = min(addresses, key=lambda one: one[0] != socket.AF_INET)
    # asyncio sets TCP_NODELAY only when the protocol is said: without it HTTPS writes take 45 ms instead of 2.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ListenError(_reason(error, host, port)) from None
    return listener


def _reason(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is taken by another program: stop it, or choose another port (0 takes any free one)"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {port} of {host} is not allowed to this user: choose one above 1023 (0 takes any free one)"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is not an address of this machine: give one that is, as 127.0.0.1"
    return f"{host} port {port} cannot be listened on: {error.strerror}"


def server_url(host: str, port: int, *, secure: bool = True) -> str:
    """`https://127.0.0.1:6443`; a wildcard address is reached by the loopback address of its family."""
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host).strip("[]")
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if secure else 'http'}://{host}:{port}"

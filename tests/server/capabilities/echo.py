"""A server that sends back what it is sent, in threads."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

PATIENCE_S = 5.0


class Echo:
    """Listens on `port` of 127.0.0.1."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Echo:
        self._accepting.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE_S)
        self._listener.close()
        self.end()
        assert self.all_ended()

    def end(self) -> None:
        """Hang up."""
        for connection, _ in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def all_ended(self) -> bool:
        """Whether all connections end by themselves before patience is over."""
        for _, thread in self._connections:
            thread.join(PATIENCE_S)
        return not any(thread.is_alive() for _, thread in self._connections)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=_echo, args=(connection,), daemon=True)
            self._connections.append((connection, thread))
            thread.start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            return

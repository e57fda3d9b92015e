"""How does an address that can be listened on lead elsewhere? A relay accepts there and copies bytes both ways.

For network "pod", whose listening sockets lie inside while the relay runs outside, and where connect() cannot be caught.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fakekube.sandbox.connect_filter import Redirects

_CHUNK = 65536
_BACKLOG = 128


def listen(address: str, port: int) -> socket.socket:
    """A listening TCP socket; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def listen_with_loopbacks(address: str, port: int) -> list[tuple[socket.socket, str, int]]:
    """As `listen`; where that is 127.0.0.1, at ::1 too if it can be had, because localhost means both."""
    listeners = [(listen(address, port), address, port)]
    if address == "127.0.0.1":
        with contextlib.suppress(OSError):  # Taken, perhaps by a redirect of its own, or there is no IPv6.
            listeners.append((listen("::1", port), "::1", port))
    return listeners


def relay_forever(listener: socket.socket, address: str, port: int, redirects: Redirects) -> None:
    """Body of a thread: serves what connects to `listener`, which stands for (`address`, `port`)."""
    while True:
        try:
            accepted, _ = listener.accept()
        except OSError:
            return
        to = redirects.get(address, port)
        threading.Thread(target=_serve, args=(accepted, to), daemon=True).start()


def _serve(accepted: socket.socket, to: tuple[str, int] | None) -> None:
    try:
        if to is None:
            raise ConnectionRefusedError
        onward = socket.create_connection(to)
    except OSError:
        # Closing with SO_LINGER 0 sends a reset: the nearest to a refusal that an accepted connection can get.
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        return
    for connection in (accepted, onward):
        # Waiting for a full segment would add the delayed acknowledgement's 40 ms to each request.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_copy, args=(onward, accepted), daemon=True)
    back.start()
    _copy(accepted, onward)
    back.join()
    accepted.close()
    onward.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(_CHUNK):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # The other direction ends too: half of a broken connection is of no use.
        for connection in (source, target):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

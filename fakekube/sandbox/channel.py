"""How do the processes of a sandbox talk? Length-prefixed marshalled dictionaries over a Unix socket, with descriptors.

`marshal` because it is built in: both ends run the same interpreter, and neither reads what a stranger wrote.
"""

from __future__ import annotations

import array
import marshal
import os
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_HEADER = struct.Struct("=I")
_MOST_DESCRIPTORS = 250
_CREDENTIALS = struct.Struct("iII")
_LINUX = sys.platform == "linux"


class Received:
    """A message, the descriptors that came with it, and who sent it: its pid as this process numbers it (Linux)."""

    def __init__(self, message: dict[str, Any], descriptors: list[int], pid: int) -> None:
        self.message = message
        self.descriptors = descriptors
        self.pid = pid


class Channel:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Both ends; the first learns the pid of whoever sends from the second."""
        first, second = socket.socketpair()
        if _LINUX:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return cls(first), cls(second)

    def send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Raises OSError when the other end is gone."""
        content = marshal.dumps(message)
        content = _HEADER.pack(len(content)) + content
        sent = 0
        if descriptors:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
            sent = self.socket.sendmsg([content], [rights])
        self.socket.sendall(content[sent:])

    def receive(self) -> Received | None:
        """The next message; None when the other end is gone."""
        try:
            header, descriptors, pid = self._start()
            content = self._rest(_HEADER.unpack(header)[0])
        except (EOFError, OSError):
            return None
        return Received(marshal.loads(content), descriptors, pid)

    def _start(self) -> tuple[bytes, list[int], int]:
        room = socket.CMSG_SPACE(_MOST_DESCRIPTORS * 4) + socket.CMSG_SPACE(_CREDENTIALS.size)
        header, ancillary, _, _ = self.socket.recvmsg(_HEADER.size, room)
        descriptors: list[int] = []
        pid = 0
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors = list(array.array("i", data[: len(data) - len(data) % 4]))
                for descriptor in descriptors:
                    os.set_inheritable(descriptor, False)
            elif _LINUX and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid = _CREDENTIALS.unpack(data)[0]
        return header + self._rest(_HEADER.size - len(header), ended=not header), descriptors, pid

    def _rest(self, size: int, ended: bool = False) -> bytes:
        content = b""
        while len(content) < size:
            part = b"" if ended else self.socket.recv(size - len(content))
            if not part:
                raise EOFError
            content += part
        return content

    def close(self) -> None:
        self.socket.close()

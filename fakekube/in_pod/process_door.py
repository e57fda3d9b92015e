"""The program's side of the process door, through which the pod learns what becomes of its container.

The messages stand in `server/capabilities/process.py`.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from fakekube.in_pod.connection import Connection, ConnectionLost, WebSocket
from fakekube.remote import RemoteError

ACCEPTED_WITHIN_S = 10.0
GOODBYE_S = 5.0
"""So long the server may take to show how the container ended."""


class DoorRefused(Exception):
    """Another process plays the container already; the message is the server's."""


class ProcessDoor:
    """Opened at once. Methods do nothing when the connection has been lost: the program goes on without being seen.

    Raises RemoteError when the server does not know such doors or may not be asked, and DoorRefused.
    """

    def __init__(self, connection: Connection, namespace: str, pod: str, container: str) -> None:
        path = f"/fakekube/v1/namespaces/{namespace}/pods/{pod}/containers/{container}/process"
        self._connection = connection
        self._socket: WebSocket = connection.websocket(path)
        self._reader: threading.Thread | None = None
        self.is_open = True
        try:
            text = self._socket.receive(time.monotonic() + ACCEPTED_WITHIN_S)
        except ConnectionLost as error:
            raise RemoteError(f"{path}: {error}") from None
        answer = json.loads(text) if text is not None else {}
        if answer.get("type") != "accepted":
            connection.close()
            raise DoorRefused(answer.get("message") or "the server closed the door without a word")

    def listen(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Call `heard` with each message from the server, in a thread of its own; at the end with {"type": "closed"}."""

        def read() -> None:
            try:
                while (text := self._socket.receive()) is not None:
                    heard(json.loads(text))
            except (ConnectionLost, ValueError):
                pass
            self.is_open = False
            heard({"type": "closed"})

        self._reader = threading.Thread(target=read, name="process door", daemon=True)
        self._reader.start()

    def started(self, pid: int, network: str) -> None:
        self._send({"type": "started", "pid": pid, "network": network})

    def output(self, stream: str, data: bytes) -> None:
        self._send({"type": "output", "stream": stream, "data": base64.b64encode(data).decode()})

    def waiting(self, reason: str, message: str) -> None:
        self._send({"type": "waiting", "reason": reason, "message": message})

    def event(self, reason: str, message: str) -> None:
        self._send({"type": "event", "reason": reason, "message": message})

    def exited(self, exit_code: int, signal: int | None, message: str) -> None:
        """Returns when the container's status says so."""
        self._send({"type": "exited", "exitCode": exit_code, "signal": signal, "message": message})
        if self._reader is not None:
            self._reader.join(GOODBYE_S)

    def close(self) -> None:
        """Without `exited` before: nobody plays the container from now on."""
        if self.is_open:
            self._socket.close()
            if self._reader is not None:
                self._reader.join(GOODBYE_S)
        self._connection.close()

    def _send(self, message: dict[str, Any]) -> None:
        if not self.is_open:
            return
        try:
            self._socket.send(json.dumps(message))
        except (ConnectionLost, RemoteError):
            self.is_open = False

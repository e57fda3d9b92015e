"""Containers that are played by a process of this machine, which somebody started and reports of: what is known of each.

No rule of a kubelet stands here. The door through which a process is reported (`server/capabilities/process.py`) writes what it hears; the
kubelet reads it, makes the container's status of it, and says when it has told of the end; logs and attached clients take the output.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fakekube.api.container_logs import ContainerLogs, ProcessLog
from fakekube.registry.clock import Clock
from fakekube.storage.store import Store

Object = dict[str, Any]

LOST = 137
"""The exit code of a process whose connection is gone: 128 and SIGKILL."""

STDIN_AHEAD = 64
"""So many messages may wait for a process; then who writes to its standard input waits."""

LISTENER_AHEAD_BYTES = 16 << 20
"""So much output may wait for an attached client; then it is given up, so that it does not hold up the process."""


class Exit(NamedTuple):
    """How a process ended."""

    code: int
    """0 to 255; of one that a signal has ended 128 and the signal's number."""
    message: str = ""
    """Its termination message, which the container's status shows."""


class Wait(NamedTuple):
    """Why a container cannot be started yet: CreateContainerConfigError, ContainerCreating ..."""

    reason: str
    message: str = ""


class Happening(NamedTuple):
    """An event of the pod, which its kubelet is to tell."""

    type: str
    """Normal or Warning."""
    reason: str
    message: str


@dataclass(eq=False)
class Listener:
    """A client that is attached to a process: what it has not read yet."""

    output: asyncio.Queue[tuple[str, bytes] | None] = field(default_factory=asyncio.Queue)
    """(`stdout` or `stderr`, bytes) as they come; None at the end."""
    waiting_bytes: int = 0

    async def next(self) -> tuple[str, bytes] | None:
        part = await self.output.get()
        if part is not None:
            self.waiting_bytes -= len(part[1])
        return part


@dataclass(eq=False)
class ContainerProcess:
    """The process that plays one container of one pod."""

    namespace: str
    pod: str
    uid: str
    """Of the pod."""
    container: str
    changed: Callable[[], None]
    """Has the kubelet look at the pod."""
    log: ProcessLog
    pid: int | None = None
    """None: it has not been started yet."""
    network: str = "host"
    """`host`: its ports are those of this machine; `pod`: it has a network of its own."""
    waits: Wait | None = None
    exit: Exit | None = None
    happenings: list[Happening] = field(default_factory=list)
    """What the kubelet has not told yet."""
    outgoing: asyncio.Queue[Object] = field(default_factory=asyncio.Queue)
    """Messages to whoever runs it: stdin, resize, signal."""
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the container's status says how it ended."""
    is_gone: bool = False
    """Whether whoever was to start it has left before: a container that waits goes on waiting, until another process plays it."""
    asked_to_end: int = 0
    """The last signal that was sent because the pod is to go."""
    _taken: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: list[Listener] = field(default_factory=list)

    @property
    def is_started(self) -> bool:
        return self.pid is not None

    def start(self, pid: int, network: str = "host") -> None:
        self.pid, self.network, self.waits = pid, network, None
        self.changed()

    def wait(self, reason: str, message: str) -> None:
        self.waits = Wait(reason, message)
        self.changed()

    def tell(self, type: str, reason: str, message: str) -> None:
        self.happenings.append(Happening(type, reason, message))
        self.changed()

    def write(self, stream: str, data: bytes) -> None:
        """Output: into the log, and to whoever is attached."""
        self.log.write(stream, data)
        for listener in tuple(self._listeners):
            listener.waiting_bytes += len(data)
            if listener.waiting_bytes > LISTENER_AHEAD_BYTES:
                self._listeners.remove(listener)
                listener.output.put_nowait(None)
            else:
                listener.output.put_nowait((stream, data))

    def end(self, code: int, message: str = "") -> None:
        """It is over; what is said later counts no more."""
        if self.exit is None:
            self.exit = Exit(code, message)
            self.log.close()
            for listener in self._listeners:
                listener.output.put_nowait(None)
            self._listeners.clear()
            self.changed()

    def ask_to_end(self, signal: int, grace_s: float) -> None:
        """Pass on a signal, because the pod is to go; the same one only once."""
        if self.asked_to_end != signal:
            self.asked_to_end = signal
            self.outgoing.put_nowait({"type": "signal", "signal": signal, "grace_s": grace_s})

    def listen(self) -> Listener:
        """Attach: all output from now on."""
        listener = Listener()
        if self.exit is None:
            self._listeners.append(listener)
        else:
            listener.output.put_nowait(None)
        return listener

    def stop_listening(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def send(self, message: Object) -> None:
        """Pass on what an attached client says, as fast as the process takes it."""
        while self.outgoing.qsize() >= STDIN_AHEAD and self.exit is None:
            self._taken.clear()
            await self._taken.wait()
        self.outgoing.put_nowait(message)

    async def next_message(self) -> Object:
        message = await self.outgoing.get()
        self._taken.set()
        return message


class TakenError(Exception):
    """The container is played by another process already; its argument is the process's number, None before its start."""


class ContainerProcesses:
    """The processes of one cluster, by uid of the pod and name of the container."""

    def __init__(self, store: Store, logs: ContainerLogs, clock: Clock) -> None:
        self._store = store
        self._logs = logs
        self._clock = clock
        self._by_pod: dict[str, dict[str, ContainerProcess]] = {}
        self.wake: Callable[[str, str], None] | None = None
        """(namespace, name): has the kubelet look at a pod. None: no kubelet of this process has pods live."""

    def join(self, pod: Object, container: str) -> ContainerProcess:
        """From now on a process plays this container. Raises TakenError."""
        metadata = pod["metadata"]
        namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
        self._forget_pods_that_are_gone()
        present = self.of(uid, container)
        if present is not None and not present.is_gone:
            raise TakenError(present.pid)

        def changed() -> None:
            if self.wake is not None:
                self.wake(namespace, name)

        log = self._logs.begin_process(uid, container, self._clock.now)
        process = ContainerProcess(namespace, name, uid, container, changed, log)
        self._by_pod.setdefault(uid, {})[container] = process
        return process

    def _forget_pods_that_are_gone(self) -> None:
        present = {stored.value["metadata"]["uid"] for stored in self._store.list("pods")}
        self._logs.forget(lambda uid: uid not in present)
        for uid in [uid for uid in self._by_pod if uid not in present]:
            if all(process.is_gone for process in self._by_pod[uid].values()):
                del self._by_pod[uid]

    def of(self, uid: str, container: str) -> ContainerProcess | None:
        return self._by_pod.get(uid, {}).get(container)

    def of_pod(self, uid: str) -> list[ContainerProcess]:
        return list(self._by_pod.get(uid, {}).values())

    def of_name(self, namespace: str, pod: str) -> list[ContainerProcess]:
        """Of all pods that have, or had, this name."""
        return [
            each
            for mine in self._by_pod.values()
            for each in mine.values()
            if (each.namespace, each.pod) == (namespace, pod)
        ]

    def leave(self, process: ContainerProcess) -> None:
        """The container is played by it no more, and its status has been told."""
        mine = self._by_pod.get(process.uid, {})
        if mine.get(process.container) is process:
            del mine[process.container]
            if not mine:
                del self._by_pod[process.uid]
        process.told.set()

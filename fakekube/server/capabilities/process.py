"""The door through which a container is played by a process of this machine: `fakekube run` starts it and reports of it here.

    GET /fakekube/v1/namespaces/NAMESPACE/pods/POD/containers/CONTAINER/process

is a WebSocket, allowed to whoever may `create` `pods/exec`. Messages are texts, each one JSON object with a `type`.

From whoever runs the process:

    {"type": "started", "pid": 4711, "network": "host"}     network: host (default) or pod, where `kubectl port-forward` finds its ports
    {"type": "output", "stream": "stdout", "data": BASE64}  or stderr
    {"type": "waiting", "reason": "CreateContainerConfigError", "message": "..."}
    {"type": "event", "reason": "FailedMount", "message": "...", "eventType": "Warning"}     Warning is the default
    {"type": "exited", "exitCode": 1, "signal": null, "message": "..."}     signal: by which it ended; exitCode may be null then

From the server:

    {"type": "accepted"}                                    first; the process may be started
    {"type": "refused", "message": "..."}                   instead; the connection is closed then
    {"type": "stdin", "data": BASE64}                       null: the end of it
    {"type": "resize", "width": 80, "height": 24}           columns and rows
    {"type": "signal", "signal": 15, "grace_s": 30}         the pod is being deleted; 9 follows when the grace period is over

After `exited` the server closes the connection (1000) as soon as the container's status says so. A connection that is lost without `exited`
is exit code 137. Before the WebSocket is accepted a pod that is not there is 404 and a container that is not there 400, both as a Status.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from fakekube.access.authorization import Asked
from fakekube.api.container_processes import LOST, ContainerProcess, TakenError
from fakekube.api.control_plane import ControlPlane
from fakekube.errors import BadRequest
from fakekube.registry.kind import Object
from fakekube.server.capabilities.kubelets import CONTAINER_LISTS, OWN_NODES, container_of, pod_named
from fakekube.server.capabilities.logs import status_of
from fakekube.server.request import Request
from fakekube.server.responses import JSON, Header, Response, Send, Streaming
from fakekube.server.sessions import Sessions

PREFIX = "/fakekube/v1/"

PLACEMENT_TIMEOUT_S = 5.0
"""So long a pod may take to be placed on a node."""
TOLD_TIMEOUT_S = 5.0
"""So long the pod's status may take to say how the process ended."""
SENT_TIMEOUT_S = 1.0
"""So long a last message may take to be sent."""

NORMAL, GOING_AWAY, UNSUPPORTED = 1000, 1001, 1003
"""Codes of closed WebSockets."""


class RefusedError(Exception):
    """Why no process can play this container; the message is the client's."""


class MessageError(ValueError):
    """What whoever runs the process has sent is no message."""


@dataclass(frozen=True, slots=True)
class Place:
    namespace: str
    pod: str
    container: str


def place_of(path: str) -> Place | None:
    """Where a path of this door leads; None for all others."""
    if not path.startswith(PREFIX):
        return None
    parts = path.removeprefix(PREFIX).split("/")
    if len(parts) != 7 or (parts[0], parts[2], parts[4], parts[6]) != ("namespaces", "pods", "containers", "process"):
        return None
    return Place(parts[1], parts[3], parts[5])


def asked(path: str) -> Asked | None:
    """What who comes to this door asks to do, for authorization: to run something in the pod."""
    place = place_of(path)
    if place is None:
        return None
    return Asked("create", path, True, "", "v1", place.namespace, "pods", "exec", place.pod)


async def play(plane: ControlPlane, sessions: Sessions, request: Request, place: Place) -> Response:
    """GET of the door's path. Raises NotFound, BadRequest."""
    pod = pod_named(plane, place.namespace, place.pod)
    container_of(pod, place.container)
    if request.scope["type"] != "websocket":
        raise BadRequest("Upgrade request required")

    async def run(send: Send, _: list[Header]) -> None:
        with sessions.joined():
            await Door(plane, request, place, send).serve(pod["metadata"]["uid"])

    return Streaming(run, JSON)


class Door:
    """One connection of somebody who runs a process."""

    def __init__(self, plane: ControlPlane, request: Request, place: Place, send: Send) -> None:
        self._plane = plane
        self._request = request
        self._place = place
        self._send = send

    async def serve(self, uid: str) -> None:
        try:
            try:
                process = await self._join(uid)
            except RefusedError as error:
                await self._say({"type": "refused", "message": str(error)})
                await self._close(NORMAL)
                return
            await self._play(process)
        except asyncio.CancelledError:
            # The server stops, or begins anew.
            with suppress(TimeoutError):
                async with asyncio.timeout(SENT_TIMEOUT_S / 10):
                    await self._close(GOING_AWAY)

    async def _join(self, uid: str) -> ContainerProcess:
        """Raises RefusedError."""
        if self._plane.processes.wake is None:
            raise RefusedError("the pods of this server live by Stages (--stages), so no process can play a container")
        await self._placed(uid)
        present = self._plane.processes.of(uid, self._place.container)
        if present is not None and present.exit is not None:
            # The one before has just ended.
            with suppress(TimeoutError):
                await asyncio.wait_for(present.told.wait(), TOLD_TIMEOUT_S)
        pod = self._pod(uid)
        self._check_may_start(pod)
        try:
            return self._plane.processes.join(pod, self._place.container)
        except TakenError as error:
            pid = f" (PID {error.args[0]})" if error.args[0] else ""
            raise RefusedError(f"{self._who} is played by another process already{pid}: end that one first") from None

    @property
    def _who(self) -> str:
        place = self._place
        return f"container {place.container} of pod {place.namespace}/{place.pod}"

    async def _placed(self, uid: str) -> None:
        """Until the pod is on one of our nodes. Raises RefusedError."""
        plane, name = self._plane, f"pod {self._place.namespace}/{self._place.pod}"
        nodes = plane.list("", "nodes", "")
        if not any(_is_own(node) for node in nodes):
            raise RefusedError(
                f"{name} cannot run: this server has no node (--nodes 0). Start it with --nodes 1, or with --run-any-node"
            )
        news = asyncio.Event()
        stop = plane.store.subscribe("pods", lambda _: news.set())
        try:
            async with asyncio.timeout(PLACEMENT_TIMEOUT_S):
                while True:
                    pod = self._pod(uid)
                    node_name, waits_for = pod["spec"].get("nodeName", ""), _unschedulable(pod)
                    if node_name:
                        break
                    if waits_for:
                        raise RefusedError(f"{name} is on no node: {waits_for}")
                    await news.wait()
                    news.clear()
        except TimeoutError:
            raise RefusedError(
                f"{name} is on no node after {PLACEMENT_TIMEOUT_S:.0f} seconds: does the scheduler run (--controllers)?"
            ) from None
        finally:
            stop()
        node = plane.get("", "nodes", "", node_name)
        if node is None or not _is_own(node):
            raise RefusedError(
                f"{name} is on node {node_name}, which this server does not run: start it with --run-any-node"
            )

    def _pod(self, uid: str) -> Object:
        pod = self._plane.get("", "pods", self._place.namespace, self._place.pod)
        if pod is None or pod["metadata"]["uid"] != uid:
            raise RefusedError(f"pod {self._place.namespace}/{self._place.pod} has been deleted")
        return pod

    def _check_may_start(self, pod: Object) -> None:
        """Raises RefusedError for what a kubelet would not start any more."""
        name, container = f"pod {self._place.namespace}/{self._place.pod}", self._place.container
        if "deletionTimestamp" in pod["metadata"]:
            raise RefusedError(f"{name} is being deleted")
        phase = pod["status"].get("phase")
        if phase in ("Succeeded", "Failed"):
            raise RefusedError(f"{name} has ended ({phase}), and is not started again: delete it and create another")
        terminated = (status_of(pod, container).get("state") or {}).get("terminated")
        if terminated is None:
            return
        key, spec = next(
            (key, each) for key in CONTAINER_LISTS for each in pod["spec"].get(key) or () if each["name"] == container
        )
        code = terminated.get("exitCode", 0)
        policy = spec.get("restartPolicy") or pod["spec"].get("restartPolicy", "Always")
        if key == "initContainers" and policy == "Always" and spec.get("restartPolicy") != "Always":
            policy = "OnFailure"
        if key == "ephemeralContainers" or policy == "Never" or (policy == "OnFailure" and code == 0):
            raise RefusedError(
                f"{self._who} has ended (exit code {code}), and is not started again: delete the pod and create another"
            )

    async def _play(self, process: ContainerProcess) -> None:
        """From `accepted` to the end of the process or of its pod."""
        processes = self._plane.processes
        sending = asyncio.ensure_future(self._pass_on(process))
        listening = asyncio.ensure_future(self._listen(process))
        told = asyncio.ensure_future(process.told.wait())
        try:
            await asyncio.wait({listening, told}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done() and process.exit is None:
                error = listening.exception()
                self._lose(process, "" if error is None else str(error))
                if isinstance(error, MessageError):
                    await self._say({"type": "refused", "message": str(error)})
                    await self._close(UNSUPPORTED)
                elif error is not None:
                    raise error
                return
            await asyncio.wait({told}, timeout=TOLD_TIMEOUT_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.outgoing.join(), SENT_TIMEOUT_S)
            await self._close(NORMAL)
        finally:
            if process.exit is None and not process.is_gone and not told.done():
                processes.leave(process)
            for task in (sending, listening, told):
                task.cancel()
            await asyncio.gather(sending, listening, told, return_exceptions=True)

    def _lose(self, process: ContainerProcess, why: str) -> None:
        """The connection is gone, and nobody knows what has become of the process."""
        if process.is_started:
            process.end(LOST, why or "the connection to its process was lost")
        elif process.waits is not None or process.happenings:
            process.is_gone = True
        else:
            self._plane.processes.leave(process)

    async def _listen(self, process: ContainerProcess) -> None:
        """Until the process has ended or its connection is gone. Raises MessageError."""
        await self._say({"type": "accepted"})
        while process.exit is None:
            received = await self._request.receive()
            if received["type"] == "websocket.disconnect":
                return
            message = _parsed(received)
            take = _MESSAGES.get(message.get("type", ""))
            if take is None:
                raise MessageError(f"a message of an unknown type: expected one of {', '.join(_MESSAGES)}")
            take(process, message)

    async def _pass_on(self, process: ContainerProcess) -> None:
        while True:
            await self._say(await process.next_message())
            process.outgoing.task_done()

    async def _say(self, message: Object) -> None:
        await self._send({"type": "websocket.send", "text": orjson.dumps(message).decode()})

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


def _started(process: ContainerProcess, message: Object) -> None:
    pid = message.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or pid < 1:
        raise MessageError("started: expected the number of a process as pid")
    network = message.get("network", "host")
    if network not in ("host", "pod"):
        raise MessageError("started: expected host or pod as network")
    process.start(pid, network)


def _output(process: ContainerProcess, message: Object) -> None:
    stream, data = message.get("stream"), message.get("data")
    if stream not in ("stdout", "stderr") or not isinstance(data, str):
        raise MessageError("output: expected stdout or stderr as stream, and a text in base64 as data")
    try:
        process.write(stream, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise MessageError("output: data is no base64") from None


def _waiting(process: ContainerProcess, message: Object) -> None:
    if process.is_started:
        raise MessageError("waiting: the process has been started")
    process.wait(_text(message, "reason"), _text(message, "message", required=False))


def _event(process: ContainerProcess, message: Object) -> None:
    type = message.get("eventType", "Warning")
    if type not in ("Normal", "Warning"):
        raise MessageError("event: expected Normal or Warning as eventType")
    process.tell(type, _text(message, "reason"), _text(message, "message", required=False))


def _exited(process: ContainerProcess, message: Object) -> None:
    code, signal = message.get("exitCode"), message.get("signal")
    if isinstance(signal, int) and not isinstance(code, int):
        code = 128 + signal
    if not isinstance(code, int) or isinstance(code, bool) or not 0 <= code <= 255:
        raise MessageError("exited: expected a number from 0 to 255 as exitCode")
    if not process.is_started:
        raise MessageError("exited: the process has not been started")
    process.end(code, _text(message, "message", required=False))


_MESSAGES = {"started": _started, "output": _output, "waiting": _waiting, "event": _event, "exited": _exited}


def _parsed(received: Any) -> Object:
    try:
        message = orjson.loads(received.get("text") or received.get("bytes") or b"")
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise MessageError("no message: expected a JSON object with a type")
    return message


def _text(message: Object, name: str, *, required: bool = True) -> str:
    text = message.get(name)
    if text is None and not required:
        return ""
    if not isinstance(text, str) or (required and not text):
        raise MessageError(f"{message['type']}: expected a text as {name}")
    return text


def _is_own(node: Object) -> bool:
    return str(node["spec"].get("providerID", "")).startswith(OWN_NODES)


def _unschedulable(pod: Object) -> str:
    """Why the scheduler finds no node; "" while it has not tried."""
    for condition in pod["status"].get("conditions") or ():
        if (condition["type"], condition["status"]) == ("PodScheduled", "False"):
            return str(condition.get("message") or condition.get("reason") or "it cannot be scheduled")
    return ""

"""`fakekube run`: one program as one container of one pod, from its volumes to the container's end.

What goes wrong before the program runs is told as a kubelet tells it: as the container's state and as events of the pod.
"""

from __future__ import annotations

import base64
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fakekube.in_pod import children, runtime_directory
from fakekube.in_pod.connection import Connection
from fakekube.in_pod.errors import InPodError
from fakekube.in_pod.live_volumes import SetUpFailed
from fakekube.in_pod.pod_view import Choices
from fakekube.in_pod.process_door import DoorRefused, ProcessDoor
from fakekube.in_pod.session import Session
from fakekube.in_pod.streams import STDERR, STDIN, STDOUT, Streams
from fakekube.kubelet import Object
from fakekube.kubelet.environment import ContainerConfigError
from fakekube.remote import RemoteError
from fakekube.sandbox import Prepared, Process, SandboxError, View, enter

FALLBACK_BYTES = 2048
FALLBACK_LINES = 80
"""Of the log, as a termination message (FallbackToLogsOnError).
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""

SIDECAR_END_S = 5.0
"""So long a sidecar may take to end when the program has."""


def say(text: str) -> None:
    """A remark of ours beside the program's output."""
    sys.stderr.write(f"fakekube: {text}\n")
    sys.stderr.flush()


def run(
    connection: Connection,
    pod: Object,
    container: Object,
    argv: Sequence[str],
    choices: Choices,
    sandbox: Prepared,
    *,
    sidecars: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """The program's exit code. No `argv` is the container's own command. `sidecars` are complete commands, by container.

    Raises InPodError, RemoteError, SandboxError, RuntimeDirectoryError.
    """
    metadata = pod["metadata"]
    door = _open_door(connection, metadata["namespace"], metadata["name"], container["name"])
    try:
        session = Session(connection, pod, container, choices, sandbox)
        try:
            _prepare(session, door)
            command = list(argv) or session.own_command()
            if not command:
                raise InPodError(
                    f'container "{container["name"]}" has no command of its own, its image decides, '
                    "and there are no images here: say what is to run, after --"
                )
            with _Sidecars(sidecars or {}):
                return _play(session, door, command)
        finally:
            session.remove()
    finally:
        if door is not None:
            door.close()


def run_within(pod: Object, container: Object, argv: Sequence[str], *, with_stdin: bool) -> int | None:
    """`fakekube exec`: a command in a running view of the container; its exit code. None: none runs.

    Raises SandboxError, RuntimeDirectoryError.
    """
    with _stdin(with_stdin) as stdin:
        process = _enter(pod, container, argv, stdin)
        return _follow(process) if process is not None else None


def run_beside(
    connection: Connection,
    pod: Object,
    container: Object,
    argv: Sequence[str],
    choices: Choices,
    sandbox: Prepared,
    *,
    with_stdin: bool,
) -> int:
    """A command in a view of its own, which lasts as long as the command, and of which the pod does not hear; its exit code.

    Raises InPodError, RemoteError, SandboxError, RuntimeDirectoryError.
    """
    session = Session(connection, pod, container, choices, sandbox)
    try:
        _prepare(session, None)
        with _stdin(with_stdin) as stdin, sandbox.start(session.view(argv, dict(os.environ)), stdin=stdin) as process:
            session.follow(lambda volume, message: None)
            return _follow(process)
    finally:
        session.remove()


@contextmanager
def _stdin(with_stdin: bool) -> Iterator[int | None]:
    """Ours, or nothing at all."""
    if with_stdin:
        yield None
        return
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        yield nothing
    finally:
        os.close(nothing)


def _enter(pod: Object, container: Object, argv: Sequence[str], stdin: int | None) -> Process | None:
    from fakekube.sandbox import Record

    for view in runtime_directory.views(pod["metadata"]["uid"]):
        if view["container"] != container["name"]:
            continue
        try:
            environment = dict(view["environment"])
            if "TERM" in os.environ:
                environment["TERM"] = os.environ["TERM"]
            record = Record.from_json(view["record"])
            return enter(record, argv, environment, view["workingDirectory"], stdin=stdin)
        except SandboxError as error:
            if error.exit_code != 125:  # there is a view, but no such program in it
                raise
    return None


def _follow(process: Process) -> int:
    streams = Streams()
    with process, streams.open():
        return streams.run(process.fileno(), process.poll, process.signal)


def _open_door(connection: Connection, namespace: str, pod: str, container: str) -> ProcessDoor | None:
    """None when the server has no such door, or not for us: the program can run nevertheless."""
    try:
        return ProcessDoor(connection.another(), namespace, pod, container)
    except DoorRefused as error:
        where = "" if namespace == connection.endpoint.namespace else f" -n {namespace}"
        raise InPodError(
            f"{error}. `fakekube exec pod/{pod}{where} -c {container} -- COMMAND` runs another program beside it"
        ) from None
    except RemoteError as error:
        say(f"the pod will not know of the program: {error.message}")
        return None


def _prepare(session: Session, door: ProcessDoor | None) -> None:
    """Raises InPodError with what the kubelet would tell, and tells it through the door."""
    pod, container = session.pod["metadata"]["name"], session.container["name"]
    try:
        session.prepare()
    except SetUpFailed as error:
        texts = [f'MountVolume.SetUp failed for volume "{name}" : {message}' for name, message in error.failures]
        if door is not None:
            door.waiting("ContainerCreating", "")
            for text in texts:
                door.event("FailedMount", text)
        raise InPodError(f'pod "{pod}" cannot start: {"; ".join(texts)}') from None
    except ContainerConfigError as error:
        if door is not None:
            door.waiting("CreateContainerConfigError", str(error))
        raise InPodError(
            f'container "{container}" of pod "{pod}" cannot start: CreateContainerConfigError: {error}'
        ) from None


def _play(session: Session, door: ProcessDoor | None, command: Sequence[str]) -> int:
    """Run the program and tell of it, until both have ended."""
    tail = _Tail()

    def written(stream: str, data: bytes) -> None:
        tail.add(data)
        if door is not None:
            door.output(stream, data)

    streams = Streams(written, takes_input=bool(session.container.get("stdin")) and door is not None)
    try:
        fds = streams.fds
        view = session.view(command, dict(os.environ))
        process = session.sandbox.start(
            view,
            stdin=fds.get(STDIN),
            stdout=fds[STDOUT],
            stderr=fds[STDERR],
            tty=streams.has_terminal,
        )
    except SandboxError as error:
        if door is not None:
            door.exited(error.exit_code, None, error.message)
        raise
    finally:
        streams.started()
    for text in process.missing:
        say(text)
    with process, streams.open():
        if door is not None:
            door.started(process.pid, session.choices.network)
            door.listen(lambda message: _heard(message, streams, process))
        session.directory.write_record(_record(session, view, process))
        session.follow(lambda volume, message: _set_up_failed(door, volume, message))
        code = streams.run(process.fileno(), process.poll, process.signal)
    if door is not None:
        door.exited(code, process.exit_signal, _termination_message(session, code, tail))
    return code


def _heard(message: Mapping[str, Any], streams: Streams, process: Process) -> None:
    """What the server asks for, in the door's thread."""
    kind = message.get("type")
    if kind == "stdin":
        data = message.get("data")
        streams.soon(lambda: streams.feed(None if data is None else base64.b64decode(data)))
    elif kind == "resize":
        streams.soon(lambda: streams.resize(message["width"], message["height"]))
    elif kind == "signal":
        number = message["signal"]
        streams.soon(process.kill if number == signal.SIGKILL else lambda: process.signal(number))


def _set_up_failed(door: ProcessDoor | None, volume: str, message: str) -> None:
    text = f'MountVolume.SetUp failed for volume "{volume}" : {message}'
    if door is not None:
        door.event("FailedMount", text)
    say(text)


def _record(session: Session, view: View, process: Process) -> dict[str, Any]:
    metadata = session.pod["metadata"]
    return {
        "server": session.connection.endpoint.url,
        "namespace": metadata["namespace"],
        "pod": metadata["name"],
        "container": session.container["name"],
        "environment": {**view.environment, **process.record.environment},
        "workingDirectory": view.working_directory,
        "record": process.record.to_json(),
    }


def _termination_message(session: Session, code: int, tail: _Tail) -> str:
    message = session.termination_message()
    if not message and code and session.container.get("terminationMessagePolicy") == "FallbackToLogsOnError":
        return tail.text()
    return message


class _Tail:
    """The end of a log."""

    def __init__(self) -> None:
        self._data = b""

    def add(self, data: bytes) -> None:
        self._data = (self._data + data)[-FALLBACK_BYTES:]

    def text(self) -> str:
        return "".join(self._data.decode("utf-8", "replace").splitlines(keepends=True)[-FALLBACK_LINES:])


class _Sidecars:
    """Commands that run as long as the program; each line of theirs goes to stderr behind the container's name."""

    def __init__(self, commands: Mapping[str, Sequence[str]]) -> None:
        self._commands = commands
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> None:
        for name, command in self._commands.items():
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=children.environment(),
                preexec_fn=children.end_with_parent,
            )
            self._running[name] = process
            reader = threading.Thread(target=self._pass_on, args=(name, process), name=f"sidecar {name}", daemon=True)
            reader.start()
            self._readers.append(reader)

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.terminate()
        for name, process in self._running.items():
            try:
                process.wait(SIDECAR_END_S)
            except subprocess.TimeoutExpired:
                say(f"sidecar {name} does not end ({shlex.join(self._commands[name])}): it is killed")
                process.kill()
                process.wait()
        for reader in self._readers:
            reader.join(1)
        for process in self._running.values():
            if process.stdout is not None:
                process.stdout.close()

    @staticmethod
    def _pass_on(name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stderr.buffer.write(f"{name}: ".encode() + line)
            sys.stderr.buffer.flush()

"""How does a caller start a program in a view, follow it, and enter one that runs?

The view is built and watched by a monitor, a small Python process with a socket to this one; see `monitor.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from fakekube.sandbox.channel import Channel
from fakekube.sandbox.errors import SandboxError
from fakekube.sandbox.view import Address, Record, Rung, RungName, Rungs, View

if TYPE_CHECKING:
    from fakekube.sandbox import orders

API_ADDRESS: Address = ("127.96.0.1", 443)
"""Where the API server is best advertised in the host's network: loopback, so nothing leaves the machine if a redirect fails."""

_PACKAGE = pathlib.Path(__file__).parents[1]
_BOOT = """\
import sys
for name, path in (("fakekube", sys.argv[1]), ("fakekube.sandbox", sys.argv[1] + "/sandbox")):
    sys.modules[name] = type(sys)(name)
    sys.modules[name].__path__ = [path]
from fakekube.sandbox.monitor import main
main()
"""
"""Imports the monitor, but of its packages nothing that they import for others: that would double the cost of a view."""


class Process:
    """A program that runs in a view. Leaves nothing behind when it is closed, and when the caller dies.

    pid         of the program, as the host numbers it
    rung        what built the view
    missing     what the view lacks, one sentence each; empty on the upper rungs
    record      for `enter`; keep it with `record.to_json()`
    exit_code   None while it runs; 128 + N after signal N, as a shell has it
    exit_signal the number of the signal that ended it, else None
    """

    def __init__(self, control: Channel, monitor: subprocess.Popen[bytes], started: orders.StartedAnswer) -> None:
        self.pid = started["pid"]
        self.rung = cast(RungName, started["rung"])
        self.missing = tuple(started["missing"])
        self.record = _record(started["record"])
        self.exit_code: int | None = None
        self.exit_signal: int | None = None
        self._control = control
        self._monitor = monitor

    def fileno(self) -> int:
        """Readable when `poll` has something to find: for `loop.add_reader` and `select`."""
        return self._control.socket.fileno()

    def poll(self) -> int | None:
        """The exit code, or None while the program runs. Never blocks."""
        if self.exit_code is None and _is_readable(self._control, 0):
            self._finish()
        return self.exit_code

    def wait(self, timeout_s: float | None = None) -> int:
        """The exit code, once the program and everything that it started have ended. Raises TimeoutError.

        Blocks: an asynchronous caller waits for `fileno()`, or runs it in a thread.
        """
        if self.exit_code is None:
            if not _is_readable(self._control, timeout_s):
                raise TimeoutError(f"{self.record.rung} view, program {self.pid}: still running after {timeout_s:g} s")
            self._finish()
        assert self.exit_code is not None
        return self.exit_code

    def signal(self, number: int) -> None:
        """Sends a signal to the program; no error when it has ended."""
        self._tell({"do": "signal", "number": int(number)})

    def kill(self) -> None:
        """SIGKILL to the program and everything that it started."""
        self._tell({"do": "kill"})

    def redirect(self, redirects: Mapping[Address, Address]) -> None:
        """Replaces the redirects. Where they are relayed, in network "pod" and on lower rungs, none can be added."""
        self.record = dataclasses.replace(self.record, redirects=dict(redirects))
        self._tell({"do": "redirect", "redirects": _redirects(redirects)})

    def resolve(self, names: Mapping[str, tuple[str, ...]]) -> None:
        """Replaces the names that the DNS server of network "pod" answers."""
        self._tell({"do": "resolve", "names": {name: list(addresses) for name, addresses in names.items()}})

    def close(self) -> None:
        """Kills what still runs and waits for it."""
        if self.exit_code is None:
            self.kill()
            self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, message: dict[str, Any]) -> None:
        if self.exit_code is None:
            try:
                self._control.send(message)
            except OSError:
                return  # It has ended; `poll` will find out.

    def _finish(self) -> None:
        received = self._control.receive()
        self._control.close()
        self._monitor.wait()
        if received is None:
            # The monitor was killed, and the program with it.
            self.exit_code, self.exit_signal = 128 + signal.SIGKILL, int(signal.SIGKILL)
            _heal(self.rung)
        else:
            self.exit_code, self.exit_signal = received.message["exited"], received.message["signal"]


def start(
    view: View,
    *,
    backend: RungName | Rung | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    tty: bool = False,
) -> Process:
    """Starts the command of `view` and returns once it has been executed. Raises SandboxError.

    backend     the rung to take; None tries them in order, really, and takes the first that works; what `choose` gave is
                not tried again
    stdin, ...  descriptors for the program; None: the caller's own. They stay the caller's to close
    tty         stdin is the slave of a pty that the caller made: it becomes the controlling terminal of a session of the
                program's own. Leave it False to stay in the caller's session, where Ctrl-C reaches the program by itself
    """
    order: dict[str, Any] = {"do": "start", "view": _view(view), "tty": tty}
    if isinstance(backend, Rung):
        order |= {"backend": backend.name, "rung": _rung_answer(backend)}
    else:
        order |= {"backend": backend, "rung": None}
    return _start(order, order["backend"] == "sudo", (stdin, stdout, stderr))


class Prepared:
    """A monitor that is started before it is known what for: it tries the rungs while the caller does something else.

    As `choose`, and `start` afterwards, for the price of one process. Close it, or use it in `with`.
    """

    def __init__(self, backend: RungName | None = None, addresses: Iterable[Address] = (API_ADDRESS,)) -> None:
        order = {"do": "choose", "backend": backend, "addresses": list(addresses), "is_prepared": True}
        self._control, self._monitor = _spawn(order, with_sudo=False, descriptors=())
        self._rung: Rung | None = None
        self._is_used = False

    @property
    def rung(self) -> Rung:
        """Waits for the answer. Raises SandboxError if the backend asked for is not usable."""
        if self._rung is None:
            self._rung = _rung(_first_answer(self._control, self._monitor)["rungs"][0])
        return self._rung

    def start(
        self,
        view: View,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        tty: bool = False,
    ) -> Process:
        """As the function `start`. Raises SandboxError."""
        rung = self.rung
        if self._is_used or rung.name == "sudo":
            return start(view, backend=rung, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        self._is_used = True
        order = {"do": "start", "view": _view(view), "tty": tty, "backend": rung.name, "rung": _rung_answer(rung)}
        with contextlib.suppress(OSError):  # as in `_spawn`
            self._control.send({**order, "with_sudo": False}, _descriptors(stdin, stdout, stderr))
        answer = _first_answer(self._control, self._monitor)
        return Process(self._control, self._monitor, answer["started"])

    def close(self) -> None:
        if not self._is_used:
            self._is_used = True
            _dismiss(self._control, self._monitor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def enter(
    record: Record,
    argv: Sequence[str],
    environment: Mapping[str, str],
    working_directory: str,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    tty: bool = False,
) -> Process:
    """Starts another command in a running view, of this process or another of the same user; as `start` otherwise.

    It ends with this process, or with the view. Raises SandboxError when the view has ended.
    """
    command = {"argv": list(argv), "environment": dict(environment), "working_directory": working_directory}
    fields: dict[str, Any] = {
        **{name: getattr(record, name) for name in record.__dataclass_fields__},
        "redirects": _redirects(record.redirects),
        "groups": list(record.groups),
        "environment": dict(record.environment),
    }
    order = {"do": "enter", "record": fields, "command": command, "tty": tty}
    return _start(order, record.rung == "sudo", (stdin, stdout, stderr))


def probe(addresses: Iterable[Address] = (API_ADDRESS,)) -> Rungs:
    """Tries every rung in forked children and says what worked; some 100 ms.

    `addresses` are those that shall be redirected, for `Rung.reaches`.
    """
    return Rungs(_asked({"do": "probe", "addresses": list(addresses)}))


def choose(backend: RungName | None = None, addresses: Iterable[Address] = (API_ADDRESS,)) -> Rung:
    """The rung that `start` would take, tried no further than the first usable one. Raises SandboxError if `backend` is not.

    For the caller that must know before it writes the environment, because of `Rung.reaches`.
    """
    return _asked({"do": "choose", "backend": backend, "addresses": list(addresses)})[0]


def _asked(order: dict[str, Any]) -> tuple[Rung, ...]:
    control, monitor = _spawn(order, with_sudo=False, descriptors=())
    answers: list[orders.RungAnswer] = _first_answer(control, monitor)["rungs"]
    control.close()
    monitor.wait()
    return tuple(_rung(answer) for answer in answers)


def _start(order: dict[str, Any], with_sudo: bool, descriptors: tuple[int | None, int | None, int | None]) -> Process:
    own = _descriptors(*descriptors)
    control, monitor = _spawn(order, with_sudo=with_sudo, descriptors=own)
    answer = _first_answer(control, monitor)
    if "sudo" in answer:
        # Only now is it known that nothing better works; root's monitor is another one.
        control.close()
        monitor.wait()
        control, monitor = _spawn(order, with_sudo=True, descriptors=own)
        answer = _first_answer(control, monitor)
    return Process(control, monitor, answer["started"])


def _descriptors(*given: int | None) -> list[int]:
    """Raises OSError for one that is not open: what cannot be sent would leave both ends waiting."""
    descriptors = [number if descriptor is None else descriptor for number, descriptor in enumerate(given)]
    for descriptor in descriptors:
        os.fstat(descriptor)
    return descriptors


def _spawn(
    order: dict[str, Any], *, with_sudo: bool, descriptors: Sequence[int]
) -> tuple[Channel, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(_PACKAGE)]
    if with_sudo:
        # sudo closes all descriptors but the standard ones, so what the program needs travels over the socket.
        command = ["sudo", "-n", *command]
    with theirs:
        monitor = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    control = Channel(ours)
    with contextlib.suppress(OSError):  # It may not even have begun; the missing answer says so.
        control.send({**order, "with_sudo": with_sudo}, descriptors)
    return control, monitor


def _first_answer(control: Channel, monitor: subprocess.Popen[bytes]) -> dict[str, Any]:
    received = control.receive()
    if received is not None and "failed" not in received.message:
        return received.message
    _dismiss(control, monitor)
    if received is None:
        raise SandboxError(
            f"the sandbox's monitor ended with {monitor.returncode} before it answered: {sys.executable} must be able to run"
        )
    raise SandboxError(received.message["failed"], received.message["exit_code"])


def _dismiss(control: Channel, monitor: subprocess.Popen[bytes]) -> None:
    """Ends a monitor that has no view. Children that were forked meanwhile hold the socket too, so that closing ours tells it nothing."""
    with contextlib.suppress(OSError):
        control.socket.shutdown(socket.SHUT_RDWR)
    control.close()
    monitor.wait()


def _heal(rung: RungName) -> None:
    if rung == "files":
        from fakekube.sandbox import placed_files

        placed_files.heal()


def _is_readable(control: Channel, timeout_s: float | None) -> bool:
    waiting = select.poll()
    waiting.register(control.socket, select.POLLIN)
    return bool(waiting.poll(None if timeout_s is None else timeout_s * 1000))


def _redirects(redirects: Mapping[Address, Address]) -> orders.RedirectsOrder:
    return [(address, port, to, to_port) for (address, port), (to, to_port) in redirects.items()]


def _view(view: View) -> orders.ViewOrder:
    resolver: orders.ResolverOrder | None = None
    if view.resolver:
        resolver = {
            "names": {name: list(addresses) for name, addresses in view.resolver.names.items()},
            "search": list(view.resolver.search),
            "domain": view.resolver.domain,
            "address": view.resolver.address,
        }
    return {
        "argv": list(view.argv),
        "environment": dict(view.environment),
        "working_directory": view.working_directory,
        "hostname": view.hostname,
        "mounts": [(str(mount.source), mount.target, mount.read_only) for mount in view.mounts],
        "files": dict(view.files),
        "hidden": list(view.hidden),
        "redirects": _redirects(view.redirects),
        "network": view.network,
        "resolver": resolver,
        "uid": os.getuid() if view.uid is None else view.uid,
        "gid": os.getgid() if view.gid is None else view.gid,
        # Who is not root keeps its groups, which only the rung "sudo" would take from it.
        "groups": list(view.groups) or ([] if os.geteuid() == 0 else os.getgroups()),
        "image": view.image,
    }


def _record(fields: orders.RecordOrder) -> Record:
    redirects = {(address, port): (to, to_port) for address, port, to, to_port in fields["redirects"]}
    return Record(**cast(Any, {**fields, "redirects": redirects, "groups": tuple(fields["groups"])}))


def _rung_answer(rung: Rung) -> orders.RungAnswer:
    return {
        "name": rung.name,
        "usable": rung.usable,
        "why": rung.why,
        "advice": list(rung.advice),
        "redirects": rung.redirects,
        "bindable": list(rung.bindable),
        "missing": list(rung.missing),
        "processes": rung.processes,
    }


def _rung(answer: orders.RungAnswer) -> Rung:
    return Rung(
        name=cast(RungName, answer["name"]),
        usable=answer["usable"],
        why=answer["why"],
        advice=tuple(answer["advice"]),
        redirects=cast(Any, answer["redirects"]),
        bindable=tuple((address, port) for address, port in answer["bindable"]),
        missing=tuple(answer["missing"]),
        processes=answer["processes"],
    )
